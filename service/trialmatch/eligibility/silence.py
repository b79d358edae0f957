"""What leaves come to where nothing is on record of them: worked out once a day, not once a patient."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from trialmatch.eligibility import truth as t
from trialmatch.eligibility.context import Context, Finding, unknown
from trialmatch.eligibility.criteria import (
    AgeLeaf,
    EventLeaf,
    ExposureLeaf,
    JudgementLeaf,
    Leaf,
    ResultLeaf,
    SexLeaf,
    Study,
    TextLeaf,
)
from trialmatch.eligibility.dates import Span
from trialmatch.eligibility.evaluator import evaluate, judge
from trialmatch.eligibility.facts import Facts, Person, Source

#: How many days, with the states of sources met on them, are remembered.
_REMEMBERED = 16

#: Holds the place of a leaf that has to be judged.
_NOT_YET = unknown(t.MISSING_DATA)

_Sources = tuple[tuple[str, str, bool, bool], ...]
_Anchors = tuple[tuple[str, Span | None], ...]


class Silences:
    """The findings of silence for one set of rules and mappings, by the day and by what sources gave."""

    def __init__(self) -> None:
        self._held: dict[tuple[_Anchors, _Sources], _Silence] = {}

    def shared(self, context: Context) -> Context:
        """The context of a patient, with what silence comes to for everybody in the same situation."""
        key = (tuple(context.anchors.items()), _states(context.facts.sources))
        silence = self._held.get(key)
        if silence is None:
            if len(self._held) >= _REMEMBERED:  # callers choose the days
                self._held.clear()
            silence = self._held[key] = _Silence(context)
        context.silence = silence
        return context


def _states(sources: Mapping[str, Source]) -> _Sources:
    return tuple([(name, one.state, one.truncated, one.narrowed) for name, one in sources.items()])


@dataclass
class _Laid:
    """A study as far as nothing is on record: ``silent`` findings by linkId, and which leaves a record may speak of.

    ``spoken`` are those by where facts are indexed, ``asked`` those that persons answer, ``always`` those whose finding
    may differ for everybody.
    """

    silent: dict[str, Finding] = field(default_factory=dict)
    spoken: dict[tuple[str, str], list[str]] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    always: list[str] = field(default_factory=list)


class _Silence:
    """The findings of silence in one situation."""

    def __init__(self, context: Context) -> None:
        sources = {name: replace(one) for name, one in context.facts.sources.items()}
        nobody = Facts(Person(""), sources)
        self._empty = replace(context, facts=nobody, judgements={}, memo={}, silence=None)
        self._known: dict[Leaf, tuple[tuple[tuple[str, str], ...], Finding] | None] = {}
        self._laid: dict[str, tuple[Study, _Laid]] = {}

    def findings(self, study: Study, context: Context) -> dict[str, Finding]:
        """The findings of a study's leaves by linkId: only those are judged that a record may speak of."""
        held = self._laid.get(study.id)
        if held is None or held[0] is not study:
            held = self._laid[study.id] = study, self._lay(study)
        laid, facts = held[1], context.facts
        open_ = {*laid.always, *laid.asked} if context.judgements else {*laid.always}
        for places in (facts.index, facts.hints):
            for place in laid.spoken.keys() & places.keys():
                open_.update(laid.spoken[place])
        found = laid.silent.copy()
        for link_id in open_:
            leaf = study.leaves[link_id].leaf
            assert leaf is not None
            found[link_id] = evaluate(leaf, context)
        return found

    def _lay(self, study: Study) -> _Laid:
        laid = _Laid()
        for link_id, item in study.leaves.items():
            assert item.leaf is not None
            known = self._of(item.leaf)
            if known is None:
                laid.always.append(link_id)
            elif type(item.leaf) is JudgementLeaf:
                laid.asked.append(link_id)
            laid.silent[link_id] = _NOT_YET if known is None else known[1]
            for place in known[0] if known else ():
                laid.spoken.setdefault(place, []).append(link_id)
        return laid

    def _of(self, leaf: Leaf) -> tuple[tuple[tuple[str, str], ...], Finding] | None:
        """Where facts about a leaf would be, and what it comes to without any; None where that may differ."""
        try:
            return self._known[leaf]
        except KeyError:
            keys = whereabouts(leaf)
            known = self._known[leaf] = None if keys is None else (keys, judge(leaf, self._empty))
            return known

    def finding(self, leaf: Leaf, context: Context) -> Finding | None:
        """The finding of a leaf of which nothing is on record; None where something is, or may be."""
        known = self._of(leaf)
        if known is None or (context.judgements and type(leaf) is JudgementLeaf):
            return None
        index, hints = context.facts.index, context.facts.hints
        for key in known[0]:
            if key in index or key in hints:
                return None
        return known[1]


def whereabouts(leaf: Leaf) -> tuple[tuple[str, str], ...] | None:
    """Where facts about a leaf would be indexed; None where its finding may differ though there are none."""
    if isinstance(leaf, JudgementLeaf | TextLeaf):
        return ()
    if isinstance(leaf, AgeLeaf | SexLeaf) or leaf.keys is None:
        return None
    if any(isinstance(window.anchor, tuple) for window in leaf.windows):
        return None
    if isinstance(leaf, ResultLeaf):
        return None if leaf.method == "cockcroft-gault" else tuple(("Observation", key) for key in leaf.keys)
    assert isinstance(leaf, EventLeaf | ExposureLeaf)
    return tuple((leaf.kind, key) for key in leaf.keys)
