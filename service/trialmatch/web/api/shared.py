"""What all parts of the API share: reading bodies, writing answers, the OpenAPI document made from their schemas."""

from __future__ import annotations

from collections.abc import Callable
from http import HTTPStatus
from typing import Any, TypeVar

import orjson
from flask import Flask, Request, Response
from flask_smorest import Api as SmorestApi
from flask_smorest import Blueprint as SmorestBlueprint
from marshmallow import Schema, ValidationError, fields
from webargs.flaskparser import FlaskParser
from webargs.multidictproxy import MultiDictProxy
from werkzeug.exceptions import NotAcceptable

from trialmatch import __version__
from trialmatch.config import Settings
from trialmatch.web import limits
from trialmatch.web.access.security import requires
from trialmatch.web.api import schemas_documents
from trialmatch.web.converters import FhirId
from trialmatch.web.problems import phrase

V = TypeVar("V", bound=Callable[..., Any])

JSON, FHIR, PROBLEM = "application/json", "application/fhir+json", "application/problem+json"

#: What any operation may answer.
_ALWAYS = (406, 429, 500, 503)
_WITH_BODY = (400, 413, 415, 422)
_GUARDED = (401, 403)

_ABOUT = """Which clinical trials may a patient qualify for, which criteria stand against it, and what is still missing?

Errors are `application/problem+json` (RFC 9457); under `/fhir` they are an OperationOutcome. Every answer carries
`X-Request-ID`, which the log has too; a well-formed one of the caller is taken over. Callers show a bearer token of a
configured issuer with the scope that an operation names; without any issuer only the machine itself is served."""


class _Parser(FlaskParser):
    """Reads requests: JSON through the limits, and no parameter twice unless it is a list."""

    # what is unknown is for the schema to say
    DEFAULT_UNKNOWN_BY_LOCATION = dict.fromkeys(FlaskParser.DEFAULT_UNKNOWN_BY_LOCATION)

    def _raw_load_json(self, req: Request) -> Any:
        return limits.body()

    def load_querystring(self, req: Request, schema: Schema) -> MultiDictProxy:
        lists = {one.data_key or name for name, one in schema.fields.items() if isinstance(one, fields.List)}
        twice = [name for name, values in req.args.lists() if len(values) > 1 and name not in lists]
        if twice:
            raise ValidationError({name: ["Given more than once."] for name in twice})
        return super().load_querystring(req, schema)


class Blueprint(SmorestBlueprint):
    """A part of the API, in the OpenAPI document."""

    ARGUMENTS_PARSER = _Parser()


class _Api(SmorestApi):
    """The OpenAPI document. Errors are not answered here (:mod:`trialmatch.web.problems`), only documented."""

    ERROR_SCHEMA = schemas_documents.Problem
    DEFAULT_ERROR_RESPONSE_NAME = None  # every status is named

    def _register_error_handlers(self) -> None:
        """Leave errors to the one handler."""

    def _register_responses(self) -> None:
        for status in HTTPStatus:
            if status < 400:
                continue
            for name, kind, schema in (
                (status.name, PROBLEM, self.ERROR_SCHEMA),
                (f"FHIR_{status.name}", FHIR, schemas_documents.OperationOutcome),
            ):
                response = {"description": phrase(status), "content": {kind: {"schema": schema}}}
                self.spec.components.response(name, response, lazy=True)


def describe(app: Flask, settings: Settings) -> SmorestApi:
    """The API of an application, to which its blueprints are registered."""
    app.config.update(API_TITLE="trialmatch", API_VERSION=__version__, OPENAPI_VERSION="3.0.3")
    options: dict[str, Any] = {
        "info": {"description": _ABOUT, "license": {"name": "Apache-2.0"}},
        "servers": [{"url": settings.public_url or "/"}],
    }
    api = _Api(app, spec_kwargs=options)
    api.register_converter(FhirId, lambda _: {"type": "string", "pattern": "^[A-Za-z0-9.-]{1,64}$"})
    bearer = {"type": "http", "scheme": "bearer", "bearerFormat": "JWT", "description": "A token of a known issuer"}
    api.spec.components.security_scheme("bearer", bearer)
    return api


def operation(
    scope: str | None, name: str, *statuses: int, body: bool = False, fhir: bool = False
) -> Callable[[V], V]:
    """An operation of the API: who may call it (None: everybody), and all it may answer with. Put it below the route.

    ``name`` is what generated clients call it: once used, it stays. ``statuses`` are those of its own; ``body``: it
    takes one; ``fhir``: its errors are OperationOutcomes.
    """
    told = {*_ALWAYS, *statuses, *(_WITH_BODY if body else ()), *(_GUARDED if scope else ())}

    def decorated(view: V) -> V:
        if scope is not None:
            told_so = _documented.doc(security=[{"bearer": []}], **{"x-scope": f"trialmatch/{scope}"})
            view = told_so(requires(scope)(view))
        view = _documented.doc(operationId=name)(view)
        for status in sorted(told):
            response = f"FHIR_{HTTPStatus(status).name}" if fhir else HTTPStatus(status).name
            view = _documented.alt_response(status, response)(view)
        return view

    return decorated


_documented = Blueprint("documented", __name__)


def answer(
    document: Any, status: int = 200, headers: dict[str, str] | None = None, content_type: str = JSON
) -> Response:
    """A JSON answer, written as it is: documents are not run through their schema again."""
    return Response(orjson.dumps(document), status, headers, content_type=content_type)


def acceptable(call: Request, *kinds: str) -> None:
    """NotAcceptable unless the caller takes one of these media types."""
    asked = [kind.partition(";")[0].strip() for kind, quality in call.accept_mimetypes if quality]
    if call.accept_mimetypes and not {"*/*", "application/*", *kinds} & {*asked}:
        raise NotAcceptable(f"expected that Accept allows {kinds[0]}; there is no other format")
