"""`sterna pull` against a hub that behaves, and against one that cuts, stalls, limits, redirects and refuses (lies: lies_test.py)."""

import json
import os
import pty
import resource
import signal
import threading
import time

import hub_testing
from hub_testing import COMMIT, CONFIG, PART, TOKEN, HubTest, content


class Downloads(HubTest):
    def test_quantization_picks_the_file(self):
        for tag in ("Q8_0", "q8_0", "tiny-q8_0.gguf"):
            self.assert_pulled(self.pull_well(f"org/tiny:{tag}"))

    def test_default_choice_is_stated_in_order(self):
        self.hub.add("tiny-I2_S.gguf", content(2000, 5))
        self.assertEqual(self.pull_well("org/tiny").name, "tiny-I2_S.gguf")

    def test_unknown_quantization_lists_what_there_is(self):
        self.pull_badly("org/tiny:Q4_K", says="there are: F16, Q8_0")

    def test_parallel_ranges_give_the_file(self):
        self.assert_pulled(self.pull_well("org/tiny:Q8_0", *PART))
        ranges = {request["range"] for request in self.hub.received("storage")}
        self.assertEqual(ranges, {f"bytes={first}-{first + 9999}" for first in range(0, 100_000, 10_000)})

    def test_checkpoint_without_gguf(self):
        self.hub.files = {}
        self.hub.add("config.json", CONFIG, large=False)
        self.hub.add("model.safetensors", content(3000))
        self.hub.add("tokenizer.json", b"{}", large=False)
        self.hub.add("original/consolidated.pth", content(10))
        folder = self.pull_well("org/tiny")
        self.assertEqual(sorted(path.name for path in folder.iterdir()), ["config.json", "model.safetensors", "tokenizer.json"])

    def test_include_and_exclude_patterns(self):
        self.hub.add("sub/extra.txt", b"x", large=False)
        folder = self.pull_well("org/tiny", "--include", "*.md", "--include", "sub/*", "--exclude", "READ*")
        self.assertEqual(sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()), ["sub/extra.txt"])
        self.assertEqual(os.readlink(folder / "sub" / "extra.txt"), f"../../../blobs/{self.hub.files['sub/extra.txt'].hash}")

    def test_split_gguf_is_pulled_whole(self):
        for part in (1, 2, 3):
            self.hub.add(f"big/tiny-Q4_0-0000{part}-of-00003.gguf", content(500, part))
        path = self.pull_well("org/tiny:Q4_0")
        self.assertEqual(path.name, "tiny-Q4_0-00001-of-00003.gguf")
        self.assertEqual(len(list(path.parent.iterdir())), 3)

    def test_dry_run_downloads_nothing(self):
        code, out, _ = self.pull("org/tiny:Q8_0", "--dry-run")
        self.assertEqual((code, self.cache.exists()), (0, False))
        self.assertIn("100.0 kB to fetch of 100.0 kB", out)
        code, out, _ = self.pull("org/tiny:Q8_0", "--dry-run", "--json")
        self.assertEqual(json.loads(out)["bytes_to_fetch"], 100_000)

    def test_json_reports_what_happened(self):
        _, out, error = self.pull("org/tiny:Q8_0", "--json")
        report = json.loads(out)
        self.assertEqual((report["commit"], report["bytes_received"], report["files"][0]["was_cached"], error), (COMMIT, 100_000, False, ""))
        _, out, _ = self.pull("org/tiny:Q8_0", "--json")
        self.assertEqual((json.loads(out)["bytes_received"], json.loads(out)["files"][0]["was_cached"]), (0, True))

    def on_terminal(self, *arguments, **options) -> str:
        """What a pull writes to standard error where that is a terminal."""
        terminal, end = pty.openpty()
        code, _, _ = self.run_sterna("pull", "org/tiny:Q8_0", *arguments, stderr=end, **options)
        os.close(end)
        self.assertEqual(code, 0)
        text = b""
        try:
            while chunk := os.read(terminal, 1 << 16):  # what a terminal has ready may be less than all
                text += chunk
        except OSError:
            pass  # the end: nobody has the other side open
        finally:
            os.close(terminal)
        return text.decode()

    def test_bar_on_a_terminal_lines_elsewhere(self):
        text = self.on_terminal()
        self.assertIn("[########################] 100% 100.0 kB / 100.0 kB", text)
        self.assertIn("\r\x1b[Ktiny-Q8_0.gguf  100.0 kB\r\n", text)
        # A bar may or may not be drawn again behind the line; nothing but a whole line may stand behind the last erasure.
        self.assertIn(text.rsplit("\x1b[K", 1)[1], ("", "tiny-Q8_0.gguf  100.0 kB\r\n"), "a bar stayed on the screen")
        for options in ({"environment": {"HF_HUB_DISABLE_PROGRESS_BARS": "1"}}, {}):
            self.assertEqual(self.on_terminal("--force", *([] if options else ["--json"]), **options), "")
        self.assertEqual(self.pull("org/tiny:Q8_0", "--force")[2], "tiny-Q8_0.gguf  100.0 kB\n")

    def test_second_pull_downloads_nothing(self):
        self.pull_well()
        before = len(self.hub.received("storage"))
        self.assert_pulled(self.pull_well())
        self.assertEqual(len(self.hub.received("storage")), before)

    def test_revision_by_branch_and_commit(self):
        self.hub.branches["refs/pr/1"] = COMMIT
        self.pull_well("org/tiny:Q8_0", "--revision", "refs/pr/1")
        self.assertEqual((self.repo() / "refs" / "refs" / "pr" / "1").read_text(), COMMIT)
        self.pull_well("org/tiny:Q8_0", "--revision", COMMIT)
        self.assertFalse((self.repo() / "refs" / COMMIT).exists())
        code, _, error = self.pull("org/tiny:Q8_0", "--revision", "nope")
        self.assertEqual(code, 1)
        self.assertIn("org/tiny has no revision 'nope'", error)

    def test_list_of_files_in_pages(self):
        self.hub.page_size = 1
        self.assert_pulled(self.pull_well())


class Interruptions(HubTest):
    def test_cut_connection_is_resumed_where_it_ended(self):
        self.hub.misbehave = lambda where, path, count: {"cut": 4321} if where == "storage" and count == 0 else None
        self.assert_pulled(self.pull_well("org/tiny:Q8_0", "--part-bytes", "60000", "-j", "1"))
        self.assertIn("bytes=4321-59999", [request["range"] for request in self.hub.received("storage")])

    def test_every_connection_cut_gives_up_and_the_next_run_goes_on(self):
        self.hub.misbehave = lambda where, path, count: {"cut": 100} if where == "storage" else None
        self.pull_badly("org/tiny:Q8_0", *PART, "-j", "1", says="given up after 5 attempts")
        self.assertEqual(len(self.partials()), 1)
        self.hub.misbehave = lambda where, path, count: None
        self.hub.requests.clear()
        self.assert_pulled(self.pull_well("org/tiny:Q8_0", *PART))
        self.assertIn("bytes=500-9999", [request["range"] for request in self.hub.received("storage")])

    def test_interrupted_by_the_user_resumes(self):
        hang = threading.Event()
        self.addCleanup(hang.set)
        self.hub.misbehave = lambda where, path, count: {"hang": hang} if where == "storage" and count >= 3 else None
        process = self.start("pull", "org/tiny:Q8_0", *PART, "-j", "1")
        while len(self.hub.received("storage")) < 4:
            time.sleep(0.02)
        self.assertEqual(self.interrupt(process), 130)
        process.communicate()
        self.assert_nothing_is_final()
        self.assertEqual(len(self.partials()), 1)
        hang.set()
        self.hub.misbehave = lambda where, path, count: None
        self.hub.requests.clear()
        self.assert_pulled(self.pull_well("org/tiny:Q8_0", *PART))
        self.assertEqual(len(self.hub.received("storage")), 7)

    def test_killed_program_leaves_nothing_under_the_final_name(self):
        hang = threading.Event()
        self.addCleanup(hang.set)
        self.hub.misbehave = lambda where, path, count: {"hang": hang} if where == "storage" and count >= 3 else None
        process = self.start("pull", "org/tiny:Q8_0", *PART, "-j", "1")
        while len(self.hub.received("storage")) < 4:
            time.sleep(0.02)
        process.kill()
        process.communicate()
        self.assert_nothing_is_final()
        hang.set()
        self.hub.misbehave = lambda where, path, count: None
        self.assert_pulled(self.pull_well("org/tiny:Q8_0", *PART))

    def test_ranges_refused_falls_back_to_the_whole_file(self):
        self.hub.misbehave = lambda where, path, count: {"no_ranges": True} if where == "storage" else None
        self.assert_pulled(self.pull_well("org/tiny:Q8_0", *PART))

    def test_ranges_refused_while_resuming(self):
        self.hub.misbehave = lambda where, path, count: {"cut": 100} if where == "storage" else None
        self.pull_badly("org/tiny:Q8_0", *PART, "-j", "1")
        self.hub.misbehave = lambda where, path, count: {"no_ranges": True} if where == "storage" else None
        self.assert_pulled(self.pull_well("org/tiny:Q8_0", *PART))

    def test_silence_times_out_and_is_tried_again(self):
        hang = threading.Event()
        self.addCleanup(hang.set)
        self.hub.misbehave = lambda where, path, count: {"hang": hang} if where == "storage" and count == 0 else None
        self.assert_pulled(self.pull_well(environment={"HF_HUB_DOWNLOAD_TIMEOUT": "1"}))

    def test_5xx_then_ok(self):
        self.hub.misbehave = lambda where, path, count: {"status": 500 + 3 * (count % 2)} if count < 2 else None
        self.assert_pulled(self.pull_well())

    def test_5xx_for_ever_is_given_up(self):
        self.hub.misbehave = lambda where, path, count: {"status": 503} if where == "hub" else None
        self.pull_badly(says="the hub has a problem (HTTP 503)")

    def test_429_waits_as_long_as_asked(self):
        limited = {"status": 429, "headers": {"Retry-After": "1"}}
        self.hub.misbehave = lambda where, path, count: limited if where == "hub" and "revision" in path and count == 0 else None
        begin = time.monotonic()
        self.assert_pulled(self.pull_well())
        self.assertGreaterEqual(time.monotonic() - begin, 1)

    def test_429_with_a_long_wait_is_an_error(self):
        self.hub.misbehave = lambda where, path, count: {"status": 429, "headers": {"Retry-After": "99999"}}
        self.pull_badly(says="the server asks to wait for 99999 seconds")

    def test_no_server(self):
        self.hub.close()
        self.pull_badly(says="given up after 5 attempts")

    def test_full_disk_leaves_nothing_final(self):
        def limit():
            signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
            resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, 50_000))

        self.pull_badly(preexec_fn=limit, says="File too large")


class Redirects(HubTest):
    def test_token_goes_to_the_hub_and_not_to_the_storage(self):
        self.hub.token = TOKEN
        self.assert_pulled(self.pull_well(environment={"HF_TOKEN": TOKEN}))
        self.assertEqual({request["authorization"] for request in self.hub.received("hub")}, {f"Bearer {TOKEN}"})
        self.assertEqual({request["authorization"] for request in self.hub.received("storage")}, {None})

    def test_token_stays_away_once_another_host_was_visited(self):
        back = {"status": 302, "headers": {"Location": f"{self.hub.endpoint}/org/tiny/resolve/{COMMIT}/config.json"}}
        self.hub.misbehave = lambda where, path, count: back if where == "storage" else None
        self.pull_badly(environment={"HF_TOKEN": TOKEN}, says="expected 100000 bytes")
        self.assertEqual(self.hub.received("hub")[-1]["authorization"], None)

    def test_loops_end(self):
        self.hub.misbehave = lambda where, path, count: {"location": f"/org/tiny/resolve/{COMMIT}/tiny-Q8_0.gguf"} if "/resolve/" in path else None
        self.pull_badly(says="at most 10 redirects")
        self.assertLess(len(self.hub.received("hub")), 20)

    def test_redirects_to_other_schemes(self):
        for location, says in (("file:///etc/passwd", "expected an http or https address"), ("ftp://127.0.0.1/x", "expected an http or https address"),
                               ("http://user:password@127.0.0.1/x", "without credentials"), ("http://", "expected an http or https address"),
                               ("gopher://x", "expected an http or https address")):  # fmt: skip
            self.hub.misbehave = lambda where, path, count, location=location: {"location": location} if "/resolve/" in path else None
            self.pull_badly(says=says)

    def test_renamed_repository_is_followed_with_the_token(self):
        self.hub.token = TOKEN
        moved = {"status": 307, "headers": {"Location": "/api/models/org/tiny/revision/main"}}
        self.hub.misbehave = lambda where, path, count: moved if path == "/api/models/org/tiny/revision/old" else None
        code, _, _ = self.pull("org/tiny:Q8_0", "--revision", "old", environment={"HF_TOKEN": TOKEN})
        self.assertEqual(code, 0)

    def test_signed_addresses_are_not_shown(self):
        self.hub.misbehave = lambda where, path, count: {"status": 403} if where == "storage" else None
        error = self.pull_badly(says="HTTP 403 from where the hub sent us")
        self.assertNotIn("secret", error)


class Refusals(HubTest):
    def test_gated_repository_says_what_to_do(self):
        self.hub.token = TOKEN
        error = self.pull_badly(says="org/tiny is gated")
        self.assertIn(f"accept its terms at {self.hub.endpoint}/org/tiny", error)
        self.assertIn("HF_TOKEN", error)
        self.assertIn("another token", self.pull_badly(environment={"HF_TOKEN": "hf_wrong"}, says="gated"))

    def test_gated_by_403(self):
        gated = {"status": 403, "headers": {"X-Error-Code": "GatedRepo", "X-Error-Message": "awaiting a review\x1b[2J"}}
        self.hub.misbehave = lambda where, path, count: gated if "/resolve/" in path else None
        error = self.pull_badly(environment={"HF_TOKEN": TOKEN}, says="awaiting a review")
        self.assertNotIn("\x1b", error)

    def test_missing_repository(self):
        self.pull_badly("org/other", says="no such model at")

    def test_wrong_token(self):
        wrong = {"status": 401, "headers": {"X-Error-Message": "Invalid credentials in Authorization header"}}
        self.hub.misbehave = lambda where, path, count: wrong
        self.pull_badly(environment={"HF_TOKEN": TOKEN}, says="the hub refuses the token of HF_TOKEN")

    def test_token_file(self):
        self.hub.token = TOKEN
        path = self.folder / "home" / "token"
        path.parent.mkdir()
        path.write_text(TOKEN + "\n")
        self.pull_well()
        other = self.folder / "home" / "other"
        other.write_text("hf_wrong")
        self.pull_well("org/tiny:F16", environment={"HF_TOKEN_PATH": str(other), "HF_TOKEN": TOKEN})
        code, _, _ = self.pull("org/tiny:F16", "--force", environment={"HF_TOKEN_PATH": str(other)})
        self.assertEqual(code, 1)

    def test_token_that_would_end_the_header(self):
        self.pull_badly(environment={"HF_TOKEN": "hf_secret\r\nX-Evil: 1"}, says="HF_TOKEN: the token has a character")

    def test_offline(self):
        self.pull_badly(environment={"HF_HUB_OFFLINE": "1"}, says="offline (HF_HUB_OFFLINE)")
        self.assertEqual(self.hub.received(), [])
        path = self.pull_well()
        self.assertEqual(self.pull_well(environment={"HF_HUB_OFFLINE": "1"}), path)

    def test_arguments(self):
        for arguments in (("../x",), ("a/b/c",), ("org/tiny:",), ("org/ti--ny",), ("org/tiny", "--revision", "../x"), ("org/tiny", "-j", "0"), ()):
            code, _, error = self.run_sterna("pull", *arguments)
            self.assertEqual(code, 2, error)

    def test_two_at_once_download_once(self):
        processes = [self.start("pull", "org/tiny:Q8_0") for _ in range(3)]
        for process in processes:
            out, error = process.communicate(timeout=60)
            self.assertEqual(process.returncode, 0, error)
        self.assertEqual(len(self.hub.received("storage")), 1)


if __name__ == "__main__":
    hub_testing.main()
