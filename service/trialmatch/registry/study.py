"""A record's fields as an R5 ResearchStudy: a draft, with sponsor, sites and arms contained."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from contextlib import suppress
from datetime import date
from typing import Any

from trialmatch.config import BASE
from trialmatch.registry.elements import codeable
from trialmatch.registry.record import Record
from trialmatch.registry.vocabulary import LIFELONG, named
from trialmatch.registry.wording import printed, spelled
from trialmatch.terminology.systems import CONCEPT

Json = dict[str, Any]

REGISTRY = "https://clinicaltrials.gov"
_ROLE = "http://hl7.org/fhir/research-study-party-role"
_STATE = "http://hl7.org/fhir/research-study-status"
_PHASE = "http://terminology.hl7.org/CodeSystem/research-study-phase"
_PURPOSE = "http://terminology.hl7.org/CodeSystem/research-study-prim-purp-type"
_TITLE = "http://hl7.org/fhir/title-type"

#: The registry's states that R5 has a code for (https://hl7.org/fhir/R5/codesystem-research-study-status.html).
_STATES = {
    "ACTIVE_NOT_RECRUITING": "active-but-not-recruiting",
    "COMPLETED": "completed",
    "ENROLLING_BY_INVITATION": "enrolling-by-invitation",
    "NOT_YET_RECRUITING": "not-yet-recruiting",
    "RECRUITING": "recruiting",
    "TERMINATED": "terminated",
    "WITHDRAWN": "withdrawn",
}
#: https://terminology.hl7.org/CodeSystem-research-study-phase.html
_PHASES = {
    ("NA",): ("n-a", "N/A"),
    ("EARLY_PHASE1",): ("early-phase-1", "Early Phase 1"),
    ("PHASE1",): ("phase-1", "Phase 1"),
    ("PHASE1", "PHASE2"): ("phase-1-phase-2", "Phase 1/Phase 2"),
    ("PHASE2",): ("phase-2", "Phase 2"),
    ("PHASE2", "PHASE3"): ("phase-2-phase-3", "Phase 2/Phase 3"),
    ("PHASE3",): ("phase-3", "Phase 3"),
    ("PHASE4",): ("phase-4", "Phase 4"),
}
#: https://terminology.hl7.org/CodeSystem-research-study-prim-purp-type.html
_PURPOSES = {
    "TREATMENT": "treatment",
    "PREVENTION": "prevention",
    "DIAGNOSTIC": "diagnostic",
    "SUPPORTIVE_CARE": "supportive-care",
    "SCREENING": "screening",
    "HEALTH_SERVICES_RESEARCH": "health-services-research",
    "BASIC_SCIENCE": "basic-science",
    "DEVICE_FEASIBILITY": "device-feasibility",
}
_DATE = re.compile(r"[12]\d{3}(-\d{2}(-\d{2})?)?")


def research_study(record: Record, cohorts: Iterable[tuple[str, str]], *, with_eligibility: bool) -> Json:
    """The ResearchStudy of a record. ``cohorts`` are those of its eligibility, by linkId and name."""
    identity, status = record.module("identificationModule"), record.module("statusModule")
    design, description = record.module("designModule"), record.module("descriptionModule")
    sponsors, sites = list(_organizations(record)), list(_sites(record))
    contacts, arms = list(_contacts(record)), list(_arms(record))
    recruitment: Json = {}
    if "count" in design.get("enrollmentInfo", {}):
        recruitment["targetNumber"] = design["enrollmentInfo"]["count"]
    if with_eligibility:
        recruitment["eligibility"] = {"reference": f"EvidenceVariable/{record.id}-eligibility"}
    study = {
        "resourceType": "ResearchStudy",
        "id": record.id,
        "contained": [one for one, _ in (*sponsors, *contacts, *sites)] + arms,
        "url": f"{BASE}/ResearchStudy/{record.id}",
        "identifier": list(_identifiers(record)),
        "title": printed(identity["briefTitle"]) or record.id,
        "label": list(_labels(identity)),
        "status": "draft",
        "phase": _phase(design.get("phases", [])),
        "primaryPurposeType": _purpose(design.get("designInfo", {}).get("primaryPurpose", "")),
        "studyDesign": [{"text": text} for text in _designs(design)],
        "condition": [_condition(text) for text in _texts(record.module("conditionsModule").get("conditions", []))],
        "keyword": [{"text": text} for text in _texts(record.module("conditionsModule").get("keywords", []))],
        "descriptionSummary": printed(description.get("briefSummary", "")),
        "description": printed(description.get("detailedDescription", "")),
        "period": _period(status),
        "site": [{"reference": f"#{one['id']}", "display": name} for one, name in sites],
        "note": [{"text": text} for text in _notes(record, with_eligibility)],
        "associatedParty": [party for _, party in (*sponsors, *contacts)],
        "progressStatus": list(_progress(status)),
        "whyStopped": {"text": text} if (text := printed(status.get("whyStopped", ""))) else None,
        "comparisonGroup": [{"linkId": link_id, "name": name} for link_id, name in cohorts],
        "protocol": [{"reference": f"#{one['id']}", "display": one["title"]} for one in arms],
        "recruitment": recruitment,
    }
    return {name: value for name, value in study.items() if value not in (None, "", [], {})}


def _texts(texts: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(text for text in map(printed, texts) if text))


def _identifiers(record: Record) -> Iterator[Json]:
    identity = record.module("identificationModule")
    yield {"system": REGISTRY, "value": record.id}
    others = [identity.get("orgStudyIdInfo", {}), *identity.get("secondaryIdInfos", [])]
    for value in _texts(one.get("id", "") for one in others):
        if value != record.id:
            yield {"use": "secondary", "value": value}


def _labels(identity: Json) -> Iterator[Json]:
    for name, code in (("officialTitle", "official"), ("acronym", "acronym")):
        value = printed(identity.get(name, ""))
        if value:
            yield {"type": codeable(_TITLE, code), "value": value}


def _phase(phases: list[str]) -> Json | None:
    known = _PHASES.get(tuple(phases))
    if known:
        code, display = known
        return {"coding": [{"system": _PHASE, "code": code, "display": display}], "text": display}
    texts = _texts(phases)
    return {"text": ", ".join(texts)} if texts else None


def _purpose(purpose: str) -> Json | None:
    text = printed(purpose)
    coded = codeable(_PURPOSE, _PURPOSES[text]) if text in _PURPOSES else {}
    return {**coded, "text": text} if text else None


def _designs(design: Json) -> list[str]:
    info = design.get("designInfo", {})
    words = [info.get(name, "") for name in ("allocation", "interventionModel", "observationalModel")]
    return _texts([design.get("studyType", ""), *words])


def _condition(text: str) -> Json:
    """A condition under study, with the concept that its name means."""
    name = named(spelled(text), LIFELONG)
    return {**(codeable(CONCEPT, LIFELONG[name]) if name else {}), "text": text}


def _period(status: Json) -> Json:
    dates = {"start": status.get("startDateStruct", {}), "end": status.get("completionDateStruct", {})}
    return {name: one["date"] for name, one in dates.items() if _is_date(one.get("date", ""))}


def _is_date(text: str) -> bool:
    """Whether a text is a year, a month or a day of the calendar."""
    with suppress(ValueError):
        return bool(_DATE.fullmatch(text) and date.fromisoformat(f"{text}-01-01"[:10]))
    return False


def _progress(status: Json) -> Iterator[Json]:
    text = printed(status.get("overallStatus", ""))
    if text:
        coded = codeable(_STATE, _STATES[text]) if text in _STATES else {}
        yield {"state": {**coded, "text": text}, "actual": True}


def _organizations(record: Record) -> Iterator[tuple[Json, Json]]:
    """The sponsor and its collaborators: contained Organizations, each with its part in the study."""
    sponsors = record.module("sponsorCollaboratorsModule")
    lead = [("lead-sponsor", "Lead Sponsor", sponsors.get("leadSponsor", {}))]
    others = [("collaborator", "Collaborator", one) for one in sponsors.get("collaborators", [])]
    for number, (code, title, one) in enumerate([*lead, *others]):
        name = printed(one.get("name", ""))
        if name:
            identity = f"sponsor-{number}" if number else "sponsor"
            organization = {"resourceType": "Organization", "id": identity, "name": name}
            role = {**codeable(_ROLE, code), "text": title}
            yield organization, {"name": name, "role": role, "party": {"reference": f"#{identity}"}}


def _contacts(record: Record) -> Iterator[tuple[Json, Json]]:
    """Whom to ask: the contacts of the whole study."""
    for number, one in enumerate(record.module("contactsLocationsModule").get("centralContacts", []), start=1):
        name = printed(one.get("name", ""))
        ways = [
            {"system": system, "value": value}
            for system, value in (("phone", printed(one.get("phone", ""))), ("email", printed(one.get("email", ""))))
            if value
        ]
        if name:
            person = {"resourceType": "Practitioner", "id": f"contact-{number}", "name": [{"text": name}]}
            role = {**codeable(_ROLE, "general-contact"), "text": "Contact"}
            whole = {**person, **({"telecom": ways} if ways else {})}
            yield whole, {"name": name, "role": role, "party": {"reference": f"#{person['id']}"}}


def _sites(record: Record) -> Iterator[tuple[Json, str]]:
    """The sites as contained Locations, with the words to show for them."""
    for number, one in enumerate(record.module("contactsLocationsModule").get("locations", []), start=1):
        fields = (("city", "city"), ("state", "state"), ("postalCode", "zip"), ("country", "country"))
        address = {name: text for name, source in fields if (text := printed(one.get(source, "")))}
        name = printed(one.get("facility", ""))
        shown = name or ", ".join(address.values())
        if not shown:
            continue
        site = {"resourceType": "Location", "id": f"site-{number}", "name": name, "address": address}
        if "geoPoint" in one:
            site["position"] = {"longitude": one["geoPoint"]["lon"], "latitude": one["geoPoint"]["lat"]}
        yield {key: value for key, value in site.items() if value}, shown


def _arms(record: Record) -> Iterator[Json]:
    """The arms, and what is given in each, as contained PlanDefinitions."""
    module = record.module("armsInterventionsModule")
    given = module.get("interventions", [])
    groups = module.get("armGroups", [])
    for number, arm in enumerate(groups, start=1):
        label = printed(arm.get("label", ""))
        own = [one for one in given if arm.get("label") in one.get("armGroupLabels", [])]
        if label:
            yield _plan(f"arm-{number}", label, arm, own) | {"subjectCodeableConcept": {"text": label}}
    if not groups:
        for number, one in enumerate(given, start=1):
            if printed(one.get("name", "")):
                yield _plan(f"intervention-{number}", printed(one["name"]), one, [])


def _plan(identity: str, title: str, source: Json, given: list[Json]) -> Json:
    actions = []
    for one in given:
        name = printed(one.get("name", ""))
        if name:
            action = {"title": name, "description": printed(one.get("description", ""))}
            kind = printed(one.get("type", ""))
            coded = {"code": {"text": kind}} if kind else {}
            actions.append({key: value for key, value in action.items() if value} | coded)
    plan = {
        "resourceType": "PlanDefinition",
        "id": identity,
        "status": "draft",
        "title": title,
        "type": {"text": kind} if (kind := printed(source.get("type", ""))) else None,
        "description": printed(source.get("description", "")),
        "action": actions,
    }
    return {name: value for name, value in plan.items() if value}


def _notes(record: Record, with_eligibility: bool) -> Iterator[str]:
    updated = record.module("statusModule").get("lastUpdatePostDateStruct", {}).get("date", "")
    version = f", version of {updated}" if _is_date(updated) else ""
    yield (
        f"Draft, imported from the ClinicalTrials.gov record {record.id}{version}. It is not matched until a person "
        f"has "
        "read it against the record and set its status to active."
    )
    healthy = record.module("eligibilityModule").get("healthyVolunteers")
    if healthy is not None:
        yield f"Accepts healthy volunteers: {'yes' if healthy else 'no'}"
    if not with_eligibility:
        yield "eligibility not in source record"
