"""Structured logs: one JSON object a line, each request with its id, and never a value of a patient.

A path is logged as its template (``/api/v1/patients/{patient}/matches``), a query not at all. Of what libraries log
only the words are kept, not what they fill into them. ``TRIALMATCH_DEBUG`` adds tracebacks, which may hold anything.
"""

from __future__ import annotations

import logging
import os
import re
import sys
import time
import traceback
import uuid
from collections.abc import MutableMapping
from typing import Any

import structlog
from flask import Flask, Response, g, request

from trialmatch.errors import TrialmatchError
from trialmatch.web import metrics

log = structlog.stdlib.get_logger("trialmatch")

#: A request id that is taken over from the caller: long enough to be one, too plain to carry anything else.
_WELL_FORMED = re.compile(r"[A-Za-z0-9-]{8,64}")

_HEADER = "X-Request-ID"

#: The path of a request that meets no route.
NO_PATH = "(none)"

#: Libraries that fill in values where they cannot be taken out again say of themselves what is harmless: the server its
#: beginning and end, the store's migrations their names.
_PLAIN = ("gunicorn", "alembic", "py")
_ANYTHING = "a message that may hold anything; TRIALMATCH_DEBUG shows it"


def configure() -> None:
    """Send every log line of this process to standard error as JSON."""
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[*shared, _words_only],
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.JSONRenderer(ensure_ascii=False),
            ],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.INFO)
    for noisy in ("werkzeug", "asyncio", "fhirpy", "urllib3", "aiohttp", "alembic"):
        logging.getLogger(noisy).setLevel(logging.WARNING)


def _words_only(logger: Any, name: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """What a library logs, without the values that it fills in: they may be a path, a query or a patient's."""
    record = event.get("_record")
    if record is not None and not debugging():
        words = str(record.msg)
        filled_in = words != event["event"]
        event["event"] = words if filled_in or record.name.split(".")[0] in _PLAIN else _ANYTHING
        if record.exc_info:
            event["error"] = record.exc_info[0].__name__
        event.pop("exc_info", None)
        record.exc_info = record.exc_text = None
    return event


def debugging() -> bool:
    """Whether tracebacks are shown."""
    return bool(os.environ.get("TRIALMATCH_DEBUG"))


def watch(app: Flask) -> None:
    """Give each request its id, and log its end."""
    app.before_request(_begin)
    app.after_request(_end)


def _begin() -> None:
    given = request.headers.get(_HEADER, "")
    g.request_id = given if _WELL_FORMED.fullmatch(given) else uuid.uuid4().hex
    g.started = time.perf_counter()
    structlog.contextvars.clear_contextvars()
    structlog.contextvars.bind_contextvars(request=g.request_id)


def _end(response: Response) -> Response:
    if "request_id" not in g:  # the request was refused before it began
        _begin()
    response.headers[_HEADER] = g.request_id
    seconds, path = time.perf_counter() - g.started, template()
    method = request.method if request.method in metrics.METHODS else metrics.OTHER
    log.info("request", method=method, path=path, status=response.status_code, ms=round(seconds * 1000, 1))
    metrics.answered(method, path, response.status_code, seconds)
    return response


def template() -> str:
    """The path of the request as it is written in the API: with names where values stand."""
    rule = request.url_rule
    return re.sub(r"<(?:[^:<>]*:)?([^<>]*)>", r"{\1}", rule.rule) if rule is not None else NO_PATH


def failure(error: BaseException, status: int, **more: Any) -> None:
    """Log an error: its kind and the line of ours that it passed, without its message, which may hold a value."""
    frames = traceback.extract_tb(error.__traceback__)
    ours = [one for one in frames if "trialmatch" in one.filename]
    place = f"{ours[-1].filename.rsplit('trialmatch/', 1)[-1]}:{ours[-1].lineno}" if ours else None
    extra = {"traceback": "".join(traceback.format_exception(error))} if debugging() else {}
    if isinstance(error, TrialmatchError):  # its words hold no patient's value
        extra["detail"] = str(error)
    log.error("failure", error=type(error).__name__, status=status, place=place, **extra, **more)
