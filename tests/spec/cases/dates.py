"""Chapter 5, continued: dates that are vague, and how old a value may be."""

from __future__ import annotations

from tests.spec.cases.windows import SIX_MONTHS, SURGERY
from tests.spec.criteria import (
    diagnosis,
    exclude,
    exposure,
    immunization,
    measured,
    method,
    quantity,
    times,
    valid_for,
    within,
)
from tests.spec.model import Section, met, row, rule, unknown, unmet
from tests.spec.record import (
    UCUM,
    alt,
    condition,
    lab,
    patient,
    performed,
    score,
    took,
    vaccinated,
)

RECORDED_ONLY = Section(
    "Dates of recording",
    """
A condition with a `recordedDate` and no onset began at some time up to that date. Where that decides, it does.
""",
    rules=(
        rule(
            "Recorded, onset not known: overlap",
            "Active on the day of recording, and since.",
            within(diagnosis("heart-failure"), -6, 0, "mo"),
            row(met(), condition("heart failure", recordedDate="2026-02-01")),
            row(met(), condition("heart failure", recordedDate="2020-02-01"), why="still active"),
        ),
        rule(
            "Recorded, onset not known: beginning",
            "Recorded before the window, it began before the window; recorded in it, it may have begun earlier.",
            SIX_MONTHS,
            row(unmet(), condition("stroke", recordedDate="2025-08-31")),
            row(unknown("imprecise"), condition("stroke", recordedDate="2026-01-01")),
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
            row(unmet(), patient("1980-01-01"), condition("stroke", onsetAge={"value": 30, "unit": "a", "system": UCUM,
                                                                             "code": "a"})),
            row(met(), condition("stroke", onsetPeriod={"start": "2025-10-01", "end": "2025-10-03"})),
            row(unknown("imprecise"), condition("stroke", onsetPeriod={"start": "2025-08-20", "end": "2025-09-05"}),
                why="it began on some day of the period"),
            row(unknown("imprecise"), condition("stroke", "2025-09"), as_of="2026-03-15"),
            row(met(), condition("stroke", "2025"), condition("stroke", "2026-01-05"), why="the second one is enough"),
            row(unmet(), condition("stroke", abatementDateTime="2020-05-05"), why="what was over in 2020 began before"),
        ),
        rule(
            "A partial date of an active period",
            "A beginning anywhere in 2025 overlaps, as long as there is no end.",
            within(diagnosis("heart-failure"), -6, 0, "mo"),
            row(met(), condition("heart failure", "2025")),
            row(unknown("imprecise"), condition("heart failure", "2020-01-01", "2025")),
            row(unmet(), condition("heart failure", "2020-01-01", "2024")),
            row(unknown("imprecise"), condition("heart failure", "2020-01-01", abatementDateTime="2024-05-05"),
                why="abated, and still active: it may have come back"),
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
            row(met(evidence=1), alt(40, "2025-12-01"), why="90 days"),
            row(unknown("stale", evidence=1), alt(40, "2025-11-30"), why="91 days"),
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
            row(met(), alt(40, "2025-09-02"), settings={"validity": "180 d"}),
            row(unknown("stale"), alt(40, "2025-09-01"), settings={"validity": "180 d"}),
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

