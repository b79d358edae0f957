"""One way to a FHIR server: fhirpy's client with a shared session, limits, retries, and refusals in plain words.

fhirpy 2.3 opens a session for every request, follows links wherever they lead, and sets no limit to time or size; all
of that is done here instead. What goes wrong is a :class:`Refused`, whose words never hold anything of a patient.
"""

from __future__ import annotations

import asyncio
import contextlib
from base64 import b64encode
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.request import getproxies, proxy_bypass

import aiohttp
import orjson
from fhirpy import AsyncFHIRClient
from fhirpy.base.exceptions import BaseFHIRError
from tenacity import (
    AsyncRetrying,
    RetryCallState,
    retry_if_exception_type,
    stop_after_attempt,
    stop_before_delay,
    wait_exponential_jitter,
)
from yarl import URL

from trialmatch import __version__
from trialmatch.config import Settings
from trialmatch.errors import BadInput, SourceUnavailable
from trialmatch.fhir.elements import Json
from trialmatch.fhir.hospital.retry_after import seconds

#: Statuses that may be over in a moment: request timeout, too many requests, bad gateway, unavailable, gateway timeout.
_PASSING = frozenset({408, 429, 502, 503, 504})

#: How much of an error's body is looked at.
_ERROR_BYTES = 65_536
_CHUNK = 65_536

#: What a request carries: nothing, JSON, or a form.
Body = bytes | Mapping[str, Any] | None

#: Gives another token in place of one that the server has refused. It blocks, and raises SourceUnavailable.
Renew = Callable[[str], str | None]

_UNAUTHORIZED = 401

_WORDS = {
    401: "it refuses access (401)",
    403: "it refuses access (403)",
    404: "it knows no such thing (404)",
    410: "it knows no such thing any more (410)",
    429: "it asks for fewer requests (429)",
}

_BACK_OFF = wait_exponential_jitter(multiplier=0.1, max=10.0, jitter=0.2)


class Refused(BaseFHIRError):
    """A request without a usable answer. ``status`` is HTTP's (0: none came); ``body`` the beginning of an error's.

    ``late``: there was nothing to be had of it in the time there is.
    """

    late = False

    def __init__(self, words: str, status: int = 0, body: bytes = b"") -> None:
        super().__init__(words)
        self.status = status
        self.body = body


class Passing(Refused):
    """A refusal that may be over in a moment; ``after`` are the seconds that the server asks to wait."""

    def __init__(self, words: str, status: int = 0, after: float | None = None) -> None:
        super().__init__(words, status)
        self.after = after


class Late(Refused):
    """No answer in the time that there is."""

    late = True


class Unreached(Passing):
    """No connection in the time that there is."""

    late = True


@dataclass
class Allowance:
    """How many bytes the answers to one search may still have."""

    left: int

    def take(self, size: int) -> None:
        """Use some of it up; Refused where it does not suffice."""
        self.left -= size
        if self.left < 0:
            raise Refused("its answers are larger than allowed (fhir_bytes)")


def checked(url: str) -> URL:
    """The base URL of a server; BadInput where it is none."""
    try:
        parts = URL(url.rstrip("/"))
        fine = parts.scheme in ("http", "https") and bool(parts.host)
    except ValueError:
        fine = False
    if not fine:
        raise BadInput(url.split("@")[-1].split("?")[0], "no URL of a server", "http:// or https:// and a host")
    return parts.with_query(None).with_fragment(None)


class Client(AsyncFHIRClient):
    """fhirpy's client for one match: its requests run side by side, and end together when the time is over."""

    def __init__(
        self,
        base: URL,
        settings: Settings,
        session: aiohttp.ClientSession,
        bearer: str | None = None,
        renew: Renew | None = None,
    ) -> None:
        authorization = f"Bearer {bearer}" if bearer else None
        if authorization is None and base.user is not None:
            pair = f"{base.user}:{base.password or ''}"
            authorization = f"Basic {b64encode(pair.encode()).decode()}"
        super().__init__(
            str(base.with_user(None)),
            authorization,
            {
                "Accept": "application/fhir+json, application/json;q=0.9",
                "Prefer": "handling=lenient",  # unknown parameters are no reason to refuse
                "Cache-Control": "no-cache",  # some servers answer a search again from a minute ago
                "User-Agent": f"trialmatch/{__version__}",
            },
        )
        self._origin = _origin(base)
        self._proxy = _proxy(base)
        self.settings = settings
        self._session = session
        self._slots = asyncio.Semaphore(settings.fhir_parallel)
        self._end = asyncio.get_running_loop().time() + settings.fhir_total_timeout
        self._bearer = bearer
        self._renew = renew
        self._renewing = asyncio.Lock()

    @property
    def left(self) -> float:
        """Seconds until the time for the whole match is over."""
        return self._end - asyncio.get_running_loop().time()

    async def ask(
        self,
        path: str,
        params: Mapping[str, Any] | None = None,
        *,
        method: str = "get",
        data: Json | None = None,
        form: Mapping[str, Any] | None = None,
        allowance: Allowance | None = None,
    ) -> Json:
        """The resource that a request is answered with; requests that fail for a passing reason are repeated.

        ``path`` is relative to the server's base, or a URL of the same origin. Raises Refused.
        """
        url = self._build_request_url(path, params)
        if allowance is None:
            allowance = Allowance(self.settings.fhir_bytes)
        body = form if data is None else orjson.dumps(data)
        sent = self._bearer
        try:
            content = await self._repeatedly(method, url, body, allowance)
        except Refused as problem:
            if problem.status != _UNAUTHORIZED or not await self._renewed(sent):
                raise
            content = await self._repeatedly(method, url, body, allowance)
        allowance.take(len(content))
        return _resource(content)

    async def _repeatedly(self, method: str, url: str, body: Body, allowance: Allowance) -> bytes:
        """The body of an answer; what fails for a passing reason is asked for again, after a while."""
        try:
            return await self._once(method, url, body, allowance)  # nearly always; tenacity costs as much as a request
        except Passing as problem:
            first: list[Passing] = [problem]

        async def attempt() -> bytes:
            if first:
                raise first.pop()
            return await self._once(method, url, body, allowance)

        retrying = AsyncRetrying(
            retry=retry_if_exception_type(Passing),
            stop=stop_after_attempt(self.settings.fhir_retries + 1) | stop_before_delay(max(self.left, 0)),
            wait=_wait,
            reraise=True,
        )
        return await retrying(attempt)

    async def _renewed(self, refused: str | None) -> bool:
        """Whether there is another token than one that was refused: it may have run out. One is asked for, not more."""
        async with self._renewing:
            if self._bearer == refused and refused is not None and self._renew is not None:
                renew, self._renew = self._renew, None
                with contextlib.suppress(SourceUnavailable):
                    other = await asyncio.to_thread(renew, refused)
                    if other is not None:
                        self._bearer, self.authorization = other, f"Bearer {other}"
            return self._bearer != refused

    def relative(self, path: str, params: Mapping[str, Any]) -> str:
        """A request as an entry of a batch names it."""
        return self._build_request_url(path, params).removeprefix(f"{self.url}/")

    async def _do_request(
        self,
        method: str,
        path: str,
        data: dict[str, Any] | None = None,
        params: dict[str, Any] | None = None,
        extra_headers: dict[str, Any] | None = None,
        *,
        returning_status: bool = False,
    ) -> Any:
        """What fhirpy's own methods (``get``, ``execute``, search sets) send."""
        answer = await self.ask(path, params, method=method, data=data)
        return (answer, 200) if returning_status else answer

    def _build_request_url(self, path: str, params: Mapping[str, Any] | None) -> str:
        """A URL of this server's origin; nothing is sent to another."""
        try:
            url = URL(path, encoded=True)
            own = not url.scheme or _origin(url) == self._origin
        except ValueError:
            raise Refused("its link is no URL") from None
        if not own:
            raise Refused("its link leads to another origin")
        if url.scheme:
            return str(url.with_user(None).with_fragment(None))
        return str(super()._build_request_url(path, params)).removesuffix("?")

    async def _once(self, method: str, url: str, body: Body, allowance: Allowance) -> bytes:
        async with self._slots:
            if self.left <= 0:
                raise Late("all answers together took too long (fhir_total_timeout)")
            timeout = aiohttp.ClientTimeout(
                total=min(self.settings.fhir_timeout, self.left), sock_connect=self.settings.fhir_connect_timeout
            )
            headers = self._build_request_headers()
            if isinstance(body, bytes):
                headers["Content-Type"] = "application/fhir+json"
            try:
                async with self._session.request(
                    method, URL(url, encoded=True), data=body, headers=headers, timeout=timeout, allow_redirects=False,
                    proxy=self._proxy,
                ) as answer:  # fmt: skip
                    return await _content(answer, allowance)
            except aiohttp.ConnectionTimeoutError:
                raise Unreached("it cannot be reached in time") from None
            except TimeoutError:
                whose = "all answers together took too long (fhir_total_timeout)"
                raise Late(whose if self.left <= 0 else "it does not answer in time (fhir_timeout)") from None
            except (aiohttp.ClientConnectorCertificateError, aiohttp.ClientConnectorSSLError):
                raise Refused("it cannot be reached (its certificate is not accepted)") from None
            except aiohttp.ClientConnectorDNSError:
                raise Passing("it cannot be reached (no such host)") from None
            except aiohttp.ClientConnectorError:
                raise Passing("it cannot be reached (no connection)") from None
            except (aiohttp.ClientConnectionError, aiohttp.ClientPayloadError):
                raise Passing("the connection to it broke off") from None
            except (aiohttp.ClientError, ValueError) as problem:
                raise Refused(f"its answer is no HTTP that can be read ({type(problem).__name__})") from None


def _origin(url: URL) -> tuple[str, str | None, int | None]:
    """Scheme, host and port, the scheme's own port included."""
    return url.scheme, url.host, url.port


def _proxy(url: URL) -> str | None:
    """The proxy that the environment names for a server (``HTTPS_PROXY``, ``NO_PROXY`` and the like).

    aiohttp can look for it too, but does so in another thread and with every request.
    """
    return None if proxy_bypass(url.host or "") else getproxies().get(url.scheme)


async def _content(answer: aiohttp.ClientResponse, allowance: Allowance) -> bytes:
    """The body of a good answer, as far as it is allowed to be large; Refused in words for any other."""
    good = 200 <= answer.status < 300 and answer.status != 204
    limit = allowance.left if good else _ERROR_BYTES
    pieces, size = [], 0
    async for piece in answer.content.iter_chunked(_CHUNK):
        size += len(piece)
        if size > limit:
            break
        pieces.append(piece)
    if not good:
        raise refusal(answer.status, answer.headers.get("Retry-After"), b"".join(pieces))
    if size > limit:
        raise Refused("its answers are larger than allowed (fhir_bytes)")
    return b"".join(pieces)


def refusal(status: int, retry_after: str | None, body: bytes) -> Refused:
    """What an HTTP status other than a good one means."""
    if status in _PASSING:
        words = _WORDS.get(status, f"it is not available ({status})")
        return Passing(words, status, seconds(retry_after))
    if status in _WORDS:
        return Refused(_WORDS[status], status, body)
    if status == 204:
        return Refused("its answer is empty (204)", status)
    if status < 400:
        return Refused(f"it redirects elsewhere ({status}), which is not followed", status)
    return Refused(f"it {'fails' if status >= 500 else 'does not understand the request'} ({status})", status, body)


def _wait(state: RetryCallState) -> float:
    """What the server asks for, else a back-off that doubles, with some chance in it."""
    problem = state.outcome.exception() if state.outcome is not None else None
    after = problem.after if isinstance(problem, Passing) else None
    return float(_BACK_OFF(state)) if after is None else after


def _resource(content: bytes) -> Json:
    """The JSON object in a body, whatever the server calls its content."""
    try:
        answer = orjson.loads(content.removeprefix(b"\xef\xbb\xbf"))
    except (orjson.JSONDecodeError, RecursionError):
        if not content.strip():
            raise Refused("its answer is empty") from None
        markup = content.lstrip()[:1] == b"<"
        raise Refused("its answer is a page or XML, no JSON" if markup else "its answer is no JSON") from None
    if not isinstance(answer, dict) or not isinstance(answer.get("resourceType"), str):
        raise Refused("its answer is no resource")
    return answer
