"""From criteria and one patient's context to findings: every leaf once, every group by Kleene's algebra.

The studies of a set are compiled into one :class:`Program`: equal leaves and equal groups share a slot, so that a leaf
that a thousand studies ask is judged once and a study costs little more than the minimum over its members' slots.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from operator import itemgetter

from trialmatch.eligibility import events, exposures, people, results
from trialmatch.eligibility import truth as t
from trialmatch.eligibility.context import Context, Finding, unknown
from trialmatch.eligibility.criteria import (
    AgeLeaf,
    EventLeaf,
    ExposureLeaf,
    Item,
    JudgementLeaf,
    Leaf,
    ResultLeaf,
    SexLeaf,
    Study,
    TextLeaf,
)
from trialmatch.eligibility.facts import Attestation


def evaluate(leaf: Leaf, context: Context) -> Finding:
    """Judge one leaf: the truth of its statement before any ``exclude``. No facts are changed, nothing is read."""
    key = ("finding", leaf)
    if key not in context.memo:
        context.memo[key] = _opened(leaf, _evaluate(leaf, context))
    finding: Finding = context.memo[key]
    return finding


def _evaluate(leaf: Leaf, context: Context) -> Finding:
    if isinstance(leaf, ResultLeaf):
        return results.evaluate(leaf, context)
    if isinstance(leaf, EventLeaf):
        return events.evaluate(leaf, context)
    if isinstance(leaf, ExposureLeaf):
        return exposures.evaluate(leaf, context)
    if isinstance(leaf, AgeLeaf):
        return people.evaluate_age(leaf, context)
    if isinstance(leaf, SexLeaf):
        return people.evaluate_sex(leaf, context)
    if isinstance(leaf, JudgementLeaf):
        return _judgement(leaf, context)
    assert isinstance(leaf, TextLeaf)
    return unknown(t.NOT_COMPUTABLE, (), lambda: "only printed: a person has to read it")


def _opened(leaf: Leaf, finding: Finding) -> Finding:
    """A miss on a list that is printed as open is unknown."""
    if finding.truth != t.UNMET or not getattr(leaf, "open_list", False):
        return finding
    return unknown(t.OPEN_LIST, finding.facts, lambda: f"the printed list is open; {finding.note()}")


def _judgement(leaf: JudgementLeaf, context: Context) -> Finding:
    answer = context.judgements.get((leaf.code, leaf.concept))
    if answer is None:
        about = f" ({context.knowledge.label(leaf.concept)})" if leaf.concept else ""
        return unknown(t.JUDGEMENT, (), lambda: f"needs a person: {leaf.label or leaf.code}{about}")
    return attested(answer, t.MET if answer.met else t.UNMET)


def attested(answer: Attestation, truth: int) -> Finding:
    """A finding settled by a person."""
    return Finding(truth, t.ATTESTED, (), lambda: f"attested by {answer.by} on {answer.at_text}")


@dataclass(frozen=True, slots=True)
class Node:
    """An item in the program: ``slot`` holds its truth after its own exclude."""

    item: Item
    slot: int
    members: tuple[Node, ...] = ()


@dataclass(slots=True)
class Layout:
    """Where one study's items lie in the program."""

    study: Study
    root: int
    nodes: tuple[Node, ...]
    leaf_slots: tuple[int, ...]
    flips: tuple[int, ...]


@dataclass(slots=True)
class Program:
    """All studies of a set, compiled. Truths are kept in one list, leaves first, then groups in order of dependence."""

    layouts: list[Layout] = field(default_factory=list)
    leaves: list[Leaf] = field(default_factory=list)
    size: int = 0
    _slots: dict[object, int] = field(default_factory=dict)
    _operations: list[tuple[int, Callable[[list[int]], int]]] = field(default_factory=list)
    _leaf_slots: list[int] = field(default_factory=list)

    @classmethod
    def compile(cls, studies: Iterable[Study]) -> Program:
        """Compile studies; those without criteria have no layout."""
        program = cls()
        for study in studies:
            if study.items:
                nodes = tuple(program._place(item) for item in study.items)
                root = program._group("all-of", 0, [node.slot for node in nodes])
                leaves = [node for top in nodes for node in _leaf_nodes(top)]
                flips = tuple(-1 if node.item.flipped else 1 for node in leaves)
                program.layouts.append(Layout(study, root, nodes, tuple(node.slot for node in leaves), flips))
        return program

    def run(self, context: Context) -> list[int]:
        """The truth in every slot for one patient."""
        truths = [0] * self.size
        for slot, leaf in zip(self._leaf_slots, self.leaves, strict=True):
            truths[slot] = evaluate(leaf, context).truth
        for slot, operation in self._operations:
            truths[slot] = operation(truths)
        return truths

    def _place(self, item: Item) -> Node:
        if item.leaf is not None:
            slot = self._leaf(item.leaf)
            members: tuple[Node, ...] = ()
        else:
            members = tuple(self._place(member) for member in item.members)
            slot = self._group(item.combination, item.threshold, [member.slot for member in members])
        return Node(item, self._negation(slot) if item.exclude else slot, members)

    def _new(self, key: object) -> int:
        self._slots[key] = self.size
        self.size += 1
        return self.size - 1

    def _leaf(self, leaf: Leaf) -> int:
        if leaf not in self._slots:
            self._leaf_slots.append(self._new(leaf))
            self.leaves.append(leaf)
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
    if len(slots) == 1:
        only = slots[0]
        return lambda truths: t.combine(combination, threshold, [truths[only]])
    pick = itemgetter(*slots)
    if combination == "all-of":
        return lambda truths: min(pick(truths))
    if combination == "any-of":
        return lambda truths: max(pick(truths))
    return lambda truths: t.combine(combination, threshold, pick(truths))


def _leaf_nodes(node: Node) -> Iterable[Node]:
    if not node.members:
        yield node
    for member in node.members:
        yield from _leaf_nodes(member)


def settled(study: Study, context: Context, answers: Mapping[str, Attestation]) -> dict[str, Finding]:
    """The findings of a study's leaves by linkId, with a person's answers to them taken in.

    An answer by linkId gives the requirement's status. It settles what is unknown, or known only from silence; it never
    overrides what evidence decides, which is reported as a conflict.
    """
    findings = {}
    for item in study.walk():
        if item.leaf is None:
            continue
        finding = evaluate(item.leaf, context)
        answer = answers.get(item.link_id)
        if answer is not None:
            negated = item.exclude != item.flipped
            truth = (t.MET if answer.met else t.UNMET) * (-1 if negated else 1)
            if finding.truth == t.UNKNOWN or finding.basis in (t.NO_RECORD, t.ATTESTED):
                finding = attested(answer, truth)
            elif finding.truth != truth:
                words = f"{answer.by} attested the opposite on {answer.at_text}; the evidence stands"
                finding = Finding(finding.truth, finding.basis, finding.facts, finding.note, words)
        findings[item.link_id] = finding
    return findings
