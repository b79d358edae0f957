"""The faults of servers, to be scripted into :class:`tests.hospital.server.Hospital`.

A fault gets the request and a function that makes the proper answer (status, resource); it returns its own answer, or
None to let the proper one be given.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from aiohttp import web

Json = dict[str, Any]
Proper = Callable[[], tuple[int, Json]]
FHIR = "application/fhir+json"


@dataclass(frozen=True)
class Fault:
    """One fault; ``status`` is what a batch says of it."""

    act: Callable[[web.Request, Proper], Awaitable[web.StreamResponse | None]]
    status: int = 0

    async def __call__(self, request: web.Request, proper: Proper) -> web.StreamResponse | None:
        return await self.act(request, proper)


def status(code: int, body: Json | None = None, **headers: str) -> Fault:
    """An HTTP status with an OperationOutcome; ``Retry_After="1"`` becomes a header."""
    content = body or {"resourceType": "OperationOutcome", "issue": [{"severity": "error", "code": "exception"}]}
    named = {name.replace("_", "-"): value for name, value in headers.items()}

    async def act(request: web.Request, proper: Proper) -> web.StreamResponse:
        return web.json_response(content, status=code, content_type=FHIR, headers=named)

    return Fault(act, code)


def answers(body: bytes | Json, content_type: str = FHIR) -> Fault:
    """These bytes in place of the answer."""
    content = body if isinstance(body, bytes) else json.dumps(body).encode()

    async def act(request: web.Request, proper: Proper) -> web.StreamResponse:
        return web.Response(body=content, content_type=content_type)

    return Fault(act)


def changed(change: Callable[[Json], Json | None]) -> Fault:
    """The proper answer, with a change to its resource."""

    async def act(request: web.Request, proper: Proper) -> web.StreamResponse:
        code, resource = proper()
        resource = json.loads(json.dumps(resource))
        return web.json_response(change(resource) or resource, status=code, content_type=FHIR)

    return Fault(act)


def called(content_type: str) -> Fault:
    """The proper answer under another content type."""

    async def act(request: web.Request, proper: Proper) -> web.StreamResponse:
        code, resource = proper()
        return web.Response(body=json.dumps(resource).encode(), status=code, content_type=content_type)

    return Fault(act)


def slow(seconds: float) -> Fault:
    """The proper answer, late."""

    async def act(request: web.Request, proper: Proper) -> None:
        await asyncio.sleep(seconds)

    return Fault(act)


def fine() -> Fault:
    """No fault: a turn in a list."""

    async def act(request: web.Request, proper: Proper) -> None:
        return None

    return Fault(act)


def reset(after: int = 200) -> Fault:
    """The connection breaks off after some bytes of the body (none of all, with 0 not even a header)."""

    async def act(request: web.Request, proper: Proper) -> web.StreamResponse:
        content = json.dumps(proper()[1]).encode()
        response = web.StreamResponse(headers={"Content-Type": FHIR, "Content-Length": str(len(content) + 1)})
        if after:
            await response.prepare(request)
            await response.write(content[:after])
        assert request.transport is not None
        request.transport.abort()
        return response

    return Fault(act)


def drip(pause: float = 0.05) -> Fault:
    """An answer that comes byte by byte and never ends."""

    async def act(request: web.Request, proper: Proper) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": FHIR})
        await response.prepare(request)
        while request.transport is not None and not request.transport.is_closing():
            await response.write(b" ")
            await asyncio.sleep(pause)
        return response

    return Fault(act)


def gigantic(size: int) -> Fault:
    """A page with an entry of so many bytes."""

    def grow(page: Json) -> None:
        page.setdefault("entry", []).append({"resource": {"resourceType": "Basic", "id": "big", "text": "x" * size}})

    return changed(grow)


def zipped(content: bytes | None = None) -> Fault:
    """The proper answer compressed (or ``content``, already compressed or pretending to be)."""

    async def act(request: web.Request, proper: Proper) -> web.StreamResponse:
        if content is not None:
            return web.Response(body=content, content_type=FHIR, headers={"Content-Encoding": "gzip"})
        response = web.json_response(proper()[1], content_type=FHIR)
        response.enable_compression(force=web.ContentCoding.gzip)
        return response

    return Fault(act)


def next_page(url: str | Callable[[str], str]) -> Fault:
    """The proper page, whose next link leads to ``url`` (or what it makes of the proper one)."""

    def redirect(page: Json) -> None:
        links = {link["relation"]: link["url"] for link in page["link"]}
        following = url if isinstance(url, str) else url(links.get("next", links["self"]))
        page["link"] = [{"relation": "self", "url": links["self"]}, {"relation": "next", "url": following}]

    return changed(redirect)


def remarks(severity: str, code: str = "not-supported", keep: bool = True) -> Fault:
    """The proper page with an OperationOutcome among its entries (alone, without ``keep``)."""
    issue = {"severity": severity, "code": code, "diagnostics": "Jane Doe, born 1970"}
    entry = {"resource": {"resourceType": "OperationOutcome", "issue": [issue]}, "search": {"mode": "outcome"}}

    def add(page: Json) -> None:
        page["entry"] = [*(page.get("entry", ()) if keep else ()), entry]

    return changed(add)
