"""Prescreens over HTTP, as jobs: asked for, followed, cancelled, and their results read.

The shape of a job is that of FHIR's asynchronous requests (https://hl7.org/fhir/R4/async.html): 202 with
``Content-Location``, there 202 with ``X-Progress`` and ``Retry-After`` until it is done.
:mod:`trialmatch.web.prescreens.runs` carries them out, :mod:`trialmatch.web.prescreens.results` reads what they leave.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson
from flask import Response, request, send_file, url_for
from werkzeug.exceptions import (
    BadGateway,
    Conflict,
    Gone,
    HTTPException,
    InternalServerError,
    NotAcceptable,
    NotFound,
    UnprocessableEntity,
)

from trialmatch.config import Settings
from trialmatch.config_access import listed
from trialmatch.store import runs
from trialmatch.store.runs import Run
from trialmatch.web.access.security import caller
from trialmatch.web.api import examples, schemas, schemas_documents
from trialmatch.web.api.shared import JSON, Blueprint, acceptable, answer, operation
from trialmatch.web.converters import FHIR_ID
from trialmatch.web.prescreens import results as prescreen_results
from trialmatch.web.service import service

blueprint = Blueprint(
    "prescreens", __name__, url_prefix="/api/v1", description="Candidates among all patients of a hospital, as a job"
)

NDJSON, CSV, PARQUET = "application/x-ndjson", "text/csv", "application/vnd.apache.parquet"

#: The forms of results, the first one where the caller does not say; and the files they come from.
_FORMS = {NDJSON: None, CSV: "screening-log.csv", PARQUET: "matches.parquet"}

#: Seconds after which to ask again how far a run is.
_AGAIN = "5"

_HEADERS = {
    "Content-Location": {"description": "Where the run is followed", "schema": {"type": "string"}},
    "Retry-After": {"description": "Seconds until it is worth asking again", "schema": {"type": "integer"}},
    "X-Progress": {"description": "How far it is, in words", "schema": {"type": "string"}},
}


@blueprint.post("/prescreens")
@operation("prescreen", "askForPrescreen", 404, body=True)
@blueprint.arguments(schemas.PrescreenOrder, example=examples.PRESCREEN)
@blueprint.response(202, schemas_documents.PrescreenRun, headers=_HEADERS)
def ask(given: dict[str, Any]) -> Response:
    """Ask for a prescreen

    `Content-Location` is where to follow it. It waits until others are done, and goes on where it was if the service
    is restarted meanwhile.
    """
    acceptable(request, JSON)
    here = service()
    prescreen_results.root(here.settings)
    here.engine.studies.only(tuple(given["studies"]))
    source = allowed(here.settings, given["source"])
    since = given.get("since")
    if since is not None:
        earlier = runs.get(here.store, since)
        if earlier is None or not _has_results(here.settings, earlier):
            raise _Faulty("since", "no run that is done and has its results; expected the id of one")
    day = given.get("as_of") or here.now().date()
    order = {"source": source, "studies": given["studies"], "asOf": day.isoformat(), "since": since}
    run_id = uuid.uuid4().hex
    prescreen_results.record(here, run_id, order, "POST /api/v1/prescreens", "C")  # before it can begin
    run = runs.create(here.store, order, by=caller().subject, at=here.now(), run_id=run_id)
    return _state(run, 202)


@blueprint.get("/prescreens")
@operation("prescreen", "listPrescreens")
@blueprint.response(200, schemas_documents.PrescreenRun(many=True))
def listing() -> Response:
    """List the newest prescreens, without what came of them"""
    acceptable(request, JSON)
    return answer([_document(run, None) for run in runs.listed(service().store)])


@blueprint.get("/prescreens/<fhir_id:run>")
@operation("prescreen", "followPrescreen", 404, 410, 422, 502)
@blueprint.response(200, schemas_documents.PrescreenRun)
@blueprint.alt_response(202, schema=schemas_documents.PrescreenRun, headers=_HEADERS, success=True)
def follow(run: str) -> Response:
    """Follow a prescreen

    202 while it waits or is under way, `X-Progress` says how far it is, and `Retry-After` when to ask again; 200 with
    what came of it when it is done; the problem that it ended with.
    """
    acceptable(request, JSON)
    found = _run(run)
    if not found.ended:
        return _state(found, 202)
    if found.state == "cancelled":
        raise Gone("this prescreen was cancelled")
    if found.state == "failed":
        raise _failure(found)
    return answer(_document(found, prescreen_results.summary(service().settings, found)))


@blueprint.delete("/prescreens/<fhir_id:run>")
@operation("prescreen", "cancelPrescreen", 404, 409)
@blueprint.response(204)
def cancel(run: str) -> Response:
    """Cancel a prescreen that waits or is under way

    What it has reached is removed.
    """
    here, found = service(), _run(run)
    if not runs.cancel(here.store, found.id, at=here.now()):
        raise Conflict("this prescreen has ended")
    prescreen_results.record(here, found.id, found.request, "DELETE /api/v1/prescreens/{run}", "D")
    return Response(status=204)


@blueprint.get("/prescreens/<fhir_id:run>/results")
@operation("prescreen", "readPrescreenResults", 404)
@blueprint.response(
    200,
    {"type": "string"},
    content_type=NDJSON,
    description="Rows as NDJSON, the screening log as CSV, or rows as Parquet, as Accept asks",
)
def results(run: str) -> Response:
    """Read the candidates of a prescreen that is done

    A row for each patient and study that is not ineligible; its columns are those of `matches.parquet` in
    docs/prescreening.md. `Accept` chooses: `application/x-ndjson` (streamed), `text/csv` (the screening log, for
    people), `application/vnd.apache.parquet`.
    """
    here, found = service(), _run(run)
    form = request.accept_mimetypes.best_match([*_FORMS]) if request.accept_mimetypes else NDJSON
    if form is None:
        raise NotAcceptable(f"expected that Accept allows one of {', '.join(_FORMS)}")
    out = prescreen_results.results(here.settings, found)
    prescreen_results.audited(here, found, "GET /api/v1/prescreens/{run}/results")
    file = _FORMS[form]
    if file is not None:
        return _sent(out / file, form, found)
    rows = prescreen_results.rows(here.settings, found)
    return Response(_lines(rows), content_type=NDJSON)


def allowed(settings: Settings, source: str) -> str:
    """A source that the settings allow, as it is told to the command; a faulty request otherwise.

    It does not say why: a caller is not to find out which other folders there are.
    """
    refused = _Faulty("source", "no source that the service may read; expected one of TRIALMATCH_PRESCREEN_SOURCES")
    sources = listed(settings.prescreen_sources)
    if source == "hospital" or source.startswith("hospital/"):
        group = source.removeprefix("hospital").removeprefix("/Group/")
        if "hospital" not in sources or (group and not FHIR_ID.fullmatch(group)):
            raise refused
        return source
    try:
        folder = Path(source).resolve(strict=True)
    except (OSError, ValueError, RuntimeError):
        raise refused from None
    roots = [Path(one).resolve() for one in sources if one != "hospital"]
    if not Path(source).is_absolute() or not folder.is_dir() or not any(folder.is_relative_to(one) for one in roots):
        raise refused
    return str(folder)


class _Faulty(UnprocessableEntity):
    """A field of the body that is well-formed, and still not what it may be."""

    def __init__(self, field: str, words: str) -> None:
        super().__init__()
        self.data = {"messages": {"json": {field: [words]}}}  # as the schema's own faults are told


def _has_results(settings: Settings, run: Run) -> bool:
    try:
        prescreen_results.results(settings, run)
    except NotFound:
        return False
    return True


def _run(run_id: str) -> Run:
    found = runs.get(service().store, run_id)
    if found is None:
        raise NotFound("no such prescreen")
    return found


def _failure(run: Run) -> HTTPException:
    """What a run ended with, by the exit code of the command: bad input, a server that failed, or an error."""
    problem = {3: UnprocessableEntity, 4: BadGateway}.get(run.progress.get("exit", 1), InternalServerError)
    return problem(f"this prescreen has failed: {run.progress['words']}")


def _document(run: Run, summary: dict[str, Any] | None) -> dict[str, Any]:
    return {
        "id": run.id,
        "state": run.state,
        "request": run.request,
        "by": run.by,
        "created": run.created.isoformat(timespec="seconds"),
        "updated": run.updated.isoformat(timespec="seconds"),
        "progress": run.progress.get("words", "waiting"),
        "summary": summary,
    }


def _state(run: Run, status: int) -> Response:
    words = run.progress.get("words", "waiting").encode("ascii", "replace").decode()[:100]
    headers = {
        "Content-Location": url_for("prescreens.follow", run=run.id),
        "Retry-After": _AGAIN,
        "X-Progress": words,
    }
    return answer(_document(run, None), status, headers)


def _lines(rows: Iterator[list[dict[str, Any]]]) -> Iterator[bytes]:
    for some in rows:
        yield b"".join(orjson.dumps(row, option=orjson.OPT_APPEND_NEWLINE) for row in some)


def _sent(path: Path, form: str, run: Run) -> Response:
    response = send_file(path, mimetype=form, as_attachment=True, download_name=f"prescreen-{run.id}{path.suffix}")
    response.headers["Cache-Control"] = "no-store"  # it would be allowed to be kept, if only for asking again
    return response
