"""A small hub on the loopback address: enough of the real API for the real clients.

It serves folders as dataset and model repositories: their information, file lists, and files with
ranges. Repositories named in `gated` answer as the hub does to somebody who has not accepted the
terms. `faults` makes it fail: status codes, silence, an answer that breaks off or stalls half-way.
"""

from __future__ import annotations

import hashlib
import json
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, unquote, urlsplit

COMMIT = "0123456789abcdef0123456789abcdef01234567"


@dataclass
class Fault:
    """One way to fail.

    Attributes:
        pattern: Of "METHOD path"; what does not match is answered as ever.
        kind: "status", "silent" (accepts and says nothing), "cut" (half of the answer, then the
            connection ends), "stall" (half of it, then nothing), "refuse" (the connection ends
            without an answer), or "garbage" (as many bytes of something else).
        times: How often; then it is over.
        status: For kind "status".
        headers: Further headers for kind "status".
    """

    pattern: str
    kind: str
    times: int = 1_000_000
    status: int = 500
    headers: tuple[tuple[str, str], ...] = ()
    seen: int = 0


class Hub(ThreadingHTTPServer):
    """The server; `requests` lists "METHOD path" of everything that was asked.

    Attributes:
        before: Called with "METHOD path" before each answer, to change what is served.
    """

    daemon_threads = True

    def __init__(
        self, repositories: dict[str, Path], gated: frozenset[str], faults: tuple[Fault, ...] = ()
    ) -> None:
        super().__init__(("127.0.0.1", 0), HubHandler)
        self.repositories = repositories
        self.gated = gated
        self.faults = faults
        self.requests: list[str] = []
        self.commit = COMMIT
        self.before: Callable[[str], None] = lambda _: None
        self.closing = threading.Event()

    def handle_error(self, request: object, client_address: object) -> None:
        """Keep quiet about clients that went away."""

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

    def downloaded(self) -> set[str]:
        """The files whose content was asked for."""
        pattern = re.compile(r"^GET /datasets/.+?/resolve/[^/]+/(.+)$")
        return {m.group(1) for line in self.requests if (m := pattern.match(line))}


@contextmanager
def serve_hub(
    repositories: dict[str, Path],
    gated: frozenset[str] = frozenset(),
    faults: tuple[Fault, ...] = (),
) -> Iterator[Hub]:
    hub = Hub(repositories, gated, faults)
    thread = threading.Thread(target=hub.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield hub
    finally:
        hub.closing.set()
        hub.shutdown()
        thread.join()
        hub.server_close()


class HubHandler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Hub

    def log_message(self, *arguments: object) -> None:
        """Keep the tests' output clean."""

    def do_HEAD(self) -> None:
        self._answer(with_body=False)

    def do_GET(self) -> None:
        self._answer(with_body=True)

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self._answer(with_body=True, form=body)

    def _answer(self, *, with_body: bool, form: bytes = b"") -> None:
        url = urlsplit(self.path)
        path = unquote(url.path)
        line = f"{self.command} {path}"
        self.server.requests.append(line)
        self.with_body = with_body
        self.fault = self._fault(line)
        self.server.before(line)
        if self.fault and self.fault.kind == "silent":
            self.server.closing.wait()
            self.close_connection = True
        elif self.fault and self.fault.kind == "refuse":
            self.close_connection = True
        elif self.fault and self.fault.kind == "status":
            self._send(self.fault.status, b"{}", dict(self.fault.headers))
        elif match := re.match(r"^(?:/datasets)?/([^/]+/[^/]+)/resolve/([^/]+)/(.+)$", path):
            self._file(match.group(1), match.group(3))
        elif match := re.match(
            r"^/api/(?:datasets|models)/([^/]+/[^/]+)(?:/([^/]+)(?:/[^/]+(?:/(.*))?)?)?$", path
        ):
            self._api(*match.groups(), form=form, query=url.query)
        else:
            self._error(404, "EntryNotFound", "Entry not found")

    def _fault(self, line: str) -> Fault | None:
        for fault in self.server.faults:
            if fault.seen < fault.times and re.search(fault.pattern, line):
                fault.seen += 1
                return fault
        return None

    def _api(self, name: str, verb: str | None, path: str | None, form: bytes, query: str) -> None:
        root = self.server.repositories.get(name)
        if root is None:
            self._error(401, "RepoNotFound", "Repository Not Found")
        elif verb in (None, "revision"):
            siblings = [{"rfilename": f["path"]} for f in _entries(root) if f["type"] == "file"]
            self._json(
                {
                    "id": name,
                    "sha": self.server.commit,
                    "private": False,
                    "gated": "manual" if name in self.server.gated else False,
                    "disabled": False,
                    "lastModified": "2026-01-01T00:00:00.000Z",
                    "createdAt": "2026-01-01T00:00:00.000Z",
                    "tags": [],
                    "downloads": 0,
                    "likes": 0,
                    "siblings": siblings,
                }
            )
        elif verb == "tree":
            recursive = "recursive" in query.lower() and "false" not in query.lower()
            self._tree(root, path or "", recursive=recursive)
        elif verb == "paths-info":
            self._json([e for e in _entries(root) if e["path"] in _wanted_paths(form)])
        else:
            self._error(404, "EntryNotFound", "Entry not found")

    def _tree(self, root: Path, path: str, *, recursive: bool) -> None:
        if path and not (root / path).is_dir():
            self._error(404, "EntryNotFound", f"{path} does not exist")
            return
        inside = [e for e in _entries(root) if not path or e["path"].startswith(path + "/")]
        depth = path.count("/") + 2 if path else 1
        self._json([e for e in inside if recursive or e["path"].count("/") < depth])

    def _file(self, name: str, path: str) -> None:
        root = self.server.repositories.get(name)
        if root is None:
            self._error(401, "RepoNotFound", "Repository Not Found")
        elif name in self.server.gated and path != "README.md":
            self._error(403, "GatedRepo", f"Access to dataset {name} is restricted")
        elif not (root / path).is_file():
            self._error(404, "EntryNotFound", "Entry not found")
        else:
            self._content((root / path).read_bytes())

    def _content(self, data: bytes) -> None:
        total = len(data)
        wanted = re.match(r"bytes=(\d+)-(\d*)", self.headers.get("Range", ""))
        headers = {
            "ETag": f'"{hashlib.sha256(data).hexdigest()}"',
            "X-Repo-Commit": self.server.commit,
            "Accept-Ranges": "bytes",
            "Content-Type": "application/octet-stream",
        }
        if wanted:
            first = int(wanted.group(1))
            last = min(int(wanted.group(2) or total - 1), total - 1)
            headers["Content-Range"] = f"bytes {first}-{last}/{total}"
            self._send(206, data[first : last + 1], headers)
        else:
            self._send(200, data, headers)

    def _json(self, value: object) -> None:
        self._send(200, json.dumps(value).encode(), {"Content-Type": "application/json"})

    def _error(self, status: int, code: str, message: str) -> None:
        body = json.dumps({"error": message}).encode()
        headers = {
            "X-Error-Code": code,
            "X-Error-Message": message,
            "Content-Type": "application/json",
        }
        self._send(status, body, headers)

    def _send(self, status: int, body: bytes, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if not self.with_body:
            return
        kind = self.fault.kind if self.fault else None
        if kind == "garbage":
            body = b"\x7f" * len(body)
        if kind not in ("cut", "stall"):
            self.wfile.write(body)
            return
        self.wfile.write(body[: len(body) // 2])
        self.wfile.flush()
        if kind == "stall":
            self.server.closing.wait()
        self.close_connection = True


def _wanted_paths(form: bytes) -> list[str]:
    try:
        return list(json.loads(form)["paths"])
    except ValueError:
        return parse_qs(form.decode()).get("paths", [])


def _entries(root: Path) -> list[dict[str, object]]:
    """List every file and folder as the hub's tree does."""
    entries: list[dict[str, object]] = []
    for path in sorted(root.rglob("*")):
        name = path.relative_to(root).as_posix()
        oid = hashlib.sha1(name.encode(), usedforsecurity=False).hexdigest()
        kind = "directory" if path.is_dir() else "file"
        size = 0 if path.is_dir() else path.stat().st_size
        entries.append({"type": kind, "path": name, "oid": oid, "size": size})
    return entries
