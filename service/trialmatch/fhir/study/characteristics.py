"""From ``EvidenceVariable.characteristic`` to items: groups, shared blocks, references, cohorts, extensions."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

from trialmatch.config import Settings
from trialmatch.eligibility import criteria as c
from trialmatch.eligibility.dates import Window
from trialmatch.fhir.elements import json_type, objects
from trialmatch.fhir.study import limits
from trialmatch.fhir.study.definitions import Definitions
from trialmatch.fhir.study.extensions import PREFIX
from trialmatch.fhir.study.leaves import Noticed, asked
from trialmatch.fhir.study.marks import marks, on_leaves
from trialmatch.fhir.study.modifiers import Modifiers
from trialmatch.fhir.study.scopes import Above, Place, Scope
from trialmatch.terminology.mappings import Terminology

_DEFINITIONS = (
    "definitionByCombination",
    "definitionByTypeAndValue",
    "definitionCanonical",
    "definitionCodeableConcept",
    "definitionExpression",
    "definitionId",
    "definitionReference",
)

#: How many characteristics are read for one study, with those of blocks and others that are taken in again and again.
_MOST_READ = 20_000


@dataclass
class Reader:
    """Reads the eligibility of one study. ``find`` resolves a reference to another EvidenceVariable.

    ``leaves`` are those that were made before under the same settings, by what they ask. ``full`` says that there was
    more to read than a study may hold.
    """

    terminology: Terminology
    settings: Settings
    faults: Noticed
    find: Callable[[str, Scope], Scope | None]
    cohorts: dict[str, str]
    unreadable: frozenset[str] = frozenset()
    leaves: dict[bytes | None, c.Leaf] = field(default_factory=dict)
    seen: dict[str, str] = field(default_factory=dict)
    times: int = 0
    full: bool = False

    def __post_init__(self) -> None:
        self.definitions = Definitions(self.terminology, self.faults)

    def eligibility(self, scope: Scope, above: Above) -> tuple[c.Item, ...]:
        """All characteristics of an EvidenceVariable, with what they take in."""
        items = self._top(scope, above)
        if self.full:
            allowed = f"at most {_MOST_READ} characteristics, those that are taken in again counted each time"
            self.faults.refuse(scope.path, "too many characteristics", allowed)
        return items

    def _too_many(self) -> bool:
        self.times += 1
        self.full = self.times > _MOST_READ
        return self.full

    def _top(self, scope: Scope, above: Above) -> tuple[c.Item, ...]:
        raw = scope.resource.get("characteristic")
        return self._members(raw, f"{scope.path}.characteristic", scope, above)

    def _members(self, raw: Any, path: str, scope: Scope, above: Above) -> tuple[c.Item, ...]:
        if raw is None:
            return ()
        if not isinstance(raw, list):
            self.faults.refuse(path, json_type(raw), "an array of characteristics")
            return ()
        items = []
        for position, entry in enumerate(raw):
            here = f"{path}[{position}]"
            if not isinstance(entry, dict):
                self.faults.refuse(here, json_type(entry), "a characteristic")
                continue
            item = self._item(Place(entry, here, scope), above)
            if item is not None:
                items.append(item)
        return tuple(items)

    def _item(self, place: Place, above: Above) -> c.Item | None:
        raw, path, _ = place
        if self._too_many():
            return None
        if above.depth > self.settings.study_depth:
            self.faults.refuse(path, f"nested {above.depth} deep", f"at most {self.settings.study_depth} deep")
            return None
        link_id = self._link_id(place, above)
        extensions = marks(raw, path, self.faults)
        exclude = raw.get("exclude") is True
        if raw.get("exclude") is not None and not isinstance(raw["exclude"], bool):
            self.faults.refuse(f"{path}.exclude", json_type(raw["exclude"]), "true or false")
        base = self._described(raw, link_id, exclude, extensions, above)
        present = [name for name in _DEFINITIONS if raw.get(name) is not None]
        if len(present) > 1:
            self.faults.refuse(path, " and ".join(present), "one definition[x], or none for text only")
            return None
        if path in self.unreadable:
            if present == ["definitionByCombination"]:
                self._group(place, base, extensions, above)  # what is ambiguous is refused even so
            return replace(base, leaf=c.TextLeaf(label=base.text))
        item = self._defined(place, present[0] if present else None, base, extensions, above)
        if item is not None and "cohort" in extensions:
            if item.leaf is not None:
                self.faults.add(f"{path}: extension cohort", f"“{item.cohort}” on a leaf", "a group")
            elif item.cohort not in self.cohorts:
                known = ", ".join(self.cohorts) or "no comparisonGroup"
                self.faults.add(f"{path}: extension cohort", f"“{item.cohort}”", f"a comparisonGroup.linkId: {known}")
        return item

    def _described(
        self, raw: dict[str, Any], link_id: str, exclude: bool, extensions: dict[str, Any], above: Above
    ) -> c.Item:
        printed = extensions.get("printed-as") or ("exclusion" if exclude != above.flipped else "inclusion")
        said = [one.get("text") for one in objects(raw, "note")]
        note = " ".join(str(text) for text in said if text) or extensions.get("reading-note")
        names_cohort = "cohort" in extensions
        return c.Item(
            link_id,
            str(raw.get("description") or ""),
            printed,
            exclude,
            above.flipped,
            cohort=extensions["cohort"] if names_cohort else above.cohort,
            names_cohort=names_cohort,
            applicability=extensions.get("applicability") is True,
            reading=extensions.get("reading"),
            reading_note=note,
        )

    def _link_id(self, place: Place, above: Above) -> str:
        own = place.raw.get("linkId")
        if not isinstance(own, str) or not own:
            self.faults.add(f"{place.path}.linkId", "none" if own is None else json_type(own), "a unique linkId")
            positions = [part.split("]")[0] for part in place.path.split("[")[1:]]
            own = "#" + ".".join(str(int(one) + 1) for one in positions if one.isdigit())
        link_id = above.prefix + own
        if link_id in self.seen:
            self.faults.refuse(
                f"{place.path}.linkId", f"“{link_id}” again (first at {self.seen[link_id]})", "a unique linkId"
            )
            link_id = f"{link_id}#{len(self.seen)}"
        self.seen[link_id] = place.path
        return link_id

    def _defined(
        self, place: Place, definition: str | None, base: c.Item, extensions: dict[str, Any], above: Above
    ) -> c.Item | None:
        if definition in ("definitionReference", "definitionCanonical"):
            return self._block(place, definition, base, extensions, above)
        if definition == "definitionByCombination":
            return self._group(place, base, extensions, above)
        if definition == "definitionId":
            return self._same(place, base, extensions, above)
        leaf = self._leaf(place, definition, extensions, (*above.followed, id(place.raw)))
        return replace(base, leaf=leaf or c.TextLeaf(label=base.text))

    def _leaf(
        self, place: Place, definition: str | None, extensions: dict[str, Any], followed: tuple[object, ...]
    ) -> c.Leaf | None:
        """The leaf of a characteristic that is no group; None where it cannot be read."""
        key = asked(place.raw, definition, extensions)
        known = self.leaves.get(key)
        if known is not None:
            return known
        before = self.faults.times
        leaf = self._new_leaf(place, definition, extensions, followed)
        if key is not None and leaf is not None and self.faults.times == before:
            self.leaves[key] = leaf
        return leaf

    def _new_leaf(
        self, place: Place, definition: str | None, extensions: dict[str, Any], followed: tuple[object, ...]
    ) -> c.Leaf | None:
        raw, path, _ = place
        modifiers = self._modifiers(place, extensions, followed)
        if modifiers is None:
            return None
        leaf: c.Leaf | None
        if definition == "definitionByTypeAndValue":
            leaf = self.definitions.typed(raw[definition], f"{path}.{definition}", modifiers)
        elif definition == "definitionCodeableConcept":
            modifiers.take("timeFromEvent")  # a person reads the window in the printed text
            leaf = self.definitions.judgement(raw[definition], f"{path}.{definition}")
        elif definition == "definitionExpression":
            allowed = "definitionByTypeAndValue, or no definition: expressions are not evaluated"
            self.faults.add(f"{path}.{definition}", "an expression", allowed)
            return None
        else:
            modifiers.take("timeFromEvent", "instances[x]", "duration[x]", "extension open-list")
            leaf = c.TextLeaf(label=str(raw.get("description") or ""))
        if leaf is not None:
            for name in modifiers.left():
                self.faults.add(path, f"{name} beside a definition that does not use it", "a definition that does")
        return leaf

    def _modifiers(self, place: Place, extensions: dict[str, Any], followed: tuple[object, ...]) -> Modifiers | None:
        raw, path, _ = place
        before = self.faults.times
        units = self.terminology.knowledge.units
        modifiers = Modifiers(
            windows=self._windows(place, followed),
            count=limits.count(raw, path, units, self.faults),
            duration=limits.calendar(raw, "duration", path, units, self.faults),
            absent=extensions.get("absence") == "absent",
            open_list=extensions.get("open-list") is True,
            distinct_by=extensions.get("distinct-by"),
        )
        if "validity" in extensions:
            here = f"{path}: extension validity"
            modifiers.validity = limits.offset(extensions["validity"], here, units, self.faults)
        if "daily-dose" in extensions:
            here = f"{path}: extension daily-dose"
            modifiers.dose = limits.quantity(extensions["daily-dose"], here, units, self.faults)
        return modifiers if self.faults.times == before else None

    def _windows(self, place: Place, followed: tuple[object, ...]) -> tuple[Window, ...]:
        raw, path, scope = place
        entries = raw.get("timeFromEvent")
        windows = []
        for position, entry in enumerate(entries if isinstance(entries, list) else ()):
            here = f"{path}.timeFromEvent[{position}]"
            if not isinstance(entry, dict):
                self.faults.add(here, json_type(entry), "an object")
                continue
            if isinstance(entry.get("eventId"), str):
                anchor: object | None = self._event(entry["eventId"], f"{here}.eventId", scope, followed)
            else:
                anchor = limits.named_anchor(entry, here, self.settings.zone, self.faults)
            if anchor is None:
                continue
            window = limits.window(entry, here, anchor, self.terminology.knowledge.units, self.faults)
            if window is not None:
                windows.append(window)
        return tuple(windows)

    def _event(self, link_id: str, path: str, scope: Scope, followed: tuple[object, ...]) -> tuple[c.Leaf, ...] | None:
        """The leaves of the characteristic that dates an event."""
        place = scope.by_link_id.get(link_id)
        if place is None:
            self.faults.add(path, f"“{link_id}”", "the linkId of a characteristic of the same resource")
            return None
        leaves = self._dating(place, followed, path)
        if leaves is not None and not leaves:
            self.faults.add(path, f"“{link_id}”, which dates nothing", "a characteristic about records or results")
        return tuple(leaves) if leaves else None

    def _dating(self, place: Place, followed: tuple[object, ...], path: str) -> list[c.Leaf] | None:
        if id(place.raw) in followed:
            self.faults.refuse(path, "a cycle", "characteristics that do not hang on themselves")
            return None
        if place.path in self.unreadable or self._too_many():
            return []
        followed = (*followed, id(place.raw))
        raw = place.raw
        if isinstance(raw.get("definitionByCombination"), dict):
            found: list[c.Leaf] = []
            members = f"{place.path}.definitionByCombination.characteristic"
            for position, entry in enumerate(raw["definitionByCombination"].get("characteristic") or ()):
                inner = self._dating(Place(entry, f"{members}[{position}]", place.scope), followed, path)
                if inner is None:
                    return None
                found += inner
            return found
        if isinstance(raw.get("definitionId"), str):
            target = place.scope.by_link_id.get(raw["definitionId"])
            return self._dating(target, followed, path) if target else []
        if raw.get("definitionByTypeAndValue") is None:
            return []
        quiet = Noticed(lenient=self.faults.lenient)
        own, self.faults = self.faults, quiet
        self.definitions = Definitions(self.terminology, quiet)
        leaf = self._leaf(place, "definitionByTypeAndValue", marks(raw, place.path, self.faults), followed)
        self.faults = own
        self.definitions = Definitions(self.terminology, own)
        if any("a cycle" in line for line in quiet.faults):
            own.take(quiet)
            return None
        return [leaf] if isinstance(leaf, c.ResultLeaf | c.EventLeaf | c.ExposureLeaf) else []

    def _group(self, place: Place, base: c.Item, extensions: dict[str, Any], above: Above) -> c.Item | None:
        raw, path, scope = place
        here = f"{path}.definitionByCombination"
        combination = raw["definitionByCombination"]
        if not isinstance(combination, dict):
            self.faults.refuse(here, json_type(combination), "an object")
            return None
        code, threshold = combination.get("code"), combination.get("threshold")
        members = combination.get("characteristic")
        size = len(members) if isinstance(members, list) else 0
        fine = self._allowed_on_group(raw, path, extensions)
        if code not in c.COMBINATIONS:
            self.faults.refuse(f"{here}.code", f"“{code}”", ", ".join(c.COMBINATIONS))
            fine = False
        if size == 0:
            self.faults.refuse(f"{here}.characteristic", "none", "at least one member")
            fine = False
        if code in ("at-least", "at-most"):
            whole = isinstance(threshold, int) and not isinstance(threshold, bool)
            if not whole or not (1 if code == "at-least" else 0) <= int(threshold or 0) <= size:
                found = "none" if threshold is None else f"{threshold} of {size} members"
                if not self.faults.refused(f"{here}.threshold"):  # as no valid R5
                    allowed = f"a whole number up to the number of members ({size})"
                    self.faults.refuse(f"{here}.threshold", found, allowed)
                fine = False
        elif threshold is not None and code in c.COMBINATIONS:
            self.faults.refuse(
                f"{here}.threshold", f"{threshold} with {code}", "none: only at-least and at-most have one"
            )
            fine = False
        below = Above(
            above.prefix,
            above.flipped ^ base.exclude ^ (code == "at-most"),
            base.cohort,
            above.depth + 1,
            above.followed,
        )
        items = self._members(members, f"{here}.characteristic", scope, below)
        if not fine or not items:
            return None
        return replace(base, combination=str(code), threshold=int(threshold or 0), members=items)

    def _allowed_on_group(self, raw: dict[str, Any], path: str, extensions: dict[str, Any]) -> bool:
        """Whether a group carries nothing that only leaves understand."""
        stray = on_leaves(raw, extensions)
        for name in stray:
            here = f"{path}.{name}" if "extension" not in name else f"{path}: {name}"
            self.faults.add(here, "on a group", "on the leaves")
        return not stray or self.faults.lenient

    def _block(
        self, place: Place, definition: str, base: c.Item, extensions: dict[str, Any], above: Above
    ) -> c.Item | None:
        """A shared block: its characteristics, all of which must hold, under this one's linkId."""
        raw, path, scope = place
        target = raw[definition]
        if isinstance(target, dict):
            target = target.get("reference")
        here = f"{path}.{definition}"
        self._allowed_on_group(raw, path, extensions)
        found = self.find(target, scope) if isinstance(target, str) else None
        if found is None:
            allowed = "an EvidenceVariable of the same Bundle, folder or shipped"
            self.faults.add(here, f"“{target}” is not there", allowed)
            return replace(base, leaf=c.TextLeaf(label=base.text)) if self.faults.lenient else None
        if found.path in above.followed or found.path == scope.path:
            cycle = f"a cycle through {found.resource.get('id')}"
            self.faults.refuse(here, cycle, "blocks that do not take themselves in")
            return None
        flipped, followed = above.flipped ^ base.exclude, (*above.followed, found.path, scope.path)
        below = Above(f"{base.link_id}.", flipped, base.cohort, above.depth + 1, followed)
        items = self._top(found, below)
        if not items:
            if not found.resource.get("characteristic"):
                self.faults.add(here, "a block without characteristics", "at least one")
            return None
        return replace(base, combination="all-of", members=items)

    def _same(self, place: Place, base: c.Item, extensions: dict[str, Any], above: Above) -> c.Item | None:
        """``definitionId``: the same as another characteristic of the resource, its ``exclude`` included."""
        raw, path, scope = place
        here = f"{path}.definitionId"
        target = scope.by_link_id.get(str(raw["definitionId"]))
        self._allowed_on_group(raw, path, extensions)
        if target is None:
            self.faults.add(here, f"“{raw['definitionId']}”", "the linkId of a characteristic of the same resource")
            return None
        if id(target.raw) in above.followed or target.raw is raw:
            self.faults.refuse(here, "a cycle", "characteristics that do not hang on themselves")
            return None
        if target.path in self.unreadable:
            return replace(base, leaf=c.TextLeaf(label=base.text))
        followed = (*above.followed, id(raw), id(target.raw))
        other = {key: value for key, value in target.raw.items() if key not in ("linkId", "description", "note")}
        other["extension"] = [
            one for one in target.raw.get("extension") or ()
            if isinstance(one, dict) and one.get("url") not in (f"{PREFIX}printed-as", f"{PREFIX}cohort")
        ]  # fmt: skip
        exclude = base.exclude != (other.get("exclude") is True)
        below = Above(f"{base.link_id}.", above.flipped, base.cohort, above.depth, followed)
        kind = extensions.get("printed-as") or ("exclusion" if exclude != above.flipped else "inclusion")
        text, same_as = base.text or str(target.raw.get("description") or ""), f"{above.prefix}{raw['definitionId']}"
        merged = replace(base, exclude=exclude, kind=kind, text=text, same_as=same_as)
        present = next((name for name in _DEFINITIONS if other.get(name) is not None), None)
        stand_in = Place(other, target.path, scope)
        return self._defined(stand_in, present, merged, marks(other, target.path, self.faults), below)
