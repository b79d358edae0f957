"""The service as a FHIR R4 server: its CapabilityStatement, and the operation ``$match-trials`` on Patient."""

from __future__ import annotations

from typing import Any

from flask import Response, request, url_for
from werkzeug.exceptions import NotAcceptable, NotFound

from trialmatch.config_access import others_served
from trialmatch.fhir.searchset import searchset
from trialmatch.web.api import examples, schemas
from trialmatch.web.api.matches import HEADERS, INCOMPLETE, question
from trialmatch.web.api.shared import FHIR, JSON, Blueprint, acceptable, operation
from trialmatch.web.api.shared import answer as written
from trialmatch.web.fhir.statements import capability_statement, operation_definition
from trialmatch.web.service import service

blueprint = Blueprint("fhir", __name__, url_prefix="/fhir", description="FHIR R4; errors are OperationOutcome")

_SEARCHSET = "A searchset of ResearchStudy, best match first"
_MATCH = "/Patient/<fhir_id:patient>/$match-trials"
_WHY = "/fhir/Patient/{id}/$match-trials"

#: Bundle, OperationOutcome and the like are not described here: FHIR does.
_RESOURCE = {"type": "object", "required": ["resourceType"], "properties": {"resourceType": {"type": "string"}}}


@blueprint.before_request
def _takes_json() -> None:
    """_format goes before Accept; a browser, which would take anything, gets JSON."""
    wanted = request.args.get("_format")
    if wanted is not None:
        if wanted.replace(" ", "+") not in schemas.FORMATS:
            raise NotAcceptable("_format: expected json; there is no other format")
    else:
        acceptable(request, FHIR, JSON, "text/json")


@blueprint.get("/metadata")
@operation(None, "readCapabilities", 422, fhir=True)
@blueprint.arguments(schemas.FormatQuery, location="query")
@blueprint.response(200, _RESOURCE, content_type=FHIR)
def metadata(query: dict[str, Any]) -> Response:
    """The CapabilityStatement"""
    settings = service().settings
    place = settings.public_url.rstrip("/") + "/fhir" if settings.public_url else url_for(".metadata", _external=True)
    return _resource(capability_statement(place.removesuffix("/metadata"), secured=others_served(settings)))


@blueprint.get("/OperationDefinition/<fhir_id:name>")
@operation(None, "readOperationDefinition", 404, 422, fhir=True)
@blueprint.arguments(schemas.FormatQuery, location="query")
@blueprint.response(200, _RESOURCE, content_type=FHIR)
def definition(query: dict[str, Any], name: str) -> Response:
    """The definition of an operation; match-trials is the only one"""
    found = operation_definition()
    if name != found["id"]:
        raise NotFound("no such OperationDefinition; expected match-trials")
    return _resource(found)


@blueprint.get(_MATCH)
@operation("match.read", "matchTrials", 404, 422, 502, 504, fhir=True)
@blueprint.arguments(schemas.OperationQuery, location="query")
@blueprint.response(200, _RESOURCE, content_type=FHIR, description=_SEARCHSET, headers=HEADERS)
def match(query: dict[str, Any], patient: str) -> Response:
    """Match a patient of the hospital's FHIR server

    `search.score` and an extension with the verdict are on each entry; an OperationOutcome at the end tells which
    sources were not complete.
    """
    return _matched(query, patient, f"GET {_WHY}")


@blueprint.post(_MATCH)
@operation("match.read", "matchTrialsWithParameters", 404, 502, 504, body=True, fhir=True)
@blueprint.arguments(schemas.FormatQuery, location="query")
@blueprint.arguments(schemas.OperationParameters, content_type=FHIR, example=examples.PARAMETERS)
@blueprint.response(200, _RESOURCE, content_type=FHIR, description=_SEARCHSET, headers=HEADERS)
def match_with_parameters(query: dict[str, Any], asked: dict[str, Any], patient: str) -> Response:
    """Match a patient of the hospital's FHIR server, with a Parameters resource"""
    return _matched(asked, patient, f"POST {_WHY}")


def _matched(asked: dict[str, Any], patient: str, why: str) -> Response:
    found = service().match_from_hospital(patient, question(asked), why=why)
    headers = {} if found.complete else {INCOMPLETE: "true"}
    return _resource(searchset(found.matches, found.sources, service().now()), headers)


def _resource(resource: dict[str, Any], headers: dict[str, str] | None = None) -> Response:
    return written(resource, headers=headers, content_type=f"{FHIR}; charset=utf-8; fhirVersion=4.0")
