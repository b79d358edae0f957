"""Draft studies out of registry records: an R5 Bundle, and a summary of what was read."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from trialmatch.config import BASE
from trialmatch.registry import elements as r5
from trialmatch.registry.criteria import Writer, Written
from trialmatch.registry.headings import EXCLUSION
from trialmatch.registry.record import Record
from trialmatch.registry.sections import Eligibility, eligibility
from trialmatch.registry.study import research_study
from trialmatch.registry.wording import printed
from trialmatch.terminology.mappings import Terminology

Json = dict[str, Any]


@dataclass(frozen=True)
class Draft:
    """A draft study: its resources, how many criteria a rule or a field gives, and how many stay text."""

    id: str
    resources: tuple[Json, ...]
    read: int
    text: int
    exclusions_in_record: bool

    @property
    def criteria(self) -> int:
        """How many criteria there are, those of groups counted singly."""
        return self.read + self.text


def draft(record: Record, terminology: Terminology) -> Draft:
    """The draft of one record."""
    found = eligibility(record.criteria)
    written = Writer(terminology).study(record, found)
    study = research_study(record, written.cohorts, with_eligibility=bool(written.characteristics))
    resources = [study]
    if written.characteristics:
        resources.append(_variable(record, found, written))
    return Draft(record.id, tuple(resources), written.read, written.text, EXCLUSION in found.kinds)


def _variable(record: Record, found: Eligibility, written: Written) -> Json:
    variable: Json = {
        "resourceType": "EvidenceVariable",
        "id": f"{record.id}-eligibility",
        "url": f"{BASE}/EvidenceVariable/{record.id}-eligibility",
        "title": f"Eligibility of {record.id}",
        "status": "draft",
        "description": (
            "Imported from the registry's record. R: from its fields; I, E: from the inclusions and exclusions of its"
            " text; C: from text that does not say which. What a rule has read is marked as inferred, all else is only"
            " text."
        ),
    }
    if EXCLUSION not in found.kinds:
        variable["extension"] = [r5.extension("exclusions-not-in-record", valueBoolean=True)]
    headings = [text for text in map(printed, found.headings) if text]
    if headings:
        variable["note"] = [{"text": "Headings as printed:\n" + "\n".join(headings)}]
    variable["characteristic"] = written.characteristics
    return variable


def bundle(drafts: Iterable[Draft]) -> Json:
    """Drafts as one Bundle."""
    drafts = list(drafts)
    entries = [
        {"fullUrl": f"{BASE}/{one['resourceType']}/{one['id']}", "resource": one}
        for draft in drafts
        for one in draft.resources
    ]
    identity = {"id": drafts[0].id} if len(drafts) == 1 else {}
    return {"resourceType": "Bundle", **identity, "type": "collection", "entry": entries}
