"""Chapter 5: anchors, windows, calendars, partial dates, staleness."""

from __future__ import annotations

from tests.spec.criteria import (
    NEGATIVE,
    amount,
    anchor_code,
    around,
    diagnosis,
    exclude,
    exposure,
    immunization,
    measured,
    method,
    procedure,
    quantity,
    times,
    when,
    within,
)
from tests.spec.model import ANY, Json, Section, met, row, rule, unknown, unmet
from tests.spec.record import (
    alt,
    condition,
    given,
    lab,
    negative,
    ordered,
    performed,
    took,
    vaccinated,
)

STROKE = method(diagnosis("stroke"), "onset")


def open_window(characteristic: Json, **ends: Json) -> Json:
    """A window whose ends are given one by one."""
    return {**characteristic, "timeFromEvent": [{"eventCodeableConcept": anchor_code("screening"), "range": ends}]}


SIX_MONTHS = within(STROKE, -6, 0, "mo")
SURGERY = within(procedure("coronary-revascularisation"), -6, 0, "mo")

ANCHORS = Section(
    "Anchors",
    """
`timeFromEvent` ties a criterion to a moment. `eventCodeableConcept` of `{base}/CodeSystem/anchor` is `screening` (the
as-of date, and what is meant where no anchor is named), `enrolment` (equal to screening unless given) or `infusion`
(not known unless given). `eventId` is the `linkId` of another characteristic that dates an event.
""",
    rules=(
        rule(
            "screening",
            "The as-of date.",
            SIX_MONTHS,
            row(met(), condition("stroke", "2025-12-24")),
            row(unmet(), condition("stroke", "2025-12-24"), as_of="2026-07-01"),
        ),
        rule(
            "No anchor",
            "The window then hangs on screening.",
            within(STROKE, -6, 0, "mo", None),
            row(met(), condition("stroke", "2025-09-01")),
            row(unmet(), condition("stroke", "2025-08-31")),
        ),
        rule(
            "enrolment",
            "A negative test within seven days before enrolment.",
            within(measured("hcg-serum", NEGATIVE), -7, 0, "d", "enrolment"),
            row(met(), negative("hcg serum", "2026-02-22"), why="enrolment today, seven days ago"),
            row(unknown("stale"), negative("hcg serum", "2026-02-21"), why="eight days ago: it has to be repeated"),
            row(met(), negative("hcg serum", "2026-02-26"), enrolment="2026-03-05"),
            row(unknown("stale"), negative("hcg serum", "2026-02-25"), enrolment="2026-03-05"),
            row(unknown("missing-data"), negative("hcg urine", "2026-02-26"), why="serum is asked for"),
        ),
        rule(
            "infusion",
            "A planned infusion has no date until somebody gives one.",
            exclude(within(immunization("live-vaccine"), -28, 0, "d", "infusion")),
            row(unknown("anchor-unknown"), vaccinated("laiv", "2026-02-15")),
            row(unmet(), vaccinated("laiv", "2026-02-15"), infusion="2026-03-15"),
            row(met(), vaccinated("laiv", "2026-02-14"), infusion="2026-03-15"),
        ),
        rule(
            "The event of another characteristic",
            "Within three months after the bypass.",
            (procedure("coronary-revascularisation"),
                around(measured("lvef", quantity(">=", 50, "%")), "1", 0, 3, "mo")),
            row({"1": met(), "2": met()}, performed("cabg", "2025-10-01"), lab("lvef", 55, "%", "2025-10-01")),
            row({"2": met()}, performed("cabg", "2025-10-01"), lab("lvef", 55, "%", "2026-01-01")),
            row({"2": unknown(ANY)}, performed("cabg", "2025-10-01"), lab("lvef", 55, "%", "2026-01-02")),
            row({"2": unmet()}, performed("cabg", "2025-10-01"), lab("lvef", 45, "%", "2025-12-01")),
            row({"2": unknown("anchor-unknown")}, lab("lvef", 55, "%", "2025-12-01"), why="no event, no window"),
            row({"2": unknown("imprecise")}, performed("cabg", "2025"), lab("lvef", 55, "%", "2025-12-01"),
                why="the event's date is too vague"),
        ),
        rule(
            "The beginning of a drug as an event",
            "A stroke since the first year of hydroxychloroquine began.",
            (exposure("hydroxychloroquine"), exclude(around(STROKE, "1", 0, 1, "a"))),
            row({"2": unmet()}, took("hydroxychloroquine", "2024-05-01"), condition("stroke", "2025-05-01")),
            row({"2": met()}, took("hydroxychloroquine", "2024-05-01"), condition("stroke", "2025-05-02")),
            row({"2": met()}, took("hydroxychloroquine", "2024-05-01"), condition("stroke", "2024-04-30")),
        ),
    ),
)

WINDOWS = Section(
    "Windows",
    """
`range` (or `quantity` with a comparator) is in UCUM `d`, `wk`, `mo` or `a`; negative is before the anchor. Bounds are
inclusive. Months and years are those of the calendar, and a day that the month does not have becomes its last one;
weeks are seven days. Dates are local to the site's time zone (a setting).

A condition overlaps a window if any part of its active period does, or by method `onset` if its beginning does. An
event falls into a window by its date.
""",
    rules=(
        rule(
            "Six months",
            "Six calendar months, both ends included: from 1 September to 1 March.",
            SIX_MONTHS,
            row(met(), condition("stroke", "2025-09-01")),
            row(unmet(), condition("stroke", "2025-08-31")),
            row(met(), condition("stroke", "2026-03-01"), why="today"),
        ),
        rule(
            "Six months as an exclusion",
            "A stroke before the window is evidence that the exclusion does not apply.",
            exclude(SIX_MONTHS),
            row(unmet(), condition("stroke", "2025-09-01")),
            row(met(), condition("stroke", "2025-08-31")),
            row(unknown("no-record")),
        ),
        rule(
            "The end of a month",
            "Six months before 31 August is 28 February.",
            SIX_MONTHS,
            row(met(), condition("stroke", "2026-02-28"), as_of="2026-08-31"),
            row(unmet(), condition("stroke", "2026-02-27"), as_of="2026-08-31"),
            row(met(), condition("stroke", "2025-08-28"), as_of="2026-02-28"),
            row(unmet(), condition("stroke", "2025-08-27"), as_of="2026-02-28"),
        ),
        rule(
            "Three years before 29 February",
            "28 February, not the day that 3 × 365 days give.",
            within(STROKE, -3, 0, "a"),
            row(met(), condition("stroke", "2021-02-28"), as_of="2024-02-29"),
            row(unmet(), condition("stroke", "2021-02-27"), as_of="2024-02-29"),
            row(met(), condition("stroke", "2023-03-01")),
            row(unmet(), condition("stroke", "2023-02-28")),
        ),
        rule(
            "Four weeks",
            "28 days.",
            exclude(within(immunization("live-vaccine"), -4, 0, "wk")),
            row(unmet(), vaccinated("laiv", "2026-02-01"), why="28 days ago"),
            row(met(), vaccinated("laiv", "2026-01-31"), why="29 days ago"),
        ),
        rule(
            "28 days",
            "The same.",
            exclude(within(immunization("live-vaccine"), -28, 0, "d")),
            row(unmet(), vaccinated("laiv", "2026-02-01")),
            row(met(), vaccinated("laiv", "2026-01-31")),
            row(unmet(), vaccinated("laiv", "2026-03-01")),
        ),
        rule(
            "A window in the past",
            "From twelve to six months ago.",
            within(STROKE, -12, -6, "mo"),
            row(met(), condition("stroke", "2025-03-01")),
            row(unmet(), condition("stroke", "2025-02-28")),
            row(met(), condition("stroke", "2025-09-01")),
            row(unmet(), condition("stroke", "2025-09-02")),
        ),
        rule(
            "At most six months ago",
            "`quantity` ≥ −6 mo.",
            when(STROKE, ">=", -6, "mo"),
            row(met(), condition("stroke", "2025-09-01")),
            row(unmet(), condition("stroke", "2025-08-31")),
        ),
        rule(
            "Less than six months ago",
            "`quantity` > −6 mo leaves the bound out.",
            when(STROKE, ">", -6, "mo"),
            row(met(), condition("stroke", "2025-09-02")),
            row(unmet(), condition("stroke", "2025-09-01")),
        ),
        rule(
            "At least six months ago",
            "`quantity` ≤ −6 mo.",
            when(STROKE, "<=", -6, "mo"),
            row(met(), condition("stroke", "2025-09-01")),
            row(unmet(), condition("stroke", "2025-09-02")),
        ),
        rule(
            "More than six months ago",
            "`quantity` < −6 mo leaves the bound out.",
            when(STROKE, "<", -6, "mo"),
            row(met(), condition("stroke", "2025-08-31")),
            row(unmet(), condition("stroke", "2025-09-01")),
        ),
        rule(
            "Local dates",
            "20:00 UTC on 31 August is 1 September in Shanghai and 31 August in Berlin.",
            SIX_MONTHS,
            row(met(), condition("stroke", "2025-08-31T20:00:00Z"), settings={"timezone": "Asia/Shanghai"}),
            row(unmet(), condition("stroke", "2025-08-31T20:00:00Z"), settings={"timezone": "Europe/Berlin"}),
        ),
        rule(
            "One bound only",
            "A range may be open at one end.",
            (open_window(STROKE, low=amount(-6, "mo")), open_window(STROKE, high=amount(-6, "mo"))),
            row({"1": met(), "2": met()}, condition("stroke", "2025-09-01")),
            row({"1": unmet(), "2": met()}, condition("stroke", "2025-08-31")),
            row({"1": met(), "2": unmet()}, condition("stroke", "2025-09-02")),
        ),
        rule(
            "Two units",
            "From a year to thirty days ago.",
            open_window(STROKE, low=amount(-1, "a"), high=amount(-30, "d")),
            row(met(), condition("stroke", "2025-03-01")),
            row(unmet(), condition("stroke", "2025-02-28")),
            row(met(), condition("stroke", "2026-01-30")),
            row(unmet(), condition("stroke", "2026-01-31")),
        ),
        rule(
            "The as-of day is local",
            "20:00 UTC on 1 March is 2 March in Shanghai, and not known yet.",
            measured("alt", times("<=", 3)),
            row(met(), alt(40), alt(200, "2026-03-01T20:00:00Z"), settings={"timezone": "Asia/Shanghai"}),
            row(unmet(), alt(40), alt(200, "2026-03-01T20:00:00Z"), settings={"timezone": "UTC"}),
        ),
        rule(
            "A condition overlaps",
            "One day of its active period in the window is enough.",
            within(diagnosis("heart-failure"), -6, 0, "mo"),
            row(met(), condition("heart failure", "2020-01-01"), why="still active"),
            row(met(), condition("heart failure", "2020-01-01", "2025-09-01")),
            row(unmet(), condition("heart failure", "2020-01-01", "2025-08-31")),
            row(met(), condition("heart failure", "2025-12-01", "2025-12-10")),
            row(unknown("imprecise"), condition("heart failure", "2020-01-01", clinical="resolved"),
                why="resolved, nobody knows when"),
            row(unknown("imprecise"), condition("heart failure", "2020-01-01", clinical="inactive")),
            row(met(), condition("heart failure", "2025-12-01", clinical="resolved"), why="it began in the window"),
        ),
        rule(
            "A procedure that took some time",
            "By its period.",
            SURGERY,
            row(met(), performed("cabg", "2025-09-01")),
            row(unmet(), performed("cabg", "2025-08-31")),
            row(unmet(), performed("cabg", None, performedPeriod={"start": "2025-08-20", "end": "2025-08-20"})),
            row(met(), performed("cabg", None, performedPeriod={"start": "2025-09-20", "end": "2025-09-21"})),
        ),
        rule(
            "A drug in a window",
            "Exposure overlaps as a condition does; an order lasts from its date on.",
            within(exposure("belimumab"), -6, 0, "mo"),
            row(met(), took("belimumab", "2024-01-01", "2025-09-01")),
            row(unmet(), took("belimumab", "2024-01-01", "2025-08-31")),
            row(met(), took("belimumab", "2024-01-01"), why="still taken"),
            row(met(), ordered("belimumab", "2024-01-01"), why="still active"),
            row(unmet(), given("belimumab", "2025-08-31")),
            row(met(), given("belimumab", "2025-09-01")),
            row(unknown("imprecise"), ordered("belimumab", "2024-01-01", "stopped"), why="stopped, nobody knows when"),
        ),
    ),
)
