"""Result values in one form each: numbers as intervals with a unit, codes, texts, booleans, titres."""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction
from typing import NamedTuple

from trialmatch.eligibility.truth import MET, UNKNOWN, UNMET


class Interval(NamedTuple):
    """What is known of a number: it lies between ``lo`` and ``hi`` (None: no bound), strictly where said."""

    lo: Fraction | None = None
    hi: Fraction | None = None
    lo_strict: bool = False
    hi_strict: bool = False

    @classmethod
    def of(cls, value: Fraction, comparator: str | None = None) -> Interval:
        """The numbers that ``comparator value`` stands for; without comparator just the value."""
        if comparator in (">", ">="):
            return cls(lo=value, lo_strict=comparator == ">")
        if comparator in ("<", "<="):
            return cls(hi=value, hi_strict=comparator == "<")
        return cls(value, value)

    @property
    def exact(self) -> Fraction | None:
        """The number itself where it is known exactly."""
        return self.lo if self.lo is self.hi or self.lo == self.hi else None

    def within(self, limit: Interval) -> int:
        """Whether the number satisfies ``limit``: met if all its possible values do, unmet if none does."""
        return min(self._above(limit), self._below(limit))

    def _above(self, limit: Interval) -> int:
        if limit.lo is None:
            return MET
        if self.lo is not None and (
            self.lo > limit.lo or (self.lo == limit.lo and (self.lo_strict or not limit.lo_strict))
        ):
            return MET
        if self.hi is not None and (
            self.hi < limit.lo or (self.hi == limit.lo and (self.hi_strict or limit.lo_strict))
        ):
            return UNMET
        return UNKNOWN

    def _below(self, limit: Interval) -> int:
        if limit.hi is None:
            return MET
        if self.hi is not None and (
            self.hi < limit.hi or (self.hi == limit.hi and (self.hi_strict or not limit.hi_strict))
        ):
            return MET
        if self.lo is not None and (
            self.lo > limit.hi or (self.lo == limit.hi and (self.lo_strict or limit.hi_strict))
        ):
            return UNMET
        return UNKNOWN

    def map(self, factor: Fraction, offset: Fraction = Fraction(0)) -> Interval:
        """The interval of ``factor * number + offset``."""
        lo = None if self.lo is None else self.lo * factor + offset if offset else self.lo * factor
        if self.hi is self.lo:
            hi = lo
        else:
            hi = None if self.hi is None else self.hi * factor + offset if offset else self.hi * factor
        if factor < 0:
            return Interval(hi, lo, self.hi_strict, self.lo_strict)
        return Interval(lo, hi, self.lo_strict, self.hi_strict)


ANY_NUMBER = Interval()


class Coding(NamedTuple):
    """A code as it was sent; ``system`` in its canonical spelling, ``ordinal`` where the coding says its number."""

    system: str
    code: str
    display: str = ""
    ordinal: Fraction | None = None


@dataclass(frozen=True, slots=True)
class Quantity:
    """A number with its unit. ``unit`` is UCUM, or None where none was understood; ``printed`` is what was sent."""

    number: Interval
    unit: str | None
    printed: str
    raw_unit: str = ""
    bound: str | None = None


@dataclass(frozen=True, slots=True)
class Coded:
    """A coded result."""

    codings: tuple[Coding, ...]
    text: str = ""


@dataclass(frozen=True, slots=True)
class Text:
    """A result in words."""

    text: str


@dataclass(frozen=True, slots=True)
class Flag:
    """A boolean result."""

    value: bool


@dataclass(frozen=True, slots=True)
class Titre:
    """A titre by its reciprocal: 1:80 is 80."""

    reciprocal: Interval
    printed: str


Value = Quantity | Coded | Text | Flag | Titre


@dataclass(frozen=True, slots=True)
class ReferenceRange:
    """A laboratory's range of normal; ``low`` and ``high`` in ``unit`` (None: that of the result)."""

    low: Fraction | None = None
    high: Fraction | None = None
    unit: str | None = None
    raw_unit: str = ""
    sexes: frozenset[str] = field(default_factory=frozenset)
    ages: Interval = ANY_NUMBER
    high_strict: bool = False
