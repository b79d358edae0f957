"""Kleene's three truth values and the bases that say why a leaf has the one it has.

Truth is an int so that the algebra is the builtins': all-of is ``min``, any-of is ``max``, negation is ``-``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Protocol, TypeVar

MET, UNKNOWN, UNMET = 1, 0, -1

STATUS = {MET: "met", UNKNOWN: "unknown", UNMET: "unmet"}

EVIDENCE = "evidence"
ATTESTED = "attested"
NOT_APPLICABLE = "not-applicable"
SOURCE_FAILED = "source-failed"
UNUSABLE = "unusable"
PROVISIONAL = "provisional"
STALE = "stale"
IMPRECISE = "imprecise"
MISSING_DATA = "missing-data"
ANCHOR_UNKNOWN = "anchor-unknown"
NO_RECORD = "no-record"
OPEN_LIST = "open-list"
NOT_COMPUTABLE = "not-computable"
JUDGEMENT = "judgement"

#: Where several bases apply to one unknown, the first of this order is shown (criteria language, section 3).
PRECEDENCE = (
    SOURCE_FAILED,
    UNUSABLE,
    PROVISIONAL,
    STALE,
    IMPRECISE,
    MISSING_DATA,
    ANCHOR_UNKNOWN,
    NO_RECORD,
    OPEN_LIST,
    NOT_COMPUTABLE,
    JUDGEMENT,
)
_ORDER = {basis: position for position, basis in enumerate(PRECEDENCE)}

#: Unknowns that a person can settle without new data; every other unknown is a data gap (section 9).
CONFIRMATIONS = frozenset({JUDGEMENT, NO_RECORD, OPEN_LIST, NOT_COMPUTABLE, ANCHOR_UNKNOWN})


def first_basis(bases: Iterable[str]) -> str:
    """The basis to show where several apply to an unknown; bases of decided facts are passed over."""
    return min((basis for basis in bases if basis in _ORDER), key=_ORDER.__getitem__)


class _Said(Protocol):
    @property
    def truth(self) -> int: ...
    @property
    def basis(self) -> str: ...


_One = TypeVar("_One", bound=_Said)


def telling(found: Sequence[_One], choose: Callable[[Iterable[int]], int]) -> _One:
    """What decides among several: by ``max`` as in any-of, by ``min`` as in all-of; of unknowns the basis to show."""
    if len(found) == 1:
        return found[0]
    truth = choose([one.truth for one in found])
    same = [one for one in found if one.truth == truth]
    if truth != UNKNOWN:
        return same[0]
    basis = first_basis(one.basis for one in same)
    return next(one for one in same if one.basis == basis)


def at_least(threshold: int, truths: Sequence[int]) -> int:
    """Whether at least ``threshold`` of ``truths`` are met: the k-th largest of them."""
    return sorted(truths, reverse=True)[threshold - 1]


def combine(combination: str, threshold: int, truths: Sequence[int]) -> int:
    """The truth of a group from its members' truths; ``threshold`` is used by at-least and at-most only."""
    if combination == "all-of":
        return min(truths)
    if combination == "any-of":
        return max(truths)
    if combination == "at-least":
        return at_least(threshold, truths)
    return -at_least(threshold + 1, truths) if threshold < len(truths) else MET
