"""Observations to measurements: every kind of value, components, reference ranges, interpretation."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from fractions import Fraction
from functools import lru_cache
from typing import Any, NamedTuple

from trialmatch.eligibility.dates import UNKNOWN_TIME, Span
from trialmatch.eligibility.facts import FINAL, PROVISIONAL, Measurement
from trialmatch.eligibility.units import Units
from trialmatch.eligibility.values import (
    ANY_NUMBER,
    Coded,
    Coding,
    Flag,
    Interval,
    Quantity,
    ReferenceRange,
    Text,
    Titre,
    Value,
)
from trialmatch.fhir.elements import Json, Malformed, child, children, codes, codings, json_type, number, text
from trialmatch.fhir.patient.times import Clock, encounter_time, extent

_STATES = {"final": FINAL, "amended": FINAL, "corrected": FINAL}
_NEVER = {"entered-in-error", "cancelled"}

#: A comma is a decimal one where it cannot stand before thousands.
_NUMBER = r"(?:\d+\.\d+|0,\d+|\d+,\d{1,2}(?!\d)|\d+)"
_NUMERIC = re.compile(rf"^(<=|>=|<|>|≤|≥)?\s*({_NUMBER})\s*([^\d\s:/.,][^\s,;]*(?:\s?[^\s,;]+)?)?$")
#: Patterns of antinuclear antibodies on HEp-2 cells, as laboratories write them behind a titre (ICAP's names, AC-4).
_PATTERN = (
    r"(?:(?:speckled|homogene?ous|nucleolar|centromer(?:e|ic)|nuclear|cytoplasmic|fine|coarse|large|dense|diffuse|"
    r"discrete|dots?|peripheral|rim|mixed|mitotic|and|patterns?|AC-?\d{1,2})\b|"
    r"核仁|核膜|核点|核|细|粗|颗粒|均质|着丝点|斑点|胞浆|胞质|型)"
)
_TITRE = re.compile(
    rf"^(?:titer|titre)?\s*(<=|>=|<|>|≤|≥)?\s*1\s*[:/]\s*({_NUMBER})"
    rf"(?:[\s,;(]+{_PATTERN}(?:[\s,;/&-]*{_PATTERN})*\)?)?\s*$",
    re.IGNORECASE,
)
_RANGE = re.compile(rf"^\s*({_NUMBER})\s*(?:-|–|—|to|\.\.)\s*({_NUMBER})\s*(\S.*)?$")
_UP_TO = re.compile(rf"^\s*(<=|<|≤|up to)\s*({_NUMBER})\s*(\S.*)?$", re.IGNORECASE)
_ANNOTATION = re.compile(r"\{[^}]*\}")
_COMPARATORS = {"≤": "<=", "≥": ">="}

#: Administrative sex in ``referenceRange.appliesTo`` (SNOMED CT and FHIR).
_SEXES = {"248152002": "female", "248153007": "male", "female": "female", "male": "male", "f": "female", "m": "male"}
_SEXES |= dict.fromkeys(("females", "women", "weiblich", "frauen", "femme", "mujer", "女", "女性"), "female")
_SEXES |= dict.fromkeys(("males", "men", "männlich", "männer", "homme", "hombre", "男", "男性"), "male")

#: What a range of normal is called (FHIR, and words).
_NORMAL = {"normal", "normal range", "reference range", "reference", "normalbereich", "referenzbereich", "参考范围"}

#: Units of age, in years.
_AGES = {
    unit: years
    for years, units in (
        (Fraction(1), ("a", "yr", "y", "year", "years")),
        (Fraction(1, 12), ("mo", "month", "months")),
        (Fraction(28, 1461), ("wk", "week", "weeks")),
        (Fraction(4, 1461), ("d", "day", "days")),
    )
    for unit in units
}

#: Quantities whose unit has more characters are not remembered.
_LONGEST = 80

_BOTH = "it has a value, and a reason why it has none"

_ANYBODY: frozenset[str] = frozenset()


def time_of(resource: Json, clock: Clock, encounters: dict[str, Json]) -> tuple[Span, str]:
    """When a result was true of the patient, and how that is known if not by ``effective``."""
    when = extent(resource, "effective", clock, None)
    if when is not None:
        point = Span(when.start.lo, when.end.hi) if when.open else when.end
        return point, ""
    issued = extent({"issuedInstant": resource.get("issued")}, "issued", clock, None)
    if issued is not None:
        return issued.end, "dated by issued"
    visit = encounter_time(resource, "encounter", encounters, clock)
    return (visit, "dated by its encounter") if visit else (UNKNOWN_TIME, "undated")


def measurements(
    resource: Json,
    reference: str,
    clock: Clock,
    encounters: dict[str, Json],
    units: Units,
    wanted: Callable[[tuple[Coding, ...], tuple[Coding, ...], str], bool] = lambda found, inherited, words: True,
) -> Iterator[tuple[Measurement, tuple[Coding, ...]]]:
    """The measurements of an Observation, each with the codings that name it besides its own (its panel's).

    ``wanted`` may leave out some by what names them: their values are not read then, but all else is.
    Raises Malformed where what it is, whether it counts or when it was has a wrong JSON type.
    """
    status = text(resource, "status") or ""
    if status in _NEVER:
        return
    found, words = codings(resource, "code")
    time, flag = time_of(resource, clock, encounters)
    about = _About(reference, _STATES.get(status, PROVISIONAL), time, flag)
    parts = children(resource, "component")
    valued = _valued(resource)
    if valued or not parts:
        name = _short(found, words)
        if wanted(found, (), name):
            yield _measurement(resource, found, words, name, "", about, units), ()
    for position, part in enumerate(parts):
        part_codes, part_words = codings(part, "code", f"component[{position}]")
        inherited, named = () if valued else found, part_words or words
        name = _short(part_codes, named)
        if wanted(part_codes, inherited, name):
            yield _measurement(part, part_codes, named, name, reference, about, units), inherited


class _About(NamedTuple):
    """What an Observation says of itself and of all its components."""

    reference: str
    state: str
    time: Span
    flag: str


def _valued(element: Json) -> bool:
    """Whether there is a value, of whatever kind."""
    return element.get("valueQuantity") is not None or _value_of(element) is not None


def _value_of(element: Json) -> tuple[str, Any] | None:
    """The first value, of whatever kind, and what it is called."""
    for key, entry in element.items():
        if key.startswith("value") and entry is not None:
            return key, entry
    return None


def _short(found: tuple[Coding, ...], words: str) -> str:
    """The name of a measurement, as its display has it."""
    name = words or next((coding.display for coding in found if coding.display), "")
    return name.split(" [")[0]


def _measurement(
    element: Json, found: tuple[Coding, ...], words: str, name: str, panel: str, about: _About, units: Units
) -> Measurement:
    value = _value(element, units)
    absent = "dataAbsentReason" in element
    return Measurement(
        about.reference,
        found,
        f"{name} {printed(value)}".strip(),
        named=bool(words or any(coding.display for coding in found)),
        state=about.state,
        time=about.time,
        value=value,
        ranges=tuple(_ranges(element, units)) if "referenceRange" in element else (),
        interpretation=_interpretation(element) if "interpretation" in element and not absent else (),
        doubt=_BOTH if absent and value is not None else "",
        panel=panel,
        flag=about.flag,
    )


def _interpretation(element: Json) -> tuple[str, ...]:
    raw = element.get("interpretation")
    entries = raw if isinstance(raw, list) else [raw] if isinstance(raw, dict) else []
    said: set[str] = set()
    for entry in entries:
        try:
            said |= codes({"interpretation": entry}, "interpretation")
        except Malformed:
            continue  # an interpretation is a mere value: without it the result speaks for itself
    return tuple(sorted(code.upper() for code in said))


def _value(element: Json, units: Units) -> Value | None:
    """The value of an Observation or component; a value of a wrong type becomes words that nothing can be read from."""
    found = _value_of(element)
    if found is None:
        return None
    key, entry = found
    try:
        return _READERS.get(key, _unread)(entry, units)
    except Malformed as problem:
        return Text(f"(unreadable: {problem})")


def _unread(entry: object, units: Units) -> Value:
    return Text(f"(a value that is not read: {json_type(entry)})")


def quantity(entry: Any, units: Units) -> Value:
    """A FHIR Quantity; without a number it says nothing."""
    if not isinstance(entry, dict):
        return Text("(unreadable number)")
    value: Any = entry.get("value")
    comparator, code, words = entry.get("comparator"), entry.get("code"), entry.get("unit")
    if number(value) is None:
        return Text("(no number)")
    bound = comparator if isinstance(comparator, str) else None
    raw = next((text for text in (words, code) if isinstance(text, str) and text.strip()), "")
    unit = units.resolve(entry.get("system"), code, words)
    if bound is not None and bound not in ("<", "<=", ">", ">="):
        return Text("(a comparator that is not known)")
    return (_known if len(raw) <= _LONGEST else _quantity)(value, bound, unit, raw)


def _quantity(value: float, bound: str | None, unit: str | None, raw: str) -> Quantity:
    exact = number(value)
    assert exact is not None
    shown = f"{bound or ''}{_plain(exact)}{' ' + raw if raw and raw != '1' and not _ANNOTATION.fullmatch(raw) else ''}"
    return Quantity(Interval.of(exact, bound), unit, shown, raw, bound)


_known = lru_cache(maxsize=50_000)(_quantity)  # results and limits of normal are much the same in all records


def _plain(value: Fraction) -> str:
    return str(value.numerator) if value.denominator == 1 else f"{float(value):.12g}"


def _coded(entry: Any, units: Units) -> Value:
    if not isinstance(entry, dict):
        return Text("(unreadable code)")
    found, words = codings({"value": entry}, "value")
    return Coded(found, words) if found else words_value(words, units)


def words_value(words: str, units: Units) -> Value:
    """A result in words: a titre (with its pattern) or a number where it is just that, else text."""
    bare = " ".join(words.split())
    titre = _TITRE.match(bare)
    if titre:
        comparator = _COMPARATORS.get(titre[1], titre[1])
        return Titre(Interval.of(_read(titre[2]), comparator), bare)
    numeric = _NUMERIC.match(bare)
    if numeric:
        comparator, raw = _COMPARATORS.get(numeric[1], numeric[1]), (numeric[3] or "").strip()
        unit = units.resolve(None, None, raw) if raw else None
        if unit is not None or not raw:
            return Quantity(Interval.of(_read(numeric[2]), comparator), unit, bare, raw, comparator)
    between = _RANGE.match(bare)
    if between and between[3] and (unit := units.resolve(None, None, between[3])) is not None:
        low, high = _read(between[1]), _read(between[2])
        return Quantity(Interval(low, high), unit, bare, between[3]) if low <= high else Text(bare)
    return Text(bare)


def _read(written: str) -> Fraction:
    return Fraction(written.replace(",", "."))


def _string(entry: Any, units: Units) -> Value:
    return words_value(entry, units) if isinstance(entry, str) else Text("(unreadable words)")


def _boolean(entry: Any, units: Units) -> Value:
    return Flag(entry) if isinstance(entry, bool) else Text("(unreadable boolean)")


def _integer(entry: Any, units: Units) -> Value:
    value = number(entry)
    return Text("(no number)") if value is None else Quantity(Interval.of(value), None, _plain(value))


def _range(entry: Any, units: Units) -> Value:
    if not isinstance(entry, dict):
        return Text("(unreadable range)")
    low, high = (quantity(entry.get(key) or {}, units) for key in ("low", "high"))
    ends = [end for end in (low, high) if isinstance(end, Quantity)]
    if not ends or len({end.unit for end in ends}) > 1:
        return Text("(a range that cannot be read)")
    lo = low.number.lo if isinstance(low, Quantity) else None
    hi = high.number.hi if isinstance(high, Quantity) else None
    shown = f"{'' if lo is None else _plain(lo)}–{'' if hi is None else _plain(hi)} {ends[0].raw_unit}".strip()
    return Quantity(Interval(lo, hi), ends[0].unit, shown, ends[0].raw_unit)


def _ratio(entry: Any, units: Units) -> Value:
    if not isinstance(entry, dict):
        return Text("(unreadable ratio)")
    above, below = (quantity(entry.get(key) or {}, units) for key in ("numerator", "denominator"))
    if isinstance(above, Quantity) and isinstance(below, Quantity) and above.number.exact is not None:
        if above.number.exact == 1 and not above.raw_unit.strip("1{}"):
            return Titre(below.number, f"1:{below.printed}")
        if below.number.exact and above.unit is not None and below.unit is not None:
            joined = f"{above.unit}/({below.unit})" if below.unit != "1" else above.unit
            unit = units.resolve(None, joined, None)
            value = above.number.map(1 / below.number.exact)
            return Quantity(value, unit, f"{above.printed}/{below.printed}", joined)
    return Text("(a ratio that cannot be read)")


_READERS = {
    "valueQuantity": quantity,
    "valueCodeableConcept": _coded,
    "valueString": _string,
    "valueBoolean": _boolean,
    "valueInteger": _integer,
    "valueRange": _range,
    "valueRatio": _ratio,
}


def printed(value: Value | None) -> str:
    """A value for people."""
    if isinstance(value, Quantity | Titre):
        return value.printed
    if isinstance(value, Coded):
        return value.text or next((coding.display or coding.code for coding in value.codings), "")
    if isinstance(value, Flag):
        return "yes" if value.value else "no"
    return value.text if isinstance(value, Text) else ""


def _ranges(element: Json, units: Units) -> Iterator[ReferenceRange]:
    """The ranges of normal; therapeutic and other ranges are left out, unreadable ones too."""
    raw = element.get("referenceRange")
    for entry in raw if isinstance(raw, list) else ():
        if not isinstance(entry, dict):
            continue
        try:
            if "type" in entry and (kinds := codes(entry, "type")) and _NORMAL.isdisjoint(kinds):
                continue
            low = quantity(entry["low"], units) if "low" in entry else None
            high = quantity(entry["high"], units) if "high" in entry else None
            sexes = _sexes(entry) if "appliesTo" in entry else _ANYBODY
            ages = _age_range(child(entry, "age") or {}) if "age" in entry else ANY_NUMBER
        except Malformed:
            continue
        bounds = [bound for bound in (low, high) if isinstance(bound, Quantity)]
        bottom = low.number.lo if isinstance(low, Quantity) else None
        top = high.number.hi if isinstance(high, Quantity) else None
        if bottom is not None and top is not None and bottom > top:
            continue  # turned around, or in two units: nobody knows which is right
        if bounds:
            yield ReferenceRange(
                bottom,
                top,
                bounds[-1].unit,
                bounds[-1].raw_unit,
                sexes,
                ages,
            )
        elif isinstance(entry.get("text"), str):
            written = _written_range(entry["text"], units, sexes, ages)
            if written is not None:
                yield written


def _sexes(entry: Json) -> frozenset[str]:
    said = (code for one in children(entry, "appliesTo") for code in codes({"a": one}, "a"))
    return frozenset(_SEXES[code] for code in said if code in _SEXES)


def _age_range(age: Json) -> Interval:
    """The ages that a range is for, in years; those in a unit that is not known may be any."""
    low, high = (_years(end) if isinstance(end := age.get(key), dict) else None for key in ("low", "high"))
    return Interval(low, high)


def _years(age: Json) -> Fraction | None:
    value, length = number(age.get("value")), _AGES.get(str(age.get("code") or age.get("unit") or "a"))
    return None if value is None or length is None else value * length


def _written_range(words: str, units: Units, sexes: frozenset[str], ages: Interval) -> ReferenceRange | None:
    """A range given only in words, where it is nothing but numbers and a unit: ``7 - 56 U/L``, ``< 30``."""
    between, below = _RANGE.match(words), _UP_TO.match(words)
    if between:
        raw = (between[3] or "").strip()
        low, high, strict = _read(between[1]), _read(between[2]), False
        if low > high:
            return None
    elif below:
        raw = (below[3] or "").strip()
        low, high, strict = Fraction(0), _read(below[2]), below[1] == "<"
    else:
        return None
    unit = units.resolve(None, None, raw) if raw else None
    if raw and unit is None:
        return None
    return ReferenceRange(low if between else None, high, unit, raw, sexes, ages, strict)
