"""Who may be a candidate at all: conditions that must hold, drawn from the compiled criteria. Sound, not complete.

A study is kept for a patient unless its criteria are surely unmet by what little is known before anything is read in
full: which diagnoses are on record at all (criteria that take silence as absence), age, and administrative sex. Every
other leaf may be met, unmet or unknown, so that a bound is carried up the tree in place of a truth: the lowest and the
highest truth an item can still have. A patient is passed over only where the highest truth of a study is *unmet*.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from trialmatch.eligibility.criteria import AgeLeaf, EventLeaf, Item, Leaf, SexLeaf, Study
from trialmatch.eligibility.facts import RECORD_TYPES, Facts
from trialmatch.eligibility.truth import MET, UNKNOWN, UNMET, combine

Bound = tuple[int, int]

#: What is known of a leaf that nothing is known of.
UNSURE: Bound = (UNMET, MET)

#: Kinds of record whose rows the survey reads closely enough to say that a patient has none about a concept.
GATE_KINDS = ("Condition", "Procedure")


#: How many sets of gates, and what came of them, are remembered.
_REMEMBERED = 100_000


@dataclass(frozen=True, slots=True)
class Gate:
    """A question of the records that can be answered “nothing” for most patients: any record about ``keys``?"""

    kind: str
    keys: tuple[str, ...] | None

    def holds(self, facts: Facts) -> bool:
        """Whether there is a record that may speak of it, be it by words only."""
        return bool(facts.about(self.kind, self.keys) or facts.hinted(self.kind, self.keys))


@dataclass(frozen=True, slots=True)
class Node:
    """An item as far as it matters here: a deciding leaf, or a group with ``unsure`` members that decide nothing."""

    exclude: bool
    leaf: Leaf | None = None
    combination: str = ""
    threshold: int = 0
    members: tuple[Node, ...] = ()
    unsure: int = 0


@dataclass(frozen=True)
class Sieve:
    """One study's conditions. ``gates`` are those it asks about; ``open`` tells that it passes with none of them.

    ``personal`` are the leaves about age and sex.
    """

    study: Study
    root: Node
    gates: frozenset[Gate]
    open: bool
    personal: tuple[Leaf, ...] = ()

    def passes(self, known: Callable[[Leaf], Bound]) -> bool:
        """Whether the study may still come to something other than ineligible."""
        return bounds(self.root, known)[1] >= UNKNOWN


@dataclass(frozen=True)
class Sieves:
    """The conditions of all studies, found by the gates they hang on. ``partial``: types that were not read whole."""

    sieves: tuple[Sieve, ...]
    gates: tuple[Gate, ...]
    partial: frozenset[str]
    _by_gate: dict[int, list[int]] = field(default_factory=dict)
    _known: dict[frozenset[int], tuple[int, ...]] = field(default_factory=dict)
    _passed: dict[tuple[int, frozenset[int], tuple[int, ...]], bool] = field(default_factory=dict)

    @classmethod
    def of(cls, studies: Iterable[Study], partial: Iterable[str] = ()) -> Sieves:
        """The conditions of studies; kinds of which some records could not be read gate nobody."""
        missing = frozenset(partial)
        sieves = tuple(_sieve(study, missing) for study in studies)
        gates = tuple(sorted({gate for sieve in sieves for gate in sieve.gates}, key=repr))
        index: dict[int, list[int]] = {}
        for position, sieve in enumerate(sieves):
            for gate in sieve.gates:
                index.setdefault(gates.index(gate), []).append(position)
        return cls(sieves, gates, missing, index)

    @property
    def open(self) -> tuple[int, ...]:
        """The studies that pass whoever has none of the gates' records: everybody is a candidate."""
        return tuple(position for position, sieve in enumerate(self.sieves) if sieve.open)

    def candidates(self, gates: frozenset[int]) -> tuple[int, ...]:
        """The studies that may be something for a patient with records for ``gates`` and no others (positions)."""
        if gates not in self._known:
            asked = {position for gate in gates for position in self._by_gate.get(gate, ())}
            there = frozenset(self.gates[gate] for gate in gates)
            passed = {
                position for position in asked if self.sieves[position].passes(lambda leaf: _by_gates(leaf, there))
            }
            passed |= set(self.open) - asked
            if len(self._known) > _REMEMBERED:
                self._known.clear()
            self._known[gates] = tuple(sorted(passed))
        return self._known[gates]

    def passes(self, position: int, gates: frozenset[int], truth: Callable[[Leaf], int]) -> bool:
        """Whether a study may be something for a patient of whom age and sex are known, too."""
        sieve = self.sieves[position]
        truths = tuple([truth(leaf) for leaf in sieve.personal])
        key = (position, gates, truths)
        found = self._passed.get(key)
        if found is None:
            there = frozenset(self.gates[gate] for gate in gates)
            known = {leaf: (one, one) for leaf, one in zip(sieve.personal, truths, strict=True)}
            found = sieve.passes(lambda leaf: known.get(leaf) or _by_gates(leaf, there))
            if len(self._passed) > _REMEMBERED:
                self._passed.clear()
            self._passed[key] = found
        return found


def gate_of(leaf: Leaf) -> Gate | None:
    """The gate that a leaf is: silence on it counts as absence (criteria language, section 7)."""
    if isinstance(leaf, EventLeaf) and leaf.absent and leaf.kind in GATE_KINDS:
        return Gate(leaf.kind, leaf.keys)
    return None


def bounds(node: Node, known: Callable[[Leaf], Bound]) -> Bound:
    """The lowest and the highest truth that an item can still have, after its own exclude."""
    if node.leaf is not None:
        low, high = known(node.leaf)
    else:
        inside = [bounds(member, known) for member in node.members] + [UNSURE] * node.unsure
        low = combine(node.combination, node.threshold, [lowest for lowest, _ in inside])
        high = combine(node.combination, node.threshold, [highest for _, highest in inside])
        if node.combination == "at-most":  # the more members are met, the less it is
            low, high = high, low
    return (-high, -low) if node.exclude else (low, high)


def silent(leaf: EventLeaf) -> Bound:
    """The truth of a gate without any record: unmet, unless it asks for there being none or prints an open list."""
    truth = MET if leaf.negated else UNMET
    if truth == UNMET and leaf.open_list:
        truth = UNKNOWN
    return truth, truth


def _by_gates(leaf: Leaf, there: frozenset[Gate]) -> Bound:
    gate = gate_of(leaf)
    if gate is None or gate in there:
        return UNSURE
    assert isinstance(leaf, EventLeaf)
    return silent(leaf)


def _sieve(study: Study, partial: frozenset[str]) -> Sieve:
    def decides(leaf: Leaf, high: bool) -> bool:
        gate = gate_of(leaf)
        if gate is not None:
            assert isinstance(leaf, EventLeaf)
            matters = silent(leaf) == ((UNMET, UNMET) if high else (MET, MET))
            return matters and not partial & set(RECORD_TYPES[gate.kind])
        return isinstance(leaf, SexLeaf) or (isinstance(leaf, AgeLeaf) and isinstance(leaf.anchor.anchor, str))

    members = [_node(item, True, decides) for item in study.items or ()]
    sure = tuple(member for member in members if member is not None)
    root = Node(False, None, "all-of", 0, sure, len(members) - len(sure))
    gates = frozenset(gate for leaf in _leaves(root) if (gate := gate_of(leaf)) is not None)
    personal = tuple(dict.fromkeys(leaf for leaf in _leaves(root) if gate_of(leaf) is None))
    return Sieve(study, root, gates, bounds(root, lambda leaf: _by_gates(leaf, frozenset()))[1] >= UNKNOWN, personal)


def _node(item: Item, high: bool, decides: Callable[[Leaf, bool], bool]) -> Node | None:
    """What of an item can lower its highest truth (``high``) or raise its lowest; None for nothing."""
    inner = high != item.exclude
    if item.leaf is not None:
        return Node(item.exclude, item.leaf) if decides(item.leaf, inner) else None
    below = inner != (item.combination == "at-most")
    members = [_node(member, below, decides) for member in item.members]
    sure = tuple(member for member in members if member is not None)
    unsure = len(members) - len(sure)
    if not sure or (unsure and item.combination == ("any-of" if inner else "all-of")):
        return None  # one member that may be anything keeps the whole group from being decided
    return Node(item.exclude, None, item.combination, item.threshold, sure, unsure)


def _leaves(node: Node) -> Iterable[Leaf]:
    if node.leaf is not None:
        yield node.leaf
    for member in node.members:
        yield from _leaves(member)
