"""The one error handler: whatever goes wrong becomes a problem (RFC 9457), in the shape that its path speaks.

Under ``/fhir`` and ``/cds-services`` a problem is an OperationOutcome, at ``/getClinicalTrial`` an object with
``error``, for a browser a page, and everywhere else ``application/problem+json``.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

import orjson
from flask import Flask, Response, g, render_template, request
from gunicorn.http.errors import ParseException
from werkzeug.exceptions import HTTPException, InternalServerError, PreconditionFailed

from trialmatch.config import BASE
from trialmatch.errors import BadInput, FaultyStudy, StoreUnavailable, TrialmatchError, UnknownStudy
from trialmatch.lines import plural
from trialmatch.web import logs
from trialmatch.web.pages import problem as pages_problem

#: What the type of a problem of ours begins with; errors of HTTP itself have the type ``about:blank``.
TYPES = f"{BASE.removesuffix('/fhir')}/problems/"

_BLANK = "about:blank"

#: OperationOutcome.issue.code (http://hl7.org/fhir/R4/valueset-issue-type.html) by HTTP status.
_ISSUE = {
    400: "invalid", 401: "login", 403: "forbidden", 404: "not-found", 405: "not-supported", 406: "not-supported",
    409: "conflict", 412: "incomplete", 413: "too-costly", 415: "not-supported", 422: "invalid", 428: "required",
    429: "throttled", 502: "transient", 503: "transient", 504: "timeout",
}  # fmt: skip

#: What RFC 9110 calls otherwise than some versions of Python.
_PHRASES = {413: "Content Too Large", 414: "URI Too Long", 422: "Unprocessable Content"}

#: How a path inside a document begins.
_STEP = re.compile(r"(?:[A-Z][A-Za-z]+[/.]|\[)\S*: ")


@dataclass(frozen=True)
class Problem:
    """What went wrong, as RFC 9457 puts it. ``errors`` are of path and detail; ``headers`` go along."""

    status: int
    title: str
    detail: str
    type: str = _BLANK
    errors: tuple[tuple[str, str], ...] = ()
    headers: dict[str, str] = field(default_factory=dict)


def tell(app: Flask) -> None:
    """Answer every error of an application."""
    app.register_error_handler(Exception, _answer)
    app.after_request(_only_if)


def _only_if(response: Response) -> Response:
    """What was to be read only if it is as the caller has it, and is not: werkzeug says 412, and sends it too."""
    if response.status_code != 412 or "ETag" not in response.headers:
        return response
    response.close()
    return told(PreconditionFailed("it is not as If-Match says; read it again without"))


def _answer(error: Exception) -> Any:
    if isinstance(error, HTTPException) and (error.code is None or error.code < 400):
        return error  # a redirect is no error
    return told(error)


def told(error: Exception) -> Response:
    """The answer that an error is, in the shape that the path of the request speaks; the log is told as well."""
    if isinstance(error, InternalServerError) and isinstance(error.original_exception, Exception):
        error = error.original_exception  # Flask wraps what goes wrong after the view
    problem = problem_of(error)
    if problem.status >= 500:
        logs.failure(error, problem.status)
    response = _shape()(problem)
    response.status_code = problem.status
    response.headers.update(problem.headers)
    return response


def problem_of(error: Exception) -> Problem:
    """The problem that an error is. Errors of the program itself say nothing but where to ask."""
    own = problem_type(type(error)) if isinstance(error, TrialmatchError) else _BLANK
    if isinstance(error, StoreUnavailable):  # which database it is concerns the log, not the caller
        words = "the service cannot keep or look up anything now; try again later"
        return Problem(503, _words(type(error)), words, own, headers={"Retry-After": "5"})
    if isinstance(error, UnknownStudy):
        said = f"study {error.name}: {error.why}"
        return Problem(error.http_status, _words(type(error)), said, own, (("query.study", error.why),))
    if isinstance(error, TrialmatchError):
        return Problem(
            error.http_status,
            _words(type(error)),
            "; ".join(error.lines) if not isinstance(error, FaultyStudy) else plural(len(error.faults), "fault"),
            own,
            tuple(_located(error)) if isinstance(error, BadInput) else (),
            error.headers,
        )
    if isinstance(error, HTTPException) and error.code is not None:
        data = getattr(error, "data", None) or {}
        messages = data.get("messages")
        kept = {name: value for name, value in error.get_headers() if name.lower() != "content-type"}
        return Problem(
            error.code,
            phrase(error.code),
            "the request is not what it should be, see errors" if messages else str(error.description or ""),
            errors=tuple(_flat(messages or {})),
            headers=kept | (data.get("headers") or {}),
        )
    if isinstance(error, ParseException):
        return Problem(400, "Bad Request", "the body of the request breaks off")
    return Problem(500, "Internal Server Error", "an error of the service itself; quote the request id in a report")


def phrase(status: int) -> str:
    """The words for a status as RFC 9110 has them, whichever Python it is."""
    return _PHRASES.get(status) or HTTPStatus(status).phrase


def problem_type(kind: type[TrialmatchError]) -> str:
    """The URI of a kind of error: ``PatientMissing`` ends in ``patient-missing``."""
    return TYPES + _words(kind).lower().replace(" ", "-")


def _words(kind: type[TrialmatchError]) -> str:
    """The name of an error as words: ``PatientMissing`` is “Patient missing”."""
    return re.sub(r"(?<=[a-z])[A-Z]", lambda found: f" {found[0].lower()}", kind.__name__)


def _located(error: BadInput) -> Iterator[tuple[str, str]]:
    """Each line of an error as path and detail."""
    for line in error.lines:
        place, colon, rest = line.partition(": ")
        while colon and _STEP.match(rest):  # a file or the body first, then the element in it
            inner, colon, rest = rest.partition(": ")
            place += inner if inner.startswith("[") else f": {inner}"
        yield (place, rest) if rest else ("", line)


def _flat(messages: Any, path: str = "") -> Iterator[tuple[str, str]]:
    """What marshmallow found, as paths with one message each. The first step is the place: json, query, headers."""
    if isinstance(messages, dict):
        for name, inner in messages.items():
            if name == "_schema":
                yield from _flat(inner, path)
            elif isinstance(name, int):
                yield from _flat(inner, f"{path}[{name}]")
            else:
                step = "body" if not path and name == "json" else str(name)
                yield from _flat(inner, f"{path}.{step}" if path else step)
    elif isinstance(messages, list | tuple):
        for inner in messages:
            yield from _flat(inner, path)
    else:
        yield path, str(messages)


def _json(document: Any, kind: str) -> Response:
    return Response(orjson.dumps(document), content_type=kind)


def _problem_json(problem: Problem) -> Response:
    document = {
        "type": problem.type,
        "title": problem.title,
        "status": problem.status,
        "detail": problem.detail,
        "errors": [{"path": path, "detail": detail} for path, detail in problem.errors],
        "requestId": g.get("request_id"),
    }
    return _json(document, "application/problem+json")


def _outcome(problem: Problem) -> Response:
    code = _ISSUE.get(problem.status, "exception" if problem.status >= 500 else "processing")
    # a body under /fhir is Parameters, and FHIRPath begins with the type of the resource
    start = "Parameters" if request.path.startswith("/fhir/") else "body"
    placed = [(re.sub(r"^body\b", start, path), detail) for path, detail in problem.errors]
    said: list[dict[str, Any]] = [_issue_of(code, path, detail) for path, detail in placed]
    first = {"severity": "error", "code": code, "details": {"text": problem.title}, "diagnostics": problem.detail}
    outcome = {"resourceType": "OperationOutcome", "issue": said or [first]}
    return _json(outcome, "application/fhir+json")


def _issue_of(code: str, path: str, detail: str) -> dict[str, Any]:
    """One error. A path is where in the request it is; the address of a server is no such place."""
    issue: dict[str, Any] = {"severity": "error", "code": code, "diagnostics": detail}
    if "://" in path:
        return issue | {"diagnostics": f"{path}: {detail}"}
    return issue | ({"expression": [path]} if path else {})


def _error_only(problem: Problem) -> Response:
    return _json({"error": problem.detail or problem.title}, "application/json")


def _page(problem: Problem) -> Response:
    if request.accept_mimetypes.best_match(["application/problem+json", "text/html"]) != "text/html":
        return _problem_json(problem)
    name = problem.type.removeprefix(TYPES) if problem.type != _BLANK else ""
    shown = pages_problem.page(problem.status, name, problem.title, problem.detail, problem.errors)
    return Response(render_template("problem.html", request_id=g.get("request_id"), **shown))


#: Which paths speak which shape; all others are pages.
_SHAPES: tuple[tuple[str, Callable[[Problem], Response]], ...] = (
    ("/fhir", _outcome),
    ("/cds-services", _outcome),
    ("/getClinicalTrial", _error_only),
    ("/api", _problem_json),
    ("/health", _problem_json),
    ("/metrics", _problem_json),
)


def _shape() -> Callable[[Problem], Response]:
    for path, shape in _SHAPES:
        if request.path == path or request.path.startswith(f"{path}/"):
            return shape
    return _page
