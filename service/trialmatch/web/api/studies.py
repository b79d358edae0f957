"""Studies over HTTP: what patients are matched against, and adding to it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from flask import Response, request, url_for
from werkzeug.exceptions import NotFound

from trialmatch.documents import study_document, study_listing
from trialmatch.eligibility.criteria import Study
from trialmatch.eligibility.dates import Offset
from trialmatch.errors import UnknownStudy
from trialmatch.web.api import examples, schemas, schemas_documents
from trialmatch.web.api.shared import JSON, Blueprint, acceptable, answer, operation
from trialmatch.web.service import service

blueprint = Blueprint("studies", __name__, url_prefix="/api/v1", description="What patients are matched against")

_ETAG = {"ETag": {"description": "The version of an added study, for If-Match", "schema": {"type": "string"}}}
_LOCATION = {"Location": {"description": "Where the study is", "schema": {"type": "string"}}}


@blueprint.before_request
def _takes_json() -> None:
    acceptable(request, JSON)


@blueprint.get("/studies")
@operation("match.read", "listStudies")
@blueprint.response(200, schemas_documents.StudyListing(many=True))
def listing() -> Response:
    """List the studies

    Drafts and retired studies are among them (`status`); patients are matched against the active ones.
    """
    return answer([study_listing(study) for study in service().engine.studies.studies])


@blueprint.get("/studies/<fhir_id:study>")
@operation("match.read", "showStudy", 404)
@blueprint.response(200, schemas_documents.StudyDocument, headers=_ETAG)
def show(study: str) -> Response:
    """Show a study's criteria, by its id or registry number

    As printed, and in words what is computed.
    """
    try:
        found = service().engine.studies.get(study)
    except UnknownStudy:
        raise NotFound("no such study") from None
    return _told(found)


@blueprint.post("/studies")
@operation("study.write", "addStudy", 409, 412, body=True)
@blueprint.arguments(schemas.Replaces, location="headers")
@blueprint.arguments(schemas.StudyBundle, example=examples.STUDY_BUNDLE)
@blueprint.response(201, schemas_documents.StudyDocument, headers=_ETAG | _LOCATION)
@blueprint.alt_response(200, schema=schemas_documents.StudyDocument, headers=_ETAG | _LOCATION, success=True)
def add(conditions: dict[str, str], bundle: dict[str, Any]) -> Response:
    """Add a study, or replace one that was added

    A Bundle of FHIR R5 resources: one ResearchStudy, the EvidenceVariables that hold its criteria, its ValueSets. It
    is checked as a whole, and every fault is told with its path. Drafts are taken, but not matched until they are
    replaced by an active version. To replace a study, send `If-Match` with its ETag. `warnings` say what is accepted
    but should be looked at, such as a study that would list every patient.
    """
    seen = int(conditions["if_match"].strip('"')) if conditions else None
    added = service().add_study(bundle, seen=seen)
    response = _told(service().engine.studies.get(added.study), added.warnings)
    response.status_code = 201 if seen is None else 200
    response.headers["Location"] = url_for(".show", study=added.study)
    return response


def _told(study: Study, warnings: Sequence[str] = ()) -> Response:
    engine = service().engine
    validity = Offset(*engine.settings.validity_period)
    document = study_document(study, validity, engine.terminology.label)
    response = answer(document | ({"warnings": [*warnings]} if warnings else {}))
    version = service().version(study.id)
    if version is not None:
        response.set_etag(str(version))
    return response
