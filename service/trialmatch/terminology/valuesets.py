"""Concepts as sets of codes: unions, exclusions, ICD-10-CM descendants, a site's local codes."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any

from trialmatch.config import BASE
from trialmatch.eligibility.values import Coding
from trialmatch.terminology.shapes import SUPPORTING
from trialmatch.terminology.systems import CONCEPT, DRUG_SYSTEMS, VALUE_SET, canonical, with_ancestors

_REVIEW = f"{BASE}/StructureDefinition/review"

#: ConceptMap relationships (R5) and equivalences (R4) under which a local code is surely one of the target's.
_SURE = {"equivalent", "equal", "source-is-narrower-than-target", "wider", "subsumes"}


class CodeSets:
    """The code sets behind concepts.

    A concept is the last part of its ValueSet's URL; value sets of other URLs are concepts under their whole URL.
    Several value sets of one URL are laid over each other: their codes and their exclusions add up. A concept that is
    another name of one (:meth:`same`) stays the same as that, whatever a site adds to either.
    """

    def __init__(self, skip_unreviewed: bool = False) -> None:
        self._skip_unreviewed = skip_unreviewed
        self._includes: dict[str, set[tuple[str, str]]] = defaultdict(set)
        self._excludes: dict[str, set[tuple[str, str]]] = defaultdict(set)
        self._unions: dict[str, set[str]] = defaultdict(set)
        self._without: dict[str, set[str]] = defaultdict(set)
        self._aliases: dict[tuple[str, str], set[tuple[str, str]]] = defaultdict(set)
        self._parents: dict[str, set[str]] = defaultdict(set)
        self._holders: dict[tuple[str, str], set[str]] = defaultdict(set)
        self._known: dict[tuple[str, str], frozenset[str]] = {}
        self._supporting: dict[tuple[str, str], set[str]] = defaultdict(set)
        self._same: dict[str, str] = {}
        self._mapped: dict[str, str] = {}
        self.titles: dict[str, str] = {}
        #: What readers of records have worked out from these sets; forgotten when a set changes.
        self.worked_out: dict[Any, Any] = {}

    def __contains__(self, concept: object) -> bool:
        return concept in self.titles

    def add_value_set(self, resource: dict[str, Any]) -> None:
        """Lay a ValueSet, which has the shape of one, over what is there."""
        concept = self.meant(key(resource["url"]))
        self.titles.setdefault(concept, resource.get("title") or concept)
        self._mapped.pop(concept, None)
        compose = resource.get("compose") or {}
        for part in compose.get("include", ()):
            self._includes[concept] |= self._codes(part)
            for member in map(key, part.get("valueSet", ())):
                if self.meant(member) != concept:
                    self._unions[concept].add(member)
                    self._parents[member].add(concept)
        for code in self._includes[concept]:
            self._holders[code].add(concept)
        for part in compose.get("exclude", ()):
            self._excludes[concept] |= self._codes(part)
            self._without[concept] |= {key(url) for url in part.get("valueSet", ())}
        for extension in resource.get("extension", ()):
            if extension.get("url") == SUPPORTING:
                coding = extension["valueCoding"]
                self._supporting[(canonical(coding["system"]), coding["code"])].add(concept)
        for entry in _contained(resource.get("expansion") or {}):
            self._includes[concept].add(entry)
            self._holders[entry].add(concept)
        self._forget()

    def _codes(self, part: dict[str, Any]) -> set[tuple[str, str]]:
        system = canonical(part.get("system", ""))
        return {
            (system, entry["code"])
            for entry in part.get("concept", ())
            if not (self._skip_unreviewed and _unreviewed(entry))
        }

    def add_concept_map(self, resource: dict[str, Any], place: str) -> None:
        """Take a site's codes as members of a concept, or as other words for a standard code.

        The resource, which is at ``place``, has the shape of a ConceptMap.
        """
        for g, group in enumerate(resource.get("group", ())):
            source, target = canonical(group.get("source", "")), canonical(group.get("target", ""))
            for e, element in enumerate(group.get("element", ())):
                local = (source, element.get("code", ""))
                for t, to in enumerate(element.get("target", ())):
                    relation = to.get("relationship") or to.get("equivalence") or "equivalent"
                    if relation not in _SURE or "code" not in to:
                        continue
                    if target == CONCEPT:
                        concept = self.meant(to["code"])
                        if concept not in self.titles:
                            self.titles[concept] = to.get("display", concept)
                            self._mapped[concept] = f"{place}: group[{g}].element[{e}].target[{t}].code"
                        self._includes[concept].add(local)
                        self._holders[local].add(concept)
                    else:
                        self._aliases[local].add((target, to["code"]))
        self._forget()

    def same(self, name: str, concept: str) -> None:
        """Let a concept be another name of a concept: what is added to it from now on is added to that one."""
        self._same[name] = concept

    def meant(self, name: str) -> str:
        """The concept of which a concept is another name; else itself."""
        return self._same.get(name, name)

    def names(self, concept: str) -> set[str]:
        """A concept with all that are the same."""
        meant = self.meant(concept)
        return {meant, *(name for name, one in self._same.items() if one == meant)}

    def only_mapped(self) -> Iterable[tuple[str, str]]:
        """Concepts that nothing but a ConceptMap names: (where it does first, concept)."""
        return ((place, concept) for concept, place in self._mapped.items())

    def _forget(self) -> None:
        self._known.clear()
        self.worked_out.clear()

    def concepts(self, system: str, code: str) -> frozenset[str]:
        """The concepts whose code sets hold a code (its system in canonical spelling)."""
        found = self._known.get((system, code))
        if found is None:
            found = frozenset(self._find(system, code))
            if len(self._known) > 100_000:  # hospitals send any number of codes, and of any length
                self._known.clear()
            if len(system) + len(code) <= 500:
                self._known[(system, code)] = found
        return found

    def _find(self, system: str, code: str) -> set[str]:
        codes = self.codes_of(system, code)
        pending = {concept for one in codes for concept in self._holders.get(one, ())}
        candidates: set[str] = set()
        while pending:
            concept = pending.pop()
            if concept not in candidates:
                candidates.add(concept)
                pending |= self._parents.get(concept, set())
        return {concept for concept in candidates if self._holds(concept, codes, frozenset())}

    def codes_of(self, system: str, code: str) -> list[tuple[str, str]]:
        """A code with all that it stands for: its ancestors, and the codes that a site's map gives for it."""
        found = [(system, one) for one in with_ancestors(system, code)]
        for local in list(found):
            for other_system, other in sorted(self._aliases.get(local, ())):
                found += [(other_system, one) for one in with_ancestors(other_system, other)]
        return found

    def bound(self, codings: Iterable[Coding]) -> tuple[set[str], set[str]]:
        """The concepts that codings mean, and the codes (``system|code``) that they stand for."""
        concepts: set[str] = set()
        keys: set[str] = set()
        for coding in codings:
            concepts |= self.concepts(coding.system, coding.code)
            keys |= {f"{system}|{code}" for system, code in self.codes_of(coding.system, coding.code)}
        return concepts, keys

    def _holds(self, concept: str, codes: list[tuple[str, str]], seen: frozenset[str]) -> bool:
        if concept in seen or self._excludes[concept] & set(codes):
            return False
        seen = seen | {concept}
        if any(self._holds(other, codes, seen) for other in self._without.get(concept, ())):
            return False
        if self._includes[concept] & set(codes):
            return True
        return any(self._holds(member, codes, seen) for member in self._unions.get(concept, ()))

    def supported(self, system: str, code: str) -> frozenset[str]:
        """The concepts that a code speaks for without proving them, with all that take them in."""
        if not self._supporting:
            return frozenset()
        found = {concept for one in self.codes_of(system, code) for concept in self._supporting.get(one, ())}
        return frozenset(wide for concept in found for wide in self.containing(concept))

    def excluded(self, concept: str, system: str, code: str) -> bool:
        """Whether a concept's code set says expressly that it does not take a code along."""
        codes = self.codes_of(system, code)
        return bool(self._excludes[concept] & set(codes)) or any(
            self._holds(other, codes, frozenset()) for other in self._without.get(concept, ())
        )

    def codes(self, concept: str) -> set[tuple[str, str]]:
        """The codes that a concept lists itself or through its members (ICD-10-CM descendants not written out)."""
        found: set[tuple[str, str]] = set()
        pending, seen = [concept], set()
        while pending:
            one = pending.pop()
            if one not in seen:
                seen.add(one)
                found |= self._includes.get(one, set())
                pending += self._unions.get(one, set())
        return found

    def is_drug(self, name: str) -> bool:
        """Whether a concept, or ``system|code``, is nothing but drugs."""
        codes = self.codes(name) if name in self else {name.partition("|")[::2]}
        return bool(codes) and all(system in DRUG_SYSTEMS for system, _ in codes)

    def spellings(self, keys: Iterable[str]) -> set[tuple[str, str]]:
        """All codes that connect a record with one of ``keys`` (concepts, or ``system|code``), to search by.

        Beside a concept's own codes those that only support it, and a site's codes that stand for any of them;
        descendants in ICD-10-CM are not written out.
        """
        found: set[tuple[str, str]] = set()
        concepts: set[str] = set()
        for one in keys:
            system, bar, code = one.partition("|")
            if bar and one not in self:
                found.add((system, code))
            else:
                found |= self.codes(one)
                concepts |= self.members(one)
        found |= {code for code, supported in self._supporting.items() if supported & concepts}
        return found | {local for local in self._aliases if not found.isdisjoint(self.codes_of(*local))}

    def members(self, concept: str) -> set[str]:
        """The concepts that a concept is a union of, itself included."""
        return _reached(concept, self._unions)

    def containing(self, concept: str) -> set[str]:
        """The concepts that take in a concept, itself included."""
        return _reached(concept, self._parents)

    def tangled(self, concept: str) -> bool:
        """Whether a concept's unions and exclusions nest too deep, too often, or without end to be looked through."""
        level = [concept]
        for _ in range(50):
            level = [one for outer in level for held in (self._unions, self._without) for one in held.get(outer, ())]
            if not level or len(level) > 10_000:
                break
        return bool(level)

    def missing(self) -> Iterable[tuple[str, str]]:
        """Unions that name a concept which is nowhere: (concept, missing member)."""
        for concept, members in sorted(self._unions.items()):
            for member in sorted(members):
                if member not in self.titles:
                    yield concept, member


def key(url: str) -> str:
    """The concept of a ValueSet URL (its version left out)."""
    bare = url.split("|", 1)[0]
    return bare.removeprefix(VALUE_SET)


def _unreviewed(entry: dict[str, Any]) -> bool:
    return any(
        one.get("url") == _REVIEW and one.get("valueCode") in ("needs-review", "from-memory", "none-found")
        for one in entry.get("extension", ())
    )


def _contained(expansion: dict[str, Any]) -> Iterable[tuple[str, str]]:
    pending = list(expansion.get("contains", ()))
    while pending:
        entry = pending.pop()
        pending += entry.get("contains", ())
        if "code" in entry and not entry.get("abstract"):
            yield canonical(entry.get("system", "")), entry["code"]


def _reached(concept: str, following: Mapping[str, set[str]]) -> set[str]:
    """A concept and all that follow from it."""
    found: set[str] = set()
    pending = [concept]
    while pending:
        one = pending.pop()
        if one not in found:
            found.add(one)
            pending += following.get(one, set())
    return found
