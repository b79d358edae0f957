"""What persons have confirmed about a patient, over HTTP. Two who change it at once do not lose what the other said."""

from __future__ import annotations

from typing import Any

from flask import Response, request
from werkzeug import Response as BaseResponse
from werkzeug.exceptions import PreconditionRequired

from trialmatch import attestations
from trialmatch.errors import Stale
from trialmatch.store import attestations as answers
from trialmatch.store.attestations import Held
from trialmatch.web.access.security import caller
from trialmatch.web.api import examples, schemas, schemas_documents
from trialmatch.web.api.shared import JSON, Blueprint, acceptable, answer, operation
from trialmatch.web.service import service

blueprint = Blueprint(
    "attestations", __name__, url_prefix="/api/v1", description="What persons have confirmed; every match honours it"
)

_PATH = "/patients/<fhir_id:patient>/attestations"
_ETAG = {"ETag": {"description": "The version, for If-Match", "schema": {"type": "string"}}}


@blueprint.before_request
def _takes_json() -> None:
    acceptable(request, JSON)


@blueprint.get(_PATH)
@operation("match.read", "readAttestations", 404, 412)
@blueprint.response(200, schemas_documents.Attestations, headers=_ETAG, example=examples.HELD_ATTESTATIONS)
@blueprint.alt_response(304, description="Not modified: the ETag of If-None-Match is still that of the answers")
def read(patient: str) -> BaseResponse:
    """Read what persons have confirmed about a patient

    A patient about whom nobody ever confirmed anything has an empty list, version 0.
    """
    access = service().access(patient, "GET /api/v1/patients/{id}/attestations")
    held = service().audited(access, lambda: answers.held(service().store, patient))
    return _told(patient, held).make_conditional(request)


@blueprint.put(_PATH)
@operation("match.read", "replaceAttestations", 404, 412, 428, body=True)
@blueprint.arguments(schemas.Preconditions, location="headers")
@blueprint.arguments(schemas.AttestationList, example=examples.ATTESTATIONS)
@blueprint.response(200, schemas_documents.Attestations, headers=_ETAG, example=examples.HELD_ATTESTATIONS)
def write(conditions: dict[str, str], given: dict[str, Any], patient: str) -> Response:
    """Replace what persons have confirmed about a patient

    Needs `If-Match` with the ETag that was read; where there is nothing yet, `If-None-Match: *` does as well. Earlier
    versions are kept, with who handed them in.
    """
    entries = given["attestations"]
    attestations.read(entries, "body.attestations", service().settings.zone, None)  # dates that are none, and such
    who, now, store = caller().subject, service().now(), service().store

    def act() -> Held:
        expected = _expected(answers.held(store, patient))
        return answers.put(store, patient, entries, by=who, at=now, expected=expected)

    access = service().access(patient, "PUT /api/v1/patients/{id}/attestations", action="U")
    return _told(patient, service().audited(access, act))


def _expected(held: Held) -> int:
    """The version that the caller has seen. Raises PreconditionRequired, Stale."""
    if "If-None-Match" in request.headers:
        return 0
    if "If-Match" not in request.headers:
        raise PreconditionRequired("expected If-Match with the ETag that was read, or If-None-Match: *")
    named = request.if_match.contains(str(held.version))
    if not named or (request.if_match.star_tag and not held.version):  # * asks for any version: there is none yet
        raise Stale("the answers are not those that the caller has read; read them again, then change them")
    return held.version


def _told(patient: str, held: Held) -> Response:
    document = {
        "patient": f"Patient/{patient}",
        "version": held.version,
        "by": held.by,
        "at": held.at.isoformat(timespec="seconds") if held.at else None,
        "attestations": held.entries,
    }
    response = answer(document)
    response.set_etag(str(held.version))
    return response
