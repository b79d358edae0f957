"""Chapter 4, first part: age and sex."""

from __future__ import annotations

from tests.spec.criteria import LOINC, age, aged, anchored, coding, leaf, quantity, sex
from tests.spec.model import Section, met, row, rule, unknown, unmet
from tests.spec.record import patient

LEAP_BIRTH = patient("2008-02-29")

SECTION = Section(
    "Age and sex",
    """
Type LOINC 30525-0 is the age in completed years at the anchor (the as-of date, unless said), as a Quantity or Range
in `a`. Type LOINC 46098-0 is the administrative sex.
""",
    rules=(
        rule(
            "Age in a range",
            "Both ends are included, and years are completed years: somebody is 70 until the day before the 71st "
            "birthday.",
            aged(18, 70),
            row(met(), patient("2008-03-01"), why="18 today"),
            row(unmet(), patient("2008-03-02"), why="18 tomorrow"),
            row(met(), patient("1955-03-02"), why="71 tomorrow"),
            row(unmet(), patient("1955-03-01"), why="71 today"),
            row(unknown("missing-data"), patient(None, "female"), why="no birth date on record"),
        ),
        rule(
            "Age at least",
            "The comparator is applied to the completed years.",
            age(">=", 18),
            row(met(), patient("2008-03-01")),
            row(unmet(), patient("2008-03-02")),
        ),
        rule(
            "Age above",
            "Eighteen and a half is eighteen completed years, which is not above eighteen.",
            age(">", 18),
            row(unmet(), patient("2007-09-01")),
            row(unmet(), patient("2007-03-02"), why="19 tomorrow"),
            row(met(), patient("2007-03-01"), why="19 today"),
        ),
        rule(
            "Age below",
            "And so sixty-four is below sixty-five to its last day.",
            age("<", 65),
            row(met(), patient("1961-03-02"), why="65 tomorrow"),
            row(unmet(), patient("1961-03-01"), why="65 today"),
        ),
        rule(
            "Age at most",
            "An upper limit lasts as long as the year does.",
            age("<=", 65),
            row(met(), patient("1960-03-02"), why="66 tomorrow"),
            row(unmet(), patient("1960-03-01"), why="66 today"),
        ),
        rule(
            "An open range",
            "A Range may lack one of its ends.",
            aged(None, 65),
            row(met(), patient("1990-01-01")),
            row(unmet(), patient("1950-01-01")),
        ),
        rule(
            "Exactly that age",
            "A Quantity without a comparator means equal.",
            leaf(coding(LOINC, "30525-0"), quantity("=", 18, "a")),
            row(met(), patient("2007-06-01"), why="18 for nine months"),
            row(unmet(), patient("2006-06-01")),
        ),
        rule(
            "Born on 29 February",
            "In a common year such a person completes a year on 1 March; a setting moves that to 28 February.",
            age(">=", 18),
            row(unmet(), LEAP_BIRTH, as_of="2026-02-28"),
            row(met(), LEAP_BIRTH, as_of="2026-03-01"),
            row(met(), LEAP_BIRTH, as_of="2026-02-28", settings={"leap_birthday": "02-28"}),
            row(unmet(), LEAP_BIRTH, as_of="2026-02-27", settings={"leap_birthday": "02-28"}),
        ),
        rule(
            "Born on 29 February, in a leap year",
            "There the birthday is the birthday.",
            age(">=", 20),
            row(unmet(), LEAP_BIRTH, as_of="2028-02-28"),
            row(met(), LEAP_BIRTH, as_of="2028-02-29"),
        ),
        rule(
            "A partial birth date",
            "Decided where every day that the date could mean decides alike.",
            aged(18, 65),
            row(met(), patient("1980"), why="45 or 46"),
            row(unknown("imprecise"), patient("1960"), why="65 or 66"),
            row(unmet(), patient("1959"), why="66 or 67"),
            row(met(), patient("2008-02"), why="18 since February"),
            row(unknown("imprecise"), patient("2008-03"), why="18 only if born on the first"),
            row(unmet(), patient("2008-04")),
        ),
        rule(
            "Age at enrolment",
            "With an anchor the age is that of the anchor's day.",
            anchored(age(">=", 18), "enrolment"),
            row(unmet(), patient("2008-03-10"), why="enrolment equals screening unless given"),
            row(met(), patient("2008-03-10"), enrolment="2026-03-10"),
            row(unmet(), patient("2008-03-10"), enrolment="2026-03-09"),
        ),
        rule(
            "Age at infusion",
            "A planned infusion has no date unless one is given.",
            anchored(age("<=", 65), "infusion"),
            row(unknown("anchor-unknown"), patient("1990-01-01")),
            row(met(), patient("1960-03-11"), infusion="2026-03-10"),
            row(unmet(), patient("1960-03-10"), infusion="2026-03-10"),
        ),
        rule(
            "Sex",
            "As the record's `gender` has it. `unknown` is no answer.",
            sex("female"),
            row(met(), patient("1990-01-01", "female")),
            row(unmet(), patient("1990-01-01", "male")),
            row(unknown("missing-data"), patient("1990-01-01", "unknown")),
            row(unknown("unusable"), patient("1990-01-01", "other"), why="neither of the two that criteria know"),
            row(unknown("missing-data"), patient("1990-01-01")),
        ),
    ),
)
