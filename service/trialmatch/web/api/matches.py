"""Matching over HTTP: a patient of the hospital's server, or one whose records come in the body."""

from __future__ import annotations

from typing import Any

from flask import Response, request
from webargs.flaskparser import abort
from werkzeug.exceptions import RequestEntityTooLarge

from trialmatch.fhir.patient.records import Records, identities
from trialmatch.fhir.patient.sources import from_bundle
from trialmatch.usecases.match import Answer, Question
from trialmatch.web.api import examples, schemas, schemas_documents
from trialmatch.web.api.shared import JSON, Blueprint, acceptable, answer, operation
from trialmatch.web.service import service

blueprint = Blueprint("matches", __name__, url_prefix="/api/v1", description="Which trials a patient may qualify for")

#: Says without reading the body that some sources were not complete.
INCOMPLETE = "Trialmatch-Incomplete"

HEADERS = {
    INCOMPLETE: {
        "description": "true where some sources were not obtained completely; the document says which",
        "schema": {"type": "string", "enum": ["true"]},
    }
}


@blueprint.before_request
def _takes_json() -> None:
    acceptable(request, JSON)


@blueprint.get("/patients/<fhir_id:patient>/matches")
@operation("match.read", "matchPatient", 404, 422, 502, 504)
@blueprint.arguments(schemas.MatchQuery, location="query")
@blueprint.response(200, schemas_documents.MatchDocument, headers=HEADERS, example=examples.MATCH_DOCUMENT)
def of_hospital(query: dict[str, Any], patient: str) -> Response:
    """Match a patient of the hospital's FHIR server

    What of the records could not be had is told in `sources`, and what hangs on it is unknown: the answer is 200 all
    the same.
    """
    return _answer(service().match_from_hospital(patient, question(query), why="GET /api/v1/patients/{id}/matches"))


@blueprint.post("/matches")
@operation("match.read", "matchBundle", body=True)
@blueprint.arguments(schemas.BundleMatchQuery, location="query")
@blueprint.arguments(schemas.PatientBundle, example=examples.PATIENT_BUNDLE)
@blueprint.response(200, schemas_documents.MatchDocument, headers=HEADERS, example=examples.MATCH_DOCUMENT)
def of_bundle(query: dict[str, Any], bundle: dict[str, Any]) -> Response:
    """Match a patient whose records are in the body

    A Bundle (collection, searchset, transaction and the like) of R4 or R4B resources. A resource that cannot be read
    is skipped, told in `problems`, and makes its type's source `partial`. Of the body only the patient's id is kept,
    in the audit.
    """
    most = service().settings.body_entries
    if len(bundle["entry"]) > most:
        raise RequestEntityTooLarge(f"{len(bundle['entry'])} entries; expected at most {most}")
    records = from_bundle(bundle, "body")
    patient = _patient(records, query.pop("patient", None))
    return _answer(service().match_records(records, patient, question(query), why="POST /api/v1/matches"))


def question(query: dict[str, Any]) -> Question:
    """The question that a query asks; today where it names no day."""
    return Question(
        query.get("as_of") or service().now().date(),
        tuple(query["study"]),
        query.get("enrolment"),
        query.get("infusion"),
        everything=query["all"],
    )


def _patient(records: Records, wanted: str | None) -> str:
    """The id of the patient that is meant."""
    if wanted is not None:
        wanted = wanted.removeprefix("Patient/")
        known = identities(records, wanted)
        if known is None:
            abort(422, messages={"query": {"patient": ["No such Patient in the Bundle."]}})
        return wanted if wanted in known[1] else known[0]
    found = {one: known for one in records.patients() if (known := identities(records, one)) is not None}
    if not found:
        abort(422, messages={"json": {"entry": ["No Patient with an id among them; expected one."]}})
    if len({current for current, _ in found.values()}) > 1:  # merged ones are one
        abort(422, messages={"query": {"patient": [f"Missing; the Bundle holds {len(found)} Patients."]}})
    return max(found, key=lambda one: len(found[one][1]))  # under which the most records are theirs


def _answer(found: Answer) -> Response:
    headers = {} if found.complete else {INCOMPLETE: "true"}
    return answer(found.document(service().now()) | {"problems": found.problems}, headers=headers)
