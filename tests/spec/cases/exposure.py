"""Chapter 6: how long, how many, how much."""

from __future__ import annotations

from tests.spec.criteria import (
    by_mechanism,
    counted,
    daily_dose,
    exclude,
    exposure,
    lasting,
    open_list,
    within,
)
from tests.spec.model import Chapter, Fact, Section, met, row, rule, unknown, unmet
from tests.spec.record import SNOMED, dispensed, dosage, given, lab, number, ordered, took

HCQ = "hydroxychloroquine"
TIMING = "http://terminology.hl7.org/CodeSystem/v3-GTSAbbreviation"
DAYS_84 = lasting(exposure(HCQ), ">=", 84, "d")
MONTHS_3 = lasting(exposure(HCQ), ">=", 3, "mo")
TWO = counted(exposure("immunosuppressant"), ">=", 2)
SINCE = "2025-12-01"
WEIGHT = lab("weight", 80, "kg")


def by_route(what: str, code: str | None, words: str) -> Fact:
    """An active statement with a route of administration, coded or in words."""
    route = {"coding": [{"system": SNOMED, "code": code}]} if code else {"text": words}
    return took(what, SINCE, dose=[{"route": route}], words=f"by {words}")


def dosed(what: str, value: float, words: str, **timing: object) -> Fact:
    """An active statement with a dose in mg."""
    return took(what, SINCE, dose=dosage(value, **timing), words=words)  # type: ignore[arg-type]


DURATION = Section(
    "How long",
    """
`durationQuantity` counts the days covered by the **union** of the exposure intervals of the named drugs: overlaps
count once, gaps do not count, the first and the last day do, and only what lies in the window. An interval without an
end runs to the as-of date if its record is active; a stopped one without an end is `imprecise` where that matters.
Months are those of the calendar: as many as end on the day after the last covered day.
""",
    rules=(
        rule(
            "Days",
            "84 days: from 8 December to 1 March, both included.",
            DAYS_84,
            row(met(), took(HCQ, "2025-12-08")),
            row(unmet(), took(HCQ, "2025-12-09")),
            row(met(), took(HCQ, "2025-01-01", "2025-03-25"), why="84 days of last year"),
            row(unmet(), took(HCQ, "2025-01-01", "2025-03-24")),
            row(unknown("no-record"), why="silence is not too short"),
        ),
        rule(
            "Weeks",
            "Twelve weeks are 84 days.",
            lasting(exposure(HCQ), ">=", 12, "wk"),
            row(met(), took(HCQ, "2025-12-08")),
            row(unmet(), took(HCQ, "2025-12-09")),
        ),
        rule(
            "Months",
            "Three calendar months: 90 days to the end of February, 92 days to the end of August.",
            MONTHS_3,
            row(met(), took(HCQ, "2025-12-01", "2026-02-28")),
            row(unmet(), took(HCQ, "2025-12-02", "2026-02-28")),
            row(met(), took(HCQ, "2025-06-01", "2025-08-31")),
            row(unmet(), took(HCQ, "2025-06-02", "2025-08-31"), why="91 days, and three months have 92 here"),
            row(met(), took(HCQ, "2025-12-02"), why="to 1 March, the as-of date"),
            row(unmet(), took(HCQ, "2025-12-03")),
        ),
        rule(
            "More than",
            "The comparator is applied to the days.",
            lasting(exposure(HCQ), ">", 84, "d"),
            row(unmet(), took(HCQ, "2025-12-08")),
            row(met(), took(HCQ, "2025-12-07")),
        ),
        rule(
            "Overlaps count once",
            "From 1 January to 10 April are 100 days, although 51 and 69 are 120.",
            lasting(exposure(HCQ), ">=", 101, "d"),
            row(unmet(), took(HCQ, "2025-01-01", "2025-02-20"), took(HCQ, "2025-02-01", "2025-04-10")),
            row(met(), took(HCQ, "2025-01-01", "2025-02-20"), took(HCQ, "2025-02-01", "2025-04-11")),
        ),
        rule(
            "Gaps do not count",
            "Twice 42 days with months between them are 84.",
            DAYS_84,
            row(met(), took(HCQ, "2025-01-01", "2025-02-11"), took(HCQ, "2025-06-01", "2025-07-12")),
            row(unmet(), took(HCQ, "2025-01-01", "2025-02-11"), took(HCQ, "2025-06-01", "2025-07-11")),
        ),
        rule(
            "Several drugs",
            "The union is over all named drugs.",
            lasting(exposure("immunosuppressant"), ">=", 84, "d"),
            row(met(), took("azathioprine", "2025-01-01", "2025-02-11"),
                took("mycophenolate mofetil", "2025-02-12", "2025-03-25")),
            row(unmet(), took("azathioprine", "2025-01-01", "2025-02-11"), took(HCQ, "2025-02-12", "2025-03-25"),
                why="hydroxychloroquine is not one of them"),
        ),
        rule(
            "Only in the window",
            "From 1 December on.",
            lasting(within(exposure(HCQ), -3, 0, "mo"), ">=", 60, "d"),
            row(met(), took(HCQ, "2025-01-01", "2026-01-29")),
            row(unmet(), took(HCQ, "2025-01-01", "2026-01-28")),
            row(unmet(), took(HCQ, "2020-01-01", "2025-11-30")),
        ),
        rule(
            "An end that is not known",
            "It matters only where it decides.",
            DAYS_84,
            row(unknown("imprecise"), took(HCQ, "2025-01-01", status="stopped")),
            row(unknown("imprecise"), took(HCQ, "2025-01-01", status="completed")),
            row(unknown("imprecise"), ordered(HCQ, "2025-01-01", "stopped")),
            row(unknown("imprecise"), ordered(HCQ, "2025-01-01", "completed")),
            row(unknown("imprecise"), ordered(HCQ, "2025-01-01", "on-hold"), why="on hold, nobody knows since when"),
            row(unmet(), took(HCQ, "2026-02-01", status="stopped"), why="29 days at most"),
            row(met(), took(HCQ, "2025-01-01", status="stopped"), took(HCQ, "2024-01-01", "2024-06-30"),
                why="the other interval is long enough"),
            row(met(), ordered(HCQ, "2025-12-08"), why="an active order runs to the as-of date"),
            row(met(), ordered(HCQ, "2025-01-01", "completed").but(
                "{}, to be taken from 2025-01-01 to 2025-06-01", dosageInstruction=[
                    {"timing": {"repeat": {"boundsPeriod": {"start": "2025-01-01", "end": "2025-06-01"}}}}])),
            row(unknown("imprecise"), ordered(HCQ, "2025-06-01", "stopped").but(
                "{}, to be taken from 2025-06-01 to 2026-12-31", dosageInstruction=[
                    {"timing": {"repeat": {"boundsPeriod": {"start": "2025-06-01", "end": "2026-12-31"}}}}]),
                why="stopped before the end that was planned, nobody knows when"),
            row(met(), ordered(HCQ, "2025-01-01", "stopped").but(
                "{}, to be taken from 2025-01-01 to 2025-06-01", dosageInstruction=[
                    {"timing": {"repeat": {"boundsPeriod": {"start": "2025-01-01", "end": "2025-06-01"}}}}])),
        ),
        rule(
            "A beginning that is vague",
            "At least 62 days since some day of December, at least 92 since November.",
            DAYS_84,
            row(unknown("imprecise"), took(HCQ, "2025-12")),
            row(met(), took(HCQ, "2025-11")),
            row(unmet(), took(HCQ, "2026")),
            row(unknown("imprecise"), took(HCQ, None)),
        ),
        rule(
            "Supplies and single doses",
            "A dispense covers the days of its supply; an administration its day.",
            DAYS_84,
            row(met(), dispensed(HCQ, "2025-10-01", 84)),
            row(unmet(), dispensed(HCQ, "2025-10-01", 83)),
            row(met(), dispensed(HCQ, "2025-10-01", 42), dispensed(HCQ, "2025-11-12", 42)),
            row(unmet(), dispensed(HCQ, "2025-10-01", 42), dispensed(HCQ, "2025-11-01", 42),
                why="73 days: refilled early"),
            row(unmet(), given(HCQ, "2025-10-01"), given(HCQ, "2025-12-31"), why="two days"),
        ),
    ),
)

NUMBER = Section(
    "How many",
    """
`instancesQuantity` on an exposure is the number of **distinct ingredients**. With extension `distinct-by` =
`mechanism` it is the number of distinct mechanisms of action.
""",
    rules=(
        rule(
            "Two ingredients",
            "Two orders of one drug are one drug, and so are two salts of one ingredient.",
            TWO,
            row(met(), took("methotrexate", "2025-01-01"), took("leflunomide", "2025-01-01")),
            row(unmet(), took("methotrexate", "2025-01-01"), why="one of a closed list is fewer than two"),
            row(unmet(), took("methotrexate", "2024-01-01", "2024-06-30"), ordered("methotrexate", "2025-01-01")),
            row(unmet(), took("mycophenolate mofetil", "2025-01-01"), took("mycophenolic acid", "2025-06-01")),
            row(met(), took("mycophenolate mofetil", "2025-01-01"), took("mycophenolic acid", "2025-06-01"),
                took("azathioprine", "2024-01-01", "2024-12-31")),
            row(unknown("no-record")),
        ),
        rule(
            "Two of an open list",
            "The list may name others: one of it is then not too few.",
            open_list(TWO),
            row(met(), took("methotrexate", "2025-01-01"), took("leflunomide", "2025-01-01")),
            row(unknown("open-list"), took("methotrexate", "2025-01-01")),
            row(unknown("open-list"), took("mycophenolate mofetil", "2025-01-01"),
                took("mycophenolic acid", "2025-06-01")),
        ),
        rule(
            "At most one",
            "The other comparators.",
            counted(exposure("immunosuppressant"), "<=", 1),
            row(met(), took("methotrexate", "2025-01-01")),
            row(unmet(), took("methotrexate", "2025-01-01"), took("leflunomide", "2025-01-01")),
        ),
        rule(
            "Two mechanisms",
            "Adalimumab and etanercept both block TNF.",
            by_mechanism(counted(exposure("b-ts-dmard"), ">=", 2)),
            row(unmet(), took("adalimumab", "2023-01-01", "2023-12-31"),
                took("etanercept", "2024-01-01", "2024-12-31")),
            row(met(), took("adalimumab", "2023-01-01", "2023-12-31"), took("tofacitinib", "2024-01-01", "2024-12-31")),
        ),
        rule(
            "The same by ingredient",
            "Without the extension they are two.",
            counted(exposure("b-ts-dmard"), ">=", 2),
            row(met(), took("adalimumab", "2023-01-01", "2023-12-31"), took("etanercept", "2024-01-01", "2024-12-31")),
        ),
    ),
)

DOSE = Section(
    "How much",
    """
The extension `daily-dose` (valueQuantity in `mg/d` or `mg/kg/d`, with a comparator) limits a criterion to exposures
at such a dose. Doses of glucocorticoids are counted as prednisone (5 mg prednisone = 5 mg prednisolone = 4 mg
methylprednisolone = 20 mg hydrocortisone = 0.75 mg dexamethasone). Per kilogram means per kilogram of the newest body
weight, whatever its age. An exposure without dose, unit, frequency or weight is `unusable`. Topical, ophthalmic,
nasal, inhaled and otic forms are not systemic, and no exposure criterion looks at them.
""",
    rules=(
        rule(
            "Milligrams a day",
            "Amount times frequency.",
            daily_dose(exposure("prednisone"), ">=", 10, "mg/d"),
            row(met(), dosed("prednisone", 10, "10 mg once a day")),
            row(unmet(), dosed("prednisone", 9, "9 mg once a day")),
            row(met(), dosed("prednisone", 5, "5 mg twice a day", frequency=2)),
            row(unmet(), dosed("prednisone", 5, "5 mg once a day")),
            row(met(), dosed("prednisone", 20, "20 mg every other day", period=2)),
            row(unmet(), dosed("prednisone", 15, "15 mg every other day", period=2)),
            row(met(), dosed("prednisone", 5, "5 mg every 12 hours", period=12, period_unit="h")),
            row(met(), dosed("prednisone", 0.01, "0.01 g once a day", unit="g")),
            row(met(), took("prednisone", SINCE, words="5 mg, timing code BID", dose=[{
                **dosage(5, frequency=None)[0], "timing": {"code": {"coding": [{"system": TIMING, "code": "BID"}]}}}])),
            row(met(), took("prednisone", SINCE, words="5 mg with breakfast and dinner", dose=[{
                **dosage(5, frequency=None)[0], "timing": {"repeat": {"when": ["CM", "CV"]}}}])),
            row(unknown("imprecise"), took("prednisone", SINCE, words="5 mg once a day, with breakfast and dinner",
                dose=[{**dosage(5)[0], "timing": {"repeat": {"frequency": 1, "period": 1, "periodUnit": "d",
                                                             "when": ["CM", "CV"]}}}]), why="once, or at each"),
            row(met(), took("prednisone", SINCE, words="5 mg at 8 and at 20 o'clock", dose=[{
                **dosage(5)[0], "timing": {"repeat": {"frequency": 1, "period": 1, "periodUnit": "d",
                                                      "timeOfDay": ["08:00:00", "20:00:00"]}}}]),
                why="times of day are each day's"),
            row(unmet(), took("prednisone", SINCE, words="20 mg on Mondays, Wednesdays and Fridays", dose=[{
                **dosage(20)[0], "timing": {"repeat": {"frequency": 1, "period": 1, "periodUnit": "d",
                                                       "dayOfWeek": ["mon", "wed", "fri"]}}}]), why="60 mg a week"),
            row(unknown("imprecise"), took("prednisone", SINCE, words="5–15 mg once a day", dose=[{
                **dosage(None)[0], "doseAndRate": [{"doseRange": {"low": number(5, "mg"),
                    "high": number(15, "mg")}}]}]),
                why="a range of doses"),
            row(met(), ordered("prednisone", SINCE).but(
                "order of prednisone 10 mg once a day (active), 2025-12-01", dosageInstruction=dosage(10))),
        ),
        rule(
            "Milligrams per kilogram",
            "40 mg at 80 kg are 0.5 mg/kg.",
            daily_dose(exposure("glucocorticoid"), ">=", 0.5, "mg/kg/d"),
            row(met(), dosed("prednisone", 40, "40 mg once a day"), WEIGHT),
            row(unmet(), dosed("prednisone", 39, "39 mg once a day"), WEIGHT),
            row(met(), dosed("prednisone", 40, "40 mg once a day"), lab("weight", 80000, "g")),
            row(met(), dosed("prednisone", 0.5, "0.5 mg/kg once a day", unit="mg/kg"), why="no weight is needed"),
            row(unmet(), dosed("prednisone", 0.4, "0.4 mg/kg once a day", unit="mg/kg")),
            row(met(), dosed("prednisone", 250, "250 µg/kg twice a day", unit="ug/kg", frequency=2)),
            row(met(), dosed("prednisone", 40, "40 mg once a day"), lab("weight", 80, "kg", "2022-01-01"),
                why="the newest weight, whatever its age"),
            row(unmet(), dosed("prednisone", 40, "40 mg once a day"), lab("weight", 80, "kg", "2022-01-01"),
                lab("weight", 85, "kg", "2024-01-01")),
            row(unknown("unusable"), dosed("prednisone", 40, "40 mg once a day"), why="no weight"),
        ),
        rule(
            "Glucocorticoids as prednisone",
            "At least 40 mg of prednisone a day.",
            daily_dose(exposure("glucocorticoid"), ">=", 40, "mg/d"),
            row(met(), dosed("prednisolone", 40, "40 mg once a day")),
            row(met(), dosed("methylprednisolone", 32, "32 mg once a day"), why="× 1.25"),
            row(unmet(), dosed("methylprednisolone", 31, "31 mg once a day")),
            row(met(), dosed("hydrocortisone", 160, "160 mg once a day"), why="÷ 4"),
            row(unmet(), dosed("hydrocortisone", 159, "159 mg once a day")),
            row(met(), dosed("dexamethasone", 8, "8 mg once a day"), why="53 mg"),
            row(unmet(), dosed("dexamethasone", 5, "5 mg once a day"), why="33 mg"),
        ),
        rule(
            "Dexamethasone per kilogram",
            "8 mg at 70 kg are 0.76 mg of prednisone per kilogram, not 0.11.",
            daily_dose(exposure("glucocorticoid"), ">=", 0.7, "mg/kg/d"),
            row(met(), dosed("dexamethasone", 8, "8 mg once a day"), lab("weight", 70, "kg")),
            row(unmet(), dosed("dexamethasone", 7, "7 mg once a day"), lab("weight", 70, "kg"), why="0.67"),
        ),
        rule(
            "Other drugs as they are",
            "400 mg of hydroxychloroquine at 80 kg are 5 mg/kg.",
            daily_dose(exposure(HCQ), "<=", 5, "mg/kg/d"),
            row(met(), dosed(HCQ, 400, "400 mg once a day"), WEIGHT),
            row(unmet(), dosed(HCQ, 400, "400 mg once a day"), lab("weight", 79, "kg")),
        ),
        rule(
            "What is missing",
            "Without dose, unit or frequency nothing can be compared.",
            daily_dose(exposure("prednisone"), ">=", 10, "mg/d"),
            row(unknown("unusable"), took("prednisone", SINCE, dose=dosage(None, frequency=None),
                words="“as directed”")),
            row(unknown("unusable"), took("prednisone", SINCE), why="no dosage at all"),
            row(unknown("unusable"), took("prednisone", SINCE, dose=[{"text": "20 mg once a day"}],
                                          words="“20 mg once a day” in words only")),
            row(unknown("unusable"), dosed("prednisone", 20, "20 (no unit) once a day", unit=None)),
            row(unknown("unusable"), dosed("prednisone", 1, "1 {tablet} once a day", unit="{tablet}")),
            row(unknown("unusable"), dosed("prednisone", 20, "20 mg, no frequency", frequency=None)),
            row(met(), took("prednisone", SINCE, words="without a dose"), dosed("prednisone", 20, "20 mg once a day"),
                why="another exposure is enough"),
            row(unknown("unusable"), took("prednisone", SINCE, words="without a dose"),
                dosed("prednisone", 5, "5 mg once a day"),
                why="the other one is not"),
        ),
        rule(
            "Two orders side by side",
            "20 mg and 2.5 mg may be 22.5 mg, or one has replaced the other: decided where both readings decide alike. "
            "Of two kinds of record (an order and its statement) nothing is added up, nor of one after the other.",
            exclude(daily_dose(exposure("glucocorticoid"), ">", 20, "mg/d")),
            row(unknown("imprecise"), dosed("prednisone", 20, "20 mg once a day"),
                dosed("prednisone", 2.5, "2.5 mg once a day")),
            row(met(), dosed("prednisone", 15, "15 mg once a day"), dosed("prednisone", 5, "5 mg once a day")),
            row(unmet(), dosed("prednisone", 25, "25 mg once a day"), dosed("prednisone", 5, "5 mg once a day")),
            row(unknown("imprecise"), dosed("prednisone", 15, "15 mg once a day"),
                dosed("methylprednisolone", 8, "8 mg once a day"), why="15 and 10 mg of prednisone"),
            row(met(), dosed("prednisone", 20, "20 mg once a day"), ordered("prednisone", SINCE).but(
                "order of prednisone 20 mg once a day (active), 2025-12-01", dosageInstruction=dosage(20)),
                why="the order of what is taken"),
            row(met(), took("prednisone", "2025-06-01", "2025-09-01", dose=dosage(15), words="15 mg once a day"),
                took("prednisone", "2025-09-01", "2025-12-01", dose=dosage(15), words="15 mg once a day"),
                why="one after the other"),
        ),
        rule(
            "Two orders side by side, and a limit above",
            "At most 10 mg.",
            daily_dose(exposure("glucocorticoid"), "<=", 10, "mg/d"),
            row(unknown("imprecise"), dosed("prednisone", 7.5, "7.5 mg once a day"),
                dosed("prednisone", 5, "5 mg once a day")),
            row(met(), dosed("prednisone", 5, "5 mg once a day"), dosed("prednisone", 2.5, "2.5 mg once a day")),
        ),
        rule(
            "A dose for a time",
            "28 days at 1 mg/kg or more; what was taken at less does not count.",
            lasting(daily_dose(exposure("glucocorticoid"), ">=", 1, "mg/kg/d"), ">=", 28, "d"),
            row(met(), WEIGHT, took("prednisone", "2025-12-01", "2025-12-28", dose=dosage(80),
                words="80 mg once a day"),
                took("prednisone", "2025-12-29", dose=dosage(40), words="40 mg once a day")),
            row(unmet(), WEIGHT, took("prednisone", "2025-12-01", "2025-12-27", dose=dosage(80),
                words="80 mg once a day"),
                took("prednisone", "2025-12-28", dose=dosage(40), words="40 mg once a day")),
        ),
        rule(
            "Not systemic",
            "A cream, eye drops or a spray are no exposure in the sense of any criterion.",
            exposure("glucocorticoid"),
            row(met(), by_route("dexamethasone", "26643006", "mouth (SNOMED CT)")),
            row(unknown("no-record"), by_route("hydrocortisone", "6064005", "topical route (SNOMED CT)")),
            row(unknown("no-record"), by_route("dexamethasone", "54485002", "ophthalmic route (SNOMED CT)")),
            row(unknown("no-record"), by_route("dexamethasone", "46713006", "nasal route (SNOMED CT)")),
            row(unknown("no-record"), by_route("hydrocortisone", None, "topical")),
            row(unknown("no-record"), by_route("dexamethasone", None, "inhalation")),
            row(met(), by_route("dexamethasone", None, "mouth")),
        ),
        rule(
            "Not systemic, and excluded",
            "A cream does not exclude; it says nothing of tablets either.",
            exclude(exposure("glucocorticoid")),
            row(unknown("no-record"), by_route("hydrocortisone", "6064005", "topical route (SNOMED CT)")),
            row(unmet(), took("prednisone", SINCE)),
        ),
    ),
)

CHAPTER = Chapter(
    "Exposure to drugs",
    """
A criterion on `MedicationRequest` may ask how long, to how many drugs, and at what dose a patient was exposed. With
several of these, an exposure has to satisfy the dose to count for duration and number.
""",
    (DURATION, NUMBER, DOSE),
)
