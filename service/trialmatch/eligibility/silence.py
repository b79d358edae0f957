"""What leaves come to where nothing is on record of them: worked out once a day, not once a patient."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from trialmatch.eligibility.context import Context, Finding
from trialmatch.eligibility.criteria import (
    AgeLeaf,
    EventLeaf,
    ExposureLeaf,
    JudgementLeaf,
    Leaf,
    ResultLeaf,
    SexLeaf,
    TextLeaf,
)
from trialmatch.eligibility.dates import Span
from trialmatch.eligibility.evaluator import judge
from trialmatch.eligibility.facts import Facts, Person, Source

#: How many days, with the states of sources met on them, are remembered.
_REMEMBERED = 16

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
        context.silence = silence.finding
        return context


def _states(sources: Mapping[str, Source]) -> _Sources:
    return tuple([(name, one.state, one.truncated, one.narrowed) for name, one in sources.items()])


class _Silence:
    """The findings of silence in one situation."""

    def __init__(self, context: Context) -> None:
        sources = {name: replace(one) for name, one in context.facts.sources.items()}
        nobody = Facts(Person(""), sources)
        self._empty = replace(context, facts=nobody, judgements={}, memo={}, silence=None)
        self._known: dict[Leaf, tuple[tuple[tuple[str, str], ...], Finding] | None] = {}

    def finding(self, leaf: Leaf, context: Context) -> Finding | None:
        """The finding of a leaf of which nothing is on record; None where something is, or may be."""
        try:
            known = self._known[leaf]
        except KeyError:
            keys = whereabouts(leaf)
            known = self._known[leaf] = None if keys is None else (keys, judge(leaf, self._empty))
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
