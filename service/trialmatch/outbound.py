"""Small JSON documents from servers that settings name: keys, discovery, tokens. Limits on address, time and size.

Patients' records do not come this way; ``fhir`` has a client of its own for them.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Coroutine
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import aiohttp
import orjson

from trialmatch.addresses import is_secure

#: Seconds for a whole exchange, from the name's look-up to the last byte. That is why it is aiohttp here: requests only
#: limits the wait for the next byte, which a server that drips bytes never exceeds.
SECONDS = 5.0

#: Bytes of an answer. Documents of this kind have a few thousand.
BYTES = 256 * 1024


class Unanswered(Exception):
    """No usable answer. The message is of fixed words that go on from a name: nothing of what came."""


@dataclass(frozen=True)
class Reply:
    """Status, and the JSON object of the body, if it is one."""

    status: int
    body: dict[str, Any] | None


def get_json(url: str, *, seconds: float = SECONDS, limit: int = BYTES) -> dict[str, Any]:
    """The JSON object at a URL. Unanswered where there is none, or only elsewhere: redirects are not followed."""
    reply = _run("GET", url, None, seconds, limit)
    if reply.status != 200:
        raise Unanswered(f"answers {reply.status}")
    if reply.body is None:
        raise Unanswered("answers with no JSON object")
    return reply.body


def post_form(
    url: str, form: str, *, authorization: str | None = None, seconds: float = SECONDS, limit: int = BYTES
) -> Reply:
    """Send ``application/x-www-form-urlencoded`` text; the answer whatever its status. Unanswered where none comes.

    ``authorization`` is the header of that name.
    """
    return _run("POST", url, form, seconds, limit, authorization)


def _run(
    method: str, url: str, form: str | None, seconds: float, limit: int, authorization: str | None = None
) -> Reply:
    if not is_secure(url):
        raise Unanswered("is neither https nor on this machine")
    try:
        return _here(_exchange(method, url, form, authorization, seconds, limit))
    except TimeoutError:
        raise Unanswered("does not answer in time") from None
    except (aiohttp.ClientSSLError, ssl.SSLError):
        raise Unanswered("has no certificate that is trusted") from None
    except (aiohttp.ClientError, OSError, ValueError):
        raise Unanswered("cannot be reached") from None


def _here(exchange: Coroutine[Any, Any, Reply]) -> Reply:
    """Run it to its end, also in a thread that is busy with an event loop of its own."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return asyncio.run(exchange)
    with ThreadPoolExecutor(1) as aside:
        return aside.submit(asyncio.run, exchange).result()


async def _exchange(
    method: str, url: str, form: str | None, authorization: str | None, seconds: float, limit: int
) -> Reply:
    headers = {"Accept": "application/json"}
    if authorization is not None:
        headers["Authorization"] = authorization
    if form is not None:
        headers["Content-Type"] = "application/x-www-form-urlencoded"
    async with (
        # The site's proxy (HTTPS_PROXY) is used; cookies are not kept.
        aiohttp.ClientSession(
            timeout=aiohttp.ClientTimeout(total=seconds), trust_env=True, cookie_jar=aiohttp.DummyCookieJar()
        ) as session,
        session.request(method, url, data=form, headers=headers, allow_redirects=False) as answer,
    ):
        content = bytearray()
        async for chunk in answer.content.iter_any():
            content += chunk
            if len(content) > limit:
                raise Unanswered("answers with too much")
        return Reply(answer.status, _object(bytes(content)))


def _object(content: bytes) -> dict[str, Any] | None:
    try:
        value = orjson.loads(content)
    except orjson.JSONDecodeError:
        return None
    return value if isinstance(value, dict) else None
