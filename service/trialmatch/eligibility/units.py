"""Units of measure: spellings met in the wild, UCUM (through ucumvert and pint), exact conversion factors."""

from __future__ import annotations

import re
from collections.abc import Mapping
from contextlib import suppress
from fractions import Fraction
from functools import cached_property
from typing import Any, NamedTuple, TypeVar

UCUM = "http://unitsofmeasure.org"

#: A decadic logarithm of a quantity in the unit that follows (viral loads).
LOG10 = "log10:"

_ANNOTATION = re.compile(r"\{[^}]*\}")

#: Normalised to 1.73 m² of body surface: UCUM calls it an annotation, but it is another kind of quantity.
_PER_SURFACE = "1.73"


class Linear(NamedTuple):
    """A conversion ``factor * value + offset``."""

    factor: Fraction
    offset: Fraction = Fraction(0)

    def __call__(self, value: Fraction) -> Fraction:
        return value * self.factor + self.offset

    def inverse(self) -> Linear:
        """The way back."""
        return Linear(1 / self.factor, -self.offset / self.factor)

    def then(self, other: Linear) -> Linear:
        """This conversion followed by ``other``."""
        return Linear(self.factor * other.factor, self.offset * other.factor + other.offset)


SAME = Linear(Fraction(1))

#: How many spellings, units and conversions are remembered.
_REMEMBERED = 10_000

#: No unit is written with more characters.
_LONGEST = 80

#: What the URI of a code system of UCUM units holds, in any of its spellings.
_UCUM_SYSTEMS = ("unitsofmeasure", "ucum", "2.16.840.1.113883.6.8")

Found = TypeVar("Found")


class Unit(NamedTuple):
    """A unit as ``factor`` times the base units of its dimension, which is sorted by name."""

    factor: Fraction
    dimension: tuple[tuple[str, int], ...]


def _is_ucum_system(system: object) -> bool:
    return any(name in str(system).lower() for name in _UCUM_SYSTEMS)


def bare(code: str) -> str:
    """A unit without annotations, which UCUM takes for nothing (or for 1)."""
    core = _ANNOTATION.sub("", code).strip()
    return (f"{core}1" if core.endswith("/") else core) or "1"


class Units:
    """All that is known of units; one per set of mappings.

    ``common`` are units that need no library to be understood: pint takes long to load. ``spellings`` maps what
    laboratories write to UCUM. It is asked first, also for codes that claim to be UCUM, because
    several wild spellings are valid UCUM for something else (``K/uL`` is kelvin per microlitre).
    """

    def __init__(self, spellings: Mapping[str, str], common: Mapping[str, Unit] | None = None) -> None:
        self._spellings = dict(spellings)
        self._common = dict(common or {})
        self._resolved: dict[tuple[str, ...], str] = {}
        self._parsed: dict[str, Any] = {}
        self._conversions: dict[tuple[str, str], Linear | None] = {}

    def __getstate__(self) -> dict[str, Any]:
        """What other processes get: pint's registry and what it has parsed cannot be sent and are made anew."""
        return {name: value for name, value in vars(self).items() if name != "_registry"} | {"_parsed": {}}

    @cached_property
    def _registry(self) -> Any:
        from ucumvert import PintUcumRegistry  # half a second: only once a unit is really met

        return PintUcumRegistry()

    def resolve(self, system: object, code: object, unit: object) -> str | None:
        """The UCUM unit of a FHIR Quantity, or None where it has none that is understood.

        A code of another system than UCUM means what that system says (``g`` is a single dose in Germany's medication
        plan): the unit's words are read then, and the code only where there are none and it is more than a letter.
        """
        key = (code if isinstance(code, str) else "", unit if isinstance(unit, str) else "")
        if system and not _is_ucum_system(system):
            key = ("", key[1] or (key[0] if len(key[0]) > 1 else ""))
        known = self._resolved.get(key)
        return (self._understood(key) if known is None else known) or None

    def _understood(self, texts: tuple[str, ...]) -> str:
        """The unit that the first of some texts stands for that is understood; empty where none is."""
        found: str | None = None
        for text in (text.strip() for text in texts if len(text) <= _LONGEST):
            if text and (text == "1" or not text.isdecimal()):  # UCUM takes numbers for factors; here they are codes
                found = self._spellings.get(text) or self._braced(text) or (text if self.is_ucum(text) else None)
            if found is not None:
                break
        remembered = max(map(len, texts)) <= _LONGEST
        return _kept(self._resolved, texts, found or "") if remembered else found or ""

    def _braced(self, text: str) -> str | None:
        """Units that were put into braces as a whole, as in ``{mg/dL}``."""
        inner = text[1:-1] if text.startswith("{") and text.endswith("}") and "}" not in text[:-1] else ""
        return self._spellings.get(inner) or (inner if inner and self.is_ucum(inner) else None)

    def is_ucum(self, code: str) -> bool:
        """Whether ``code`` is a valid UCUM expression (or a logarithm of one)."""
        core = code.removeprefix(LOG10)
        return core in self._common or self._parse(core) is not None

    def dimensionless(self, code: str) -> bool:
        """Whether ``code`` is a pure number: ``1``, ``%``, ``{score}``, ``mg/g`` …"""
        if code in self._common:
            return not self._common[code].dimension and _PER_SURFACE not in code
        parsed = self._parse(code)
        return parsed is not None and bool(parsed.dimensionless) and _PER_SURFACE not in code

    def _parse(self, code: str) -> Any:
        if len(code) > _LONGEST:
            return None
        with suppress(KeyError):
            return self._parsed[code]
        return _kept(self._parsed, code, self._quantity(bare(code)))

    def _quantity(self, core: str) -> Any:
        try:
            parsed = self._registry.from_ucum(core)
            parsed.dimensionless  # a lone token has no dimension: not a unit  # noqa: B018
            return parsed
        except Exception:  # noqa: BLE001  ucumvert and pint raise several unrelated types for "not a unit"
            return None

    def conversion(self, source: str, target: str) -> Linear | None:
        """The exact conversion between two UCUM units, or None where their dimensions differ."""
        if source == target:
            return SAME
        key = (source, target)
        with suppress(KeyError):
            return self._conversions[key]
        return _kept(self._conversions, key, self._convert(source, target))

    def _convert(self, source: str, target: str) -> Linear | None:
        if source.startswith(LOG10) or target.startswith(LOG10):
            return None
        if (_PER_SURFACE in source) != (_PER_SURFACE in target):
            return None
        if source in self._common and target in self._common:
            one, other = self._common[source], self._common[target]
            return Linear(one.factor / other.factor) if one.dimension == other.dimension else None
        first, second = self._parse(source), self._parse(target)
        if first is None or second is None or first.dimensionality != second.dimensionality:
            return None
        unit = self._registry.Quantity
        try:
            zero = unit(0 * first.magnitude, first.units).to(second.units).magnitude
            one = unit(first.magnitude, first.units).to(second.units).magnitude
        except Exception:  # noqa: BLE001  logarithmic units and the like: pint refuses, so do we
            return None
        scale = second.magnitude
        return Linear(exact((one - zero) / scale), exact(zero / scale))


def _kept(memory: dict[Any, Found], key: object, found: Found) -> Found:
    """Remember what was found. Records may hold any number of units: before there are too many, all are forgotten."""
    if len(memory) >= _REMEMBERED:
        memory.clear()
    memory[key] = found
    return found


def exact(number: float) -> Fraction:
    """The rational number that a floating-point conversion factor stands for.

    UCUM's factors are short decimals or the inverse of one; twelve significant digits tell them apart from the noise.
    """
    if number == 0 or abs(number) < 1e-300:
        return Fraction(0)
    direct, inverse = Fraction(f"{number:.12e}"), Fraction(f"{1 / number:.12e}")
    return direct if direct.denominator <= inverse.numerator * 10 else 1 / inverse
