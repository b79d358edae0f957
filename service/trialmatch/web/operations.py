"""For those who run the service: is it alive, can it work, what has it done, how is it called."""

from __future__ import annotations

from flask import Blueprint as Views
from flask import Response, current_app, render_template, request, send_from_directory
from prometheus_client import CONTENT_TYPE_LATEST
from swagger_ui_bundle import swagger_ui_path
from werkzeug import Response as BaseResponse

from trialmatch.fhir.hospital.client_keys import public_jwks
from trialmatch.web import metrics
from trialmatch.web.api import schemas_documents
from trialmatch.web.api.shared import Blueprint, answer
from trialmatch.web.service import service

blueprint = Blueprint("operations", __name__, description="For those who run the service")


@blueprint.get("/health/live")
@blueprint.doc(operationId="isAlive")
@blueprint.response(200, schemas_documents.Health)
@blueprint.alt_response(500, "INTERNAL_SERVER_ERROR")
def live() -> Response:
    """Whether the process answers"""
    return answer({"status": "ok"})


@blueprint.get("/health/ready")
@blueprint.doc(operationId="isReady")
@blueprint.response(200, schemas_documents.Readiness)
@blueprint.alt_response(500, "INTERNAL_SERVER_ERROR")
@blueprint.alt_response(503, "SERVICE_UNAVAILABLE")
def ready() -> Response:
    """Whether the service can work: its studies are loaded, its store can be written to

    A hospital that is down does not count: to take this service away would not bring it back, and what needs no
    hospital still works. The metrics tell how often it fails.
    """
    service().store.check()
    return answer({"status": "ok", "studies": len(service().engine.studies.matchable)})


@blueprint.get("/metrics")
@blueprint.doc(operationId="readMetrics")
@blueprint.response(200, {"type": "string"}, content_type="text/plain")
@blueprint.alt_response(500, "INTERNAL_SERVER_ERROR")
def measured() -> Response:
    """Prometheus metrics of all workers"""
    return Response(metrics.page(), content_type=CONTENT_TYPE_LATEST)


@blueprint.get("/.well-known/jwks.json")
@blueprint.doc(operationId="readKeys")
@blueprint.response(200, schemas_documents.KeySet)
@blueprint.alt_response(500, "INTERNAL_SERVER_ERROR")
def keys() -> Response:
    """The public keys by which the hospital's server knows this service (SMART Backend Services)"""
    # SMART App Launch 2.2 asks for a lifetime. It is how long a new key is to lie beside the old one before it signs.
    return answer(public_jwks(service().settings), headers={"Cache-Control": "public, max-age=300"})


#: How the API is called: outside of the document that it shows.
documentation = Views("documentation", __name__)


@documentation.get("/openapi.json")
def openapi() -> BaseResponse:
    """The OpenAPI document."""
    document = current_app.extensions["flask-smorest"]["apis"][""]["ext_obj"].spec.to_dict()
    response = answer(document)
    response.add_etag()
    return response.make_conditional(request)


@documentation.get("/docs")
def docs() -> str:
    """The OpenAPI document to read and try; all of the page comes from this service."""
    return render_template("docs.html")


@documentation.get("/docs/<any('swagger-ui.css', 'swagger-ui-bundle.js'):name>")
def asset(name: str) -> Response:
    """What that page is made of."""
    return send_from_directory(str(swagger_ui_path), name, max_age=86_400)
