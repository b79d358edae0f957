"""Strategies for days and windows that fall on, just before and just after the edges that criteria have."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

from hypothesis import strategies as st

from tests.reference import build as b
from tests.reference.days import add_months, days_of

AS_OF = (date(2026, 3, 1), date(2024, 2, 29), date(2025, 12, 31))
MONTHS_BACK = (1, 3, 6, 12, 24)
DAYS_BACK = (0, 1, 7, 14, 28, 30, 60, 90, 200, 400)


def days(as_of: date, *, future: bool = True) -> st.SearchStrategy[date]:
    """A day, most often one at which some window or validity begins."""
    edges = [as_of - timedelta(days=n) for n in DAYS_BACK] + [add_months(as_of, -n) for n in MONTHS_BACK]
    near = st.builds(lambda day, n: min(day + timedelta(days=n), as_of), st.sampled_from(edges), st.integers(-1, 1))
    if not future:
        return near
    later = st.sampled_from([as_of + timedelta(days=1), as_of + timedelta(days=40)])
    return st.one_of(near, near, near, near, near, later)


@st.composite
def date_texts(
    draw: st.DrawFn, as_of: date, *, near: date | None = None, vague: bool = True, timed: bool = False
) -> str:
    """A FHIR date: mostly a day, sometimes a month or year that is over by the as-of date, sometimes with a time.

    It lies within a few days of ``near``, where that is given: vague dates matter among others of the same month.
    """
    day = draw(days(as_of)) if near is None else near + timedelta(days=draw(st.integers(-2, 2)))
    text = day.isoformat()
    form = draw(st.integers(0, 9))
    if vague and form in (6, 7, 8):
        shorter = text[:4] if form == 8 else text[:7]
        return shorter if days_of(shorter)[-1] <= as_of else text
    if timed and form == 9:
        return f"{text}T{draw(st.sampled_from(('10', '12')))}:00:00Z"
    return text


@st.composite
def windows(draw: st.DrawFn, anchors: tuple[str | None, ...] = ("screening", None, "enrolment", "infusion")) -> Any:
    """The timeFromEvent of a leaf: a range or a quantity with a comparator."""
    anchor = draw(st.sampled_from(anchors))
    low = draw(st.sampled_from([(-28, "d"), (-90, "d"), (-8, "wk"), (-3, "mo"), (-6, "mo"), (-1, "a"), (-2, "a")]))
    if draw(st.integers(0, 4)) == 4:
        entry: b.Json = {"quantity": b.quantity(*low, draw(st.sampled_from([">=", ">", "<=", "<"])))}
        if anchor:
            entry["eventCodeableConcept"] = b.codeable(f"{b.BASE}/CodeSystem/anchor", anchor)
        return [entry]
    high = draw(st.sampled_from([(0, "d"), (0, "mo"), (-14, "d"), None]))
    ends = draw(st.sampled_from([(low, high), (low, high), (None, high or (0, "d"))]))
    return b.within(*ends, anchor)


@st.composite
def neighbourhoods(draw: st.DrawFn, as_of: date) -> date | None:
    """A day around which all results of a patient were taken; None where they are spread over the years."""
    return draw(st.sampled_from([None, draw(days(as_of, future=False))]))


@st.composite
def anchor_days(draw: st.DrawFn, as_of: date) -> str | None:
    """When a planned enrolment or infusion is, None where it is not given."""
    near = st.integers(-10, 10).map(lambda n: (as_of + timedelta(days=n)).isoformat())
    return draw(st.one_of(st.none(), near))
