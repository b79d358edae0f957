"""The records of many patients taken apart: each record is looked at once, however many patients there are."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from trialmatch.fhir.elements import Malformed
from trialmatch.fhir.patient.facts import identifiers
from trialmatch.fhir.patient.records import (
    CONTEXT_TYPES,
    FACT_TYPES,
    Record,
    Records,
    identities,
    newest,
    references,
    subjects,
)


def apart(records: Records) -> Iterator[tuple[str, Records]]:
    """Each patient by id, with those records that may matter to the reading of this patient's facts.

    Whoever is replaced by another comes under both ids. Records that do not say whose they are add to the problems and
    sources of ``records``.
    """
    patients = records.patients()
    who = {one: same for one in sorted(patients) if (same := identities(records, one)) is not None}
    mine: dict[str, list[Record]] = {one: [] for one in who}
    for record, persons in _owned(records, _Owners(who, patients)):
        for one in persons:
            mine[one].append(record)
    named: dict[str, list[str]] = {}
    for full_url, reference in records.full_urls.items():
        named.setdefault(reference, []).append(full_url)
    context = {
        f"{kind}/{record.resource['id']}": record
        for kind in CONTEXT_TYPES
        for record in newest(records.by_type.get(kind, ()))
        if isinstance(record.resource.get("id"), str)
    }
    for one, (_, ids) in who.items():
        own = Records()
        found = [patients[identity] for identity in sorted(ids) if identity in patients]
        found += _referred(mine.pop(one), context, records.full_urls)
        for resource, place in found:
            own.add(resource, place)
            reference = f"{resource['resourceType']}/{resource.get('id')}"
            own.full_urls.update(dict.fromkeys(named.get(reference, ()), reference))
        yield one, own


class _Owners:
    """Patients by the ids and business identifiers by which records name them."""

    def __init__(self, who: Mapping[str, tuple[str, frozenset[str]]], patients: Mapping[str, Record]) -> None:
        self.ids: dict[str, list[str]] = {}
        self.identifiers: dict[tuple[str, str], list[str]] = {}
        for one, (current, ids) in who.items():
            for identity in ids:
                self.ids.setdefault(identity, []).append(one)
            for identifier in identifiers(patients[current].resource):
                self.identifiers.setdefault(identifier, []).append(one)


def _owned(records: Records, owners: _Owners) -> Iterator[tuple[Record, Iterable[str]]]:
    """The newest version of each record that becomes facts, with the patients that it is about."""
    for kind in FACT_TYPES:
        for record in newest(records.by_type.get(kind, ())) if kind != "Patient" else ():
            try:
                whose = subjects(record.resource, records.full_urls)
            except Malformed as problem:
                records.unreadable(kind, record.place, f"{kind}.{problem}")
                continue
            if whose is None:
                records.unreadable(kind, record.place, f"{kind}.subject: none; expected whose record it is")
                continue
            found = [one for identity in whose.ids for one in owners.ids.get(identity, ())]
            found += [one for identifier in whose.identifiers for one in owners.identifiers.get(identifier, ())]
            yield record, dict.fromkeys(found)


def _referred(records: list[Record], context: Mapping[str, Record], full_urls: Mapping[str, str]) -> list[Record]:
    """Records with those that they refer to."""
    found: dict[str, Record] = {}
    pending = list(records)
    while pending:
        for name in references(pending.pop().resource, full_urls):
            if name in context and name not in found:
                found[name] = context[name]
                pending.append(context[name])
    return records + list(found.values())
