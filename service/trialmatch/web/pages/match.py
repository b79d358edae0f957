"""A match document arranged for the match page: trials → sections → printed rows → the tree of each row.

Nothing here judges. A row or leaf is shown as one of these *states*:

========= ============================================================================================
unmet     not met, and this decides (against the trial, or against the cohort it belongs to)
missing   unknown for want of data
confirm   unknown for want of a person's word
met       met
idle      unmet or unknown, but what stands above it is decided without it
========= ============================================================================================
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from trialmatch.eligibility.criteria import Item, JudgementLeaf, Study
from trialmatch.eligibility.rows import printed_rows
from trialmatch.lines import GAPS, confirmations_of, gaps_of

Json = dict[str, Any]

UNMET, MISSING, CONFIRM, MET, IDLE = "unmet", "missing", "confirm", "met", "idle"

#: What still asks for work, the most urgent first: a row is shown as the first of these that any of its leaves is.
OPEN = (UNMET, MISSING, CONFIRM)

_OUT = "ineligible"


def anchor(study: str, link_id: str) -> str:
    """The HTML id of an item: two items never share one, whatever their names hold."""
    return ".".join(re.sub(r"[^A-Za-z0-9-]", lambda odd: f"_{ord(odd[0]):x}_", name) for name in (study, link_id))


@dataclass(frozen=True)
class Node:
    """An item with the state it is shown in, and what stands below it.

    ``negated``: the statement that the item makes, if true, speaks against the patient. ``asks`` tells whether a person
    may answer it here.
    """

    item: Json
    anchor: str
    state: str
    negated: bool
    asks: bool
    need: str
    members: tuple[Node, ...] = ()

    is_group = False

    @property
    def leaves(self) -> Iterator[Node]:
        """The leaves at or below, in the order of authoring."""
        if "combination" not in self.item:
            yield self
        for member in self.members:
            yield from member.leaves

    @property
    def states(self) -> tuple[str, ...]:
        """Which open states its leaves are in."""
        found = {leaf.state for leaf in self.leaves}
        return tuple(state for state in OPEN if state in found)

    @property
    def folds(self) -> bool:
        """Whether it is better read folded: decided or idle, with more to it than a line, and nobody's answer in it."""
        return bool(self.members) and not self.states and all(leaf.item["basis"] != "attested" for leaf in self.leaves)

    @property
    def said(self) -> str:
        """A leaf in one line: what is missing, else why it is as it is."""
        return self.need if self.state == MISSING else str(self.item["reason"])

    @property
    def gist(self) -> tuple[str, ...]:
        """What is open in it, in a few words, each said once; of a single criterion what there is to say."""
        wanted = [leaf for leaf in self.leaves if not self.members or leaf.state == self.state in OPEN]
        return tuple(dict.fromkeys(leaf.said for leaf in wanted))


@dataclass(frozen=True)
class Group:
    """A printed heading (``I6`` over ``I6.1``) with the rows and headings below it."""

    item: Json
    anchor: str
    negated: bool
    members: tuple[Group | Node, ...]

    is_group = True

    def only(self, states: Iterable[str]) -> Group | None:
        """The group with those of its rows that are in one of some states; None where there are none."""
        kept = tuple(_only(self.members, states))
        return replace(self, members=kept) if kept else None

    @property
    def rows(self) -> Iterator[Node]:
        """All rows below."""
        for member in self.members:
            yield from member.rows if isinstance(member, Group) else (member,)


@dataclass(frozen=True)
class Section:
    """A part of a trial's criteria: its inclusion or exclusion criteria, or one cohort's.

    ``lines`` are its rows in printed order, under their headings.
    """

    kind: str
    cohort: Json | None
    lines: tuple[Group | Node, ...]

    @property
    def lost(self) -> bool:
        """Whether it is a cohort that the patient cannot join."""
        return self.cohort is not None and self.cohort["verdict"] == _OUT

    @property
    def because(self) -> str:
        """Why a cohort is lost: what was found before what the record is silent about."""
        leaves = [leaf for row in self.rows for leaf in row.leaves if leaf.state == UNMET]
        telling = [leaf for leaf in leaves if leaf.item["basis"] != "no-record"] or leaves
        return f"{telling[0].item['linkId']} {telling[0].said}" if self.lost and telling else ""

    def only(self, *states: str) -> tuple[Group | Node, ...]:
        """The lines whose rows are in one of some states."""
        return tuple(_only(self.lines, states))

    @property
    def rows(self) -> Iterator[Node]:
        """All rows, in printed order."""
        for line in self.lines:
            yield from line.rows if isinstance(line, Group) else (line,)

    def count(self, *states: str) -> int:
        """How many of its rows are in one of some states."""
        return sum(row.state in states for row in self.rows)


@dataclass(frozen=True)
class Gap:
    """What is missing on one basis: each thing in as few words as there are, with the leaves that it is for."""

    basis: str
    needs: tuple[tuple[str, tuple[Node, ...]], ...]


@dataclass(frozen=True)
class Trial:
    """One match as it is shown."""

    match: Json
    anchor: str
    sections: tuple[Section, ...]
    unmet: tuple[Node, ...] = ()
    gaps: tuple[Gap, ...] = ()
    conflicts: tuple[Node, ...] = ()

    @property
    def lost(self) -> bool:
        """Whether the trial is ruled out."""
        return bool(self.match["verdict"] == _OUT)

    @property
    def numbers(self) -> dict[str, int]:
        """How many single criteria are in each state."""
        counts, missing = self.match["counts"], len(gaps_of(self.match))
        decisive = sum(one["decisive"] for one in self.match["unmet"])
        confirm = len(confirmations_of(self.match))
        idle = counts["unmet"] - decisive + counts["unknown"] - missing - confirm
        return {UNMET: decisive, MISSING: missing, CONFIRM: confirm, MET: counts["met"], IDLE: idle}

    @property
    def rows(self) -> Iterator[Node]:
        """All its printed rows."""
        return (row for section in self.sections for row in section.rows)

    @property
    def leaves(self) -> Iterator[Node]:
        """All its single criteria."""
        return (leaf for row in self.rows for leaf in row.leaves)


@dataclass
class _Arranging:
    """What arranging one match needs to know."""

    study: Study
    match: Json
    items: Mapping[str, Item] = field(init=False)
    rows: frozenset[str] = field(init=False)
    needs: Mapping[str, str] = field(init=False)
    decisive: frozenset[str] = field(init=False)

    def __post_init__(self) -> None:
        self.items = {item.link_id: item for item in self.study.walk()}
        self.rows = frozenset(item.link_id for item in printed_rows(self.study))
        self.needs = {one["linkId"]: str(one["need"]) for one in self.match["missing"]}
        self.decisive = frozenset(one["linkId"] for one in self.match["unmet"] if one["decisive"])

    def node(self, item: Json, lost: bool) -> Node:
        """An item as a node. ``lost``: everything above it, up to a cohort that is lost, is unmet."""
        lost = lost and item["status"] == UNMET
        members = tuple(self.node(child, lost) for child in item["children"])
        authored = self.items[item["linkId"]]
        state = self._of_leaf(item, lost) if not members else _of_group(item, members)
        return Node(
            item=item,
            anchor=anchor(self.study.id, item["linkId"]),
            state=state,
            negated=self._negated(item),
            asks=not members and _asks(item, authored, state),
            need=self.needs.get(item["linkId"], ""),
            members=members,
        )

    def _of_leaf(self, item: Json, lost: bool) -> str:
        if item["linkId"] in self.decisive or lost:
            return UNMET
        if item["blocking"]:
            return MISSING if item["basis"] in GAPS else CONFIRM
        return MET if item["status"] == MET else IDLE

    def sections(self) -> Iterator[Section]:
        """The sections, in printed order."""
        verdicts = {one["id"]: one for one in self.match["cohorts"]}
        for items, is_cohort in parts(self.match["items"], self.items):
            cohort = verdicts.get(items[0]["cohort"]) if is_cohort else None
            yield self._section(items, items[0]["kind"], cohort)

    def _section(self, items: list[Json], kind: str, cohort: Json | None = None) -> Section:
        lost = cohort is not None and cohort["verdict"] == _OUT
        lines = tuple(self._lines(items, lost))
        if cohort is not None and isinstance(lines[0], Group):  # its own line is the section's heading
            lines = lines[0].members
        return Section(kind, cohort, lines)

    def _lines(self, items: Iterable[Json], lost: bool) -> Iterator[Group | Node]:
        """Rows under their headings. What a heading holds beside its rows (the gate of a cohort) is a row too."""
        for item in items:
            if item["linkId"] in self.rows or not self._holds_rows(item):
                yield self.node(item, lost)
            else:
                members = tuple(self._lines(item["children"], lost and item["status"] == UNMET))
                yield Group(item, anchor(self.study.id, item["linkId"]), self._negated(item), members)

    def _negated(self, item: Json) -> bool:
        authored = self.items[item["linkId"]]
        return authored.exclude != authored.flipped

    def _holds_rows(self, item: Json) -> bool:
        return any(child["linkId"] in self.rows or self._holds_rows(child) for child in item["children"])


def parts(items: Iterable[Json], authored: Mapping[str, Item]) -> Iterator[tuple[list[Json], bool]]:
    """The parts of a study's criteria: what is of one kind together, each cohort by itself (True)."""
    gathered: list[Json] = []
    for item in items:
        holds_cohorts = any(authored[child["linkId"]].names_cohort for child in item["children"])
        if gathered and (holds_cohorts or gathered[-1]["kind"] != item["kind"]):
            yield gathered, False
            gathered = []
        if holds_cohorts:
            yield from (([cohort], True) for cohort in item["children"])
        else:
            gathered.append(item)
    if gathered:
        yield gathered, False


def arranged(match: Json, study: Study) -> Trial:
    """A match of a match document, with the study that it is about."""
    work = _Arranging(study, match)
    trial = Trial(match, anchor(study.id, ""), tuple(work.sections()))
    every = list(trial.leaves)
    return replace(
        trial,
        unmet=tuple(leaf for leaf in every if leaf.item["linkId"] in work.decisive),
        gaps=tuple(_gaps(leaf for leaf in every if leaf.state == MISSING)),
        conflicts=tuple(leaf for leaf in every if leaf.item.get("conflict")),
    )


def _only(lines: Iterable[Group | Node], states: Iterable[str]) -> Iterator[Group | Node]:
    for line in lines:
        if isinstance(line, Group):
            kept = line.only(states)
            if kept is not None:
                yield kept
        elif line.state in states:
            yield line


def _of_group(item: Json, members: tuple[Node, ...]) -> str:
    found = {leaf.state for member in members for leaf in member.leaves}
    return next((state for state in OPEN if state in found), MET if item["status"] == MET else IDLE)


def _asks(item: Json, authored: Item, state: str) -> bool:
    """Whether a person's answer could settle a leaf, or has: what is unknown and matters, or known from silence."""
    if item["basis"] == "attested" or item.get("conflict"):
        return True
    if state in (MISSING, CONFIRM):
        return True
    return state == UNMET and (item["basis"] == "no-record" or isinstance(authored.leaf, JudgementLeaf))


def _gaps(missing: Iterable[Node]) -> Iterator[Gap]:
    missing = list(missing)
    for basis in GAPS:
        needs: dict[str, list[Node]] = {}
        for leaf in missing:
            if leaf.item["basis"] == basis:
                needs.setdefault(leaf.need.rpartition(": ")[0] or leaf.need, []).append(leaf)
        if needs:
            yield Gap(basis, tuple((need, tuple(mine)) for need, mine in needs.items()))


@dataclass(frozen=True)
class Settling:
    """A question whose answer would settle something in several places."""

    words: str
    state: str
    places: tuple[tuple[str, str, str], ...]

    @property
    def trials(self) -> int:
        """In how many trials."""
        return len({study for study, _, _ in self.places})


def next_best(trials: Iterable[Trial], most: int) -> list[Settling]:
    """The questions that would settle most: those asked by the most trials, then by the most criteria.

    A question is what has one answer: a measurement, a look in the chart for one thing, a judgement about one concept.
    ``places`` are study, linkId and anchor.
    """
    found: dict[tuple[str, str], list[tuple[str, str, str]]] = {}
    for trial in trials:
        if trial.lost:
            continue
        study = trial.match["study"]["id"]
        for leaf in trial.leaves:
            if leaf.state in (MISSING, CONFIRM):
                found.setdefault((leaf.state, leaf.said), []).append((study, leaf.item["linkId"], leaf.anchor))
    asked = [Settling(words, state, tuple(places)) for (state, words), places in found.items() if len(places) > 1]
    return sorted(asked, key=lambda one: (-one.trials, -len(one.places)))[:most]
