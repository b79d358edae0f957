"""Studies as the clients of the mCODE matching service read them: R4 ResearchStudy with everything contained.

On top of what :mod:`trialmatch.fhir.searchset` renders. Its clients (mcode/clinical-trial-matching-app, -engine, and
the library clinical-trial-matching-service) drop or fail on a study otherwise:

- they show ``active`` studies of ``Study Type: Interventional`` only;
- they read ``identifier[0].value``, and ``text`` of every condition, keyword and category, without asking;
- sites, sponsor, arms and their interventions are contained resources, interventions joined to arms by name.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from trialmatch.config import BASE
from trialmatch.eligibility.criteria import Study
from trialmatch.eligibility.rows import printed_rows
from trialmatch.fhir.elements import Json, objects
from trialmatch.fhir.searchset import research_study
from trialmatch.fhir.study.progress import states

#: The system by which -engine finds NCT numbers; the others know them by their shape.
_REGISTRY = "http://clinicaltrials.gov"
_NCT = re.compile(r"NCT\d{8}")

#: R4 statuses that the clients should show: a study that will recruit is worth knowing. All others say themselves that
#: they are closed, and the clients drop them.
_OPEN = ("active", "approved")

_CONTACT = ("general-contact", "recruitment-contact")

_DATE = re.compile(r"\d{4}(-\d{2}(-\d{2}(T[0-9:.]+(Z|[+-]\d{2}:\d{2}))?)?)?\Z")

_INTERVENTIONAL = {"text": "Study Type: Interventional"}


def statuses(study: Study) -> set[str]:
    """What a study's status may be asked by: as the clients see it, as the record has it in R4, and its R5 state."""
    recorded = str(research_study(study)["status"])
    return {recorded, _shown_status(recorded), *states(study.resource)[-1:]}


def phase_codes(study: Study) -> list[str]:
    """The codes of a study's phase, its text in place of none."""
    phase = study.resource.get("phase")
    if not isinstance(phase, dict):
        return []
    codes = [str(one["code"]) for one in objects(phase, "coding") if "code" in one]
    return codes or [text for text in [phase.get("text")] if isinstance(text, str)]


def sites(study: Study) -> list[Json]:
    """The Locations of a study's sites that the record holds."""
    contained = {f"#{one.get('id')}": one for one in objects(study.resource, "contained")}
    found = [contained.get(str(one.get("reference"))) for one in objects(study.resource, "site")]
    return [one for one in found if one is not None and one.get("resourceType") == "Location"]


def rendered(study: Study, notes: tuple[str, ...] = ()) -> Json:
    """A study for these clients; ``notes`` are added to its own."""
    shown = research_study(study)
    contained = _Contained(shown.get("contained", []))
    recorded = str(shown["status"])
    shown["identifier"] = _identifiers(study, shown.get("identifier", []))
    shown["status"] = _shown_status(recorded)
    shown["category"] = [*(_with_text(shown.get("category", [])) or [_INTERVENTIONAL])]
    for name in ("condition", "keyword"):
        shown[name] = _with_text(shown.get(name, []))
    shown["description"] = _description(study, recorded, shown.get("description", ""))
    shown["period"] = _period(shown.get("period", {}))
    shown["sponsor"] = _sponsor(shown.get("sponsor", {}), contained)
    shown["contact"] = list(_contacts(study))
    shown["site"] = [_site(one, contained) for one in shown.get("site", [])]
    shown["enrollment"] = _enrollment(study, contained)
    shown["protocol"] = list(_protocol(study, [arm["name"] for arm in shown.get("arm", [])], contained))
    shown["note"] = [*shown.get("note", []), *({"text": note} for note in notes)]
    _add_telecom(study, contained)
    shown["contained"] = contained.resources
    return {name: value for name, value in shown.items() if value not in (None, [], {}, "")}


class _Contained:
    """The contained resources of a study, each with an id of its own."""

    def __init__(self, resources: list[Json]) -> None:
        self.resources = [dict(one) for one in resources]

    def get(self, reference: object) -> Json | None:
        """The resource that ``#id`` means."""
        return next((one for one in self.resources if reference == f"#{one['id']}"), None)

    def add(self, resource: Json, name: str) -> str:
        """Take in a resource; returns the reference to it."""
        taken = {one["id"] for one in self.resources}
        identity = next(one for one in (name, *(f"{name}-{number}" for number in range(2, 10_000))) if one not in taken)
        self.resources.append({"resourceType": resource["resourceType"], "id": identity, **resource})
        return f"#{identity}"


def _with_text(concepts: list[Json]) -> list[Json]:
    return [one for one in concepts if isinstance(one.get("text"), str) and one["text"].strip()]


def _identifiers(study: Study, known: list[Json]) -> list[Json]:
    """The NCT number first; a study without one goes by its id."""
    valued = [one for one in known if isinstance(one.get("value"), str) and one["value"].strip()]
    registry = next((one for one in valued if _NCT.fullmatch(one["value"].strip())), None)
    if registry is None:
        return [{"use": "official", "system": f"{BASE}/ResearchStudy", "value": study.id}, *valued]
    first = {"use": "official", "system": _REGISTRY, "value": registry["value"].strip()}
    return [first, *(one for one in valued if one is not registry)]


def _shown_status(recorded: str) -> str:
    return "active" if recorded in _OPEN else recorded


def _description(study: Study, recorded: str, text: str) -> str:
    """The description; where the status shown says less than the record, the record's word stands before it."""
    if _shown_status(recorded) == recorded:
        return text
    state = (states(study.resource)[-1:] or [recorded])[0].replace("-", " ")
    return f"Recruitment: {state}. {text}".strip()


def _period(period: Json) -> Json:
    return {name: day for name, day in period.items() if isinstance(day, str) and _DATE.match(day)}


def _sponsor(sponsor: Json, contained: _Contained) -> Json | None:
    if contained.get(sponsor.get("reference")) is not None:
        return sponsor
    name = sponsor.get("display")
    if not isinstance(name, str):
        return None
    return {"reference": contained.add({"resourceType": "Organization", "name": name}, "sponsor"), "display": name}


def _contacts(study: Study) -> Iterator[Json]:
    """Whom to ask about a study, with telephone and mail as far as the record holds them."""
    contained = {f"#{one.get('id')}": one for one in objects(study.resource, "contained")}
    for party in objects(study.resource, "associatedParty"):
        roles = {coding.get("code") for coding in objects(party.get("role"), "coding")}
        if isinstance(party.get("name"), str) and not roles.isdisjoint(_CONTACT):
            reference = party.get("party")
            whose = contained.get(str(reference.get("reference"))) if isinstance(reference, dict) else None
            telecom = _telecom(whose or {})
            yield {"name": party["name"]} | ({"telecom": telecom} if telecom else {})


def _site(site: Json, contained: _Contained) -> Json:
    """A site as a reference to a contained Location; one that the record only names, or that is elsewhere, gets one."""
    if contained.get(site.get("reference")) is not None:
        return site
    name = str(site.get("display") or site.get("reference"))
    return {"reference": contained.add({"resourceType": "Location", "name": name}, "site"), "display": name}


def _enrollment(study: Study, contained: _Contained) -> list[Json]:
    """The printed criteria, as the clients show them: the display of the reference to a Group."""
    parts = []
    for kind, title in (("inclusion", "Inclusion criteria"), ("exclusion", "Exclusion criteria")):
        rows = [f"- {row.text.strip()}" for row in printed_rows(study) if row.kind == kind and row.text.strip()]
        if rows:
            parts.append(f"{title}:\n" + "\n".join(rows))
    if not parts:
        return []
    group = contained.add({"resourceType": "Group", "type": "person", "actual": False}, "eligibility")
    return [{"reference": group, "type": "Group", "display": "\n\n".join(parts)}]


def _protocol(study: Study, arms: list[str], contained: _Contained) -> Iterator[Json]:
    """Interventions as contained PlanDefinitions: the study's own, and what its groups are to be given."""
    raw = study.resource
    for plan in objects(raw, "contained"):
        if plan.get("resourceType") == "PlanDefinition":
            subject = plan.get("subjectCodeableConcept")
            arm = subject.get("text") if isinstance(subject, dict) else None
            yield _plan(plan, arm, arms, contained)
    exposures = {f"#{one.get('id')}": one for one in objects(raw, "contained")}
    for group in objects(raw, "comparisonGroup"):
        for exposure in objects(group, "intendedExposure"):
            about = exposures.get(str(exposure.get("reference")), {})
            title = exposure.get("display") or about.get("title") or about.get("name")
            if title:
                yield _plan({**about, "title": title}, group.get("name"), arms, contained)


def _plan(source: Json, arm: Any, arms: list[str], contained: _Contained) -> Json:
    plan: Json = {"resourceType": "PlanDefinition", "status": "unknown"}
    for name in ("title", "subtitle", "description"):
        if isinstance(source.get(name), str):
            plan[name] = source[name]
    kind = source.get("type")
    if isinstance(kind, dict) and isinstance(kind.get("text"), str):
        plan["type"] = {"text": kind["text"]}
    if arm in arms:  # one client fails where no arm has the name
        plan["subjectCodeableConcept"] = {"text": arm}
    return {"reference": contained.add(plan, "plan"), "type": "PlanDefinition"}


def _add_telecom(study: Study, contained: _Contained) -> None:
    """Telephone and mail of sites and sponsor, which R5 keeps in ``contact`` and R4 in ``telecom``."""
    for source in objects(study.resource, "contained"):
        mine = contained.get(f"#{source.get('id')}")
        if mine is None or mine["resourceType"] not in ("Location", "Organization"):
            continue
        telecom = _telecom(source)
        if telecom:
            mine["telecom"] = telecom


def _telecom(source: Json) -> list[Json]:
    return [
        {name: one[name] for name in ("system", "value", "use") if isinstance(one.get(name), str)}
        for way in (source, *objects(source, "contact"))
        for one in objects(way, "telecom")
        if isinstance(one.get("value"), str)
    ]
