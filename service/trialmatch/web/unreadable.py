"""Requests that the server cannot read as HTTP: told like every other error, and without their words.

They never reach the application. What they hold may be anything, a patient's name behind a space in the address too: it
goes neither into the log nor back.
"""

from __future__ import annotations

import uuid

import orjson
from gunicorn.http.errors import ParseException

from trialmatch.web import logs, metrics
from trialmatch.web.problems import phrase

_UNREADABLE = (400, "no HTTP/1.1 that can be read; expected a request line, headers and a body as RFC 9112 has them")

#: Status and words by the name of gunicorn's error; not all of its versions have them all.
_TOLD = {
    "LimitRequestLine": (414, "the address is too long; expected at most 8,190 bytes"),
    "LimitRequestHeaders": (431, "too many headers, or too long ones; expected at most 100, of 8,190 bytes each"),
    "ExpectationFailed": (417, "Expect: not understood; expected 100-continue or no such header"),
    "UnsupportedTransferCoding": (501, "Transfer-Encoding: not understood; expected chunked or no such header"),
}

_FAILED = "an error of the service itself; quote the request id in a report"


def refusal(problem: Exception) -> bytes:
    """The whole answer, headers included, after which the connection ends. The log and the metrics have been told."""
    status, detail = _TOLD.get(type(problem).__name__, _UNREADABLE)
    request = uuid.uuid4().hex
    if isinstance(problem, ParseException):
        logs.log.warning("unreadable request", kind=type(problem).__name__, status=status, request=request)
    else:
        status, detail = 500, _FAILED
        logs.failure(problem, status, request=request)
    metrics.answered(metrics.OTHER, logs.NO_PATH, status, 0.0)
    document = {
        "type": "about:blank",
        "title": phrase(status),
        "status": status,
        "detail": detail,
        "errors": [],
        "requestId": request,
    }
    body = orjson.dumps(document)
    head = {
        "Connection": "close",
        "Content-Type": "application/problem+json",
        "Content-Length": str(len(body)),
        "Cache-Control": "no-store",
        "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
        "X-Content-Type-Options": "nosniff",
        "X-Request-ID": request,
    }
    lines = [f"HTTP/1.1 {status} {phrase(status)}", *(f"{name}: {value}" for name, value in head.items())]
    return "\r\n".join([*lines, "", ""]).encode("ascii") + body
