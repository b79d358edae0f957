"""A bulk export server whose every answer is scripted: what it gives, refuses, breaks off, and what it was asked."""

from __future__ import annotations

import gzip
import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit


@dataclass
class Answer:
    """One HTTP answer; with ``cut`` the connection ends after so many bytes of the body."""

    status: int = 200
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    cut: int | None = None


@dataclass
class Asked:
    """One request as it came."""

    method: str
    path: str
    query: dict[str, list[str]]
    headers: dict[str, str]
    body: bytes


Script = Callable[[Asked], Answer | None]


class BulkServer:
    """A server at ``url`` with one export of ``files`` (name → lines). ``scripts`` come first, in order.

    ``polls`` is how often it answers that the export is not ready.
    """

    def __init__(self, files: dict[str, list[dict[str, Any]]], *, polls: int = 1, tag: bool = True) -> None:
        self.files = {
            name: b"".join(json.dumps(line).encode() + b"\n" for line in lines) for name, lines in files.items()
        }
        self.counts = {name: len(lines) for name, lines in files.items()}
        self.polls, self.tag = polls, tag
        self.errors: list[str] = []
        self.deleted: list[str] = []
        self.scripts: list[Script] = []
        self.asked: list[Asked] = []
        self.url = ""
        self.removed = False
        self.compress = False

    def answer(self, asked: Asked) -> Answer:
        """What the server says to a request."""
        self.asked.append(asked)
        for script in self.scripts:
            answer = script(asked)
            if answer is not None:
                return answer
        if asked.path.endswith("/$export"):
            return Answer(202, headers={"Content-Location": f"{self.url}/status/1"})
        if asked.path == "/fhir/status/1":
            return self._status(asked)
        return self._file(asked)

    def of(self, ending: str) -> list[Asked]:
        """Requests whose path ends so."""
        return [one for one in self.asked if one.path.endswith(ending)]

    def manifest(self) -> dict[str, Any]:
        """The manifest of the export."""
        special = {*self.errors, *self.deleted}
        return {
            "transactionTime": "2026-03-01T00:00:00Z",
            "request": f"{self.url}/$export",
            "requiresAccessToken": True,
            "output": [self._entry(name) for name in self.files if name not in special],
            "error": [self._entry(name) for name in self.errors],
            "deleted": [self._entry(name) for name in self.deleted],
        }

    def _entry(self, name: str) -> dict[str, Any]:
        return {"type": name.split("-")[0], "url": f"{self.url}/files/{name}", "count": self.counts[name]}

    def _status(self, asked: Asked) -> Answer:
        if asked.method == "DELETE":
            self.removed = True
            return Answer(202)
        if self.polls:
            self.polls -= 1
            return Answer(202, headers={"X-Progress": "half way", "Retry-After": "7"})
        return Answer(200, json.dumps(self.manifest()).encode(), {"Content-Type": "application/json"})

    def _file(self, asked: Asked) -> Answer:
        content = self.files.get(asked.path.rsplit("/", 1)[-1])
        if content is None:
            return Answer(404)
        headers = {"ETag": '"one"'} if self.tag else {}
        if self.compress:
            content = gzip.compress(content, mtime=0)
            headers["Content-Encoding"] = "gzip"
        span = asked.headers.get("range")
        if span and asked.headers.get("if-range") == '"one"':
            start = int(span.removeprefix("bytes=").split("-")[0])
            headers["Content-Range"] = f"bytes {start}-{len(content) - 1}/{len(content)}"
            return Answer(206, content[start:], headers)
        return Answer(200, content, headers)


@contextmanager
def serving(bulk: BulkServer) -> Iterator[BulkServer]:
    """Serve on the loopback address, FHIR base ``/fhir``."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _do(self) -> None:
            parts = urlsplit(self.path)
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            headers = {name.lower(): value for name, value in self.headers.items()}
            answer = bulk.answer(Asked(self.command, parts.path, parse_qs(parts.query), headers, body))
            self.send_response(answer.status)
            for name, value in answer.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(answer.body)))
            self.end_headers()
            self.wfile.write(answer.body if answer.cut is None else answer.body[: answer.cut])
            if answer.cut is not None:
                self.close_connection = True

        do_GET = do_POST = do_DELETE = _do

        def log_message(self, *args: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    bulk.url = f"http://127.0.0.1:{server.server_port}/fhir"
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield bulk
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
