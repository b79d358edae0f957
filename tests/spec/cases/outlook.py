"""The last part of chapter 9: from which day a study may no longer rule a patient out."""

from __future__ import annotations

from tests.spec.criteria import (
    age,
    aged,
    any_of,
    at_least,
    diagnosis,
    exclude,
    exposure,
    gate,
    immunization,
    judgement,
    lasting,
    measured,
    method,
    sex,
    times,
    when,
    within,
)
from tests.spec.model import Section, Trial, row, rule
from tests.spec.record import alt, condition, given, patient, took, vaccinated

WASHOUT = exclude(within(exposure("belimumab"), -6, 0, "mo"))
VACCINE = exclude(within(immunization("live-vaccine"), -4, 0, "wk"))
ADULT = age(">=", 18)

INFUSED = given("belimumab", "2026-01-10")
VACCINATED = vaccinated("mmr", "2026-02-20")
GIRL = patient("2008-05-20", "female")

OUTLOOK = Section(
    "When a trial may open",
    """
Of a trial that rules a patient out, the answer says from which day it may no longer do so, if nothing happens but that
time passes (`mayQualifyFrom`): the first day within two years on which what is on record today, judged as of that day,
leaves another verdict than `ineligible`, at least to the end of the week (counted from today) in which that day lies.
Nothing is foretold: what has no end goes on, a planned end is believed, and whatever is dated after today is not known
yet.
""",
    rules=(
        rule(
            "A washout ends",
            "On the first day on which the last dose lies outside the window.",
            WASHOUT,
            row(Trial("ineligible", opens="2026-07-11"), INFUSED, why="on 10 July six months back is the day itself"),
            row(Trial("ineligible", opens="2026-07-11"), INFUSED, given("belimumab", "2026-05-01"),
                why="nobody knows today of a dose in May"),
            row(Trial("ineligible", opens=None), took("belimumab", "2026-01-10"), why="it goes on"),
            row(Trial("eligible", opens=None), given("belimumab", "2025-01-10")),
        ),
        rule(
            "A planned end",
            "An end to come is part of the record; without one nobody knows.",
            exclude(within(exposure("methotrexate"), -4, 0, "wk")),
            row(Trial("ineligible", opens="2026-05-09"), took("methotrexate", "2025-01-01", "2026-04-10", "active"),
                why="8 May is the 28th day after it"),
        ),
        rule(
            "Several reasons",
            "The last of them counts.",
            (WASHOUT, VACCINE),
            row(Trial("ineligible", opens="2026-03-21"), VACCINATED, given("belimumab", "2025-01-10")),
            row(Trial("ineligible", opens="2026-07-11"), VACCINATED, INFUSED),
        ),
        rule(
            "Alternatives",
            "The first of them that is enough counts.",
            any_of(ADULT, WASHOUT),
            row(Trial("ineligible", opens="2026-05-20"), GIRL, INFUSED),
        ),
        rule(
            "A number of alternatives",
            "As many as are asked for.",
            at_least(2, ADULT, WASHOUT, VACCINE),
            row(Trial("ineligible", opens="2026-05-20"), GIRL, INFUSED, VACCINATED, why="the vaccine on 21 March, age"),
        ),
        rule(
            "A birthday",
            "The one that is to come; nobody grows younger.",
            aged(18, 65),
            row(Trial("ineligible", opens="2026-05-20"), GIRL),
            row(Trial("ineligible", opens=None), patient("1960-01-01")),
        ),
        rule(
            "An event becomes old enough",
            "On the first day on which it lies inside the window.",
            method(when(diagnosis("sle"), "<=", -6, "mo"), "onset"),
            row(Trial("ineligible", opens="2026-07-15"), condition("sle", "2026-01-15")),
        ),
        rule(
            "Treatment that goes on",
            "It grows longer by a day a day.",
            lasting(exposure("hydroxychloroquine"), ">=", 12, "wk"),
            row(Trial("ineligible", opens="2026-04-03"), took("hydroxychloroquine", "2026-01-10"),
                why="22 days of January, 28, 31 and 3 are 84"),
            row(Trial("ineligible", opens=None), took("hydroxychloroquine", "2026-01-10", "2026-02-15")),
        ),
        rule(
            "A result that rules out",
            "Until it is too old to count; a new one may decide sooner.",
            measured("alt", times("<=", 3)),
            row(Trial("ineligible", opens="2026-05-22"), alt(200), why="of 20 February, and valid for 90 days"),
        ),
        rule(
            "What closes meanwhile",
            "All criteria are judged as of that day.",
            (WASHOUT, aged(18, 65)),
            row(Trial("ineligible", opens="2026-07-11"), INFUSED, patient("1960-08-01")),
            row(Trial("ineligible", opens=None), INFUSED, patient("1960-06-01"), why="sixty-six before it is over"),
        ),
        rule(
            "Windows around a day that is fixed",
            "They do not move with the day of screening.",
            exclude(within(exposure("belimumab"), -6, 0, "mo", "infusion")),
            row(Trial("ineligible", opens=None), INFUSED, infusion="2026-03-10"),
        ),
        rule(
            "Answers that run out",
            "They are asked for again.",
            (WASHOUT, judgement("consent")),
            row(Trial("ineligible", opens="2026-07-11"), INFUSED, attestations=[
                {"judgement": "consent", "answer": "met", "by": "Dr A", "at": "2026-02-01", "until": "2026-06-30"}]),
        ),
        rule(
            "What time does not change",
            "One such reason is enough: sex, silence, what must never have been.",
            (sex("male"), gate(diagnosis("sle")), exclude(diagnosis("stroke-any")), WASHOUT),
            row(Trial("ineligible", opens=None), patient("1980-01-01", "female"), condition("sle"), INFUSED),
            row(Trial("ineligible", opens=None), patient("1980-01-01", "male"), INFUSED),
            row(Trial("ineligible", opens=None), patient("1980-01-01", "male"), condition("sle"),
                condition("stroke", "2010-01-01"), INFUSED),
        ),
    ),
)
