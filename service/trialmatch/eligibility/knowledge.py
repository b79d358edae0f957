"""What evaluation needs to know besides criteria and facts: units, analytes, drugs, and how results are worded.

The data come from ``mappings/`` (and a site's folder laid over it); :mod:`trialmatch.terminology` reads them.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from fractions import Fraction

from trialmatch.eligibility.units import SAME, Linear, Units
from trialmatch.eligibility.values import Coding, Interval

#: How many results in words are remembered, and how long they may be.
_REMEMBERED, _LONGEST = 10_000, 200

POSITIVE, NEGATIVE, EQUIVOCAL = "positive", "negative", "equivocal"


@dataclass(frozen=True)
class Analyte:
    """How results of one concept are compared.

    ``conversions`` maps (unit, unit) to the analyte's own conversions (molar mass, formula); ``ucum`` false forbids any
    other; ``same_units`` maps units that mean the same for this analyte. ``bare`` allows numbers without a unit.
    ``cutoff`` is the reciprocal of the lowest positive titre. ``detection``: what is below the limit of detection is
    negative and any number above it positive. ``scale`` is the scale of the criterion's numbers (and of results that
    do not tell theirs, unless ``assumed`` is false); ``scales`` are the known ones, ``linear`` ones may be rescaled.
    ``grades`` maps grades to their names; ``ordinals`` maps codes to numbers, ``ordinal_pattern`` finds one in a name.
    """

    conversions: Mapping[tuple[str, str], Linear] = field(default_factory=dict)
    ucum: bool = True
    same_units: Mapping[str, str] = field(default_factory=dict)
    bare: bool = False
    cutoff: int | None = None
    detection: bool = False
    scale: Fraction | None = None
    assumed: bool = True
    scales: tuple[Fraction, ...] = ()
    linear: bool = False
    unit_scales: Mapping[str, Fraction] = field(default_factory=dict)
    grades: Mapping[str, str] = field(default_factory=dict)
    ordinals: Mapping[tuple[str, str], Fraction] = field(default_factory=dict)
    ordinal_pattern: re.Pattern[str] | None = None


PLAIN = Analyte()


@dataclass(frozen=True)
class Drug:
    """A drug: its active ingredient, mechanism of action, and the mg of it that equal 5 mg of prednisone."""

    ingredient: str
    mechanism: str | None = None
    equivalent: Interval | None = None


#: How the URIs end of the code systems of interpretations, whose codes some give as the result.
_FLAGS = ("ObservationInterpretation", "v2-0078", "v2/0078")


@dataclass(frozen=True)
class Wording:
    """How results are worded: patterns for negative, equivocal and positive words, and interpretation codes.

    ``nothing`` are wordings that say that there is no result ("no specimen received"), ``denying`` are words that turn
    around what stands beside them ("keine Antikörper nachweisbar").
    """

    nothing: re.Pattern[str]
    denying: re.Pattern[str]
    negative: re.Pattern[str]
    equivocal: re.Pattern[str]
    positive: re.Pattern[str]
    interpretation: Mapping[str, str]
    _known: dict[str, str | None] = field(default_factory=dict, repr=False, compare=False)

    def flagged(self, flag: str) -> str | None:
        """The polarity of an interpretation, by its code or in words."""
        return self.interpretation.get(flag) or self.read(flag)

    def read(self, text: str) -> str | None:
        """The polarity of a result in words, or None where it says neither or both."""
        if len(text) > _LONGEST:
            return self._read(text)
        if text not in self._known:
            if len(self._known) >= _REMEMBERED:  # hospitals send any number of words
                self._known.clear()
            self._known[text] = self._read(text)
        return self._known[text]

    def _read(self, text: str) -> str | None:
        """Negative wordings are taken out before positive ones are looked for: negation is not a substring."""
        rest = " ".join(text.lower().split())
        if self.nothing.search(rest):
            return None
        found = set()
        for polarity, pattern in ((EQUIVOCAL, self.equivocal), (NEGATIVE, self.negative), (POSITIVE, self.positive)):
            rest, hits = pattern.subn(" ", rest)
            if hits:
                found.add(polarity)
        if POSITIVE in found and self.denying.search(rest):
            return None
        return found.pop() if len(found) == 1 else None


@dataclass(frozen=True)
class Knowledge:
    """All of it, as one object that evaluation is given.

    ``concepts`` tells the concepts whose code sets hold a coding, ``label`` the words for a concept.
    """

    units: Units
    concepts: Callable[[str, str], frozenset[str]]
    analytes: Mapping[str, Analyte]
    drugs: Mapping[str, Drug]
    wording: Wording
    label: Callable[[str], str]

    def analyte(self, concepts: frozenset[str]) -> Analyte:
        """The comparison rules of the concept that holds a result's code."""
        for concept in concepts:
            if concept in self.analytes:
                return self.analytes[concept]
        return PLAIN

    def drug(self, concepts: frozenset[str]) -> Drug | None:
        """The drug that a record's codes name, or None where only a class of drugs or no known drug is named."""
        for concept in sorted(concepts):
            if concept in self.drugs:
                return self.drugs[concept]
        return None

    def polarity(self, coding: Coding) -> str | None:
        """Whether a coded answer is positive, negative or equivocal."""
        if coding.system.endswith(_FLAGS):
            return self.wording.interpretation.get(coding.code)
        held = self.concepts(coding.system, coding.code)
        for polarity in (POSITIVE, NEGATIVE, EQUIVOCAL):
            if f"result-{polarity}" in held:
                return polarity
        return None

    def conversion(self, analyte: Analyte, source: str, target: str) -> Linear | None:
        """The conversion of an analyte's results between two UCUM units, or None where there is none."""
        source, target = analyte.same_units.get(source, source), analyte.same_units.get(target, target)
        if source == target:
            return SAME
        listed = analyte.conversions.get((source, target))
        if listed is not None:
            return listed
        if not analyte.ucum:
            return None
        direct = self.units.conversion(source, target)
        if direct is not None:
            return direct
        for (first, second), middle in analyte.conversions.items():
            into, out = self.units.conversion(source, first), self.units.conversion(second, target)
            if into is not None and out is not None:
                return into.then(middle).then(out)
        return None
