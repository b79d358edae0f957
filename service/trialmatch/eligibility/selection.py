"""Which of a patient's results a leaf looks at: those that may lie in its window, newest first."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from trialmatch.eligibility import truth as t
from trialmatch.eligibility.context import Context
from trialmatch.eligibility.criteria import PolarityTest, QuantityTest, ResultLeaf
from trialmatch.eligibility.dates import Bounds
from trialmatch.eligibility.facts import PROVISIONAL, UNREADABLE, Measurement
from trialmatch.eligibility.judging import Judged, judge


class Reading(NamedTuple):
    """A result in time: one measurement, or those of one panel taken together; ``inside`` the window or not."""

    results: tuple[Measurement, ...]
    lo: datetime
    hi: datetime
    inside: int


@dataclass(slots=True)
class Selection:
    """The results a leaf looks at, for one window: final and provisional readings that may lie in it, newest first."""

    bounds: Bounds
    finals: list[Reading]
    drafts: list[Reading]
    outdated: list[Reading]

    @property
    def certain(self) -> list[Reading]:
        """Final readings that surely lie in the window."""
        return [reading for reading in self.finals if reading.inside == t.MET]


def select(leaf: ResultLeaf, window: Bounds, context: Context) -> Selection:
    """The results that may count for a leaf in one window; shared by leaves that ask about the same ones."""
    flags = isinstance(leaf.test, PolarityTest)
    key = ("selection", leaf.keys, window, flags)
    if key not in context.memo:
        context.memo[key] = _select(leaf.keys, window, flags, context)
    selection: Selection = context.memo[key]
    return selection


def is_result(result: Measurement, flags: bool) -> bool:
    """Whether a measurement says anything; with ``flags`` an interpretation alone does."""
    return result.value is not None or (flags and bool(result.interpretation)) or result.state == UNREADABLE


def _select(keys: tuple[str, ...], window: Bounds, flags: bool, context: Context) -> Selection:
    """``flags``: an interpretation without a value is a result too."""
    selection = Selection(window, [], [], [])
    panels: dict[str, list[Measurement]] = {}
    for result in context.facts.about("Observation", keys):
        if not is_result(result, flags):
            continue
        panels.setdefault(result.panel or result.reference, []).append(result)
    for results in panels.values():
        time = context.past(results[0].time)
        if time is None:
            continue
        inside = window.holds(time)
        reading = Reading(tuple(results), time.lo, time.hi, inside)
        if inside == t.UNMET:
            if time.hi.date() < window.low_min:
                selection.outdated.append(reading)
        elif results[0].state == PROVISIONAL:
            selection.drafts.append(reading)
        else:
            selection.finals.append(reading)
    for readings in (selection.finals, selection.drafts, selection.outdated):
        if len(readings) > 1:
            readings.sort(key=lambda reading: (reading.hi, reading.lo), reverse=True)
    return selection


def read(leaf: ResultLeaf, reading: Reading, context: Context) -> Judged:
    """What one reading says.

    Of a panel's components any may give the grade, or the positive result, that is asked for; a negative result needs
    all of them, and numbers must not contradict each other.
    """
    judged = [judge(leaf.test, result, context) for result in reading.results]
    if isinstance(leaf.test, QuantityTest) and {t.MET, t.UNMET} <= {one.truth for one in judged}:
        return Judged(t.UNKNOWN, t.UNUSABLE, lambda: "its components contradict each other")
    every = isinstance(leaf.test, PolarityTest) and not leaf.test.positive
    return t.telling(judged, min if every else max)
