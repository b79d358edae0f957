"""What answers hold, for the OpenAPI document. Answers are written by :mod:`trialmatch.documents`, not through these:
a match document has thousands of fields. Tests hold every answer against them.
"""

from __future__ import annotations

from typing import Any

from marshmallow import Schema, fields, validate

from trialmatch.eligibility import truth
from trialmatch.eligibility.criteria import COMBINATIONS
from trialmatch.eligibility.verdict import VERDICTS

_BASES = (truth.EVIDENCE, truth.ATTESTED, truth.NOT_APPLICABLE, *truth.PRECEDENCE)

#: How far a definition keeps to the print (profiles/codesystems/reading.json).
_READINGS = ("as-printed", "inferred", "corrected")


def _text(words: str = "", **extra: Any) -> fields.String:
    return fields.String(required=True, metadata={"description": words} if words else {}, **extra)


def _one_of(values: tuple[str, ...], words: str = "", **extra: Any) -> fields.String:
    given = {"required": True} | extra
    return fields.String(validate=validate.OneOf(values), metadata={"description": words} if words else {}, **given)


def _number(words: str = "", **extra: Any) -> fields.Integer:
    return fields.Integer(required=True, metadata={"description": words} if words else {}, **extra)


def _flag(words: str, **extra: Any) -> fields.Boolean:
    return fields.Boolean(metadata={"description": words}, **({"required": True} | extra))


def _digest(words: str) -> fields.String:
    return fields.String(required=True, metadata={"description": words, "pattern": "^sha256:[0-9a-f]{64}$"})


class ProblemError(Schema):
    """One of several things that are wrong."""

    path = _text("Where: body, query or headers and the element; empty where it is no single element")
    detail = _text("What was found and what is expected")


class Problem(Schema):
    """What went wrong (RFC 9457)."""

    type = _text("A URI that stands for this kind of problem; about:blank where the status says it all")
    title = _text("The kind of problem, in words")
    status = _number("The HTTP status")
    detail = _text("What is wrong this time")
    errors = fields.List(fields.Nested(ProblemError), required=True)
    requestId = _text("The id under which the log has this request", allow_none=True)


class EngineVersions(Schema):
    """What the answer was made with."""

    version = _text("Version of trialmatch")
    studies = _digest("Digest of all studies' definitions")
    mappings = _digest("Digest of the mappings")


class SourceState(Schema):
    """How far one type of record was obtained."""

    type = _text("A FHIR resource type")
    state = _one_of(("complete", "partial", "failed"), "Anything but complete leaves what hangs on it unknown")
    count = _number("How many records there are")
    detail = _text("What is missing, and why", allow_none=True)


class StudySummary(Schema):
    """A study's identity."""

    id = _text()
    title = _text()
    status = _text("Of the study's record: active, draft, retired or unknown")
    recruitment = _text("The record's state of recruitment: not-yet-recruiting and the like, or words", allow_none=True)
    url = _text("Where the study is registered or published", allow_none=True)


class CohortVerdict(Schema):
    """The verdict for one cohort."""

    id = _text()
    name = _text()
    verdict = _one_of(VERDICTS)


class Counts(Schema):
    """Single criteria by status."""

    met = _number()
    unmet = _number()
    unknown_ = _number(data_key="unknown")
    blocking = _number("Unknowns that would change the verdict")


class Evidence(Schema):
    """A record that a finding rests on."""

    reference = _text("Such as Observation/123")
    date = _text("As precisely as it is known; before a day; or from/to", allow_none=True)
    display = _text()
    flag = fields.String(metadata={"description": "How its time was found, where not by the usual element"})


class _Authored(Schema):
    """What a criterion is before any patient."""

    linkId = _text("Names the criterion within its study")
    kind = _one_of(("inclusion", "exclusion"))
    cohort = _text("The cohort that it is for", allow_none=True)
    text = _text("As printed")
    reading = _one_of(_READINGS, "Whether the definition says what is printed, more, or something else")
    readingNote = fields.String(metadata={"description": "How it is read, where that needs saying"})
    combination = _one_of(COMBINATIONS, "How children combine; groups only", required=False)
    threshold = fields.Integer(metadata={"description": "For at-least and at-most"})
    exclude_ = _flag("Whether the group is negated", required=False, data_key="exclude")


class Item(_Authored):
    """One criterion as judged; groups have children."""

    status = _one_of(("met", "unmet", "unknown"), "An exclusion that does not apply is met")
    basis = _one_of(_BASES, "Why it has this status", allow_none=True)
    reason = _text("One line in words")
    blocking = _flag("Whether it would change the verdict")
    evidence = fields.List(fields.Nested(Evidence), metadata={"description": "Single criteria only"})
    conflict = fields.String(metadata={"description": "What contradicts the finding"})
    children = fields.List(fields.Nested(lambda: Item()), required=True)


class _Leaf(Schema):
    linkId = _text()
    kind = _one_of(("inclusion", "exclusion"))
    cohort = _text(allow_none=True)
    text = _text("As printed")
    basis = _one_of(_BASES)


class UnmetItem(_Leaf):
    """A single criterion that is unmet."""

    reason = _text()
    decisive = _flag("Whether it alone makes the patient ineligible")


class MissingItem(_Leaf):
    """A single criterion that is unknown and matters."""

    need = _text("What would settle it")


class Opening(Schema):
    """A single criterion that rules the patient out today and no longer does on a later day."""

    linkId = _text()
    basis = _text("Of what it comes to on that day")
    reason = _text("What it comes to on that day")


class Outlook(Schema):
    """The day from which a study may no longer rule the patient out, if nothing happens but that time passes."""

    date = fields.Date(required=True)
    verdict = _one_of(VERDICTS)
    because = fields.List(fields.Nested(Opening), required=True)


class MatchedStudy(Schema):
    """One study against the patient."""

    rank = _number("1 is best")
    study = fields.Nested(StudySummary, required=True)
    verdict = _one_of(VERDICTS)
    deceased = _flag("Whether the patient was dead on that day")
    score = fields.Float(
        required=True, allow_none=True, metadata={"description": "0 to 1, null where nothing can be judged"}
    )
    why = _text("One sentence, also why it stands before the next")
    cohorts = fields.List(fields.Nested(CohortVerdict), required=True)
    counts = fields.Nested(Counts, required=True)
    items = fields.List(fields.Nested(Item), required=True)
    unmet = fields.List(fields.Nested(UnmetItem), required=True)
    missing = fields.List(fields.Nested(MissingItem), required=True)
    mayQualifyFrom = fields.Nested(
        Outlook,
        required=True,
        allow_none=True,
        metadata={"description": "Of an ineligible study: the first such day within two years, null if there is none"},
    )


class MatchDocument(Schema):
    """A patient's trials, best first, with what is met, unmet and missing."""

    patient = _text("Such as Patient/123")
    asOf = fields.Date(required=True)
    generatedAt = fields.AwareDateTime(required=True, default_timezone=None)
    engine = fields.Nested(EngineVersions, required=True)
    sources = fields.List(fields.Nested(SourceState), required=True)
    problems = fields.List(
        fields.String(),
        required=True,
        metadata={"description": "What could not be read or used: where, what was found, what is expected"},
    )
    matches = fields.List(fields.Nested(MatchedStudy), required=True)


class RowCounts(Schema):
    """Printed criteria by how far they are computed."""

    computable = _number()
    partly = _number()
    not_ = _number(data_key="not")


class LeafCounts(Schema):
    """Single criteria by who answers them."""

    computed = _number()
    person = _number()
    text = _number()


class Cohort(Schema):
    """A cohort of a study."""

    id = _text()
    name = _text()


class StudyListing(StudySummary):
    """A study's identity and size."""

    matched = _flag("Whether patients are matched against it: drafts and retired studies never are")
    cohorts = fields.List(fields.Nested(Cohort), required=True)
    eligibilityInRecord = _flag("Whether the record prints criteria at all")
    exclusionsInRecord = _flag("Whether it prints exclusions")
    rows = fields.Nested(RowCounts, required=True)
    leaves = fields.Nested(LeafCounts, required=True)


class StudyItem(_Authored):
    """A criterion as authored; single ones say what is computed."""

    asks = fields.String(metadata={"description": "The kind of single criterion, such as result or event"})
    about = fields.String(metadata={"description": "What it is about, in words"})
    computed = fields.String(metadata={"description": "What is computed, in words"})
    demand = _one_of(("computed", "person", "text"), "Who answers it", required=False)
    children = fields.List(fields.Nested(lambda: StudyItem()), required=True)


class StudyDocument(StudyListing):
    """A study with its criteria as a tree."""

    items = fields.List(fields.Nested(StudyItem), required=True)
    warnings = fields.List(fields.String(), metadata={"description": "Where it was added just now: see addStudy"})


class HeldAttestation(Schema):
    """What a person has confirmed."""

    study = fields.String()
    linkId = fields.String()
    judgement = fields.String()
    concept = fields.String()
    answer = _one_of(("met", "unmet"))
    by = _text()
    at = _text()
    until = fields.String()


class Attestations(Schema):
    """What persons have confirmed about a patient, and who handed that in."""

    patient = _text("Such as Patient/123")
    version = _number("Counts up with every change; 0 where nothing was ever handed in")
    by = _text("Who handed in this version", allow_none=True)
    at = fields.AwareDateTime(required=True, allow_none=True, default_timezone=None)
    attestations = fields.List(fields.Nested(HeldAttestation), required=True)


class PrescreenRequest(Schema):
    """What was asked for."""

    source = _text()
    studies = fields.List(fields.String(), required=True)
    asOf = fields.Date(required=True)
    since = fields.String(required=True, allow_none=True)


class PrescreenedStudy(Schema):
    """How a study's patients came out."""

    id = _text()
    title = _text()
    setAside = fields.Dict(required=True, metadata={"description": "Patients who were not judged, by the reason"})
    judged = _number()
    eligible = _number()
    likely = _number()
    possible = _number()
    ineligible = _number()


class PrescreenSummary(Schema):
    """What came of a prescreen: run.json without what is about single files and lines."""

    state = _one_of(("complete", "incomplete"), "Whether every type of record was read completely")
    asOf = fields.Date(required=True)
    engine = fields.Dict(required=True)
    counts = fields.Dict(required=True)
    partial_ = fields.Dict(
        required=True, data_key="partial", metadata={"description": "Types that were not read completely, and why"}
    )
    studies = fields.List(fields.Nested(PrescreenedStudy), required=True)
    undetermined = fields.List(fields.String(), required=True)


class PrescreenRun(Schema):
    """A prescreen as a job."""

    id = _text()
    state = _one_of(("queued", "running", "done", "failed", "cancelled"))
    request = fields.Nested(PrescreenRequest, required=True)
    by = _text("Who asked for it")
    created = fields.AwareDateTime(required=True, default_timezone=None)
    updated = fields.AwareDateTime(required=True, default_timezone=None)
    progress = _text("How far it is, in words")
    summary = fields.Nested(PrescreenSummary, required=True, allow_none=True)


class Health(Schema):
    """That the service is well."""

    status = _one_of(("ok",))


class Readiness(Health):
    """That the service can work."""

    studies = _number("Studies that are matched")


class KeySet(Schema):
    """A JWK Set (RFC 7517)."""

    keys = fields.List(fields.Dict(), required=True)


class OutcomeIssue(Schema):
    """One thing that is wrong."""

    severity = _one_of(("fatal", "error", "warning", "information"))
    code = _text("http://hl7.org/fhir/R4/valueset-issue-type.html")
    details = fields.Dict()
    diagnostics = fields.String()
    expression = fields.List(fields.String(), metadata={"description": "Where: body or query and the element"})


class OperationOutcome(Schema):
    """What went wrong, in FHIR."""

    resourceType = _one_of(("OperationOutcome",))
    issue = fields.List(fields.Nested(OutcomeIssue), required=True)
