"""The demo hospital at a distance: every answer comes after a while, from memory, at next to no cost to this process.

usage: python bench/far_hospital.py DELAY

Prints its base URL and serves until standard input ends. What it answers is worked out by ``tests/hospital/server.py``
the first time a request comes, and sent again as it was from then on. A batch takes as long as one search.
"""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from trialmatch import demo

from tests.hospital.server import Hospital, resources_of


class Connection(asyncio.Protocol):
    """One connection: requests one after the other, each answered late."""

    def __init__(self, hospital: Hospital, delay: float, answers: dict[bytes, bytes]) -> None:
        self.hospital, self.delay, self.answers = hospital, delay, answers
        self.received = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep what answers are written to."""
        assert isinstance(transport, asyncio.WriteTransport)
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        """Answer a request once it is whole."""
        self.received += data
        head, end, body = self.received.partition(b"\r\n\r\n")
        length = next(
            (int(line.split(b":")[1]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:")), 0
        )
        if not end or len(body) < length:
            return
        self.received = b""
        key = head.split(b"\r\n", 1)[0] + body
        if key not in self.answers:
            self.answers[key] = self.answer(head, body)
        asyncio.get_running_loop().call_later(self.delay, self.transport.write, self.answers[key])

    def answer(self, head: bytes, body: bytes) -> bytes:
        """The answer as it goes over the wire."""
        method, target, _ = head.split(b"\r\n", 1)[0].decode().split(" ")
        url = urlsplit(target)
        parts = url.path.removeprefix("/fhir").strip("/").split("/")
        status, resource = self.hospital.resource(method, parts, parse_qsl(url.query, keep_blank_values=True), body)
        content = json.dumps(resource).encode()
        lines = [f"HTTP/1.1 {status} -", "Content-Type: application/fhir+json", f"Content-Length: {len(content)}"]
        return "\r\n".join([*lines, "", ""]).encode() + content


async def main() -> None:
    """Serve until standard input ends."""
    hospital = Hospital(resources_of(demo.hospital_path()), batch=True)
    answers: dict[bytes, bytes] = {}
    loop, delay = asyncio.get_running_loop(), float(sys.argv[1])
    server = await loop.create_server(lambda: Connection(hospital, delay, answers), "127.0.0.1", 0, backlog=512)
    hospital.port = server.sockets[0].getsockname()[1]
    print(hospital.url, flush=True)
    await asyncio.to_thread(sys.stdin.read)
    server.close()


if __name__ == "__main__":
    asyncio.run(main())
