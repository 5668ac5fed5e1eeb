"""Random templates must give with `sterna template` what they give with Jinja2 in the environment of transformers.

usage: jinja_oracle_test.py --sterna PROGRAM [--templates COUNT] [--seed SEED] [--show COUNT]

Texts are compared byte for byte; of errors, that there is one. Where Sterna refuses what it says it does not support
(src/text/template/README.md), the template counts as refused, and few may be. Exit status 77: skipped, Jinja2 is absent or another.
"""

import argparse
import collections
import copy
import json
import pathlib
import re
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from template_expressions import MORE_VARIABLES, VARIABLES  # noqa: E402
from template_statements import TemplateMaker  # noqa: E402

try:
    import jinja2
    import jinja2_environment
except ImportError as error:
    print(f"SKIPPED: {error}; Debian has Jinja2 as python3-jinja2")
    sys.exit(77)

# Messages by which Sterna refuses what Jinja2 does: lines of the room's README; a comment that the last two characters open; slices
# of literals that have none, which Jinja2 makes undefined where it computes an expression ahead of time.
REFUSALS = re.compile(r"does not fit 64 bits|keys that are tuples of|No filter named '(filesizeformat|pprint|striptags)'"
                      r"|Missing end of (comment|raw)|is not subscriptable|unhashable type: 'slice'")  # fmt: skip
MAX_REFUSED_SHARE = 0.03
MAX_ERROR_SHARE = 0.5  # a grammar that mostly makes mistakes compares little
# What Python prints of an object has its address in it.
ADDRESS = re.compile(r"(?: |%20|\+)at(?: |%20|\+)0x[0-9a-f]{6,}", re.IGNORECASE)


def expected(environment, source: str) -> dict[str, str]:
    try:
        # Copied, because a template can change a list that it is given: |indent adds to it before it fails.
        return {"text": environment.from_string(source).render(**copy.deepcopy(VARIABLES | MORE_VARIABLES))}
    except Exception as error:  # whatever Python raises is an error to be had on the other side, too
        return {"error": f"{type(error).__name__}: {error}"}


def found(program: str, sources: list[str]) -> list[dict[str, str]]:
    common = VARIABLES | {"variables": MORE_VARIABLES, "date": jinja2_environment.DATE.strftime("%Y-%m-%d")}
    lines = "".join(json.dumps(common | {"template": source}) + "\n" for source in sources)
    done = subprocess.run([program, "template", "--jsonl"], input=lines.encode(), capture_output=True, timeout=600, check=False)
    out = [json.loads(line) for line in done.stdout.splitlines()]
    if done.returncode != 0 or len(out) != len(sources):
        at = sources[len(out)] if len(out) < len(sources) else ""
        sys.exit(f"exit code {done.returncode} after {len(out)} of {len(sources)} templates: {done.stderr.decode()}\n{at}")
    return out


def verdict(ours: dict[str, str], theirs: dict[str, str]) -> str:
    if "text" in theirs and ADDRESS.search(theirs["text"]):
        return "address"
    if ours.keys() == theirs.keys():
        return "both fail" if "error" in ours else "equal" if ours == theirs else "different"
    if "error" in ours and REFUSALS.search(ours["error"]):
        return "refused"
    # Jinja2 looks names of filters and tests up when it compiles, but for those inside an if; Sterna where it comes to them.
    if theirs.get("error", "").startswith(("TemplateAssertionError: No filter named", "TemplateAssertionError: No test named")):
        return "not reached"
    return "different"


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--sterna", required=True)
    parser.add_argument("--templates", type=int, default=4000)
    parser.add_argument("--seed", type=int, default=20260115)
    parser.add_argument("--show", type=int, default=10, help="differences to print")
    arguments = parser.parse_args()

    maker = TemplateMaker(arguments.seed)
    sources = [maker.template() for _ in range(arguments.templates)]
    environment = jinja2_environment.make()
    counts: collections.Counter[str] = collections.Counter()
    for source, ours in zip(sources, found(arguments.sterna, sources)):
        theirs = expected(environment, source)
        result = verdict(ours, theirs)
        counts[result] += 1
        if result == "different" and counts[result] <= arguments.show:
            print(f"--- template\n{source}\n--- Jinja2\n{theirs}\n--- Sterna\n{ours}\n")
    print(f"{len(sources)} templates, seed {arguments.seed}, Jinja2 {jinja2.__version__}: {dict(counts)}")
    if counts["refused"] > MAX_REFUSED_SHARE * len(sources) or counts["both fail"] > MAX_ERROR_SHARE * len(sources):
        print("too few templates were compared")
        return 1
    return 1 if counts["different"] else 0


if __name__ == "__main__":
    sys.exit(main())
