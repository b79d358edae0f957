"""One way into the package for tests of meaning: characteristics or studies, resources, a date in; items out."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import lru_cache
from pathlib import Path
from typing import Any

from trialmatch import attestations as answers
from trialmatch.config import BASE, Settings
from trialmatch.errors import FaultyStudy
from trialmatch.fhir.patient.sources import from_bundle
from trialmatch.fhir.study import studies as study_files
from trialmatch.fhir.study.studies import Definition
from trialmatch.terminology import mappings
from trialmatch.terminology.mappings import Terminology
from trialmatch.usecases.match import Engine, Question, match_patient

Json = dict[str, Any]

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
_SUBJECT = {"Immunization": "patient", "AllergyIntolerance": "patient", "ResearchSubject": "individual"}


@dataclass(frozen=True)
class Judged:
    """A match as tests look at it."""

    document: Json
    problems: tuple[str, ...] = ()

    @property
    def match(self) -> Json:
        """The match of the study in question."""
        return self.document["matches"][0]

    @property
    def verdict(self) -> str:
        """Its verdict."""
        return self.match["verdict"]

    @property
    def items(self) -> dict[str, Json]:
        """Its items by linkId, groups and leaves."""
        return flat(self.match["items"])


def flat(items: list[Json]) -> dict[str, Json]:
    """A tree of items by linkId."""
    found = {}
    for item in items:
        found[item["linkId"]] = item
        found |= flat(item["children"])
    return found


@lru_cache(maxsize=16)
def _terminology(settings: Settings) -> Terminology:
    return mappings.load(settings)


def _terminology_for(definitions: list[Definition], settings: Settings) -> Terminology:
    """The mappings that studies are read with: fresh ones where they bring value sets along, which are laid over."""
    brought = any(one.resource.get("resourceType") == "ValueSet" for one in definitions)
    return mappings.load(settings) if brought else _terminology(settings)


@lru_cache(maxsize=16)
def _shipped(settings: Settings) -> Engine:
    terminology = _terminology(settings)
    return Engine(settings, terminology, study_files.load(study_files.shipped(), terminology, settings))


def _settings(site: str | Path | None, changes: Json) -> Settings:
    return Settings.read({}, mappings=str(site) if site else None, **changes)


def judge(
    characteristics: list[Json],
    resources: list[Json],
    *,
    as_of: str = "2026-03-01",
    enrolment: str | None = None,
    infusion: str | None = None,
    attestations: list[Json] | None = None,
    mappings: str | Path | None = None,
    failed: tuple[str, ...] = (),
    blocks: tuple[Json, ...] = (),
    groups: tuple[Json, ...] = (),
    eligibility_extension: tuple[Json, ...] = (),
    **settings: Any,
) -> Judged:
    """Judge characteristics, as the eligibility of a study of their own, for a patient ``p``.

    ``mappings`` is a site's folder; ``failed`` are types the source did not give.
    """
    site = _settings(mappings, settings)
    bundle = study_bundle(characteristics, blocks=blocks, groups=groups, eligibility_extension=eligibility_extension)
    definitions = [Definition("study", entry["resource"]) for entry in bundle["entry"]]
    terminology = _terminology_for(definitions, site)
    engine = Engine(site, terminology, study_files.load(definitions, terminology, site))
    return _match(engine, patient_bundle(resources), "p", as_of, enrolment, infusion, attestations, (), failed)


def _match(
    engine: Engine,
    bundle: Json,
    patient_id: str,
    as_of: str,
    enrolment: str | None,
    infusion: str | None,
    attestations: list[Json] | None,
    study_ids: tuple[str, ...],
    failed: tuple[str, ...] = (),
) -> Judged:
    records = from_bundle(bundle, "bundle")
    for kind in failed:
        records.source(kind).state = "failed"
    only = engine.studies.only(study_ids).studies
    known = answers.read(
        attestations or [], "attestations", engine.settings.zone, only[0].id if len(only) == 1 else None
    )
    question = Question(
        date.fromisoformat(as_of),
        study_ids,
        date.fromisoformat(enrolment) if enrolment else None,
        date.fromisoformat(infusion) if infusion else None,
        tuple(known),
        everything=True,
    )
    answer = match_patient(engine, records, patient_id, question, "bundle")
    return Judged(answer.document(NOW), tuple(answer.problems))


def match_bundle(
    bundle: Json,
    patient_id: str,
    study_ids: list[str] | None = None,
    as_of: str = "2026-03-01",
    *,
    enrolment: str | None = None,
    infusion: str | None = None,
    attestations: list[Json] | None = None,
    mappings: str | Path | None = None,
    **settings: Any,
) -> Json:
    """The match document of a patient of a Bundle against the shipped studies (ineligible ones included)."""
    engine = _shipped(_settings(mappings, settings))
    wanted = tuple(study_ids or ())
    return _match(engine, bundle, patient_id, as_of, enrolment, infusion, attestations, wanted).document


def faults(bundle: Json, *, lenient: bool = False, **settings: Any) -> list[str]:
    """The faults of a study Bundle, one line each; empty where it is fine."""
    site = _settings(None, settings)
    definitions = study_files.unpacked(bundle, "study.json")
    try:
        study_files.load(definitions, _terminology_for(definitions, site), site, lenient=lenient)
    except FaultyStudy as refused:
        return refused.faults
    return []


def study_bundle(
    characteristics: list[Json],
    *,
    blocks: tuple[Json, ...] = (),
    groups: tuple[Json, ...] = (),
    eligibility_extension: tuple[Json, ...] = (),
) -> Json:
    """A study around characteristics; missing linkIds and descriptions are filled in."""
    variable: Json = {
        "resourceType": "EvidenceVariable",
        "id": "eligibility",
        "url": f"{BASE}/EvidenceVariable/eligibility",
        "status": "active",
        "characteristic": [_filled(one, f"c{position}") for position, one in enumerate(characteristics)],
    }
    if eligibility_extension:
        variable["extension"] = list(eligibility_extension)
    study: Json = {
        "resourceType": "ResearchStudy",
        "id": "study",
        "status": "active",
        "recruitment": {"eligibility": {"reference": "EvidenceVariable/eligibility"}},
    }
    if groups:
        study["comparisonGroup"] = list(groups)
    entries = [{"resource": one} for one in (study, variable, *blocks)]
    return {"resourceType": "Bundle", "type": "collection", "entry": entries}


def _filled(raw: Json, link_id: str) -> Json:
    filled = {"linkId": link_id, "description": raw.get("linkId", link_id), **raw}
    combination = filled.get("definitionByCombination")
    if isinstance(combination, dict) and isinstance(combination.get("characteristic"), list):
        members = [
            _filled(one, f"{filled['linkId']}.{position}") if isinstance(one, dict) else one
            for position, one in enumerate(combination["characteristic"])
        ]
        filled["definitionByCombination"] = {**combination, "characteristic": members}
    return filled


def patient_bundle(resources: list[Json]) -> Json:
    """A Bundle of resources; a Patient ``p`` is added where there is none, and made the subject where none is said."""
    resources = [copy.deepcopy(one) for one in resources]
    if not any(one.get("resourceType") == "Patient" for one in resources):
        resources.insert(0, {"resourceType": "Patient", "id": "p"})
    for position, one in enumerate(resources):
        kind = one.get("resourceType")
        one.setdefault("id", "p" if kind == "Patient" else f"r{position}")
        if kind not in ("Patient", "Medication", None):
            one.setdefault(_SUBJECT.get(str(kind), "subject"), {"reference": "Patient/p"})
    return {"resourceType": "Bundle", "type": "collection", "entry": [{"resource": one} for one in resources]}
