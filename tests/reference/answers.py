"""The answer to one leaf: a truth value and the bases the language allows for it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

TRUE, UNKNOWN, FALSE = 1, 0, -1
STATUS = {TRUE: "met", UNKNOWN: "unknown", FALSE: "unmet"}

#: "Where several apply to an unknown, the first of this order" (criteria language, section 3).
REASONS = (
    "source-failed",
    "unusable",
    "provisional",
    "stale",
    "imprecise",
    "missing-data",
    "anchor-unknown",
    "no-record",
    "open-list",
    "not-computable",
    "judgement",
)


class NotCovered(Exception):
    """The criterion or record uses a part of the language that this evaluator leaves out."""


@dataclass(frozen=True)
class Answer:
    """``truth`` of the printed statement, before its own ``exclude``; ``bases`` are the acceptable ones.

    More than one basis means that the language does not say with certainty which of them it is.
    """

    truth: int
    bases: frozenset[str]


def decided(truth: bool, basis: str = "evidence") -> Answer:
    """An answer that facts (or silence, or a person) decide."""
    return Answer(TRUE if truth else FALSE, frozenset({basis}))


def unknown(*bases: str) -> Answer:
    """An unknown for which any of ``bases`` is acceptable."""
    return Answer(UNKNOWN, frozenset(bases))


def first_reason(reasons: Iterable[str]) -> str:
    """The reason that the language's order puts first."""
    return min(reasons, key=REASONS.index)


def best_of(answers: list[Answer]) -> Answer:
    """The answer of a leaf whose window hangs on an event that happened several times: any of them will do."""
    best = max(answer.truth for answer in answers)
    same = [answer for answer in answers if answer.truth == best]
    return same[0] if best else unknown(*(basis for answer in same for basis in answer.bases))
