"""Criteria as frozen nodes: leaves that ask one question of the facts, items that arrange them in a tree.

Equal leaves of different studies are equal objects (labels do not count), so that each is evaluated once a patient.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, NamedTuple

from trialmatch.eligibility.dates import Offset, Window
from trialmatch.eligibility.hashing import hashed_once
from trialmatch.eligibility.values import Interval

#: Methods of choosing among results (criteria language, section 4).
METHODS = (
    "latest",
    "any",
    "all",
    "max",
    "min",
    "onset",
    "relative-change",
    "absolute-change",
    "cockcroft-gault",
)

#: Those that look at the newest result: how old it may be is bounded also where no window is authored (section 5).
NEWEST = frozenset({"latest", "relative-change", "absolute-change", "cockcroft-gault"})

#: How old it may be unless a site or a criterion says otherwise (section 5).
DEFAULT_VALIDITY = Offset(90, "d")

COMBINATIONS = ("all-of", "any-of", "at-least", "at-most")


@dataclass(frozen=True)
class QuantityTest:
    """A number within ``limit``, in ``unit`` (UCUM).

    ``reference`` ``UNL`` or ``LNL``: the limit of normal of the same result, of which ``limit`` is a multiple, or to
    which it is added (``additive``).
    """

    limit: Interval
    unit: str = "1"
    reference: str | None = None
    additive: bool = False


@dataclass(frozen=True)
class PolarityTest:
    """A positive (or negative) result."""

    positive: bool


@dataclass(frozen=True)
class CodedTest:
    """A result that is one of these: ``keys`` are concepts or ``system|code``, ``words`` their normal forms."""

    keys: frozenset[str]
    words: frozenset[str]


@dataclass(frozen=True)
class RecordedTest:
    """A result of any value."""


Test = QuantityTest | PolarityTest | CodedTest | RecordedTest


@hashed_once
@dataclass(frozen=True)
class AgeLeaf:
    """Age in completed units (``a``, ``mo``, ``wk``, ``d``) at an anchor."""

    limit: Interval
    unit: str = "a"
    anchor: Window = field(default_factory=Window)


@hashed_once
@dataclass(frozen=True)
class SexLeaf:
    """Administrative sex: one of ``sexes``."""

    sexes: frozenset[str]


@hashed_once
@dataclass(frozen=True)
class ResultLeaf:
    """Results of ``keys`` (concepts or ``system|code``) that pass ``test``.

    ``validity`` None means the setting; ``validity_own`` tells an authored one. ``count`` limits how many pass.
    ``negated`` asks for there being none (valueBoolean false).
    """

    keys: tuple[str, ...]
    test: Test
    method: str = "latest"
    windows: tuple[Window, ...] = ()
    validity: Offset | None = None
    count: Interval | None = None
    absent: bool = False
    open_list: bool = False
    negated: bool = False
    label: str = field(default="", compare=False)


@hashed_once
@dataclass(frozen=True)
class EventLeaf:
    """Records of ``kind`` about ``keys`` (None: any), in the windows; ``onset`` looks at their beginning only."""

    kind: str
    keys: tuple[str, ...] | None
    windows: tuple[Window, ...] = ()
    onset: bool = False
    count: Interval | None = None
    absent: bool = False
    open_list: bool = False
    negated: bool = False
    label: str = field(default="", compare=False)


@hashed_once
@dataclass(frozen=True)
class DurationLimit:
    """Days that must be covered: ``limit`` in calendar ``unit``."""

    limit: Interval
    unit: str


@hashed_once
@dataclass(frozen=True)
class DoseLimit:
    """The daily dose that an exposure must have, in UCUM ``unit`` (mass a day, or mass by body weight a day)."""

    limit: Interval
    unit: str


@hashed_once
@dataclass(frozen=True)
class ExposureLeaf:
    """Exposure to drugs ``keys`` in the windows, for a duration, in a number of distinct ingredients, at a dose."""

    keys: tuple[str, ...] | None
    windows: tuple[Window, ...] = ()
    duration: DurationLimit | None = None
    count: Interval | None = None
    distinct_by: str = "ingredient"
    dose: DoseLimit | None = None
    absent: bool = False
    open_list: bool = False
    negated: bool = False
    label: str = field(default="", compare=False)
    kind: str = field(default="MedicationRequest", init=False)


@hashed_once
@dataclass(frozen=True)
class JudgementLeaf:
    """A statement that only a person can judge, perhaps about a concept."""

    code: str
    concept: str | None = None
    label: str = field(default="", compare=False)


@hashed_once
@dataclass(frozen=True)
class TextLeaf:
    """A criterion that is only printed."""

    label: str = field(default="", compare=False)


Leaf = AgeLeaf | SexLeaf | ResultLeaf | EventLeaf | ExposureLeaf | JudgementLeaf | TextLeaf


@hashed_once
@dataclass(frozen=True)
class Item:
    """One characteristic of a study: a leaf, or a group of ``members``.

    ``exclude`` negates its truth; ``flipped`` says that an odd number of ``exclude``s stand above it, so that its
    status is the negation of its truth. ``kind`` is how the record prints it. ``same_as`` is the linkId of the item
    whose definition it repeats (``definitionId``), so that an answer to that one answers this one too.
    """

    link_id: str
    text: str
    kind: str
    exclude: bool = False
    flipped: bool = False
    leaf: Leaf | None = None
    combination: str = ""
    threshold: int = 0
    members: tuple[Item, ...] = ()
    cohort: str | None = None
    names_cohort: bool = False
    applicability: bool = False
    same_as: str | None = None
    reading: str | None = None
    reading_note: str | None = None

    def walk(self) -> Iterator[Item]:
        """This item and all below it, in the order of authoring."""
        yield self
        for member in self.members:
            yield from member.walk()


class Place(NamedTuple):
    """Where an item stands: ``members`` are the positions of those right below it in the order of authoring."""

    item: Item
    members: tuple[int, ...]


@dataclass(frozen=True)
class Study:
    """A trial ready to be matched. ``items`` are its top level (all-of); None where the record has no eligibility.

    ``recruitment`` is the state of recruitment in its record, a code such as ``not-yet-recruiting``, or its words.
    """

    id: str
    title: str
    status: str
    url: str | None
    items: tuple[Item, ...] | None
    cohorts: tuple[tuple[str, str], ...] = ()
    exclusions_in_record: bool = True
    recruitment: str | None = None
    resource: dict[str, Any] = field(default_factory=dict, compare=False, hash=False)

    @property
    def matched(self) -> bool:
        """Whether patients are matched against it: drafts, which nobody has read yet, and retired studies never are."""
        return self.status in ("active", "unknown")

    def walk(self) -> Iterator[Item]:
        """All items, in the order of authoring."""
        for item in self.items or ():
            yield from item.walk()

    @cached_property
    def places(self) -> tuple[Place, ...]:
        """All items in the order of authoring, so that whatever is below an item comes after it."""
        items = list(self.walk())
        at = {id(item): position for position, item in enumerate(items)}
        return tuple(Place(item, tuple(at[id(member)] for member in item.members)) for item in items)

    @cached_property
    def tops(self) -> tuple[int, ...]:
        """The positions of the top level."""
        tops = set(map(id, self.items or ()))
        return tuple(position for position, place in enumerate(self.places) if id(place.item) in tops)

    @cached_property
    def signs(self) -> tuple[int, ...]:
        """What an item's truth is multiplied by to give its status, by position."""
        return tuple(-1 if place.item.flipped else 1 for place in self.places)

    @cached_property
    def asking(self) -> tuple[tuple[int, str, bool], ...]:
        """The position, linkId and exclude of every leaf, in the order of authoring."""
        every = enumerate(self.places)
        return tuple((position, item.link_id, item.exclude) for position, (item, _) in every if item.leaf is not None)

    @cached_property
    def groups(self) -> tuple[tuple[int, Item, tuple[int, ...]], ...]:
        """The position of every group with the item and its members, whatever is below a group before it."""
        every = [(position, *place) for position, place in enumerate(self.places) if place.item.leaf is None]
        return tuple(reversed(every))

    @cached_property
    def applicability(self) -> dict[int, tuple[int, ...]]:
        """The positions of any-of groups, each with those of its members that ask whom it concerns."""
        found = {}
        for position, item, members in self.groups:
            askers = tuple(one for one in members if self.places[one].item.applicability)
            if askers and item.combination == "any-of":
                found[position] = askers
        return found

    @cached_property
    def leaves(self) -> dict[str, Item]:
        """The items that ask one question each, by linkId, in the order of authoring."""
        return {item.link_id: item for item in self.walk() if item.leaf is not None}

    @cached_property
    def alternatives(self) -> tuple[tuple[Item, tuple[int, ...]], ...]:
        """Each cohort with the positions of all that it takes: what is common, and it in place of the choice."""
        at = {id(place.item): position for position, place in enumerate(self.places)}
        cohorts = [place.item for place in self.places if place.item.names_cohort]
        return tuple((one, tuple(at[id(part)] for part in _with_only(self.items or (), one))) for one in cohorts)


def _with_only(items: tuple[Item, ...], cohort: Item) -> list[Item]:
    """The requirements of a trial for one cohort."""
    if any(item.names_cohort for item in items):  # the members of the choice itself: only this cohort
        return [item for item in items if item is cohort]
    parts = []
    for item in items:
        below = list(item.walk())
        if not any(one.names_cohort for one in below):
            parts.append(item)
        elif any(one is cohort for one in below):
            parts += _with_only(item.members, cohort)
    return parts
