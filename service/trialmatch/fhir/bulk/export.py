"""Asking a FHIR server for an export of many patients: kick-off, polling, manifest, removal.

Source: HL7 FHIR Bulk Data Access, 2.0.0 and 3.0.0, sections "Bulk Data Kick-off Request", "Status Request" and "Delete
Request". :mod:`trialmatch.fhir.bulk.files` fetches the files that the manifest names.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar
from urllib.parse import quote, urljoin

import orjson
import requests
from tenacity import RetryCallState, Retrying, retry_if_exception_type, stop_after_attempt, wait_random_exponential

from trialmatch.addresses import origin, shown
from trialmatch.config import Settings
from trialmatch.config_access import listed
from trialmatch.errors import BadInput, SourceUnavailable
from trialmatch.fhir.bulk.request import Request, body, refused_types, ways
from trialmatch.fhir.elements import Json, next_link, objects
from trialmatch.fhir.hospital.retry_after import seconds

#: A URL longer than this is sent as a POST with Parameters instead; proxies commonly refuse 2,000 and more.
_URL_LENGTH = 1_800

#: Tries of one exchange, and the longest wait between two of them or between two polls, in seconds.
_TRIES = 6
_LONGEST_WAIT = 300.0

#: Statuses that may pass by themselves.
_PASSING = {408, 425, 429, 502, 503, 504}

#: Statuses of a kick-off that may be taken if it is put otherwise.
_PUT_OTHERWISE = {400, 405, 413, 414, 415, 422, 501}

_WORDS = {
    401: "it refuses access (401)",
    403: "it refuses access (403)",
    404: "it offers no $export here (404)",
    405: "it offers no $export here (405)",
    501: "it offers no $export here (501)",
}

T = TypeVar("T")


class Expired(Exception):
    """The server does not know the export any more; it has to be asked for anew."""


class Passing(Exception):
    """A failure that may pass: ``wait`` is what the server asks for, in seconds, if it does."""

    def __init__(self, words: str, wait: float | None = None) -> None:
        super().__init__(words)
        self.wait = wait


@dataclass(frozen=True)
class File:
    """A file of the manifest; ``count`` is how many resources the server says are in it."""

    type: str
    url: str
    count: int | None


@dataclass(frozen=True)
class Manifest:
    """What an export gave. ``transaction_time`` is where the next one with ``_since`` goes on."""

    transaction_time: str
    requires_token: bool
    output: tuple[File, ...] = ()
    error: tuple[File, ...] = ()
    deleted: tuple[File, ...] = ()


@dataclass
class Server:
    """The bulk side of one FHIR server.

    ``bearer`` gives the access token of the moment; it goes to the server's own origin and to ``export_hosts`` only.
    ``renew`` gives another one for one that the server has refused. ``sleep`` waits a number of seconds.
    """

    url: str
    settings: Settings
    bearer: Callable[[], str | None] = lambda: None
    sleep: Callable[[float], None] = time.sleep
    session: requests.Session = field(default_factory=requests.Session)
    renew: Callable[[str], str | None] = lambda refused: None

    def __post_init__(self) -> None:
        if origin(self.url) is None:
            raise BadInput(shown(self.url), "no URL of a server", "http:// or https:// and a host")

    # -- exchanges ------------------------------------------------------------------------------------------------

    def kick_off(self, request: Request) -> tuple[str, Request]:
        """Ask for an export. Returns the URL of its state, and the request as the server took it.

        A server that refuses types by their names is asked without them; one that refuses Medications, which are of no
        patient, without those (HAPI does so for groups); one that refuses filters without these: it then gives more
        than is needed, which does no harm. Raises SourceUnavailable.
        """
        refused: frozenset[str] = frozenset()
        for way in ways(request):
            asked = way.without(refused)
            answer = self._kick_off(asked)
            while answer.status_code in _PUT_OTHERWISE and (more := refused_types(asked, _object(answer))):
                refused |= more
                asked = way.without(refused)
                answer = self._kick_off(asked)
            if answer.status_code not in _PUT_OTHERWISE:
                break
        if answer.status_code != 202:
            raise self._refused(request.endpoint, answer)
        status = answer.headers.get("Content-Location")
        if not status:
            raise SourceUnavailable(f"{shown(request.endpoint)}: its answer does not say where the export will be")
        return self.own(urljoin(request.endpoint, status)), asked

    def wait(self, status: str, tell: Callable[[str], None] = lambda words: None) -> Manifest:
        """Poll until the export is ready; ``tell`` hears what the server says of its progress.

        Raises Expired where the server does not know the export, SourceUnavailable where it failed or takes longer than
        ``export_timeout``.
        """
        until = time.monotonic() + self.settings.export_timeout
        pause = 1.0
        while True:
            answer = self.send("GET", status, {"Accept": "application/json"})
            if answer.status_code == 200:
                return self._manifest(status, answer)
            if answer.status_code in (404, 410):
                raise Expired
            if answer.status_code != 202:
                raise self._refused(status, answer)
            tell(answer.headers.get("X-Progress", "")[:100])
            asked = seconds(answer.headers.get("Retry-After"))
            if time.monotonic() + (asked or pause) > until:
                raise SourceUnavailable(
                    f"{shown(status)}: the export is not ready after {self.settings.export_timeout:g} seconds"
                )
            self.sleep(min(asked if asked is not None else pause, _LONGEST_WAIT))
            pause = min(pause * 1.5, 60.0)

    def remove(self, status: str) -> bool:
        """Ask the server to forget an export and its files; whether it did. Failure is no error: exports expire."""
        try:
            return self.send("DELETE", status, {}).status_code in (200, 202, 204, 404, 410)
        except SourceUnavailable:
            return False

    def send(self, method: str, url: str, headers: dict[str, str], body: bytes | None = None) -> requests.Response:
        """One exchange, tried again while it fails in passing. Redirects are not followed. Raises SourceUnavailable."""
        return self.again(url, lambda: self.once(method, url, headers, body))

    def again(self, url: str, attempt: Callable[[], T]) -> T:
        """Do something that may raise Passing until it does not, a few times. Raises SourceUnavailable."""
        backoff = wait_random_exponential(multiplier=1, max=60)

        def wait(state: RetryCallState) -> float:
            problem = state.outcome.exception() if state.outcome else None
            asked = problem.wait if isinstance(problem, Passing) else None
            return min(asked if asked is not None else backoff(state), _LONGEST_WAIT)

        try:
            return Retrying(
                retry=retry_if_exception_type(Passing),
                stop=stop_after_attempt(_TRIES),
                wait=wait,
                sleep=self.sleep,
                reraise=True,
            )(attempt)
        except Passing as problem:
            raise SourceUnavailable(f"{shown(url)}: {problem}, {_TRIES} times") from None

    def once(
        self, method: str, url: str, headers: dict[str, str], body: bytes | None = None, *, stream: bool = False,
        token: bool = True,
    ) -> requests.Response:  # fmt: skip
        """One exchange, once (twice, where a token has run out). Raises Passing where it may succeed later."""
        bearer = self.bearer() if token else None
        answer = self._exchange(method, url, headers, body, stream, bearer)
        if answer.status_code == 401 and bearer is not None:
            another = self.renew(bearer)
            if another is not None and another != bearer:
                answer.close()
                answer = self._exchange(method, url, headers, body, stream, another)
        if answer.status_code in _PASSING or (answer.status_code == 500 and _transient(answer)):
            answer.close()
            raise Passing(f"is busy or fails ({answer.status_code})", seconds(answer.headers.get("Retry-After")))
        return answer

    def _exchange(
        self, method: str, url: str, headers: dict[str, str], body: bytes | None, stream: bool, bearer: str | None
    ) -> requests.Response:
        if bearer is not None:
            headers = {**headers, "Authorization": f"Bearer {bearer}"}
        try:
            timeout = self.settings.fhir_timeout
            return self.session.request(
                method, url, headers=headers, data=body, timeout=timeout, allow_redirects=False, stream=stream
            )
        except requests.Timeout:
            raise Passing("does not answer in time") from None
        except requests.RequestException as problem:
            raise Passing(f"cannot be reached ({type(problem).__name__})") from None

    # -- addresses ------------------------------------------------------------------------------------------------

    def own(self, url: str) -> str:
        """A URL that is at the server's own origin; SourceUnavailable otherwise."""
        if origin(url) is None or origin(url) != origin(self.url):
            raise SourceUnavailable(f"{shown(self.url)}: it refers to another origin, {shown(url)}")
        return url

    def allowed(self, url: str) -> str:
        """A URL of a file: at the server's own origin, or at a host that ``export_hosts`` names."""
        there = origin(url)
        if there is not None and there[1] in {host.lower() for host in listed(self.settings.export_hosts)}:
            return url
        try:
            return self.own(url)
        except SourceUnavailable as problem:
            raise SourceUnavailable(f"{problem}; TRIALMATCH_EXPORT_HOSTS may allow it") from None

    # -- inside ---------------------------------------------------------------------------------------------------

    def _kick_off(self, request: Request) -> requests.Response:
        headers = {"Accept": "application/fhir+json", "Prefer": "respond-async"}
        url = f"{request.endpoint}?" + "&".join(
            f"{name}={quote(value, safe=',/:')}" for name, value in request.parameters()
        )
        if len(url) <= _URL_LENGTH:
            return self.send("GET", url, headers)
        headers["Content-Type"] = "application/fhir+json"
        return self.send("POST", request.endpoint, headers, orjson.dumps(body(request)))

    def _refused(self, url: str, answer: requests.Response) -> SourceUnavailable:
        words = _WORDS.get(answer.status_code, f"it does not give the export ({answer.status_code})")
        return SourceUnavailable(f"{shown(url)}: {words}")

    def _manifest(self, status: str, answer: requests.Response) -> Manifest:
        """The manifest, all pages of it (Bulk Data 3.0.0, "Manifest paging")."""
        found: Manifest | None = None
        seen = {status}
        while True:
            page = _object(answer)
            if page is None or not isinstance(page.get("transactionTime"), str):
                raise SourceUnavailable(f"{shown(status)}: what it gives is no manifest of an export")
            read = Manifest(
                page["transactionTime"],
                page.get("requiresAccessToken") is not False,
                *(self._files(page.get(name), status) for name in ("output", "error", "deleted")),
            )
            found = read if found is None else _joined(found, read)
            following = next_link(page)
            if following is None:
                return found
            url = self.own(urljoin(status, following))
            if url in seen:
                raise SourceUnavailable(f"{shown(status)}: the pages of its manifest go round in circles")
            seen.add(url)
            answer = self.send("GET", url, {"Accept": "application/json"})
            if answer.status_code != 200:
                raise self._refused(url, answer)

    def _files(self, entries: Any, status: str) -> tuple[File, ...]:
        if entries is None:
            return ()
        found = []
        for entry in entries if isinstance(entries, list) else [None]:
            described: Json = entry if isinstance(entry, dict) else {}
            url, kind, count = described.get("url"), described.get("type"), described.get("count")
            if not isinstance(url, str):
                raise SourceUnavailable(f"{shown(status)}: its manifest names a file without a URL")
            whole = isinstance(count, int) and not isinstance(count, bool) and count >= 0
            name = kind if isinstance(kind, str) and kind.isalpha() else "Unknown"
            found.append(File(name, self.allowed(urljoin(status, url)), count if whole else None))
        return tuple(found)


def _joined(one: Manifest, other: Manifest) -> Manifest:
    return replace(
        one,
        requires_token=one.requires_token or other.requires_token,
        output=one.output + other.output,
        error=one.error + other.error,
        deleted=one.deleted + other.deleted,
    )


def _object(answer: requests.Response) -> Json | None:
    try:
        value = orjson.loads(answer.content)
    except (orjson.JSONDecodeError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def _transient(answer: requests.Response) -> bool:
    """Whether an error says of itself that it may pass (IssueType ``transient`` and what is under it)."""
    passing = ("transient", "lock-error", "no-store", "timeout", "incomplete", "throttled")
    return any(issue.get("code") in passing for issue in objects(_object(answer), "issue"))
