"""Leaves about Observations: which results there are, which of them count, and what they say together."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

from .answers import Answer, NotCovered, best_of, decided, first_reason, unknown
from .days import ALWAYS, LONG_AGO, Anchors, Window, hours_of, shift, windows_of
from .values import COMPARE, Outcome, exactly, in_own_unit, observed
from .vocabulary import codes_in, extension, meant

Json = dict[str, Any]

DEFAULT_VALIDITY_DAYS = 90
#: One hour of every day of a few years: what the time of an undated result could be.
SOME_YEARS = 4


@dataclass
class Result:
    """One value of one Observation (or of one of its components), with every hour at which it could have been taken."""

    data: Json
    hours: list[int]
    preliminary: bool
    time: str | None
    outcome: Outcome = field(default=False)
    panel: str | None = None


def results_of(codes: frozenset[tuple[str, str]], resources: list[Json], patient: str, as_of: date) -> list[Result]:
    """All final and preliminary results that carry one of the codes, have a value, and are not from the future."""
    found = []
    for resource in resources:
        if resource["resourceType"] != "Observation" or is_about_somebody_else(resource, patient):
            continue
        if resource["status"] not in ("final", "amended", "corrected", "preliminary", "registered"):
            continue
        preliminary = resource["status"] in ("preliminary", "registered")
        parts = [p for p in (resource, *resource.get("component", [])) if codes_in(p["code"]) & codes and has_value(p)]
        is_panel = bool(codes_in(resource["code"]) & codes) and not has_value(resource)
        if is_panel:  # every organ system's grade is a value of the panel
            parts = [p for p in resource.get("component", []) if has_value(p)]
        for part in parts:
            time = time_of(resource)
            hours = undated(as_of) if time is None else hours_of(time)
            if any(day_of(hour) <= as_of for hour in hours):
                found.append(Result(part, hours, preliminary, time, panel=resource["id"] if is_panel else None))
    return found


def is_about_somebody_else(observation: Json, patient: str) -> bool:
    """``subject`` names another, or ``focus`` names anything at all."""
    return observation.get("subject", {}).get("reference", f"Patient/{patient}") != f"Patient/{patient}" or bool(
        observation.get("focus")
    )


def has_value(part: Json) -> bool:
    """Whether there is a result at all (an Observation with a ``dataAbsentReason`` has none)."""
    return "interpretation" in part or any(key.startswith("value") for key in part)


def time_of(observation: Json) -> str | None:
    """When it was taken: ``effective*`` (a period's end), else when it was issued."""
    if "effectiveDateTime" in observation:
        return observation["effectiveDateTime"]
    if "effectivePeriod" in observation:
        return observation["effectivePeriod"]["end"]
    return observation.get("issued")


def undated(as_of: date) -> list[int]:
    """What an hour could be of which nothing is known: long ago, or any day of the last years."""
    days = [LONG_AGO] + [as_of - timedelta(days=n) for n in range(365 * SOME_YEARS)]
    return [day.toordinal() * 24 + 12 for day in days]


def day_of(hour: int) -> date:
    """The day of an hour counted from the year 1."""
    return date.fromordinal(hour // 24)


@dataclass
class Rules:
    """When a result counts for a leaf: not after the as-of date, in the window, and not older than it may be."""

    as_of: date
    window: Window
    oldest_fresh: date | None

    def counts(self, hour: int) -> bool:
        """Whether a result of this hour is in the window and not from the future."""
        return day_of(hour) <= self.as_of and self.window.holds(day_of(hour))

    def fresh(self, hour: int) -> bool:
        """Whether a result of this hour is no older than it may be."""
        return self.oldest_fresh is None or day_of(hour) >= self.oldest_fresh

    def membership(self, result: Result) -> set[bool]:
        """Whether it counts: {True} surely, {False} surely not, both where its partial date leaves that open."""
        return {self.counts(hour) for hour in result.hours}


def rules_for(characteristic: Json, anchors: Anchors, window: Window, uses_validity: bool) -> Rules:
    """The rules of a leaf; the default validity holds where it has no window of its own."""
    own = extension(characteristic, "validity")
    if own is not None:
        # Some hundred years of validity are as good as none and keep the date in range.
        oldest = shift(anchors.as_of, -exactly(own["value"]), own["code"])
    elif uses_validity and window == ALWAYS:
        oldest = anchors.as_of - timedelta(days=DEFAULT_VALIDITY_DAYS)
    else:
        oldest = None
    if own is not None and not uses_validity:
        # For values other than the latest the validity is the window.
        return Rules(anchors.as_of, Window(oldest, None), None)
    return Rules(anchors.as_of, window, oldest)


def nothing_counted(results: list[Result]) -> Answer:
    """No result in the window: never measured, or only outside it (which may well be called stale)."""
    if not results:
        return unknown("missing-data")
    also = {"provisional" for result in results if result.preliminary}
    also |= {result.outcome for result in results if isinstance(result.outcome, str)}
    return unknown("missing-data", "stale", *also)


def latest(results: list[Result], rules: Rules) -> Answer:
    """What the newest result says, in every order in which partial dates could put the results."""
    finals = [r for r in results if not r.preliminary]
    preliminaries = [r for r in results if r.preliminary and True in rules.membership(r)]
    if not finals and not preliminaries:
        return nothing_counted(results)
    answer = latest_final(finals, rules)
    reasons = set()
    for result in preliminaries:
        for hour in hours_as_newest(result, results, rules):
            says = says_at(result, hour, rules)
            if isinstance(says, bool) and says != (answer.truth > 0 if answer.truth else None):
                reasons.add("provisional")
    if reasons:
        # Of the other reasons that may apply, only "unusable" comes before it.
        return unknown(*reasons, *(answer.bases & {"unusable"} if not answer.truth else ()))
    if preliminaries and answer.bases & {"missing-data"}:
        return unknown("provisional", "stale", "unusable", "imprecise")
    if preliminaries and answer.bases == {"stale"}:
        return unknown("provisional", "stale")
    return answer


def says_at(result: Result, hour: int, rules: Rules) -> Outcome:
    """What a result of that hour says: that it is too old, unless it could not be used anyway."""
    if rules.fresh(hour):
        return result.outcome
    return first_reason(["stale", *([result.outcome] if isinstance(result.outcome, str) else [])])


def hours_as_newest(result: Result, results: list[Result], rules: Rules) -> list[int]:
    """The hours at which it could be the newest: every other could be no newer than that, or not count at all."""
    others = [other for other in results if other is not result]
    earliest = [min(filter(rules.counts, o.hours)) for o in others if rules.membership(o) == {True}]
    return [hour for hour in result.hours if rules.counts(hour) and all(first <= hour for first in earliest)]


def latest_final(finals: list[Result], rules: Rules) -> Answer:
    """What the newest final result says."""
    outcomes: set[Outcome] = set()
    times = set()
    for result in finals:
        for hour in hours_as_newest(result, finals, rules):
            outcomes.add(says_at(result, hour, rules))
            times.add(result.time)
    if not outcomes:
        return nothing_counted(finals)
    nothing_may_count = all(False in rules.membership(result) for result in finals)
    if len(outcomes) == 1 and not nothing_may_count:
        (outcome,) = outcomes
        return decided(outcome) if isinstance(outcome, bool) else unknown(outcome)
    reasons = {outcome for outcome in outcomes if isinstance(outcome, str)}
    if nothing_may_count:
        return unknown("imprecise", "missing-data", "stale", *reasons)
    if len(times) == 1 and "stale" not in reasons and None not in times:
        return unknown("unusable", *reasons)  # different values of the same time
    return unknown("imprecise", *reasons)


def some(results: list[Result], rules: Rules, sought: bool) -> Answer:
    """Whether any result is ``sought``; if surely none is, the answer is the opposite.

    With ``sought`` True this is "any"; with False it is "all", whose answer a single False decides.
    """
    reasons, surely_other = set(), False
    for result in results:
        membership = rules.membership(result)
        if True not in membership:
            continue
        sure = membership == {True} and not result.preliminary
        if result.outcome is sought and sure:
            return decided(sought)
        if result.outcome is (not sought):
            surely_other = surely_other or sure
            continue
        if isinstance(result.outcome, str):
            reasons.add(result.outcome)
        if result.preliminary:
            reasons.add("provisional")
        if False in membership:
            reasons.add("imprecise")
    if reasons:
        return unknown(*reasons)
    if surely_other:
        return decided(not sought)
    if any(True in rules.membership(result) for result in results):
        return unknown("provisional", "imprecise", "missing-data", "stale")
    return nothing_counted(results)


def extreme(method: str, comparator: str, results: list[Result], rules: Rules) -> Answer:
    """The largest (smallest) value against a limit.

    The largest is above a limit where any is, and below it where all are; the smallest the other way round.
    """
    if comparator not in ("<", "<=", ">", ">="):
        raise NotCovered("an extreme against a range")
    any_decides = (method == "max") == (comparator in (">", ">="))
    return some(results, rules, sought=any_decides)


def of_the_newest_panel(results: list[Result], rules: Rules) -> list[Result]:
    """Single results, and the values of the newest panel in the window; only for panels of different days."""
    panels = [result for result in results if result.panel]
    if any(result.preliminary or len(result.hours) > 24 for result in panels):
        raise NotCovered("preliminary or vaguely dated panels")
    counted = [result for result in panels if True in rules.membership(result)]
    if not counted:
        return results
    newest = max(counted, key=lambda result: result.hours[0])
    return [result for result in results if result.panel in (None, newest.panel)]


def count(results: list[Result], rules: Rules, least: int) -> Answer:
    """Whether at least so many results satisfy the limit."""
    sure, possible, reasons = 0, 0, set()
    counted = False
    for result in results:
        membership = rules.membership(result)
        counts = membership == {True} and not result.preliminary
        counted = counted or counts
        if True not in membership or result.outcome is False:
            continue
        possible += 1
        if result.outcome is True and counts:
            sure += 1
            continue
        if isinstance(result.outcome, str):
            reasons.add(result.outcome)
        if result.preliminary:
            reasons.add("provisional")
        if False in membership:
            reasons.add("imprecise")
    if sure >= least:
        return decided(True)
    if possible >= least:
        return unknown(*reasons)
    if counted:
        return decided(False)
    if any(True in rules.membership(result) for result in results):
        return unknown("provisional", "imprecise", "missing-data", "stale")
    return nothing_counted(results)


def change(method: str, wanted: Json, concept: str, results: list[Result], rules: Rules) -> Answer:
    """The latest value against the earliest one in the window; only for results that are dated to the day or hour."""
    if any(result.preliminary or len(result.hours) > 24 for result in results):
        raise NotCovered("a change among preliminary or vaguely dated results")
    counted = sorted((r for r in results if True in rules.membership(r)), key=lambda r: r.hours[0])
    if not counted:
        return nothing_counted(results)
    if not rules.fresh(counted[-1].hours[0]):
        return unknown("stale", "missing-data", "unusable")
    if len(counted) == 1:
        return unknown("missing-data", "unusable")
    earliest, newest = counted[0], counted[-1]
    if counted[1].hours[0] // 24 == earliest.hours[0] // 24 or counted[-2].hours[0] // 24 == newest.hours[0] // 24:
        raise NotCovered("two results of one day")
    quantities = [result.data.get("valueQuantity", {}) for result in (earliest, newest)]
    values = [in_own_unit(concept, quantity) for quantity in quantities]
    units = {quantity.get("code", quantity.get("unit", "")) for quantity in quantities}
    if method == "relative-change" and len(units) == 1 and units != {""} and all("value" in q for q in quantities):
        values = [exactly(quantity["value"]) for quantity in quantities]  # a share of the same unit needs no conversion
    if None in values:
        return unknown("unusable")
    before, after = values
    assert before is not None and after is not None
    if method == "absolute-change":
        limit = in_own_unit(concept, wanted)
        assert limit is not None
        return decided(COMPARE[wanted["comparator"]](after - before, limit))
    if before == 0:
        return unknown("unusable")
    relative = (after - before) / before * (100 if wanted["code"] == "%" else 1)
    return decided(COMPARE[wanted["comparator"]](relative, exactly(wanted["value"])))


def judged(results: list[Result], concept: str, definition: Json) -> list[Result]:
    """The results, each with what it says to the definition."""
    for result in results:
        result.outcome = observed(concept, definition, result.data)
    return results


def measurement(characteristic: Json, resources: list[Json], patient: Json, anchors: Anchors) -> Answer:
    """A leaf about Observations."""
    windows = windows_of(characteristic, anchors)
    return best_of([in_one_window(characteristic, window, resources, patient, anchors) for window in windows])


def in_one_window(
    characteristic: Json, window: Window | str, resources: list[Json], patient: Json, anchors: Anchors
) -> Answer:
    """The leaf's answer for one window."""
    definition = characteristic["definitionByTypeAndValue"]
    concept, codes = meant(definition["type"])
    methods = [coding["code"] for entry in definition.get("method", []) for coding in entry["coding"]]
    (method,) = methods or ["latest"]
    counting = "instancesQuantity" in characteristic
    results = results_of(codes, resources, patient["id"], anchors.as_of)
    if isinstance(window, str):
        return unknown(window) if results else unknown("missing-data", window)
    uses_validity = method not in ("any", "all", "max", "min") and not counting and "valueBoolean" not in definition
    rules = rules_for(characteristic, anchors, window, uses_validity)
    if method == "cockcroft-gault":
        from .clearance import clearance  # it is made of measurements

        return clearance(definition, resources, patient, anchors, rules)
    if method in ("relative-change", "absolute-change"):
        return change(method, definition["valueQuantity"], concept, results, rules)
    results = judged(results, concept, definition)
    if counting:
        return count(of_the_newest_panel(results, rules), rules, int(characteristic["instancesQuantity"]["value"]))
    if method in ("max", "min"):
        return extreme(method, definition["valueQuantity"].get("comparator", "="), results, rules)
    if method == "any" or "valueBoolean" in definition:
        return some(results, rules, sought=True)
    if method == "all":
        return some(results, rules, sought=False)
    if method != "latest":
        raise NotCovered(f"method {method}")
    return latest(results, rules)
