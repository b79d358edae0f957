"""Loading studies: R5 ResearchStudy and EvidenceVariable, validated, resolved, bound and compiled into criteria.

The way of a study is the tuple :data:`STEPS`; each step adds faults, and a set with faults is refused as a whole.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

from trialmatch.config import BASE, Settings
from trialmatch.eligibility import truth as t
from trialmatch.eligibility.criteria import Item, JudgementLeaf, Leaf, Study
from trialmatch.errors import FaultyStudy, UnknownStudy
from trialmatch.fhir.elements import json_type, objects
from trialmatch.fhir.study.characteristics import Reader
from trialmatch.fhir.study.definition_files import SHIPPED, Definition, from_paths, shipped, unpacked
from trialmatch.fhir.study.faults import Faults
from trialmatch.fhir.study.leaves import Noticed
from trialmatch.fhir.study.progress import latest
from trialmatch.fhir.study.scopes import Above, Scope, scope_of
from trialmatch.fhir.study.unmodified import refuse_modifiers
from trialmatch.fhir.study.written import digest_of
from trialmatch.terminology.mappings import Terminology
from trialmatch.terminology.shapes import VALUE_SET, misshapen
from trialmatch.terminology.valuesets import key

if TYPE_CHECKING:  # of no use to who only looks at studies, and long to import
    from trialmatch.eligibility.program import Program

_NO_EXCLUSIONS = f"{BASE}/StructureDefinition/exclusions-not-in-record"
_REGISTRY = "https://clinicaltrials.gov"

#: How a reference to an EvidenceVariable begins, whatever server it is on; its id follows.
_REFERENCE = re.compile(r"(?:^|(?<=/))EvidenceVariable/")


@dataclass(frozen=True)
class StudySet:
    """Studies ready to be matched, in the order of their ids; ``warnings`` are lines to show."""

    studies: tuple[Study, ...]
    digest: str
    warnings: tuple[str, ...] = ()

    @cached_property
    def program(self) -> Program:
        """The studies compiled together, leaves shared."""
        from trialmatch.eligibility.program import Program

        return Program.compile(self.matchable)

    @cached_property
    def judgements(self) -> frozenset[tuple[str, str | None]]:
        """What persons are asked, whichever study asks: the code, and the concept it is about."""
        leaves = (item.leaf for study in self.studies for item in study.leaves.values())
        return frozenset((leaf.code, leaf.concept) for leaf in leaves if isinstance(leaf, JudgementLeaf))

    @property
    def matchable(self) -> tuple[Study, ...]:
        """The studies that are matched: not drafts, not retired ones."""
        return tuple(study for study in self.studies if study.matched)

    def get(self, study_id: str) -> Study:
        """A study by id, or by an identifier; UnknownStudy where there is none."""
        for study in self.studies:
            if study_id in names(study):
                return study
        known = ", ".join(study.id for study in self.studies) or "none"
        raise UnknownStudy(study_id, f"no such study; known: {known}")

    def only(self, study_ids: Iterable[str]) -> StudySet:
        """The set reduced to some studies (all where none is named); UnknownStudy for unknown ones and drafts."""
        wanted = [self.get(one) for one in study_ids]
        for study in wanted:
            if not study.matched:
                raise UnknownStudy(study.id, f"its status is {study.status}; only active studies are matched")
        return StudySet(tuple(dict.fromkeys(wanted)), self.digest, self.warnings) if wanted else self


def identifiers(study: Study) -> set[str]:
    """A study's identifiers (registry numbers)."""
    return {str(one["value"]) for one in objects(study.resource, "identifier") if "value" in one}


def names(study: Study) -> set[str]:
    """Under what a study may be named: its id and its identifiers."""
    return {study.id, *identifiers(study)}


@dataclass
class _Loading:
    """What the steps hand on to each other."""

    definitions: list[Definition]
    terminology: Terminology
    settings: Settings
    faults: Noticed
    library: list[Definition] = field(default_factory=list)
    unreadable: frozenset[str] = frozenset()
    leaves: dict[bytes | None, Leaf] = field(default_factory=dict)
    studies: list[Study] = field(default_factory=list)
    digest: str = ""
    full: bool = False

    @cached_property
    def scopes(self) -> dict[tuple[str, str], tuple[int, Scope]]:
        """All EvidenceVariables by url and by id, with their positions; the shipped ones last."""
        found: dict[tuple[str, str], tuple[int, Scope]] = {}
        for position, definition in enumerate([*self.definitions, *self.library]):
            resource = definition.resource
            if resource.get("resourceType") == "EvidenceVariable":
                place = position, _scope(resource, definition.path)
                found.setdefault(("id", str(resource.get("id"))), place)
                if isinstance(resource.get("url"), str):
                    found.setdefault(("url", resource["url"]), place)
        return found

    def find(self, target: str, scope: Scope | None) -> Scope | None:
        """The EvidenceVariable that a reference or canonical URL means; of several the first, a study's own ones."""
        bare = target.split("|", 1)[0]
        if bare.startswith("#"):
            for inner in scope.contained if scope else ():
                if inner.get("id") == bare[1:]:
                    return _scope(inner, f"{scope.path if scope else ''}#{bare[1:]}")
            return None
        names = [("url", bare), *(("id", bare[match.end() :]) for match in _REFERENCE.finditer(bare))]
        places = [self.scopes[name] for name in names if name in self.scopes]
        return min(places, key=lambda place: place[0])[1] if places else None


def _published(url: Any, identifier: Any) -> Any:
    """Where people can read of a study. The canonical URLs of shipped definitions are mere names, and lead nowhere."""
    if identifier and str(identifier).startswith("NCT"):
        return f"{_REGISTRY}/study/{identifier}"
    return None if isinstance(url, str) and url.startswith(f"{BASE}/") else url


def _scope(resource: dict[str, Any], path: str) -> Scope:
    return scope_of(resource, path, objects(resource, "contained"))


def _listed(resource: dict[str, Any], name: str) -> list[Any]:
    """What stands in an array; nothing where there is another thing in its place, which validation tells."""
    found = resource.get(name)
    return found if isinstance(found, list) else []


def _object(element: dict[str, Any], name: str, path: str, faults: Faults) -> dict[str, Any] | None:
    """An element that is an object, if it is there. The models of R5 also take JSON in a string; our readers do not."""
    found = element.get(name)
    if isinstance(found, str):
        faults.refuse(f"{path}.{name}", json_type(found), "an object")
    return found if isinstance(found, dict) else None


def _write(loading: _Loading) -> None:
    """JSON that can be written again."""
    loading.digest = digest_of(loading.definitions, loading.faults)


def _unmodified(loading: _Loading) -> None:
    """Without modifier extensions."""
    refuse_modifiers(loading.definitions, loading.faults)


def _validate(loading: _Loading) -> None:
    """Valid R5."""
    from trialmatch.fhir.study.repeats import validate_once  # takes long to import, and only who loads studies needs it

    loading.unreadable = validate_once(loading.definitions, loading.settings.study_depth, loading.faults)


def _value_sets(loading: _Loading) -> None:
    """Value sets that come with the studies."""
    added = []
    for definition in loading.definitions:
        if definition.resource.get("resourceType") != "ValueSet" or definition.resource.get("url") is None:
            continue
        faults = list(misshapen(definition.resource, VALUE_SET))
        for path, found, allowed in faults:
            loading.faults.refuse(f"{definition.path}{path}", found, allowed)
        if not faults:
            loading.terminology.sets.add_value_set(definition.resource)
            added.append(definition)
    for definition in added:
        _unions(definition, loading)


def _unions(definition: Definition, loading: _Loading) -> None:
    """Value sets that one takes in or leaves out have to be there, and to come to an end."""
    compose = definition.resource.get("compose", {})
    if loading.terminology.sets.tangled(key(definition.resource["url"])):
        allowed = "value sets that do not take themselves in, less than 50 deep"
        loading.faults.refuse(f"{definition.path}.compose", "value sets inside each other without end", allowed)
    for part in ("include", "exclude"):
        for position, entry in enumerate(compose.get(part, ())):
            for number, url in enumerate(entry.get("valueSet", ())):
                if key(url) not in loading.terminology.sets:
                    here = f"{definition.path}.compose.{part}[{position}].valueSet[{number}]"
                    loading.faults.add(here, f"“{url}” is nowhere mapped", "a ValueSet of the mappings or the study")


def _read(loading: _Loading) -> None:
    """Each ResearchStudy with its criteria."""
    seen: dict[str, str] = {}
    used: set[str] = set()
    for definition in loading.definitions:
        resource = definition.resource
        if resource.get("resourceType") != "ResearchStudy":
            continue
        study_id = resource.get("id")
        if not isinstance(study_id, str) or not study_id:
            loading.faults.refuse(f"{definition.place}: ResearchStudy.id", "none", "an id")
            continue
        if study_id in seen:
            loading.faults.refuse(
                f"{definition.path}.id", f"“{study_id}” again (first in {seen[study_id]})", "a unique id"
            )
            continue
        seen[study_id] = definition.place
        if loading.full:  # each one more would be read as long before it is refused
            return
        study = _study(definition, study_id, loading, used)
        if study is not None:
            loading.studies.append(study)
    _blocks_alone(loading, used)


def _study(definition: Definition, study_id: str, loading: _Loading, used: set[str]) -> Study | None:
    resource, path = definition.resource, definition.path
    groups = [one for one in objects(resource, "comparisonGroup") if "linkId" in one]
    cohorts = {str(one["linkId"]): str(one.get("name", one["linkId"])) for one in groups}
    recruitment = _object(resource, "recruitment", path, loading.faults) or {}
    eligibility = _object(recruitment, "eligibility", f"{path}.recruitment", loading.faults)
    numbers = (one.get("value") for one in objects(resource, "identifier") if one.get("system") == _REGISTRY)
    identifier = next(numbers, None)
    common: dict[str, Any] = {
        "id": study_id,
        "title": str(resource.get("title") or study_id),
        "status": str(resource.get("status") or "unknown"),
        "url": _published(resource.get("url"), identifier),
        "recruitment": latest(resource),
        "resource": resource,
    }
    if eligibility is None:
        return Study(**common, items=None)
    target = eligibility.get("reference")
    own = _scope(resource, path)
    scope = loading.find(target, own) if isinstance(target, str) else None
    here = f"{path}.recruitment.eligibility"
    if scope is None:
        found = f"“{target}” is not there" if isinstance(target, str) else json_type(target)
        loading.faults.refuse(here, found, "a reference to an EvidenceVariable of the same Bundle or folder")
        return None
    if scope.path in loading.unreadable:
        return None
    reader = Reader(
        loading.terminology,
        loading.settings,
        loading.faults,
        _noting(loading, used),
        cohorts,
        loading.unreadable,
        loading.leaves,
    )
    used.add(scope.path)
    items = reader.eligibility(scope, Above())
    loading.full = reader.full
    study = Study(
        **common,
        items=items or None,
        cohorts=tuple(cohorts.items()),
        exclusions_in_record=_has_exclusions(scope, loading),
    )
    _check_cohorts(study, reader.seen, scope.path, loading.faults)
    if not items:
        loading.faults.warn(scope.path, "no characteristic: the study stays undetermined for everybody")
    elif not _gated(study):
        loading.faults.warn(scope.path, "no disease gate (extension absence = absent): it would list every patient")
    return study


def _noting(loading: _Loading, used: set[str]) -> Any:
    def find(target: str, scope: Scope) -> Scope | None:
        found = loading.find(target, scope)
        if found is not None:
            used.add(found.path)
        return found

    return find


def _has_exclusions(scope: Scope, loading: _Loading) -> bool:
    for position, one in enumerate(_listed(scope.resource, "extension")):
        if isinstance(one, dict) and one.get("url") == _NO_EXCLUSIONS:
            if not isinstance(one.get("valueBoolean"), bool):
                loading.faults.add(f"{scope.path}.extension[{position}]", "no valueBoolean", "valueBoolean")
            return one.get("valueBoolean") is not True
    return True


def _gated(study: Study) -> bool:
    """Whether silence alone rules a patient out, whatever else is found: for a basket trial, of every cohort."""
    return min(map(_when_silent, study.items or ()), default=t.UNKNOWN) == t.UNMET


def _when_silent(item: Item) -> int:
    """The truth of an item where the record says nothing of what silence decides, and all else is unknown."""
    if item.leaf is None:
        truth = t.combine(item.combination, item.threshold, [_when_silent(member) for member in item.members])
    elif getattr(item.leaf, "absent", False) and not getattr(item.leaf, "open_list", False):
        truth = t.MET if getattr(item.leaf, "negated", False) else t.UNMET
    else:
        truth = t.UNKNOWN
    return -truth if item.exclude else truth


def _check_cohorts(study: Study, paths: Mapping[str, str], path: str, faults: Faults) -> None:
    """Cohorts stand under one any-of at the top level, each once, beside nothing else. ``paths`` is by linkId."""
    cohorts = [item for item in study.walk() if item.names_cohort]
    seen: set[str | None] = set()
    for item in cohorts:
        if item.cohort in seen:
            faults.refuse(paths[item.link_id], f"cohort “{item.cohort}” again", "each cohort once")
        seen.add(item.cohort)
    parents = [item for item in study.items or () if any(member.names_cohort for member in item.members)]
    choice = parents[0] if len(parents) == 1 and parents[0].combination == "any-of" and not parents[0].exclude else None
    allowed = "the members of one any-of at the top level, all of them cohorts"
    for item in cohorts:
        if choice is None or item not in choice.members:
            faults.add(paths[item.link_id], f"cohort “{item.cohort}” in another place", allowed)
    for member in choice.members if choice else ():
        if not member.names_cohort:
            faults.add(paths[member.link_id], f"“{member.link_id}” among the cohorts", allowed)


def _blocks_alone(loading: _Loading, used: set[str]) -> None:
    """EvidenceVariables that no study takes in are checked all the same."""
    for definition in loading.definitions:
        if (
            definition.resource.get("resourceType") != "EvidenceVariable"
            or definition.path in used | loading.unreadable
        ):
            continue
        scope = _scope(definition.resource, definition.path)
        reader = Reader(
            loading.terminology, loading.settings, loading.faults, loading.find, {}, loading.unreadable, loading.leaves
        )
        reader.eligibility(scope, Above())
        if reader.full:
            return


#: The way of a study from raw JSON to criteria.
STEPS = (_write, _unmodified, _validate, _value_sets, _read)


def load(
    definitions: list[Definition], terminology: Terminology, settings: Settings, *, lenient: bool = False
) -> StudySet:
    """Studies from their definitions. Value sets that come with them are laid over those of ``terminology``.

    Raises FaultyStudy with every fault of all of them.
    """
    loading = _Loading(definitions, terminology, settings, Noticed(lenient=lenient))
    if any(not definition.place.startswith(SHIPPED) for definition in definitions):
        loading.library = shipped()
    for step in STEPS:
        step(loading)
    if loading.faults.faults:
        raise FaultyStudy(loading.faults.faults)
    for place, concept in terminology.strange():
        loading.faults.warn(place, f"“{concept}” is no concept of the mappings; misspelt? A ValueSet would make it one")
    studies = tuple(sorted(loading.studies, key=lambda study: study.id))
    return StudySet(studies, loading.digest, tuple(loading.faults.warnings))


__all__ = ["Definition", "StudySet", "from_paths", "identifiers", "load", "names", "shipped", "unpacked"]
