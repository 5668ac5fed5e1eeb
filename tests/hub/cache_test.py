"""`sterna ls`, `rm`, `prune`, `verify`, `show`, and models by name, on a cache that `sterna pull` made."""

import fcntl
import json
import os
import shutil

import hub_testing
from command_testing import MODELS
from hub_testing import COMMIT, HubTest, content


class CacheCommands(HubTest):
    def blob(self, name="tiny-Q8_0.gguf"):
        return self.repo() / "blobs" / self.hub.files[name].hash

    def json(self, *arguments):
        return json.loads(self.succeed(*arguments, "--json"))

    def test_ls(self):
        self.assertIn("0 models, 0 B", self.succeed("ls"))
        self.pull_well()
        self.pull_well("org/tiny:F16")
        (found,) = self.json("ls")["models"]
        self.assertEqual((found["repo"], found["bytes"], found["problems"]), ("org/tiny", 105_000, []))
        (revision,) = found["revisions"]
        self.assertEqual((revision["commit"], revision["refs"], revision["bytes"], revision["files"]), (COMMIT, ["main"], 105_000, 2))
        text = self.succeed("ls")
        self.assertIn("org/tiny    105.0 kB      2", text)
        self.assertIn("01234567 (main)", text)

    def test_ls_names_what_is_broken(self):
        self.pull_well()
        self.blob().unlink()
        (self.repo() / "refs" / "old").write_text("f" * 40)
        (self.repo() / "refs" / "bad").write_text("../../x")
        (self.repo() / "snapshots" / COMMIT / "out.gguf").symlink_to("/etc/hostname")
        problems = " ".join(self.json("ls")["models"][0]["problems"])
        for words in ("a link to nothing", "a link out of the cache", "refs/old: no snapshot", "expected a commit hash"):
            self.assertIn(words, problems)

    def test_models_by_name(self):
        """The name works wherever a path does; an absent one names the next step."""
        for command in (("run", "org/tiny", "hello"), ("inspect", "org/tiny"), ("logits", "org/tiny", "--tokens", "1", "-o", "out"),
                        ("tokenize", "org/tiny"), ("template", "org/tiny", "--jsonl"), ("convert", "org/tiny", "-o", "out.gguf")):  # fmt: skip
            code, _, error = self.run_sterna(*command)
            self.assertEqual(code, 1)
            self.assertIn("hint: `sterna pull org/tiny` downloads it", error.decode(), command)
        self.succeed("convert", MODELS / "bitnet-packed", "-o", "model.gguf")
        self.hub.files = {}
        self.hub.add("tiny-i2_s.gguf", (self.folder / "model.gguf").read_bytes())
        (self.folder / "model.gguf").unlink()
        path = self.pull_well("org/tiny")
        for name in ("org/tiny", "org/tiny:I2_S"):
            self.assertEqual(self.json("inspect", name)["path"], str(path))
        self.assertIn("hint: `sterna pull org/tiny:Q8_0` downloads it", self.run_sterna("inspect", "org/tiny:Q8_0")[2].decode())
        self.assertEqual(self.hub.received("hub")[-1]["path"].split("/")[3], "resolve", "asked the network")

    def test_links_out_of_the_cache_are_not_opened(self):
        self.pull_well()
        link = self.repo() / "snapshots" / COMMIT / "tiny-Q8_0.gguf"
        link.unlink()
        link.symlink_to(MODELS / "bitnet-packed" / "model.safetensors")
        code, _, error = self.run_sterna("inspect", "org/tiny:Q8_0")
        self.assertEqual(code, 1)
        self.assertIn("a link out of the cache", error.decode())

    def test_show(self):
        self.pull_well()
        shown = self.json("show", "org/tiny:F16")
        self.assertEqual((shown["source"], shown["quantizations"]), ("hub", ["F16", "Q8_0"]))
        self.assertEqual({file["path"]: (file["cached"], file["chosen"]) for file in shown["files"]},
                         {"README.md": (False, False), "config.json": (False, False), "tiny-F16.gguf": (False, True),
                          "tiny-Q8_0.gguf": (True, False)})  # fmt: skip
        self.assertEqual([file["path"] for file in self.json("show", "org/tiny", "--cached")["files"]], ["tiny-Q8_0.gguf"])
        self.assertIn("quantizations: F16, Q8_0", self.succeed("show", "org/tiny"))

    def test_rm(self):
        self.pull_well()
        self.pull_well("org/tiny:F16")
        self.assertIn("would remove", self.succeed("rm", "org/tiny", "--dry-run"))
        self.assertEqual(self.json("rm", "org/tiny:F16")["bytes"], 5000)
        self.assertEqual([path.name for path in self.repo().glob("blobs/*")], [self.blob().name])
        self.assertEqual(self.json("rm", "org/tiny")["bytes"], 100_000)
        self.assertFalse(self.repo().exists())
        self.refuse("rm", "org/tiny", says="not in the cache")

    def test_rm_keeps_blobs_that_another_revision_needs(self):
        self.pull_well()
        other = self.repo() / "snapshots" / ("f" * 40)
        shutil.copytree(self.repo() / "snapshots" / COMMIT, other, symlinks=True)
        (self.repo() / "refs" / "old").write_text("f" * 40)
        self.assertEqual(self.json("rm", "org/tiny", "--revision", "old")["bytes"], 0)
        self.assertTrue(self.blob().exists() and not other.exists() and not (self.repo() / "refs" / "old").exists())

    def test_rm_does_not_follow_links(self):
        precious = self.folder / "home"
        precious.mkdir()
        (precious / "file").write_text("precious")
        self.pull_well()
        (self.repo() / "snapshots" / COMMIT / "folder").symlink_to(precious)
        self.succeed("rm", "org/tiny")
        self.assertEqual((precious / "file").read_text(), "precious")

    def test_prune(self):
        self.pull_well()
        blobs = self.repo() / "blobs"
        (blobs / ("a" * 64)).write_bytes(b"x" * 1000)
        (blobs / ("b" * 64 + ".incomplete")).write_bytes(b"x" * 1000)
        (blobs / ("c" * 64 + ".1a2b3c4d.incomplete")).write_bytes(b"x" * 1000)
        detached = self.repo() / "snapshots" / ("f" * 40)
        detached.mkdir()
        busy = self.cache / ".locks" / "models--org--tiny" / ("c" * 64 + ".lock")
        with open(busy, "w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            before = sorted(blobs.iterdir())
            self.assertEqual(len(self.json("prune", "--dry-run")["paths"]), 3)
            self.assertEqual(sorted(blobs.iterdir()), before)
            self.succeed("prune")
            self.assertEqual({path.name for path in blobs.iterdir()}, {self.blob().name, "c" * 64 + ".1a2b3c4d.incomplete"})
        self.succeed("prune")
        self.assertEqual([path.name for path in blobs.iterdir()], [self.blob().name])
        self.assertEqual([path.name for path in detached.parent.iterdir()], [COMMIT])

    def test_verify(self):
        self.pull_well()
        self.pull_well("org/tiny", "--include", "*.md")
        self.assertEqual({check["state"] for check in self.json("verify")}, {"good"})
        data = bytearray(self.blob().read_bytes())
        data[-1] ^= 128
        self.blob().write_bytes(data)
        code, out, error = self.run_sterna("verify", "org/tiny", "--json")
        states = {check["blob"]: check["state"] for check in json.loads(out)}
        self.assertEqual((code, states), (1, {self.blob().name: "damaged", self.blob("README.md").name: "good"}))
        self.assertEqual(self.run_sterna("verify", "--remove")[0], 1)
        self.assertEqual((self.blob().exists(), self.run_sterna("verify")[0]), (False, 0))
        self.assert_pulled(self.pull_well())

    def test_damage_that_the_size_shows_is_repaired_by_a_pull(self):
        self.pull_well()
        self.blob().write_bytes(b"short")
        self.assert_pulled(self.pull_well())

    def test_force_downloads_again(self):
        self.pull_well()
        self.blob().write_bytes(content(100_000, 7))
        self.assert_pulled(self.pull_well("org/tiny:Q8_0", "--force"))


class HuggingFaceHub(HubTest):
    """The real package reads what we write, and we read what it writes."""

    def setUp(self):
        super().setUp()
        try:
            import huggingface_hub
        except ImportError:
            self.skipTest("huggingface_hub is not installed for this interpreter")
        self.package = huggingface_hub

    def python(self, **more):
        return {"cache_dir": str(self.cache), "endpoint": self.hub.endpoint, "token": False} | more

    def test_our_cache_is_read_by_it(self):
        path = self.pull_well()
        self.pull_well("org/tiny", "--include", "config.json")
        self.hub.close()
        for name in ("tiny-Q8_0.gguf", "config.json"):
            found = self.package.try_to_load_from_cache("org/tiny", name, cache_dir=str(self.cache))
            self.assertEqual(found, str(path.parent / name))
            self.assertEqual(self.package.hf_hub_download("org/tiny", name, local_files_only=True, **self.python()), found)
        self.assertEqual(self.package.snapshot_download("org/tiny", local_files_only=True, **self.python()), str(path.parent))
        (repo,) = self.package.scan_cache_dir(str(self.cache)).repos
        self.assertEqual((repo.repo_id, repo.size_on_disk, repo.nb_files), ("org/tiny", 100_000 + len(self.hub.files["config.json"].data), 2))
        self.assertEqual(self.package.scan_cache_dir(str(self.cache)).warnings, [])

    def test_its_cache_is_read_by_us(self):
        found = self.package.hf_hub_download("org/tiny", "tiny-Q8_0.gguf", **self.python())
        before = len(self.hub.received("storage"))
        self.assertEqual(str(self.pull_well()), found)
        self.assertEqual(len(self.hub.received("storage")), before, "downloaded again")
        (repo,) = json.loads(self.succeed("ls", "--json"))["models"]
        self.assertEqual((repo["repo"], repo["bytes"], repo["problems"]), ("org/tiny", 100_000, []))
        self.assertEqual({check["state"] for check in json.loads(self.succeed("verify", "--json"))}, {"good"})

    def test_it_downloads_nothing_that_we_have(self):
        path = self.pull_well("org/tiny", "--include", "*")
        before = len(self.hub.received("storage"))
        self.assertEqual(self.package.snapshot_download("org/tiny", **self.python()), os.fspath(path))
        self.assertEqual(len(self.hub.received("storage")), before)


if __name__ == "__main__":
    hub_testing.main()
