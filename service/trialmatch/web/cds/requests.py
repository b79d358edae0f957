"""What a CDS Hooks client sends: calls of the service and feedback, checked by the specification's rules.

Fields that the specification does not know are passed over, as it asks (extensions, other hooks' context). Resources in
the prefetch are looked into by :mod:`trialmatch.web.cds.prefetch`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from marshmallow import EXCLUDE, Schema, ValidationError, fields, validate, validates_schema
from werkzeug.exceptions import BadRequest

from trialmatch.addresses import parts
from trialmatch.web.converters import FHIR_ID

Json = dict[str, Any]

HOOK = "patient-view"

#: Entries of one feedback body, and characters of a clinician's comment.
_MOST, _COMMENT = 500, 10_000

#: Who may look at a chart, as the hook says: https://cds-hooks.org/hooks/patient-view/
_USER = re.compile(r"(Practitioner|PractitionerRole|Patient|RelatedPerson)/[A-Za-z0-9.\-]{1,64}")
_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)


class _Open(Schema):
    """A schema that passes over what it does not know. What is null counts as left out."""

    class Meta:
        unknown = EXCLUDE


def _whole(pattern: re.Pattern[str]) -> re.Pattern[str]:
    """A pattern for all of a text, as marshmallow looks at its beginning only."""
    return re.compile(f"(?:{pattern.pattern})\\Z", pattern.flags)


def _id(**extra: Any) -> fields.String:
    return fields.String(validate=validate.Regexp(_whole(FHIR_ID), error="not a FHIR id"), **extra)


def _uuid(**extra: Any) -> fields.String:
    return fields.String(validate=validate.Regexp(_whole(_UUID), error="not a UUID"), **extra)


class _Context(_Open):
    userId = fields.String(
        required=True, validate=validate.Regexp(_whole(_USER), error="not of the form Practitioner/id")
    )
    patientId = _id(required=True)
    encounterId = _id(allow_none=True)


class _Authorization(_Open):
    access_token = fields.String(required=True, validate=validate.Regexp(r"[\x21-\x7e]{1,16384}\Z", error="no token"))
    token_type = fields.String(required=True, validate=validate.OneOf(["Bearer", "bearer"], error="not Bearer"))
    expires_in = fields.Integer(allow_none=True)
    scope = fields.String(allow_none=True)
    subject = fields.String(allow_none=True)
    patient = _id(allow_none=True)


class _Call(_Open):
    hook = fields.String(required=True, validate=validate.Equal(HOOK, error=f"another hook; this is {HOOK}"))
    hookInstance = _uuid(required=True)
    fhirServer = fields.String(allow_none=True)
    fhirAuthorization = fields.Nested(_Authorization, allow_none=True)
    context = fields.Nested(_Context, required=True)
    prefetch = fields.Dict(keys=fields.String(), values=fields.Raw(allow_none=True), allow_none=True)

    @validates_schema
    def _together(self, data: Json, **_: Any) -> None:
        authorization, server = data.get("fhirAuthorization"), data.get("fhirServer")
        if authorization and not server:
            raise ValidationError("missing, though fhirAuthorization is there", "fhirServer")
        if server and parts(server) is None:
            raise ValidationError("not an http or https URL without credentials", "fhirServer")
        if authorization and authorization.get("patient") not in (None, (data.get("context") or {}).get("patientId")):
            raise ValidationError({"patient": ["another patient than that of the context"]}, "fhirAuthorization")


class _Accepted(_Open):
    id = _uuid(required=True)


class _Coding(_Open):
    code = fields.String(required=True, validate=validate.Length(1, 200))
    system = fields.String(allow_none=True, validate=validate.Length(max=500))
    display = fields.String(allow_none=True, validate=validate.Length(max=500))


class _OverrideReason(_Open):
    reason = fields.Nested(_Coding, allow_none=True)
    userComment = fields.String(allow_none=True, validate=validate.Length(max=_COMMENT))

    @validates_schema
    def _something(self, data: Json, **_: Any) -> None:
        if not data.get("reason") and not data.get("userComment"):
            raise ValidationError("neither reason nor userComment")


class _Feedback(_Open):
    card = _uuid(required=True)
    outcome = fields.String(required=True, validate=validate.OneOf(["accepted", "overridden"]))
    acceptedSuggestions = fields.List(fields.Nested(_Accepted), allow_none=True, validate=validate.Length(max=_MOST))
    overrideReason = fields.Nested(_OverrideReason, allow_none=True)
    outcomeTimestamp = fields.AwareDateTime(required=True, format="iso")

    @validates_schema
    def _accepted(self, data: Json, **_: Any) -> None:
        if data.get("outcome") == "accepted" and not data.get("acceptedSuggestions"):
            raise ValidationError("missing; an accepted card names the suggestions", "acceptedSuggestions")


class _FeedbackBody(_Open):
    feedback = fields.List(fields.Nested(_Feedback), required=True, validate=validate.Length(1, _MOST))


_CALL, _FEEDBACK = _Call(), _FeedbackBody()


@dataclass(frozen=True)
class Call:
    """A call of the service. ``token`` is good for ``server`` only and never goes into a log or an answer."""

    patient: str
    encounter: str | None
    server: str | None
    token: str | None
    prefetch: Mapping[str, Any]

    def __repr__(self) -> str:
        return "Call()"


def call(body: Any) -> Call:
    """A call out of a request's JSON. Raises BadRequest (400) with what is wrong, element by element."""
    data = _checked(_CALL, body)
    context, authorization = data["context"], data.get("fhirAuthorization") or {}
    return Call(
        context["patientId"],
        context.get("encounterId"),
        data.get("fhirServer"),
        authorization.get("access_token"),
        data.get("prefetch") or {},
    )


@dataclass(frozen=True)
class Feedback:
    """What became of one card; ``entry`` is the part of the body that the specification knows."""

    card: str
    outcome: str
    entry: Json


def feedback(body: Any) -> list[Feedback]:
    """The entries of a feedback body. Raises BadRequest (400) with what is wrong, element by element."""
    found = _checked(_FEEDBACK, body)["feedback"]
    return [Feedback(str(UUID(one["card"])), one["outcome"], _plain(one)) for one in found]


def _plain(entry: Json) -> Json:
    return {
        name: value.isoformat() if name == "outcomeTimestamp" else value
        for name, value in entry.items()
        if value is not None
    }


def _checked(schema: Schema, body: Any) -> Json:
    try:
        data: Json = schema.load(body)
    except ValidationError as problem:
        error = BadRequest()
        error.data = {"messages": {"json": problem.messages}}  # type: ignore[attr-defined]
        raise error from None
    return data
