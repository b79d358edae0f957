"""Records in the manner of ClinicalTrials.gov, and drafts in a line for each characteristic."""

from __future__ import annotations

from functools import cache
from typing import Any

from trialmatch.config import Settings
from trialmatch.fhir.study import studies
from trialmatch.fhir.study.studies import StudySet
from trialmatch.registry.drafts import Draft, bundle, draft
from trialmatch.registry.record import records
from trialmatch.terminology import mappings
from trialmatch.terminology.mappings import Terminology

Json = dict[str, Any]
SETTINGS = Settings.read({})


@cache
def terminology() -> Terminology:
    """The shipped mappings."""
    return mappings.load(SETTINGS)


def record(text: str | None, nct: str = "NCT00000001", **fields: Any) -> Json:
    """A record with little more than its eligibility; ``fields`` are those of its eligibilityModule."""
    eligibility = {"sex": "ALL", **fields} | ({} if text is None else {"eligibilityCriteria": text})
    identity = {"nctId": nct, "briefTitle": "A study of something in somebody"}
    return {"protocolSection": {"identificationModule": identity, "eligibilityModule": eligibility}}


def drafted(data: Json) -> Draft:
    """The draft of a record."""
    return draft(records(data, "record.json")[0], terminology())


def loaded(data: Json) -> StudySet:
    """A record's draft as ``studies check`` loads it; FaultyStudy where it has faults."""
    return studies.load(studies.unpacked(bundle([drafted(data)]), "draft.json"), terminology(), SETTINGS)


def variable(one: Draft) -> Json:
    """The EvidenceVariable of a draft."""
    return next(resource for resource in one.resources if resource["resourceType"] == "EvidenceVariable")


def lines(one: Draft) -> list[str]:
    """A draft's characteristics: linkId, and what is read of it ("text": nothing)."""
    return [line for top in variable(one)["characteristic"] for line in _lines(top, "")]


def _lines(raw: Json, indent: str) -> list[str]:
    group = raw.get("definitionByCombination")
    if group is None:
        return [f"{indent}{raw['linkId']} {_negated(raw)}{_leaf(raw)}"]
    threshold = f" {group['threshold']}" if "threshold" in group else ""
    own = f"{indent}{raw['linkId']} {_negated(raw)}{group['code']}{threshold}"
    return [own, *(line for member in group["characteristic"] for line in _lines(member, f"{indent}  "))]


def _negated(raw: Json) -> str:
    return "not " if raw.get("exclude") else ""


def _leaf(raw: Json) -> str:
    if "definitionCodeableConcept" in raw:
        return f"judgement {_code(raw['definitionCodeableConcept'])}"
    if "definitionCanonical" in raw:
        return f"block {raw['definitionCanonical'].rsplit('/', 1)[-1]}"
    typed = raw.get("definitionByTypeAndValue")
    if typed is None:
        return "text"
    about = {"30525-0": "age", "46098-0": "sex"}.get(_code(typed["type"]), _code(typed["type"]))
    methods = [f" by {_code(one)}" for one in typed.get("method", ())]
    return " ".join([about, *_values(typed)]) + "".join(methods) + _window(raw)


def _values(typed: Json) -> list[str]:
    if "valueRange" in typed:
        low, high = typed["valueRange"]["low"], typed["valueRange"]["high"]
        return [f"{low['value']}..{high['value']} {low['code']}"]
    if "valueQuantity" in typed:
        limit = typed["valueQuantity"]
        return [f"{limit['comparator']} {limit['value']} {limit['code']}"]
    return [_code(typed["valueCodeableConcept"])] if "valueCodeableConcept" in typed else []


def _window(raw: Json) -> str:
    said = ""
    for one in raw.get("timeFromEvent", ()):
        low = one.get("range", {}).get("low")
        since = f" {low['value']} {low['code']}" if low else ""
        said += f" [{_code(one['eventCodeableConcept'])}{since}]"
    return said


def _code(concept: Json) -> str:
    return "/".join(one["code"] for one in concept["coding"])
