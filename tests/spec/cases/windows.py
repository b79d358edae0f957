"""Chapter 5: anchors, windows, calendars, partial dates, staleness."""

from __future__ import annotations

from tests.spec.criteria import (
    NEGATIVE,
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
    valid_for,
    when,
    within,
)
from tests.spec.model import ANY, Chapter, Section, met, row, rule, unknown, unmet
from tests.spec.record import (
    alt,
    condition,
    given,
    lab,
    negative,
    ordered,
    performed,
    score,
    took,
    vaccinated,
)

STROKE = method(diagnosis("stroke"), "onset")
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
            "A condition overlaps",
            "One day of its active period in the window is enough.",
            within(diagnosis("heart-failure"), -6, 0, "mo"),
            row(met(), condition("heart failure", "2020-01-01"), why="still active"),
            row(met(), condition("heart failure", "2020-01-01", "2025-09-01")),
            row(unmet(), condition("heart failure", "2020-01-01", "2025-08-31")),
            row(met(), condition("heart failure", "2025-12-01", "2025-12-10")),
            row(unknown("imprecise"), condition("heart failure", "2020-01-01", clinical="resolved"),
                why="resolved, nobody knows when"),
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

PARTIAL = Section(
    "Partial dates",
    """
`2008` and `2021-05` are ranges of days. They decide where every day in them decides alike; otherwise the leaf is
`imprecise`, as it is for a date in words and for none at all.
""",
    rules=(
        rule(
            "A partial date of a diagnosis",
            "Against the window from 1 September.",
            SIX_MONTHS,
            row(met(), condition("stroke", "2025-09")),
            row(unmet(), condition("stroke", "2025-08")),
            row(unmet(), condition("stroke", "2008")),
            row(met(), condition("stroke", "2026-02")),
            row(unknown("imprecise"), condition("stroke", "2025")),
            row(unknown("imprecise"), condition("stroke"), why="no date at all"),
            row(unknown("imprecise"), condition("stroke", onsetString="autumn 2025")),
            row(unknown("imprecise"), condition("stroke", "2025-09"), as_of="2026-03-15"),
            row(met(), condition("stroke", "2025"), condition("stroke", "2026-01-05"), why="the second one is enough"),
        ),
        rule(
            "A partial date of an active period",
            "A beginning anywhere in 2025 overlaps, as long as there is no end.",
            within(diagnosis("heart-failure"), -6, 0, "mo"),
            row(met(), condition("heart failure", "2025")),
            row(unknown("imprecise"), condition("heart failure", "2020-01-01", "2025")),
            row(unmet(), condition("heart failure", "2020-01-01", "2024")),
        ),
        rule(
            "A partial date of a procedure",
            "The same; and `performedString` is words.",
            SURGERY,
            row(met(), performed("cabg", "2025-12")),
            row(unmet(), performed("cabg", "2025-07")),
            row(unknown("imprecise"), performed("cabg", "2025")),
            row(unknown("imprecise"), performed("cabg", None, performedString="autumn 2025")),
            row(unknown("imprecise"), performed("cabg", None)),
        ),
        rule(
            "A partial date of an immunization",
            "The same.",
            exclude(within(immunization("live-vaccine"), -28, 0, "d")),
            row(met(), vaccinated("laiv", "2026-01"), why="every day of January is before the window"),
            row(unmet(), vaccinated("laiv", "2026-02"), why="every day of February is in it"),
            row(unknown("imprecise"), vaccinated("laiv", "2026"), why="this year may be January"),
        ),
        rule(
            "A partial date of an exposure",
            "Its end counts.",
            within(exposure("belimumab"), -6, 0, "mo"),
            row(unknown("imprecise"), took("belimumab", "2024-01-01", "2025")),
            row(met(), took("belimumab", "2024", "2025-10")),
            row(unmet(), took("belimumab", "2023", "2024")),
        ),
        rule(
            "A partial date of a result",
            "Against its validity.",
            measured("alt", times("<=", 3)),
            row(met(), alt(40, "2026-01")),
            row(met(), alt(40, "2025-12"), why="1 December is 90 days ago"),
            row(unknown("stale"), alt(40, "2025-11")),
            row(unknown("imprecise"), alt(40, "2025"), why="too old or not"),
        ),
        rule(
            "A partial date of a result in a window",
            "Against the window.",
            within(method(measured("lvef", quantity(">=", 50, "%")), "any"), -6, 0, "mo"),
            row(met(), lab("lvef", 55, "%", "2025-09")),
            row(unknown("imprecise"), lab("lvef", 55, "%", "2025")),
        ),
        rule(
            "A date that does not matter",
            "Without a window nobody asks.",
            diagnosis("stroke"),
            row(met(), condition("stroke", "2008")),
            row(met(), condition("stroke")),
        ),
    ),
)

STALENESS = Section(
    "How old a value may be",
    """
A result without a window of its own may be 90 days old (a setting), or as old as the extension `validity`
(valueDuration) says. Older ones are `stale`: the test has to be repeated. With method any, all, max or min, and with
`valueBoolean`, the age does not matter, unless the extension is there; then it is the window.
""",
    rules=(
        rule(
            "Ninety days",
            "The ninetieth day is still allowed.",
            measured("alt", times("<=", 3)),
            row(met(), alt(40, "2025-12-01"), why="90 days"),
            row(unknown("stale"), alt(40, "2025-11-30"), why="91 days"),
            row(unknown("stale"), alt(200, "2025-11-30"), why="a bad value grows old too"),
        ),
        rule(
            "A validity of its own",
            "Thirty days.",
            valid_for(measured("alt", times("<=", 3)), 30),
            row(met(), alt(40, "2026-01-30"), why="30 days"),
            row(unknown("stale"), alt(40, "2026-01-29"), why="31 days"),
        ),
        rule(
            "A longer validity",
            "Twelve calendar months.",
            valid_for(measured("lvef", quantity(">=", 50, "%")), 12, "mo"),
            row(met(), lab("lvef", 55, "%", "2025-03-01")),
            row(unknown("stale"), lab("lvef", 55, "%", "2025-02-28")),
        ),
        rule(
            "Another default",
            "The setting is for criteria that say nothing.",
            measured("alt", times("<=", 3)),
            row(met(), alt(40, "2025-09-02"), settings={"validity_days": 180}),
            row(unknown("stale"), alt(40, "2025-09-01"), settings={"validity_days": 180}),
        ),
        rule(
            "Scores",
            "They grow old as laboratory values do.",
            measured("sledai-2k", quantity(">=", 8, "{score}")),
            row(met(), score("sledai-2k", 9, "2025-12-01")),
            row(unknown("stale"), score("sledai-2k", 9, "2025-11-30")),
        ),
        rule(
            "A window of its own",
            "Then the window says how old the value may be, and the default does not.",
            within(measured("lvef", quantity(">=", 50, "%")), -12, 0, "mo"),
            row(met(), lab("lvef", 55, "%", "2025-03-01")),
            row(unknown("stale"), lab("lvef", 55, "%", "2025-02-28")),
            row(met(), lab("lvef", 35, "%", "2025-02-28"), lab("lvef", 55, "%", "2025-06-01")),
        ),
        rule(
            "Validity of any",
            "Here the extension is the window.",
            valid_for(method(measured("sledai-2k", quantity(">=", 8, "{score}")), "any"), 30),
            row(met(), score("sledai-2k", 9, "2026-01-30"), score("sledai-2k", 4, "2026-02-20")),
            row(unmet(), score("sledai-2k", 9, "2026-01-29"), score("sledai-2k", 4, "2026-02-20")),
        ),
        rule(
            "Diagnoses do not grow old",
            "Nor do drugs or procedures.",
            diagnosis("sle"),
            row(met(), condition("sle", "1999-01-01")),
        ),
    ),
)

CHAPTER = Chapter(
    "Time",
    "When things have to have happened, and how old a result may be.",
    (ANCHORS, WINDOWS, PARTIAL, STALENESS),
)

