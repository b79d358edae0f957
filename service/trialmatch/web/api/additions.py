"""Studies that were added through the API: what may be added, and how they join those of the settings.

An addition is a Bundle with one ResearchStudy and all that belongs to it. Adding a study of the same id again replaces
the addition as a whole. An addition must not touch what others have: neither their resources nor the mappings.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from werkzeug.exceptions import Conflict

from trialmatch.config import Settings
from trialmatch.errors import FaultyStudy, Stale
from trialmatch.fhir.elements import json_type, objects
from trialmatch.fhir.study.studies import Definition
from trialmatch.store import studies as kept
from trialmatch.store.database import Store
from trialmatch.terminology import mappings
from trialmatch.terminology.valuesets import key
from trialmatch.usecases.match import Engine
from trialmatch.web.converters import FHIR_ID
from trialmatch.web.logs import log

_ALLOWED = ("ResearchStudy", "EvidenceVariable", "ValueSet")

#: How places in the body of a request begin.
PLACE = "body"


@dataclass(frozen=True)
class Loaded:
    """An engine of the settings' studies and the added ones, as of a revision of the store.

    ``added`` are the definitions of each addition by the id of its study, ``versions`` its revision.
    """

    engine: Engine
    revision: int
    added: dict[str, list[Definition]]
    versions: dict[str, int]


@dataclass(frozen=True)
class Added:
    """A study that was added: its id, and what is accepted of it but should be known, a line each."""

    study: str
    warnings: tuple[str, ...]


def load(own: list[Definition], settings: Settings, store: Store) -> Loaded:
    """The settings' ``own`` studies and all additions.

    An addition that this version of trialmatch cannot read, or not beside the settings' studies of today, is left out
    and logged, rather than all of them.
    """
    revision, versions = kept.revision(store), kept.revisions(store)
    added = _by_study(kept.definitions(store))
    try:
        engine = Engine.of([*own, *_flat(added)], settings)
    except FaultyStudy:
        for study in list(added):
            try:
                Engine.of([*own, *added[study]], settings)
            except FaultyStudy as problem:
                log.error("added study cannot be read", study=study, faults=len(problem.faults))
                del added[study]
        engine = Engine.of([*own, *_flat(added)], settings)
    return Loaded(engine, revision, added, versions)


def _by_study(definitions: list[tuple[str, dict[str, Any]]]) -> dict[str, list[Definition]]:
    """Definitions by their addition; what is left of one whose study was added again does not count."""
    groups: dict[str, list[Definition]] = {}
    for place, resource in definitions:
        groups.setdefault(place, []).append(Definition(place, resource))
    found = {}
    for group in groups.values():
        for definition in group:
            if definition.resource.get("resourceType") == "ResearchStudy":
                found[str(definition.resource["id"])] = group
    return found


def _flat(added: dict[str, list[Definition]]) -> Iterator[Definition]:
    return (definition for group in added.values() for definition in group)


def add(
    bundle: dict[str, Any], own: list[Definition], now: Loaded, store: Store, *, by: str, at: datetime, seen: int | None
) -> Added:
    """Check a study against all others and keep it. ``seen`` is the revision that is to be replaced.

    Raises FaultyStudy with every fault, Conflict for what others have already, Stale where another revision is there,
    or where studies were added after ``now``.
    """
    definitions = _definitions(bundle, now.engine.settings)
    (study,) = (one.resource["id"] for one in definitions if one.resource["resourceType"] == "ResearchStudy")
    others = [*own, *_flat({name: group for name, group in now.added.items() if name != study})]
    _apart(definitions, others)
    if seen is not None and seen != now.versions.get(study, 0):
        raise Stale("the study is not the one that the caller has read; read it again, then replace it")
    if seen is None and study in now.versions:
        raise Conflict(f"ResearchStudy/{study} is there already; to replace it, send If-Match with its ETag")
    checked = Engine.of([*others, *definitions], now.engine.settings)  # all faults of the language
    kept.add(store, bundle, by=by, at=at, expected=now.revision)
    told = (line.removeprefix(f"{PLACE}: ") for line in checked.studies.warnings if line.startswith(f"{PLACE}: "))
    return Added(str(study), tuple(line.replace(": warning: ", ": ", 1) for line in told))


def _definitions(bundle: dict[str, Any], settings: Settings) -> list[Definition]:
    """The resources of the Bundle, if they are such as an addition may have."""
    faults: list[str] = []
    found: list[Definition] = []
    concepts = mappings.load(settings).sets
    for position, entry in enumerate(bundle["entry"]):
        here = f"{PLACE}: Bundle.entry[{position}].resource"
        resource = entry.get("resource") if isinstance(entry, dict) else None
        if not isinstance(resource, dict):
            faults.append(f"{here}: {json_type(resource)}; allowed: a resource")
        elif resource.get("resourceType") not in _ALLOWED:
            faults.append(f"{here}.resourceType: another type; allowed: {', '.join(_ALLOWED)}")
        elif not isinstance(resource.get("id"), str) or not FHIR_ID.fullmatch(resource["id"]):
            faults.append(f"{here}.id: no FHIR id; allowed: 1 to 64 letters, digits, - and .")
        elif any(_name(resource) == _name(one.resource) for one in found):
            faults.append(f"{here}.id: again; allowed: each resource once")
        elif resource["resourceType"] == "ValueSet" and key(str(resource.get("url"))) in concepts:
            faults.append(f"{here}.url: a concept of the mappings; allowed: a URL of its own")
        else:
            found.append(Definition(PLACE, resource))
    studies = sum(one.resource["resourceType"] == "ResearchStudy" for one in found)
    if not faults and studies != 1:
        faults.append(f"{PLACE}: Bundle.entry: {studies} ResearchStudies; allowed: one")
    if faults:
        raise FaultyStudy(faults)
    return found


def _apart(definitions: list[Definition], others: list[Definition]) -> None:
    """Raise Conflict where a resource, or the study's name, is one of the others'."""
    names = {_name(one.resource) for one in others}
    urls = {one.resource["url"] for one in others if isinstance(one.resource.get("url"), str)}
    numbers = {number for one in others for number in _numbers(one.resource)}
    for resource in (one.resource for one in definitions):
        called = "/".join(_name(resource))
        if _name(resource) in names:
            raise Conflict(f"{called} belongs to another study; expected an id of its own")
        if isinstance(resource.get("url"), str) and resource["url"] in urls:
            raise Conflict(f"the url of {called} belongs to another study; expected one of its own")
        if numbers & set(_numbers(resource)):
            raise Conflict(f"a name of {called} is that of another study; expected names of its own")


def _name(resource: dict[str, Any]) -> tuple[str, str]:
    return str(resource.get("resourceType")), str(resource.get("id"))


def _numbers(resource: dict[str, Any]) -> Iterator[str]:
    """Under what a study can be asked for: its id and its registry numbers."""
    if resource.get("resourceType") == "ResearchStudy":
        yield str(resource.get("id"))
        for one in objects(resource, "identifier"):
            if isinstance(one.get("value"), str):
                yield one["value"]
