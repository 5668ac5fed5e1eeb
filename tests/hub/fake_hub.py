"""A server on this machine that speaks the API of the Hugging Face Hub, and misbehaves where a test tells it to.

A second server, the "storage", stands for the content network that the hub redirects to: another port, so another host to a client that
guards a token.
"""

import hashlib
import json
import re
import socket
import threading
import urllib.parse
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

COMMIT = "0123456789abcdef0123456789abcdef01234567"


def git_hash(data: bytes) -> str:
    return hashlib.sha1(b"blob %d\0" % len(data) + data).hexdigest()


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


class RepoFile:
    def __init__(self, data: bytes, large: bool):
        self.data, self.large = data, large
        self.hash = sha256(data) if large else git_hash(data)


class FakeHub:
    """`files`: name to RepoFile of the one repository, org/tiny. What tests set: see the attributes."""

    def __init__(self):
        self.files: dict[str, RepoFile] = {}
        self.repo = "org/tiny"
        self.commit = COMMIT
        self.branches = {"main": COMMIT}
        self.page_size = 1000
        self.requests: list[dict] = []
        self.lock = threading.Lock()
        # A function of (where, request, number of the request on this path) that returns an action, or None for good behaviour.
        self.misbehave = lambda where, path, count: None
        self.listing = None  # replaces the list of files
        self.revision_body = None
        self.token = None  # what the hub demands
        self.hub = self.serve("hub")
        self.storage = self.serve("storage")
        self.endpoint = f"http://127.0.0.1:{self.hub.server_port}"
        self.storage_address = f"http://127.0.0.1:{self.storage.server_port}"

    def add(self, name: str, data: bytes, large=True):
        self.files[name] = RepoFile(data, large)

    def serve(self, where: str):
        fake = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *arguments):
                pass

            def do_GET(self):
                fake.answer(where, self)

            def do_HEAD(self):
                fake.answer(where, self)

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        return server

    def close(self):
        for server in (self.hub, self.storage):
            server.shutdown()
            server.server_close()

    def received(self, where=None):
        with self.lock:
            return [request for request in self.requests if where in (None, request["where"])]

    # Answers.

    def answer(self, where: str, handler) -> None:
        path = urllib.parse.unquote(handler.path.split("?")[0])
        with self.lock:
            count = sum(request["where"] == where and request["path"] == path for request in self.requests)
            self.requests.append({"where": where, "path": path, "range": handler.headers.get("Range"),
                                  "authorization": handler.headers.get("Authorization")})  # fmt: skip
        action = self.misbehave(where, path, count) or {}
        try:
            self.act(where, handler, path, action)
        except (BrokenPipeError, ConnectionResetError):
            handler.close_connection = True

    def send(self, handler, status: int, body: bytes, headers: dict | None = None, length=None) -> None:
        handler.send_response(status)
        headers = {"Content-Length": str(len(body) if length is None else length)} | (headers or {})
        for name, value in headers.items():
            if value is not None:
                handler.send_header(name, value)
        if headers.get("Content-Length") is None:
            handler.close_connection = True
            handler.send_header("Connection", "close")
        handler.end_headers()
        if handler.command != "HEAD":
            handler.wfile.write(body)

    def act(self, where: str, handler, path: str, action: dict) -> None:
        if "status" in action:
            self.send(handler, action["status"], action.get("body", b"{}"), action.get("headers"))
        elif "hang" in action:
            action["hang"].wait(20)
            handler.close_connection = True
        elif "raw" in action:
            handler.wfile.write(action["raw"])
            handler.close_connection = True
            self.cut(handler)
        elif where == "storage":
            self.content(handler, self.files[path.lstrip("/")], action)
        elif self.token and handler.headers.get("Authorization") != f"Bearer {self.token}":
            self.send(handler, 401, b'{"error": "Access is restricted"}', {"X-Error-Code": "GatedRepo"})
        elif match := re.fullmatch(rf"/api/models/{self.repo}/revision/(.+)", path):
            self.revision(handler, match.group(1))
        elif re.fullmatch(r"/api/models/([^/]+/[^/]+)(/revision/.+)?", path):
            if path == f"/api/models/{self.repo}":
                self.revision(handler, "main")
            else:
                self.send(handler, 401, b'{"error": "Invalid username or password."}', {"X-Error-Code": "RepoNotFound"})
        elif match := re.fullmatch(rf"/api/models/{self.repo}/tree/([^/]+)", path):
            self.tree(handler)
        elif match := re.fullmatch(rf"/{self.repo}/resolve/([^/]+)/(.+)", path):
            self.resolve(handler, match.group(2), action)
        else:
            self.send(handler, 404, b'{"error": "Not Found"}', {"X-Error-Code": "RepoNotFound"})

    def revision(self, handler, name: str) -> None:
        commit = self.branches.get(name, name if name == self.commit else None)
        if commit is None:
            self.send(handler, 404, b'{"error": "Invalid rev id"}', {"X-Error-Code": "RevisionNotFound"})
            return
        body = self.revision_body
        if body is None:
            body = json.dumps({"id": self.repo, "modelId": self.repo, "sha": commit, "private": False, "gated": False, "disabled": False,
                               "downloads": 1, "likes": 0, "tags": [], "createdAt": "2026-01-01T00:00:00.000Z",
                               "siblings": [{"rfilename": name} for name in self.files]}).encode()  # fmt: skip
        self.send(handler, 200, body, {"X-Repo-Commit": commit})

    def entries(self) -> list:
        if self.listing is not None:
            return self.listing
        entries = []
        for name, file in self.files.items():
            entry = {"type": "file", "path": name, "size": len(file.data), "oid": git_hash(file.data)}
            if file.large:
                entry["lfs"] = {"oid": file.hash, "size": len(file.data), "pointerSize": 134}
            entries.append(entry)
        return entries

    def tree(self, handler) -> None:
        query = urllib.parse.parse_qs(urllib.parse.urlsplit(handler.path).query)
        first = int(query.get("cursor", ["0"])[0])
        entries = self.entries()
        headers = {}
        if first + self.page_size < len(entries):
            base = f"{self.endpoint}/api/models/{self.repo}/tree/{self.commit}"
            headers["Link"] = f'<{base}?recursive=true&cursor={first + self.page_size}>; rel="next"'
        self.send(handler, 200, json.dumps(entries[first : first + self.page_size]).encode(), headers)

    def resolve(self, handler, name: str, action: dict) -> None:
        file = self.files.get(name)
        if file is None:
            self.send(handler, 404, b"Entry not found", {"X-Error-Code": "EntryNotFound", "X-Repo-Commit": self.commit})
            return
        headers = {"X-Repo-Commit": action.get("commit", self.commit), "Accept-Ranges": "bytes"}
        if not file.large:
            self.content(handler, file, action | {"headers": headers | {"ETag": f'"{file.hash}"'}})
            return
        headers |= {"X-Linked-Etag": f'"{action.get("etag", file.hash)}"', "X-Linked-Size": str(action.get("size", len(file.data))),
                    "ETag": f'"{git_hash(file.data)}"',
                    "Location": action.get("location", f"{self.storage_address}/{urllib.parse.quote(name)}?signature=secret")}  # fmt: skip
        self.send(handler, 302, b"Found", headers)

    def content(self, handler, file: RepoFile, action: dict) -> None:
        data = action.get("data", file.data)
        headers = dict(action.get("headers", {}))
        status, body = 200, data
        if (wanted := handler.headers.get("Range")) and not action.get("no_ranges"):
            first, last = map(int, re.fullmatch(r"bytes=(\d+)-(\d+)", wanted).groups())
            status, body = 206, data[first : last + 1]
            headers["Content-Range"] = action.get("content_range", f"bytes {first}-{min(last, len(data) - 1)}/{len(data)}")
        length = action.get("length", len(body))
        if (cut := action.get("cut")) is not None:
            self.send(handler, status, body[:cut], headers, length=len(body))
            handler.close_connection = True
            self.cut(handler)
            return
        if action.get("longer"):
            self.send(handler, status, body + b"more", headers | {"Content-Length": None})
            return
        self.send(handler, status, body, headers | {"Content-Length": None if length is None else str(length)})

    @staticmethod
    def cut(handler) -> None:
        handler.wfile.flush()
        try:
            handler.connection.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
