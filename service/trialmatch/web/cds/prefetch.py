"""Prefetch templates of CDS Hooks, made from what the loaded criteria need, and what comes back for them.

Templates keep to what the specification calls widely supported (“Prefetch query restrictions”): a read of the patient,
searches by patient, codes without modifier, ``_sort`` and ``_count``; beyond that only the ``_include`` of the
Medication that an order refers to.

What comes back, key by key (https://cds-hooks.hl7.org/2.0/#prefetch-template):

=====================  ===============================================================================
``null``               there are no such records: complete, and empty
the resources          complete; with a ``next`` link, or fewer than its ``total``, only a part
an OperationOutcome    the EHR tried and could not: asking again would be of no use
no such key            the EHR did not ask
=====================  ===============================================================================
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Any
from urllib.parse import quote

from trialmatch.eligibility.facts import EXPOSURES
from trialmatch.errors import BadRequest
from trialmatch.fhir.elements import Json, json_type, objects
from trialmatch.fhir.hospital.searches import escaped
from trialmatch.fhir.patient.needs import Needs
from trialmatch.fhir.patient.records import Records
from trialmatch.fhir.patient.sources import from_bundle

PATIENT = "{{context.patientId}}"

#: Characters of one template: EHRs send it as a URL, and URLs of more than about 2,000 are refused by some.
LONGEST = 1_500

#: Keys for Observations. Criteria that name more codes than go into these ask for all Observations instead.
MOST_KEYS = 6

#: Entries a page, as many as servers commonly give at most. EHRs may page whatever they are asked for.
PAGE = 200

_NAMES = {
    "Patient": "patient",
    "Condition": "conditions",
    "Observation": "observations",
    "Procedure": "procedures",
    "Immunization": "immunizations",
    "AllergyIntolerance": "allergies",
    "MedicationRequest": "medication-requests",
    "MedicationStatement": "medication-statements",
    "MedicationAdministration": "medication-administrations",
    "MedicationDispense": "medication-dispenses",
    "ResearchSubject": "research-subjects",
    "Encounter": "encounters",
    "ImagingStudy": "imaging-studies",
    "DocumentReference": "documents",
}


@dataclass(frozen=True)
class Template:
    """One prefetch template: its key, the type of the resources it asks for, and the query."""

    key: str
    type: str
    query: str

    @property
    def by_code(self) -> bool:
        """Whether it asks for some codes only."""
        return "&code=" in self.query


@lru_cache(maxsize=8)
def templates(needs: Needs) -> tuple[Template, ...]:
    """The templates for what criteria need, the patient first.

    The key of a search by code ends in a digest of its query: where studies were added since the EHR read the
    templates, what it sends for the old ones is not mistaken for an answer to the new ones.
    """
    return tuple(template for kind in needs.types for template in _templates(kind, needs))


def _templates(kind: str, needs: Needs) -> Iterator[Template]:
    name = _NAMES[kind]
    if kind == "Patient":
        yield Template(name, kind, f"Patient/{PATIENT}")
    elif kind == "Observation":
        queries = list(_observations(needs))
        for query in queries:
            found = Template(name, kind, query)
            mark = f"-{hashlib.sha256(query.encode()).hexdigest()[:6]}" if found.by_code else ""
            yield replace(found, key=name + mark)
    else:
        include = f"&_include={kind}:medication" if kind in EXPOSURES else ""
        yield Template(name, kind, f"{kind}?patient={PATIENT}{include}&_count={PAGE}")


def _observations(needs: Needs) -> Iterator[str]:
    start, end = f"Observation?patient={PATIENT}", f"&_sort=-date&_count={PAGE}"
    room = LONGEST - len(start) - len("&code=") - len(end)
    lists = list(_lists(sorted({code for _, code in needs.codes or ()}), room))
    if needs.codes is None or len(lists) > MOST_KEYS:
        yield start + end
    else:
        yield from (f"{start}&code={codes}{end}" for codes in lists)


def _lists(codes: Iterable[str], room: int) -> Iterator[str]:
    """Codes as values of a search parameter, each no longer than there is room.

    Without their systems, which makes them a third as long: a code of another system that looks alike is sent as well
    then, and means nothing to any criterion.
    """
    current = ""
    for code in codes:
        word = quote(escaped(code), safe="-._~:")
        if current and len(current) + 1 + len(word) > room:
            yield current
            current = ""
        current += f",{word}" if current else word
    if current:
        yield current


@dataclass
class Given:
    """What an EHR sent along.

    ``records`` hold what is there of the patient; their sources say how complete each type is that was given at all.
    ``absent`` are the keys that the EHR did not fill, ``paged`` those of which it gave a first page only.
    """

    records: Records = field(default_factory=Records)
    absent: tuple[Template, ...] = ()
    paged: tuple[Template, ...] = ()


def given(prefetch: Mapping[str, Any], asked: Iterable[Template], patient_id: str) -> Given:
    """What a request brings. Keys that nobody asked for are passed over.

    Raises BadRequest for what is no answer to its template: another JSON type, resources of another type, or another
    patient in place of this one.
    """
    records, absent, paged = Records(), [], []
    for template in asked:
        if template.key not in prefetch:
            absent.append(template)
        elif _take(template, prefetch[template.key], patient_id, records):
            paged.append(template)
    for kind, source in records.sources.items():
        if source.state == "failed" and records.by_type.get(kind):  # one of several searches failed
            source.state = "partial"
    return Given(records, tuple(absent), tuple(paged))


def _take(template: Template, value: Any, patient_id: str, records: Records) -> bool:
    """Take in the value of a key; whether more pages are to come."""
    place, source = f"prefetch.{template.key}", records.source(template.type)
    # Such a search sees neither records that only their words connect with a criterion, nor components of a panel.
    source.narrowed = template.by_code
    if value is None:
        return False
    if not isinstance(value, dict):
        raise BadRequest(place, json_type(value), "null, a resource or a Bundle")
    kind = value.get("resourceType")
    if kind == "OperationOutcome":
        source.state, source.truncated = "failed", True
        source.detail = "the EHR could not give it (OperationOutcome in place of data)"
        return False
    if template.type == "Patient":
        _take_patient(place, value, patient_id, records)
        return False
    if kind == template.type:  # a server's answer is a Bundle; an EHR that holds one resource may send just that
        records.add(value, place)
        return False
    if kind != "Bundle":
        raise BadRequest(place, f"found {_type_words(kind)}", f"a Bundle of {template.type}")
    if value.get("type") not in ("searchset", "collection", None):
        raise BadRequest(f"{place}.type", "another kind of Bundle", "searchset")
    mine = _checked(place, value, template)
    found = from_bundle(value, place, page=True)
    records.take(found)
    for line in found.problems:
        records.unreadable(template.type, *line.split(": ", 1))
    if _warned(value):
        source.state, source.truncated = "partial", True
        source.detail = "the EHR says that it is not all (OperationOutcome beside the data)"
    return _has_next(value) or _is_less(value, mine)


def _take_patient(place: str, value: Json, patient_id: str, records: Records) -> None:
    if value.get("resourceType") != "Patient":
        raise BadRequest(place, f"found {_type_words(value.get('resourceType'))}", "a Patient")
    if value.get("id") != patient_id:
        raise BadRequest(f"{place}.id", "another patient", "the patient of context.patientId")
    records.add(value, place)


def _checked(place: str, bundle: Json, template: Template) -> int:
    """How many resources of its type a Bundle holds; those that no answer to the template holds are refused."""
    fits = {template.type, "OperationOutcome"} | ({"Medication"} if "_include" in template.query else set())
    entries, mine = bundle.get("entry", []), 0
    if not isinstance(entries, list):
        raise BadRequest(f"{place}.entry", json_type(entries), "an array")
    for position, entry in enumerate(entries):
        resource = entry.get("resource") if isinstance(entry, dict) else None
        kind = resource.get("resourceType") if isinstance(resource, dict) else None
        if kind is not None and kind not in fits:
            raise BadRequest(f"{place}.entry[{position}]", f"found {_type_words(kind)}", template.type)
        mine += kind == template.type
    return mine


def _type_words(kind: object) -> str:
    """A resource type as it may stand in an error: what comes from outside is only repeated where it is a mere name."""
    return kind if isinstance(kind, str) and kind.isalpha() and len(kind) < 40 else "no resource"


def _warned(bundle: Json) -> bool:
    """Whether an OperationOutcome among the entries says that something failed."""
    for entry in bundle.get("entry") or ():
        resource = entry.get("resource") if isinstance(entry, dict) else None
        if isinstance(resource, dict) and resource.get("resourceType") == "OperationOutcome":
            said = [one.get("severity") for one in objects(resource, "issue")]
            if not said or "error" in said or "fatal" in said:
                return True
    return False


def _has_next(bundle: Json) -> bool:
    """Whether a searchset has a next page."""
    return any(link.get("relation") == "next" for link in objects(bundle, "link"))


def _is_less(bundle: Json, mine: int) -> bool:
    """Whether a searchset says that there are more resources than it holds."""
    total = bundle.get("total")
    return isinstance(total, int) and total > mine
