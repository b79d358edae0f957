"""One patient at one date: what the leaves are judged against, with the look-ups they share."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from itertools import product
from typing import Any, NamedTuple, Protocol

from trialmatch.eligibility.criteria import DEFAULT_VALIDITY, Leaf, Study
from trialmatch.eligibility.dates import ALWAYS, Bounds, Offset, Span, Window, day_span, end_of, meet
from trialmatch.eligibility.facts import Attestation, Facts
from trialmatch.eligibility.knowledge import Knowledge
from trialmatch.eligibility.truth import EVIDENCE, MET, UNKNOWN


@dataclass(frozen=True)
class Rules:
    """A site's choices that change answers; each is a setting.

    ``validity``: how old a result without a window may be. ``leap_birthday``: when someone born on 29 February
    completes a year of a common year. ``accept_text``: records whose words alone name a concept count.
    ``require_taking``: an order alone is no exposure.
    """

    validity: Offset = DEFAULT_VALIDITY
    leap_birthday: str = "03-01"
    accept_text: bool = False
    require_taking: bool = False


def _no_note() -> str:
    return ""


class Finding(NamedTuple):
    """What a leaf came to: its truth before ``exclude``, the basis, the facts that made it so, and words on demand."""

    truth: int
    basis: str
    facts: tuple[Any, ...] = ()
    note: Callable[[], str] = _no_note
    conflict: str | None = None


def met(facts: Iterable[Any], note: Callable[[], str] = _no_note) -> Finding:
    """A finding decided by evidence as met."""
    return Finding(MET, EVIDENCE, tuple(facts), note)


def unmet(facts: Iterable[Any], note: Callable[[], str] = _no_note) -> Finding:
    """A finding decided by evidence as unmet."""
    return Finding(-MET, EVIDENCE, tuple(facts), note)


def unknown(basis: str, facts: Iterable[Any] = (), note: Callable[[], str] = _no_note) -> Finding:
    """A finding that nobody can decide yet, because of ``basis``."""
    return Finding(UNKNOWN, basis, tuple(facts), note)


class Silence(Protocol):
    """What leaves come to where nothing is on record of them (:mod:`trialmatch.eligibility.silence`)."""

    def finding(self, leaf: Leaf, context: Context) -> Finding | None:
        """The finding of a leaf of which nothing is on record; None for others."""

    def findings(self, study: Study, context: Context) -> dict[str, Finding]:
        """The findings of all leaves of a study by linkId."""


@dataclass(slots=True)
class Context:
    """A patient's facts and the dates that windows hang on. ``memo`` holds what leaves share during one match.

    ``evaluate`` judges a leaf that a window hangs on; ``silence`` knows what leaves come to of which nothing is on
    record. Nothing here refers back to the context, so that it and the patient's records are gone with the match,
    without waiting for the garbage collector.
    """

    facts: Facts
    as_of: date
    knowledge: Knowledge
    rules: Rules
    anchors: Mapping[str, Span | None]
    judgements: Mapping[tuple[str, str | None], Attestation] = field(default_factory=dict)
    evaluate: Callable[[Leaf, Context], Finding] | None = None
    memo: dict[Any, Any] = field(default_factory=dict)
    silence: Silence | None = None

    @classmethod
    def at(
        cls,
        facts: Facts,
        as_of: date,
        knowledge: Knowledge,
        rules: Rules,
        *,
        enrolment: date | None = None,
        infusion: date | None = None,
        judgements: Mapping[tuple[str, str | None], Attestation] | None = None,
        evaluate: Callable[[Leaf, Context], Finding] | None = None,
    ) -> Context:
        """A context whose enrolment equals screening (the as-of date) unless given, its infusion unknown."""
        anchors = {
            "screening": day_span(as_of),
            "enrolment": day_span(enrolment or as_of),
            "infusion": day_span(infusion) if infusion else None,
        }
        return cls(facts, as_of, knowledge, rules, anchors, judgements or {}, evaluate)

    @property
    def now(self) -> Span:
        """The as-of day as a span; nothing dated after it counts."""
        return day_span(self.as_of)

    def past(self, span: Span) -> Span | None:
        """The part of a time that lies before the end of the as-of day; None if it is wholly in the future."""
        limit = end_of(self.as_of)
        if span.lo > limit:
            return None
        return span if span.hi <= limit else Span(span.lo, limit)

    def bounds(self, windows: tuple[Window, ...]) -> list[Bounds] | None:
        """The days that windows cover: one entry for each event they may hang on, None if an anchor is unknown."""
        if not windows:
            return [ALWAYS]
        key = ("bounds", windows)
        if key not in self.memo:
            self.memo[key] = self._bounds(windows)
        found: list[Bounds] | None = self.memo[key]
        return found

    def _bounds(self, windows: tuple[Window, ...]) -> list[Bounds] | None:
        alternatives = []
        for window in windows:
            anchors = self.dated(window.anchor)
            if not anchors:
                return None
            alternatives.append([window.around(anchor) for anchor in anchors])
        combined = []
        for chosen in product(*alternatives):
            bounds = chosen[0]
            for other in chosen[1:]:
                bounds = meet(bounds, other)
            combined.append(bounds)
        return combined

    def dated(self, anchor: object) -> list[Span]:
        """The times of an anchor: one of a named date, any number of an event's; none where it is unknown."""
        if isinstance(anchor, str):
            span = self.anchors[anchor]
            return [] if span is None else [span]
        if isinstance(anchor, Span):
            return [anchor]
        assert isinstance(anchor, tuple) and self.evaluate is not None
        times = []
        for leaf in anchor:
            finding = self.evaluate(leaf, self)
            if finding.truth >= UNKNOWN:
                times += [fact.time if hasattr(fact, "time") else fact.start for fact in finding.facts]
        return list(dict.fromkeys(times))
