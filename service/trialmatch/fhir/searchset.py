"""Matches as FHIR R4: a searchset Bundle of ResearchStudy, with the score and verdict of each entry.

R5 studies are rendered down to what R4 and R4B know (https://hl7.org/fhir/R4/researchstudy.html); what R4 has no
element for is left out, and nothing is made up: elements that are not of the shape FHIR defines are left out too.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from trialmatch.config import BASE
from trialmatch.eligibility.criteria import Study
from trialmatch.eligibility.facts import Source
from trialmatch.eligibility.verdict import Match
from trialmatch.fhir.elements import Json, objects
from trialmatch.fhir.study.progress import states

VERDICT = f"{BASE}/StructureDefinition/match-verdict"

#: R5 progress states (http://hl7.org/fhir/research-study-status, 5.0.0) that R4 does not have, by the R4 status whose
#: definition is nearest; all others are R4 statuses themselves.
_PROGRESS = {
    "active-but-not-recruiting": "closed-to-accrual",
    "enrolling-by-invitation": "active",
    "not-yet-recruiting": "approved",
    "recruiting": "active",
    "terminated": "administratively-completed",
}
_R4_STATUS = (
    "active",
    "administratively-completed",
    "approved",
    "closed-to-accrual",
    "closed-to-accrual-and-intervention",
    "completed",
    "disapproved",
    "in-review",
    "temporarily-closed-to-accrual",
    "temporarily-closed-to-accrual-and-intervention",
    "withdrawn",
)
#: Where a study says nothing of its progress: from the status of its record.
_PUBLICATION = {"draft": "in-review", "retired": "completed"}

_SPONSOR = ("lead-sponsor", "sponsor")

#: What is taken over of resources that a study contains; these elements are the same in R4 and R5.
_CONTAINED = {
    "Organization": ("identifier", "active", "type", "name", "alias"),
    "Location": ("identifier", "status", "name", "alias", "description", "address", "position"),
}


def searchset(matches: Sequence[Match], sources: Iterable[Source], now: datetime) -> Json:
    """The Bundle, best match first. Sources that are not complete are told in an OperationOutcome at its end."""
    entries = [_entry(match) for match in matches]
    outcome = _outcome(sources)
    if outcome is not None:
        entries.append({"resource": outcome, "search": {"mode": "outcome"}})
    bundle: Json = {
        "resourceType": "Bundle",
        "type": "searchset",
        "timestamp": now.isoformat(timespec="seconds"),
        "total": len(matches),
    }
    return bundle | ({"entry": entries} if entries else {})


def _entry(match: Match) -> Json:
    search: Json = {"extension": [{"url": VERDICT, "valueCode": match.verdict}], "mode": "match"}
    if match.score is not None:
        search["score"] = match.score
    return {"fullUrl": _full_url(match.study), "resource": research_study(match.study), "search": search}


def _full_url(study: Study) -> str:
    """The study's own URL where it is one of a resource with this id, as ``fullUrl`` must be."""
    url = study.resource.get("url")
    return (
        url
        if isinstance(url, str) and url.endswith(f"/ResearchStudy/{study.id}")
        else f"{BASE}/ResearchStudy/{study.id}"
    )


def _outcome(sources: Iterable[Source]) -> Json | None:
    issues = [
        {
            "severity": "warning",
            "code": "incomplete",
            "diagnostics": f"{one.type} {one.state} ({one.detail or 'no detail'}): what hangs on it is unknown",
        }
        for one in sources
        if one.state != "complete"
    ]
    return {"resourceType": "OperationOutcome", "issue": issues} if issues else None


def research_study(study: Study) -> Json:
    """An R5 ResearchStudy as R4."""
    raw = study.resource
    rendered: Json = {
        "resourceType": "ResearchStudy",
        "id": study.id,
        "contained": [],
        "identifier": objects(raw, "identifier"),
        "title": study.title,
        "status": _status(raw),
        "primaryPurposeType": _concept(raw.get("primaryPurposeType")),
        "phase": _concept(raw.get("phase")),
        "category": _category(raw),
        "condition": _concepts(raw, "condition"),
        "keyword": _concepts(raw, "keyword"),
        "location": _concepts(raw, "region"),
        "description": _description(raw),
        "period": raw.get("period") if isinstance(raw.get("period"), dict) else None,
        "sponsor": _sponsor(raw),
        "site": [one for one in objects(raw, "site") if _refers_to(one, "Location", raw)],
        "note": [{"text": one["text"]} for one in objects(raw, "note") if isinstance(one.get("text"), str)],
        "arm": _arms(raw),
    }
    referred = [rendered["sponsor"] or {}, *rendered["site"]]
    wanted = {one["reference"][1:] for one in referred if str(one.get("reference", "")).startswith("#")}
    rendered["contained"] = [_plain(one) for one in objects(raw, "contained") if one.get("id") in wanted]
    return {name: value for name, value in rendered.items() if value not in (None, [], {}, "")}


def _codings(raw: Json, name: str) -> list[Json]:
    """The codings of a CodeableConcept."""
    return objects(raw.get(name), "coding")


def _concept(value: Any) -> Json | None:
    """A CodeableConcept; one without text gets the display or code of its first coding, as many clients need a text."""
    if not isinstance(value, dict):
        return None
    codings = [one for one in objects(value, "coding") if one]
    first = codings[0] if codings else {}
    text = value.get("text") or first.get("display") or first.get("code")
    kept = {"coding": codings, "text": text}
    return {name: part for name, part in kept.items() if part} or None


def _concepts(raw: Json, name: str) -> list[Json]:
    return [concept for concept in map(_concept, objects(raw, name)) if concept]


def _status(raw: Json) -> str:
    """The R4 status: from the latest state of progress that has come true, else from the status of the record."""
    for state in reversed(states(raw)):
        known = _PROGRESS.get(state, state)
        if known in _R4_STATUS:
            return known
    return _PUBLICATION.get(str(raw.get("status")), "active")


def _category(raw: Json) -> list[Json]:
    """``Study Type: …``, as ClinicalTrials.gov's own FHIR rendering and its clients put it."""
    designs = {
        str(word).lower()
        for one in objects(raw, "studyDesign")
        for word in (one.get("text"), *(coding.get("code") for coding in objects(one, "coding")))
        if word
    }
    return [{"text": f"Study Type: {kind.title()}"} for kind in ("interventional", "observational") if kind in designs]


def _description(raw: Json) -> str | None:
    for name in ("description", "descriptionSummary"):
        if isinstance(raw.get(name), str) and raw[name].strip():
            return str(raw[name])
    return None


def _sponsor(raw: Json) -> Json | None:
    for role in _SPONSOR:
        for party in objects(raw, "associatedParty"):
            if not any(coding.get("code") == role for coding in _codings(party, "role")):
                continue
            reference = party.get("party")
            if isinstance(reference, dict) and _refers_to(reference, "Organization", raw):
                named = {"display": party["name"]} if isinstance(party.get("name"), str) else {}
                return {**named, **reference}
            if isinstance(party.get("name"), str):
                return {"display": party["name"]}
    return None


def _refers_to(reference: Json, kind: str, raw: Json) -> bool:
    """Whether a reference is to a resource of a type, as far as it says."""
    target = reference.get("reference")
    if not isinstance(target, str):
        return isinstance(reference.get("display"), str)
    if target.startswith("#"):
        return any(one.get("id") == target[1:] and one.get("resourceType") == kind for one in objects(raw, "contained"))
    return f"{kind}/" in target


def _plain(resource: Json) -> Json:
    kept = ("resourceType", "id", *_CONTAINED.get(str(resource.get("resourceType")), ("name",)))
    return {name: resource[name] for name in kept if name in resource}


def _arms(raw: Json) -> list[Json]:
    arms = []
    for one in objects(raw, "comparisonGroup"):
        if isinstance(one.get("name"), str):
            arm = {"name": one["name"], "type": _concept(one.get("type")), "description": one.get("description")}
            arms.append({name: value for name, value in arm.items() if value})
    return arms
