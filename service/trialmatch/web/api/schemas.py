"""What requests may hold: marshmallow schemas that check them and make their part of the OpenAPI document.

Unknown fields are refused. Resources inside a Bundle are not looked into here: what a record means, and what of it
cannot be read, is for the matching to say.
"""

from __future__ import annotations

import re
from datetime import date
from typing import Any

from marshmallow import EXCLUDE, RAISE, Schema, ValidationError, fields, post_load, pre_load, validate, validates_schema

#: Days that a question may be asked for: what lies outside is a slip of the pen.
EARLIEST, LATEST = date(1900, 1, 1), date(2199, 12, 31)

_RFC3339 = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")

#: Bundles that may hold a patient's records, and those that may hold a study.
_PATIENT_BUNDLES = ("collection", "searchset", "transaction", "batch", "batch-response", "document")
_STUDY_BUNDLES = ("collection", "searchset", "transaction", "batch")

#: What _format may be: all spellings of https://hl7.org/fhir/R4/http.html#parameters that mean JSON.
FORMATS = ("json", "application/json", "application/fhir+json", "text/json")

#: ETags, or * (https://www.rfc-editor.org/rfc/rfc9110#section-13.1.1).
_ETAGS = r'^(\*|(W/)?"[!#-~]*"( *, *(W/)?"[!#-~]*")*)$'


class Strict(Schema):
    """A schema that refuses what it does not know."""

    class Meta:
        unknown = RAISE

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        known = ", ".join(held.data_key or name for name, held in self.load_fields.items())
        self.error_messages = {**self.error_messages, "unknown": f"Unknown field; expected one of {known}."}


class _Day(fields.Date):
    """A day as the document says (RFC 3339): Python reads others of ISO 8601 too, such as 2026-W09-7."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **named: Any) -> Any:
        if isinstance(value, str) and not _RFC3339.fullmatch(value):
            raise self.make_error("invalid", input=value, obj_type=self.OBJ_TYPE)
        return super()._deserialize(value, attr, data, **named)


def _day(words: str, example: str | None = None, **extra: Any) -> fields.Date:
    described = {"description": words} | ({"example": example} if example else {})
    return _Day(format="iso", validate=validate.Range(EARLIEST, LATEST), metadata=described, **extra)


def _text(words: str, most: int, **extra: Any) -> fields.String:
    described = {"description": words} | extra.pop("described", {})
    return fields.String(validate=validate.Length(1, most), metadata=described, **extra)


def _studies() -> fields.List:
    return fields.List(
        _text("A study's id or registry number", 128),
        load_default=list,
        validate=validate.Length(max=100),
        metadata={"description": "Only these studies; all if none is named", "example": ["NCT06892145"]},
    )


def _everything() -> fields.Boolean:
    words = "Also the studies that the patient is ineligible for"
    # marshmallow would take “on”, “y” and others too; the OpenAPI document knows two words
    yes_or_no: dict[str, Any] = {"truthy": {"true", True}, "falsy": {"false", False}}
    return fields.Boolean(**yes_or_no, load_default=False, metadata={"description": words})


class _Format(fields.String):
    """``_format``. A plus sign that was not escaped arrives as a blank."""

    def __init__(self) -> None:
        described = {"description": "The format of the answer, before what Accept says"}
        super().__init__(data_key="_format", validate=validate.OneOf(FORMATS), metadata=described)

    def _deserialize(self, value: Any, attr: str | None, data: Any, **extra: Any) -> str:
        return super()._deserialize(value, attr, data, **extra).replace(" ", "+")


class MatchQuery(Strict):
    """The question: for which day, against which studies."""

    study = _studies()
    as_of = _day("The day of screening; today if not given", "2026-03-01")
    enrolment = _day("The planned day of enrolment; as_of if not given")
    infusion = _day("The planned day of infusion; unknown if not given")
    all = _everything()


class BundleMatchQuery(MatchQuery):
    """The same question about a Bundle, which may hold several patients."""

    patient = _text("Which Patient of the Bundle, by id or fullUrl; not needed where there is one only", 256)


class PrescreenOrder(Strict):
    """A prescreen to carry out."""

    source = _text(
        "A folder of Bulk Data NDJSON by its absolute path; hospital, or hospital/Group/ID, for the export of the"
        " hospital's FHIR server. The service is set to what it may read",
        1024,
        required=True,
    )
    studies = _studies()
    as_of = _day("The day of screening; today if not given", data_key="asOf")
    since = _text("An earlier run that is done, by its id: what has changed since is told too", 64)


class OperationQuery(Strict):
    """The parameters of ``$match-trials`` as a query."""

    study = _studies()
    as_of = _day("The day of screening; today if not given", "2026-03-01", data_key="as-of")
    enrolment = _day("The planned day of enrolment; as-of if not given")
    infusion = _day("The planned day of infusion; unknown if not given")
    all = _everything()
    format = _Format()


class FormatQuery(Strict):
    """The one parameter of FHIR that every answer knows."""

    format = _Format()


class OperationParameter(Strict):
    """One parameter of ``$match-trials``, with the value that its name asks for."""

    name = fields.String(required=True, validate=validate.OneOf(("study", "as-of", "enrolment", "infusion", "all")))
    valueString = _text("For study", 128)
    valueDate = _day("For as-of, enrolment and infusion")
    valueBoolean = fields.Boolean(truthy={True}, falsy={False}, metadata={"description": "For all", "type": "boolean"})

    @validates_schema
    def _fits(self, data: dict[str, Any], **_: Any) -> None:
        wanted = {"study": "valueString", "all": "valueBoolean"}.get(data["name"], "valueDate")
        if set(data) != {"name", wanted}:
            raise ValidationError(f"“{data['name']}” has a {wanted} and nothing else.", wanted)


class OperationParameters(Strict):
    """A FHIR Parameters resource with what ``$match-trials`` knows."""

    resourceType = fields.String(required=True, validate=validate.Equal("Parameters"))
    id = fields.Raw()
    meta = fields.Raw()
    parameter = fields.List(fields.Nested(OperationParameter), load_default=list, validate=validate.Length(max=100))

    @post_load
    def _asked(self, data: dict[str, Any], **_: Any) -> dict[str, Any]:
        """As the query would have it."""
        asked: dict[str, Any] = {"study": [], "all": False}
        given: set[str] = set()
        for one in data["parameter"]:
            name = one.pop("name").replace("-", "_")
            (value,) = one.values()
            if name == "study":
                asked["study"].append(value)
            elif name in given:
                raise ValidationError(f"“{name.replace('_', '-')}” is there twice.", "parameter")
            else:
                asked[name] = value
                given.add(name)
        return asked


class _Bundle(Strict):
    """A FHIR Bundle. Its entries are taken as they are; ``implicitRules`` nobody here could follow."""

    resourceType = fields.String(required=True, validate=validate.Equal("Bundle"))
    id = fields.Raw()
    meta = fields.Raw()
    language = fields.Raw()
    identifier = fields.Raw()
    timestamp = fields.Raw()
    total = fields.Raw()
    link = fields.Raw()
    signature = fields.Raw()
    issues = fields.Raw()
    entry = fields.List(
        fields.Raw(metadata={"description": "An entry; its resource is what counts"}),
        load_default=list,
        metadata={"description": "As many as the service is set to take"},
    )

    @pre_load
    def _without_comments(self, data: Any, **_: Any) -> Any:
        """Extensions of primitive elements say nothing that matters here."""
        if not isinstance(data, dict):
            return data
        return {name: value for name, value in data.items() if not name.startswith("_")}


class PatientBundle(_Bundle):
    """A patient's records: a Bundle of R4 or R4B resources, one of them the Patient."""

    type = fields.String(required=True, validate=validate.OneOf(_PATIENT_BUNDLES))


class StudyBundle(_Bundle):
    """A study: a Bundle of R5 resources, one of them the ResearchStudy, with its EvidenceVariables and ValueSets."""

    type = fields.String(required=True, validate=validate.OneOf(_STUDY_BUNDLES))


class AttestationEntry(Strict):
    """What a person has confirmed: an answer to one criterion of a study, or to a judgement wherever it is asked."""

    study = _text("The study whose criterion it is, or for which alone the judgement holds", 128, allow_none=True)
    linkId = _text("The criterion; met means that the requirement is fulfilled", 255, allow_none=True)
    judgement = _text("The judgement, such as consent or investigator", 128, allow_none=True)
    concept = _text("What the judgement is about, where it is about something", 256, allow_none=True)
    answer = fields.String(required=True, validate=validate.OneOf(("met", "unmet")))
    by = _text("Who says so", 256, required=True)
    at = _text("When: a date or time (ISO 8601)", 40, required=True, described={"example": "2026-02-27"})
    until = _text("The last day on which it holds", 40, allow_none=True, described={"example": "2027-02-27"})

    @validates_schema
    def _one_of_two(self, data: dict[str, Any], **_: Any) -> None:
        if bool(data.get("linkId")) == bool(data.get("judgement")):
            raise ValidationError("Either linkId or judgement, and not both.")
        if data.get("linkId") and not data.get("study"):
            raise ValidationError("A linkId needs the study whose it is.", "study")

    @post_load
    def _without_nulls(self, data: dict[str, Any], **_: Any) -> dict[str, Any]:
        return {name: value for name, value in data.items() if value is not None}


class AttestationList(Strict):
    """All that persons have confirmed about a patient; it takes the place of what was there."""

    attestations = fields.List(fields.Nested(AttestationEntry), required=True, validate=validate.Length(max=1000))


class _Headers(Schema):
    class Meta:
        unknown = EXCLUDE


class Replaces(_Headers):
    """Which version of a study is to be replaced."""

    if_match = fields.String(
        data_key="If-Match",
        validate=validate.Regexp(r'^"[0-9]{1,18}"$', error="Expected the one ETag of the study."),
        metadata={"description": "The ETag of the version that is to be replaced", "example": '"3"'},
    )


class Preconditions(_Headers):
    """The conditions of a change that must not undo somebody else's: either of them."""

    if_match = fields.String(
        data_key="If-Match",
        validate=validate.Regexp(_ETAGS, error="Expected ETags."),
        metadata={"description": "The ETag of the version that is to be replaced", "example": '"3"'},
    )
    if_none_match = fields.String(
        data_key="If-None-Match",
        validate=validate.Equal("*"),
        metadata={"description": "* where there is to be no version yet"},
    )
