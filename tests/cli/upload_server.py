"""A hub on the loopback address that takes uploads: as much of its API as a commit needs."""

from __future__ import annotations

import base64
import hashlib
import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

OWNER, TOKEN = "me", "hf_good"
COMMIT = "0123456789abcdef0123456789abcdef01234567"


class UploadHub(ThreadingHTTPServer):
    """The server.

    Attributes:
        repositories: Whether each is private, by its name.
        commits: The files of each commit with their content, by repository and branch.
        branches: Branches that were made, by repository.
        requests: "METHOD path" of everything that was asked.
    """

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.repositories: dict[str, bool] = {}
        self.commits: dict[tuple[str, str], dict[str, bytes]] = {}
        self.branches: list[tuple[str, str]] = []
        self.requests: list[str] = []
        self.large: dict[str, bytes] = {}

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


@contextmanager
def serve_uploads() -> Iterator[UploadHub]:
    hub = UploadHub()
    thread = threading.Thread(target=hub.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield hub
    finally:
        hub.shutdown()
        thread.join()
        hub.server_close()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: UploadHub

    def log_message(self, *arguments: object) -> None:
        """Keep the tests' output clean."""

    def do_GET(self) -> None:
        self._answer()

    def do_POST(self) -> None:
        self._answer()

    def do_PUT(self) -> None:
        self._answer()

    def _answer(self) -> None:
        body = self._body()
        path = urlsplit(self.path).path
        self.server.requests.append(f"{self.command} {path}")
        if self.headers.get("Authorization") != f"Bearer {TOKEN}" and self.command != "PUT":
            return self._send(401, {"error": "Invalid user token."})
        for pattern, handle in _ROUTES:
            if match := re.fullmatch(pattern, f"{self.command} {path}"):
                return handle(self, body, *match.groups())
        return self._send(404, {"error": "no such route"})

    def _body(self) -> bytes:
        if self.headers.get("Transfer-Encoding") != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length", 0)))
        parts = []
        while size := int(self.rfile.readline(), 16):
            parts.append(self.rfile.read(size))
            self.rfile.readline()
        self.rfile.readline()
        return b"".join(parts)

    def _send(self, status: int, content: object, **headers: str) -> None:
        data = json.dumps(content).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(data)

    def _whoami(self, body: bytes) -> None:
        self._send(200, {"name": OWNER, "type": "user", "orgs": [], "auth": {}})

    def _info(self, body: bytes, repository: str) -> None:
        if repository not in self.server.repositories:
            return self._send(404, {"error": "not found"}, X_Error_Code="RepoNotFound")
        private = self.server.repositories[repository]
        return self._send(200, {"id": repository, "private": private, "siblings": []})

    def _create(self, body: bytes) -> None:
        asked = json.loads(body)
        owner = asked.get("organization", OWNER)
        repository = f"{owner}/{asked['name']}"
        if owner != OWNER:
            return self._send(403, {"error": f"You don't have the rights to write to {owner}"})
        if repository in self.server.repositories:
            return self._send(409, {"url": f"{self.server.endpoint}/{repository}"})
        private = asked.get("private", asked.get("visibility") == "private")
        self.server.repositories[repository] = private
        return self._send(200, {"url": f"{self.server.endpoint}/{repository}"})

    def _card(self, body: bytes) -> None:
        assert json.loads(body)["content"].startswith("---")
        self._send(200, {"errors": [], "warnings": []})

    def _branch(self, body: bytes, repository: str, branch: str) -> None:
        self.server.branches.append((repository, branch))
        self._send(200, {})

    def _preupload(self, body: bytes, repository: str, branch: str) -> None:
        files = [
            {
                "path": file["path"],
                "uploadMode": "lfs" if file["path"].endswith(".safetensors") else "regular",
                "shouldIgnore": False,
            }
            for file in json.loads(body)["files"]
        ]
        self._send(200, {"files": files})

    def _batch(self, body: bytes, repository: str) -> None:
        objects = [
            {**o, "actions": {"upload": {"href": f"{self.server.endpoint}/store/{o['oid']}"}}}
            for o in json.loads(body)["objects"]
        ]
        self._send(200, {"transfer": "basic", "objects": objects})

    def _store(self, body: bytes, digest: str) -> None:
        assert hashlib.sha256(body).hexdigest() == digest
        self.server.large[digest] = body
        self._send(200, {})

    def _commit(self, body: bytes, repository: str, branch: str) -> None:
        files = self.server.commits.setdefault((repository, branch), {})
        for line in map(json.loads, body.splitlines()):
            value = line["value"]
            if line["key"] == "file":
                files[value["path"]] = base64.b64decode(value["content"])
            elif line["key"] == "lfsFile":
                files[value["path"]] = self.server.large[value["oid"]]
        url = f"{self.server.endpoint}/{repository}/commit/{COMMIT}"
        self._send(200, {"success": True, "commitOid": COMMIT, "commitUrl": url})


_NAME = r"([\w.-]+/[\w.-]+)"
_ROUTES = (
    (r"GET /api/whoami-v2", _Handler._whoami),
    (rf"GET /api/models/{_NAME}", _Handler._info),
    (r"POST /api/repos/create", _Handler._create),
    (r"POST /api/validate-yaml", _Handler._card),
    (rf"POST /api/models/{_NAME}/branch/([\w-]+)", _Handler._branch),
    (rf"POST /api/models/{_NAME}/preupload/([\w-]+)", _Handler._preupload),
    (rf"POST /{_NAME}\.git/info/lfs/objects/batch", _Handler._batch),
    (r"PUT /store/(\w+)", _Handler._store),
    (rf"POST /api/models/{_NAME}/commit/([\w-]+)", _Handler._commit),
)
