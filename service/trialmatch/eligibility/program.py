"""Many studies against one patient: every distinct leaf judged once, every distinct group combined once.

The studies of a set are compiled into one :class:`Program`. Its truths are kept in one list, in which equal leaves and
equal groups share a slot, so that a leaf that a thousand studies ask is judged once, and a study costs little more than
the minimum over its members' slots. :mod:`trialmatch.eligibility.verdict` says the same of one study, with all its
items; a test holds the two together.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from math import inf, nan
from operator import itemgetter
from typing import NamedTuple

from trialmatch.eligibility import truth as t
from trialmatch.eligibility.context import Context
from trialmatch.eligibility.criteria import Item, Leaf, QuantityTest, ResultLeaf, Study
from trialmatch.eligibility.evaluator import evaluate, judge
from trialmatch.eligibility.results import only_number
from trialmatch.eligibility.values import Interval
from trialmatch.eligibility.verdict import INELIGIBLE, LIKELY, POSSIBLE, UNDETERMINED, VERDICTS, decided


class Ranking(NamedTuple):
    """A study's place among others; compares in rank order (section 9)."""

    band: int
    gaps: int
    confirmations: int
    unmatched: int
    study: str

    @property
    def verdict(self) -> str:
        """The verdict in its own word."""
        return VERDICTS[self.band]

    @property
    def met(self) -> int:
        """How many leaves are met."""
        return -self.unmatched


@dataclass(frozen=True, slots=True)
class Node:
    """An item in the program: ``slot`` holds its truth after its own exclude, ``leaf`` that of its leaf before."""

    slot: int
    leaf: int = -1
    flipped: bool = False
    cohort: bool = False
    members: tuple[Node, ...] = ()


@dataclass(frozen=True, slots=True)
class Layout:
    """Where one study lies in the program.

    ``plain`` and ``flipped`` pick the truths of leaves whose status is their truth, or its negation. ``choices`` are
    the requirements with each cohort in place of the choice of cohorts; empty where there are none.
    """

    study: Study
    root: int
    nodes: tuple[Node, ...]
    plain: Callable[[list[int]], Sequence[int]]
    flipped: Callable[[list[int]], Sequence[int]]
    choices: tuple[tuple[Node, ...], ...]


@dataclass(slots=True)
class Family:
    """Leaves that differ only in the limit they set on the latest result (or a single leaf of another kind).

    ``limits`` are their slots with the limit as floats, for all comparisons that are not close, and as it is.
    """

    leaves: list[Leaf] = field(default_factory=list)
    limits: list[tuple[int, float, float, Interval]] = field(default_factory=list)

    def add(self, leaf: Leaf, slot: int) -> None:
        """Take in a leaf."""
        limit = leaf.test.limit if isinstance(leaf, ResultLeaf) and isinstance(leaf.test, QuantityTest) else Interval()
        low = -inf if limit.lo is None else float(limit.lo)
        high = inf if limit.hi is None else float(limit.hi)
        self.leaves.append(leaf)
        self.limits.append((slot, low, high, limit))

    def run(self, context: Context, truths: list[int], gaps: list[bool], *, remember: bool = False) -> None:
        """Judge all leaves of the family."""
        first = self.leaves[0]
        number = only_number(first, context) if len(self.leaves) > 1 and isinstance(first, ResultLeaf) else None
        if number is None:
            look = evaluate if remember else judge
            for leaf, (slot, *_) in zip(self.leaves, self.limits, strict=True):
                finding = look(leaf, context)
                truths[slot] = finding.truth
                gaps[slot] = finding.truth == t.UNKNOWN and finding.basis not in t.CONFIRMATIONS
            return
        value = nan if number.exact is None else float(number.exact)
        close = abs(value) * 1e-9  # floats err by 1e-16 of their value; nearer limits are compared exactly
        for slot, low, high, limit in self.limits:
            if low + close < value < high - close:
                truths[slot] = t.MET
            elif value < low - close or value > high + close:
                truths[slot] = t.UNMET
            else:
                truths[slot] = number.within(limit)
                gaps[slot] = truths[slot] == t.UNKNOWN


def _family(leaf: Leaf) -> object:
    """What leaves of one family have in common."""
    if not isinstance(leaf, ResultLeaf) or not isinstance(leaf.test, QuantityTest) or leaf.open_list:
        return leaf
    return replace(leaf, test=replace(leaf.test, limit=Interval()), label="")


@dataclass(slots=True)
class Program:
    """All studies of a set, compiled."""

    layouts: list[Layout] = field(default_factory=list)
    without_criteria: list[Study] = field(default_factory=list)
    leaves: list[Leaf] = field(default_factory=list)
    size: int = 0
    families: dict[object, Family] = field(default_factory=dict)
    _slots: dict[object, int] = field(default_factory=dict)
    _operations: list[tuple[int, Callable[[list[int]], int]]] = field(default_factory=list)

    @classmethod
    def compile(cls, studies: Iterable[Study]) -> Program:
        """Compile studies."""
        program = cls()
        for study in studies:
            if study.items:
                program.layouts.append(program._layout(study))
            else:
                program.without_criteria.append(study)
        return program

    def run(self, context: Context, *, remember: bool = False) -> tuple[list[int], list[bool]]:
        """The truth in every slot for one patient, and which leaves are unknown for want of data."""
        truths = [0] * self.size
        gaps = [False] * self.size
        for family in self.families.values():
            family.run(context, truths, gaps, remember=remember)
        for slot, operation in self._operations:
            truths[slot] = operation(truths)
        return truths, gaps

    def rank(self, context: Context, *, deceased: bool, remember: bool = False) -> list[Ranking]:
        """Every study's place, in no order.

        ``remember``: keep the findings in the context, since some studies will be looked at item by item.
        """
        truths, gaps = self.run(context, remember=remember)
        found = [self._place(layout, truths, gaps, deceased) for layout in self.layouts]
        alone = VERDICTS.index(INELIGIBLE if deceased else UNDETERMINED)
        return found + [Ranking(alone, 0, 0, 0, study.id) for study in self.without_criteria]

    def _place(self, layout: Layout, truths: list[int], gaps: list[bool], deceased: bool) -> Ranking:
        root = truths[layout.root]
        met = layout.plain(truths).count(t.MET) + layout.flipped(truths).count(t.UNMET)
        if deceased or root == t.UNMET:
            return Ranking(VERDICTS.index(INELIGIBLE), 0, 0, -met, layout.study.id)
        if root == t.MET:
            return Ranking(VERDICTS.index(decided(layout.study)), 0, 0, -met, layout.study.id)
        missing, asked = _blocking(layout.nodes, truths, gaps)
        verdict = POSSIBLE if missing else LIKELY
        if layout.choices:
            verdict = min((_alternative(nodes, truths, gaps) for nodes in layout.choices), key=VERDICTS.index)
        return Ranking(VERDICTS.index(verdict), missing, asked, -met, layout.study.id)

    def _layout(self, study: Study) -> Layout:
        nodes = tuple(self._node(item) for item in study.items or ())
        leaves = [node for top in nodes for node in _leaves(top)]
        plain = [node.slot for node in leaves if not node.flipped]
        flipped = [node.slot for node in leaves if node.flipped]
        root = self._group("all-of", 0, [node.slot for node in nodes])
        return Layout(study, root, nodes, _picker(plain), _picker(flipped), _choices(nodes))

    def _node(self, item: Item) -> Node:
        if item.leaf is not None:
            leaf = slot = self._leaf(item.leaf)
            members: tuple[Node, ...] = ()
        else:
            leaf = -1
            members = tuple(self._node(member) for member in item.members)
            slot = self._group(item.combination, item.threshold, [member.slot for member in members])
        slot = self._negation(slot) if item.exclude else slot
        return Node(slot, leaf, item.flipped, item.names_cohort, members)

    def _new(self, key: object) -> int:
        self._slots[key] = self.size
        self.size += 1
        return self.size - 1

    def _leaf(self, leaf: Leaf) -> int:
        if leaf not in self._slots:
            slot = self._new(leaf)
            self.leaves.append(leaf)
            self.families.setdefault(_family(leaf), Family()).add(leaf, slot)
        return self._slots[leaf]

    def _negation(self, slot: int) -> int:
        key = ("not", slot)
        if key not in self._slots:
            self._operations.append((self._new(key), lambda truths: -truths[slot]))
        return self._slots[key]

    def _group(self, combination: str, threshold: int, slots: Sequence[int]) -> int:
        if len(slots) == 1 and combination in ("all-of", "any-of"):
            return slots[0]
        key = (combination, threshold, tuple(sorted(slots)))
        if key not in self._slots:
            self._operations.append((self._new(key), _operation(combination, threshold, slots)))
        return self._slots[key]


def _operation(combination: str, threshold: int, slots: Sequence[int]) -> Callable[[list[int]], int]:
    pick = _picker(slots)
    if combination == "all-of":
        return lambda truths: min(pick(truths))
    if combination == "any-of":
        return lambda truths: max(pick(truths))
    return lambda truths: t.combine(combination, threshold, pick(truths))


def _picker(slots: Sequence[int]) -> Callable[[list[int]], Sequence[int]]:
    """Picks slots out of a list of truths, always as a sequence."""
    if len(slots) > 1:
        return itemgetter(*slots)
    if not slots:
        return lambda truths: ()
    only = slots[0]
    return lambda truths: (truths[only],)


def _leaves(node: Node) -> Iterable[Node]:
    if not node.members:
        yield node
    for member in node.members:
        yield from _leaves(member)


def _choices(nodes: tuple[Node, ...]) -> tuple[tuple[Node, ...], ...]:
    choice = next((node for node in nodes if any(member.cohort for member in node.members)), None)
    if choice is None:
        return ()
    common = tuple(node for node in nodes if node is not choice)
    return tuple((*common, cohort) for cohort in choice.members)


def _blocking(nodes: Iterable[Node], truths: list[int], gaps: list[bool]) -> tuple[int, int]:
    """How many leaves block for want of data, and how many for want of a person."""
    missing = asked = 0
    pending = [node for node in nodes if not truths[node.slot]]
    while pending:
        node = pending.pop()
        if node.members:
            pending += [member for member in node.members if not truths[member.slot]]
        elif gaps[node.leaf]:
            missing += 1
        else:
            asked += 1
    return missing, asked


def _alternative(nodes: tuple[Node, ...], truths: list[int], gaps: list[bool]) -> str:
    """The verdict for one cohort, when the trial's own is not decided."""
    if min(truths[node.slot] for node in nodes) == t.UNMET:
        return INELIGIBLE
    missing, _ = _blocking(nodes, truths, gaps)
    return POSSIBLE if missing else LIKELY
