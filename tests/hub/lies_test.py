"""`sterna pull` against a hub and a storage whose answers are wrong: nothing of it may be kept under a final name."""

import hub_testing
from hub_testing import COMMIT, CONFIG, PART, TOKEN, HubTest, content


class Lies(HubTest):
    def refuse(self, action, says, *arguments):
        """The storage answers every request by `action`; nothing of it may stay."""
        self.hub.misbehave = lambda where, path, count: action if where == "storage" else None
        self.pull_badly(*(arguments or ("org/tiny:Q8_0",)), says=says)

    def test_wrong_content(self):
        self.refuse({"data": content(100_000, 9)}, "expected content with the hash")
        self.assertEqual(self.partials(), [])

    def test_wrong_content_in_ranges(self):
        self.refuse({"data": content(100_000, 9)}, "expected content with the hash", "org/tiny:Q8_0", *PART)
        self.assertEqual(self.partials(), [])

    def test_one_flipped_bit(self):
        data = bytearray(self.hub.files["tiny-Q8_0.gguf"].data)
        data[77_777] ^= 1
        self.refuse({"data": bytes(data)}, "expected content with the hash")

    def test_wrong_content_of_a_git_file(self):
        self.hub.misbehave = lambda where, path, count: {"data": b"{}" + b" " * (len(CONFIG) - 2)} if path.endswith("config.json") else None
        self.pull_badly("org/tiny", "--include", "config.json", says="expected content with the hash")

    def test_content_range_of_another_part(self):
        for header in ("bytes 0-9999/99999", "bytes 5-10004/100000", "bytes */100000", "bytes 0-9999/*", "bytes 9999-0/100000", "items 0-9999/100000",
                       "bytes 0-18446744073709551615/100000"):  # fmt: skip
            self.refuse({"content_range": header}, "expected", "org/tiny:Q8_0", *PART)

    def test_partial_content_that_nobody_asked_for(self):
        self.refuse({"status": 206, "body": content(100_000), "headers": {"Content-Range": "bytes 0-99999/100000"}}, "expected HTTP 200")

    def test_body_longer_than_asked(self):
        self.refuse({"longer": True}, "found more")
        self.refuse({"longer": True}, "found more", "org/tiny:Q8_0", *PART)

    def test_body_shorter_without_a_length(self):
        self.refuse({"data": content(100_000)[:500], "length": None}, "expected 100000 bytes, found 500")

    def test_announced_length_differs(self):
        self.refuse({"data": content(99_999)}, "expected 100000 bytes, the server announces 99999")
        self.refuse({"status": 200, "body": b"", "headers": {"Content-Length": "9223372036854775807"}}, "the server announces")

    def test_encoded_content(self):
        self.refuse({"headers": {"Content-Encoding": "gzip"}}, "encoded as 'gzip'")

    def test_endless_headers(self):
        self.refuse({"raw": b"HTTP/1.1 200 OK\r\n" + b"X-A: b\r\n" * 100_000}, "headers")

    def test_no_http(self):
        self.refuse({"raw": b"\x00\xff" * 500}, "HTTP/0.9")

    def test_hub_contradicts_its_list(self):
        for action, says in (({"etag": "f" * 64}, "the server announces 'ffff"), ({"etag": "../../x"}, "the server announces '../../x'"),
                             ({"size": 5}, "the server announces 5"), ({"size": "many"}, "expected a number of bytes"),
                             ({"commit": "f" * 40}, "expected commit")):  # fmt: skip
            self.hub.misbehave = lambda where, path, count, action=action: action if "/resolve/" in path else None
            self.pull_badly(says=says)

    def list(self, **changes):
        entry = {"type": "file", "path": "a.gguf", "size": 5, "oid": "a" * 40, "lfs": {"oid": "b" * 64, "size": 5, "pointerSize": 1}}
        self.hub.listing = [entry | changes]
        return "org/tiny"

    def test_hostile_file_names(self):
        for name in ("../a.gguf", "a/../../b.gguf", "/etc/a.gguf", "a//b.gguf", "./a.gguf", "a/.", "C:\\a.gguf", "C:a.gguf", "a\\..\\b.gguf", "a\0.gguf",
                     "a\n.gguf", "\x1b[2J.gguf", "nul", "aux.gguf", "a/COM1.gguf", "a./b.gguf", "a .gguf ", "", "x" * 256 + ".gguf", "a/" * 600 + "b",
                     "..", "\ud800.gguf"):  # fmt: skip
            with self.subTest(name):
                error = self.pull_badly(self.list(path=name))
                self.assertNotIn("\x1b", error)
        self.assertFalse(self.repo().exists())

    def test_hostile_sizes_and_hashes(self):
        for changes in ({"size": -1}, {"size": 1.5}, {"size": 1 << 60}, {"size": "5"}, {"size": None}, {"size": 7}, {"oid": "../../x", "lfs": None},
                        {"oid": "A" * 40, "lfs": None}, {"oid": "a" * 39, "lfs": None}, {"lfs": {"oid": "../" * 20, "size": 5}},
                        {"lfs": {"oid": "b" * 63, "size": 5}}, {"lfs": {"size": 5}}, {"type": 5}, {"path": 5}):  # fmt: skip
            with self.subTest(str(changes)):
                self.pull_badly(self.list(**changes), says="expected")
        self.assertFalse(self.repo().exists())

    def test_a_size_no_disk_has(self):
        size = 1 << 49
        self.pull_badly(self.list(size=size, lfs={"oid": "b" * 64, "size": size}), says="are free")
        self.assertFalse(self.repo().exists())

    def test_file_and_folder_of_one_name(self):
        file = {"type": "file", "size": 5, "oid": "a" * 40}
        self.hub.listing = [file | {"path": "a"}, file | {"path": "a/b"}]
        self.pull_badly(says="is a file and the folder of")
        self.hub.listing = [file | {"path": "a"}, file | {"path": "a"}]
        self.pull_badly(says="found it again")

    def test_answers_that_are_no_answers(self):
        for body in (b"", b"{", b"[]", b"null", b'{"sha": 5}', b'{"sha": "../x"}', b'{"sha": "main"}', b"[" * 100_000, b"<html>", b'{"sha": "' + b"A" * 40 + b'"}'):
            with self.subTest(body[:20]):
                self.hub.revision_body = body
                self.pull_badly(says="the hub's answer")

    def test_answer_without_end(self):
        self.hub.revision_body = b'{"sha": "' + b"a" * (65 << 20)
        self.pull_badly(says="at most 67108864 bytes")

    def test_pages_without_end(self):
        link = {"Link": f'<{self.hub.endpoint}/api/models/org/tiny/tree/{COMMIT}?x=1>; rel="next"'}
        body = b'[{"type": "directory", "path": "' + b"x" * 2_000_000 + b'"}]'
        self.hub.misbehave = lambda where, path, count: {"status": 200, "body": body, "headers": link} if "/tree/" in path else None
        self.pull_badly(says="at most 67108864 bytes")

    def test_next_page_at_another_host(self):
        link = {"Link": f'<{self.hub.storage_address}/page>; rel="next"'}
        self.hub.misbehave = lambda where, path, count: {"status": 200, "body": b"[]", "headers": link} if "/tree/" in path else None
        self.pull_badly(environment={"HF_TOKEN": TOKEN}, says="expected its next page at")
        self.assertEqual(self.hub.received("storage"), [])


if __name__ == "__main__":
    hub_testing.main()
