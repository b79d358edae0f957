"""What one request, and one caller, may ask of the service."""

from __future__ import annotations

import time
from typing import Any

import orjson
from flask import Flask, Response, g, request
from flask_limiter import Limiter
from flask_limiter.util import get_remote_address
from limits import parse_many
from limits.errors import ConfigurationError
from werkzeug.exceptions import BadRequest, RequestEntityTooLarge, UnsupportedMediaType

from trialmatch.config import Settings, variable
from trialmatch.errors import TrialmatchError, UsageError
from trialmatch.web.access.security import caller
from trialmatch.web.service import service

#: What probes ask, and what a page brings along. It is not counted.
_UNCOUNTED = ("/health/", "/metrics", "/static/")

#: Where callers show a token of an issuer. Elsewhere they are recognised later, by other signs.
_BEARERS = ("/api/", "/fhir/")


def hold(app: Flask, settings: Settings) -> None:
    """Limit the size of bodies, and how often a caller may ask. Raises UsageError for a rate that is none."""
    app.config["MAX_CONTENT_LENGTH"] = settings.body_bytes
    try:
        parse_many(settings.rate_limit)
        limiter = Limiter(
            _who,
            app=app,
            application_limits=[settings.rate_limit],
            application_limits_exempt_when=_is_uncounted,
            storage_uri=settings.rate_storage,
            in_memory_fallback=[settings.rate_limit],  # a counter that is down is no reason to refuse anybody
        )
    except (ValueError, ConfigurationError, ImportError):
        names = f"{variable('rate_limit')}, {variable('rate_storage')}"
        raise UsageError(f"{names}: not understood; expected such as 600 per minute, and a URL") from None

    app.before_request(_refuse)

    @app.after_request
    def _when_again(response: Response) -> Response:
        current = limiter.current_limit
        if response.status_code == 429 and current is not None:
            response.headers["Retry-After"] = str(max(1, int(current.reset_at - time.time())))
        return response


def _who() -> str:
    """Whom a call counts for: its caller where the token tells, else the address (so that guessing is counted too)."""
    if request.path.startswith(_BEARERS) and "Authorization" in request.headers:
        try:
            who = caller()
        except TrialmatchError as refusal:  # not from within the counting, which would take it for its own failure
            g.trialmatch_refusal = refusal
        else:
            return f"{who.issuer} {who.subject}"
    return get_remote_address()


def _refuse() -> None:
    """End a call whose token is refused, now that it has been counted."""
    refusal: TrialmatchError | None = g.pop("trialmatch_refusal", None)
    if refusal is not None:
        raise refusal


def _is_uncounted() -> bool:
    return request.path.startswith(_UNCOUNTED)


def body() -> Any:
    """The JSON of the request, within the limits.

    Raises UnsupportedMediaType for what does not say that it is JSON or says that it is packed, BadRequest for what is
    none, RequestEntityTooLarge for what is too long or nests too deep.
    """
    if not request.is_json:
        raise UnsupportedMediaType("expected application/json or application/fhir+json")
    if request.headers.get("Content-Encoding", "identity").strip().lower() not in ("", "identity"):
        raise UnsupportedMediaType("Content-Encoding: a packed body; expected one as it is")
    content = request.get_data(cache=False)
    if request.content_length is None:
        request.stream.read(1)  # in chunks: what is longer than allowed has only been cut off so far
    if not content:
        raise BadRequest("no body; expected JSON")
    try:
        data = orjson.loads(content.removeprefix(b"\xef\xbb\xbf"))
    except orjson.JSONDecodeError as problem:
        raise BadRequest(f"line {problem.lineno}: no JSON ({problem.msg}); expected JSON in UTF-8") from None
    most = service().settings.body_depth
    if not within(data, most):
        raise RequestEntityTooLarge(f"nested too deep; expected at most {most} levels")
    return data


def within(data: Any, most: int) -> bool:
    """Whether JSON nests at most ``most`` deep."""
    level = [data] if isinstance(data, dict | list) else []
    for _ in range(most):
        if not level:
            return True
        inside = [inner for outer in level for inner in (outer.values() if isinstance(outer, dict) else outer)]
        level = [inner for inner in inside if isinstance(inner, dict | list)]
    return not level
