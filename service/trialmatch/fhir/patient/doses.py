"""Daily doses out of FHIR Dosages (and the doses of single administrations)."""

from __future__ import annotations

from fractions import Fraction
from typing import NamedTuple

from trialmatch.eligibility.facts import Dose
from trialmatch.eligibility.units import Units
from trialmatch.eligibility.values import Interval
from trialmatch.fhir.elements import Json, Malformed, child, children, codes, number

_DAYS = {"s": Fraction(1, 86400), "min": Fraction(1, 1440), "h": Fraction(1, 24), "d": Fraction(1), "wk": Fraction(7)}

#: Doses a day by HL7 GTSAbbreviation and everyday Latin (terminology.hl7.org, v3-GTSAbbreviation).
_CODES = {
    "qd": Fraction(1), "od": Fraction(1), "am": Fraction(1), "pm": Fraction(1), "bed": Fraction(1),
    "daily": Fraction(1),
    "bid": Fraction(2), "tid": Fraction(3), "qid": Fraction(4), "qod": Fraction(1, 2), "wk": Fraction(1, 7),
    "q1h": Fraction(24), "q2h": Fraction(12), "q3h": Fraction(8), "q4h": Fraction(6), "q6h": Fraction(4),
    "q8h": Fraction(3),
    "q12h": Fraction(2), "q24h": Fraction(1), "q48h": Fraction(1, 2), "q72h": Fraction(1, 3), "qhs": Fraction(1),
    "qam": Fraction(1), "qpm": Fraction(1), "nightly": Fraction(1), "weekly": Fraction(1, 7), "qwk": Fraction(1, 7),
    "bd": Fraction(2), "tds": Fraction(3), "qds": Fraction(4),
}  # fmt: skip

#: Words for one piece of a medicine that is counted.
_PIECES = {"1", "tablet", "tab", "tbl", "capsule", "cap", "piece", "tablette", "tabletten", "kapsel", "kapseln"}
_PIECES |= {"stück", "filmtablette", "filmtabletten", "comprimé", "gélule", "comprimido", "cápsula", "片", "錠"}

_NO_DOSE, _NO_TIMING = Dose(None, "", "no dose is recorded"), Dose(None, "", "how often it is taken is not recorded")


class Strength(NamedTuple):
    """What one unit of a medication holds: ``amount`` of ``unit`` in each ``of`` (a tablet, mL …)."""

    amount: Fraction
    unit: str
    of: str


def daily(dosages: list[Json], strength: Strength | None, units: Units) -> Dose:
    """The daily dose of an order or statement: simultaneous dosages add up, successive ones leave it between them."""
    if not dosages:
        return _NO_DOSE
    steps: dict[object, list[Dose]] = {}
    for dosage in dosages:
        sequence = dosage.get("sequence")
        try:
            dose = _one(dosage, strength, units)
        except Malformed:
            dose = Dose(None, "", "its dosage cannot be read")
        steps.setdefault(sequence if isinstance(sequence, int) else "together", []).append(dose)
    totals = [_sum(step) for step in steps.values()]
    if len(totals) == 1:
        return totals[0]
    for total in totals:
        if total.amount is None:
            return total
    if len({total.unit for total in totals}) > 1:
        return Dose(None, "", "its dosages are in different units")
    lows = [total.amount.lo or Fraction(0) for total in totals if total.amount]
    highs = [total.amount.hi for total in totals if total.amount]
    high = None if None in highs else max(one for one in highs if one is not None)
    return Dose(Interval(min(lows), high), totals[0].unit)


def _sum(doses: list[Dose]) -> Dose:
    for dose in doses:
        if dose.amount is None:
            return dose
    if len({dose.unit for dose in doses}) > 1:
        return Dose(None, "", "its dosages are in different units")
    amounts = [dose.amount for dose in doses if dose.amount is not None]
    lo = sum((amount.lo or Fraction(0) for amount in amounts), Fraction(0))
    hi = None if any(a.hi is None for a in amounts) else sum((a.hi or Fraction(0) for a in amounts), Fraction(0))
    return Dose(Interval(lo, hi), doses[0].unit)


def _one(dosage: Json, strength: Strength | None, units: Units) -> Dose:
    each = _each(dosage, strength, units)
    if each.amount is None:
        return each
    if "/d" in each.unit:
        return each
    times = _per_day(child(dosage, "timing"))
    if times is None:
        return _NO_TIMING
    low, high = times
    amount = Interval(
        None if each.amount.lo is None else each.amount.lo * low,
        None if each.amount.hi is None else each.amount.hi * high,
    )
    if dosage.get("asNeededBoolean") is True or "asNeededCodeableConcept" in dosage or dosage.get("asNeeded") is True:
        amount = Interval(Fraction(0), amount.hi)
    return Dose(amount, f"{each.unit}/d")


def _each(dosage: Json, strength: Strength | None, units: Units) -> Dose:
    """What is taken each time; where it is given several times (ordered, calculated, in tablets) what can be read."""
    found = [_rated(rate, strength, units) for rate in children(dosage, "doseAndRate") or [dosage]]
    first = next((dose for dose in found if dose.amount is not None), None)
    if first is None:
        return next((dose for dose in found if dose is not _NO_DOSE), _NO_DOSE)
    amounts = [dose.amount for dose in found if dose.amount is not None and dose.unit == first.unit]
    lows, highs = [amount.lo for amount in amounts], [amount.hi for amount in amounts]
    low = None if None in lows else min(one for one in lows if one is not None)
    return Dose(Interval(low, None if None in highs else max(one for one in highs if one is not None)), first.unit)


def _rated(rate: Json, strength: Strength | None, units: Units) -> Dose:
    quantity, bounds = child(rate, "doseQuantity"), child(rate, "doseRange")
    if quantity is not None:
        return amount_of(quantity, strength, units)
    if bounds is None:
        return _NO_DOSE
    low, high = (amount_of(child(bounds, key) or {}, strength, units) for key in ("low", "high"))
    if low.amount is None or high.amount is None or low.unit != high.unit:
        return low if low.amount is None else high if high.amount is None else _NO_DOSE
    return Dose(Interval(low.amount.lo, high.amount.hi), low.unit)


def amount_of(quantity: Json, strength: Strength | None, units: Units) -> Dose:
    """A dose quantity as a mass (or mass by body weight); units of a product through its strength."""
    value = number(quantity.get("value"))
    if value is None:
        return _NO_DOSE
    unit = units.resolve(quantity.get("system"), quantity.get("code"), quantity.get("unit"))
    if unit is not None:
        for target in ("mg", "mg/kg", "mg/d", "mg/kg/d"):
            conversion = units.conversion(unit, target)
            if conversion is not None and (units.conversion(unit, "1") is None or "kg" in unit):
                return Dose(Interval.of(conversion(value)), target)
    if strength is not None and _same_product_unit(quantity, strength.of, unit, units):
        conversion = units.conversion(strength.unit, "mg")
        if conversion is not None:
            return Dose(Interval.of(conversion(value * strength.amount)), "mg")
    raw = quantity.get("unit") or quantity.get("code")
    return Dose(None, "", f"its dose is in “{raw}” of unknown strength" if raw else "its dose has no unit")


def _same_product_unit(quantity: Json, of: str, unit: str | None, units: Units) -> bool:
    """Whether a dose counts the units that a strength is given for (tablets, mL, or just pieces)."""
    if unit is not None and of and units.conversion(unit, of) is not None and not units.dimensionless(unit):
        return unit == of
    words = {str(quantity.get(key, "")).strip("{}[]").lower().rstrip("s") for key in ("unit", "code")} - {""}
    wanted = of.strip("{}[]").lower().rstrip("s")
    return bool(words) and (wanted in words or (wanted in _PIECES and bool(words & _PIECES)))


def _per_day(timing: Json | None) -> tuple[Fraction, Fraction] | None:
    """How often a day, least and most; None where it is not said."""
    if timing is None:
        return None
    repeat = child(timing, "repeat", "timing") or {}
    frequency, period = number(repeat.get("frequency")), number(repeat.get("period"))
    length = _DAYS.get(str(repeat.get("periodUnit")))
    days, hours, meals = (_listed(repeat, key) for key in ("dayOfWeek", "timeOfDay", "when"))
    share = Fraction(days or 7, 7)  # of the days of a week
    if period and length is not None and not hours:
        most = number(repeat.get("frequencyMax")) or frequency or Fraction(1)
        longest = number(repeat.get("periodMax")) or period
        least = (frequency or Fraction(1)) / (longest * length)
        most = most / (period * length)
        if days and period * length == 1:
            least, most = least * share, most * share
        if meals > 1 and frequency in (None, 1) and period * length == 1:
            most = max(most, meals * share)  # once at each of these, or once in all
        return least, most
    if hours or meals or days:
        often = (hours or meals or 1) * share
        return often, often
    for code in codes(timing, "code", "timing"):
        if code in _CODES:
            return _CODES[code], _CODES[code]
    return None


def _listed(repeat: Json, key: str) -> int:
    """How many times of day or days of the week are listed."""
    times = repeat.get(key)
    return len(set(map(str, times))) if isinstance(times, list) else 0


def strength_of(medication: Json | None, units: Units) -> Strength | None:
    """The strength of a medication with a single active ingredient."""
    if medication is None:
        return None
    ingredients = [one for one in children(medication, "ingredient") if one.get("isActive") is not False]
    if len(ingredients) != 1:
        return None
    ratio = child(ingredients[0], "strength") or child(ingredients[0], "strengthRatio")
    if ratio is None:
        return None
    above, below = child(ratio, "numerator") or {}, child(ratio, "denominator") or {}
    amount, of = number(above.get("value")), number(below.get("value")) or Fraction(1)
    unit = units.resolve(above.get("system"), above.get("code"), above.get("unit"))
    if amount is None or unit is None:
        return None
    name = str(below.get("unit") or below.get("code") or "1")
    return Strength(amount / of, unit, name)
