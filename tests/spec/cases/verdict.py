"""Chapter 9: verdicts, cohorts, scores and the order of trials."""

from __future__ import annotations

from tests.spec.cases.outlook import OUTLOOK
from tests.spec.criteria import (
    age,
    all_of,
    any_of,
    cohort,
    diagnosis,
    exclude,
    exposure,
    gate,
    judgement,
    measured,
    open_list,
    procedure,
    quantity,
    text_only,
    times,
    within,
)
from tests.spec.model import Chapter, Section, Trial, markdown_table, met, row, rule, unknown, unmet
from tests.spec.record import alt, condition, lab, patient, score, took

LOW_ALT = measured("alt", times("<=", 3))
LVEF = measured("lvef", quantity(">=", 50, "%"))
LUPUS = cohort("sle", all_of(gate(diagnosis("sle")), measured("sledai-2k", quantity(">=", 8, "{score}"))))
ARTHRITIS = cohort("ra", all_of(gate(diagnosis("rheumatoid-arthritis")),
    judgement("classification", "rheumatoid-arthritis")))
GROUPS = ({"linkId": "sle", "name": "SLE"}, {"linkId": "ra", "name": "Rheumatoid arthritis"})
ADULT, CHILD = patient("1980-01-01"), patient("2015-01-01")
BOTH = (condition("sle", "2020-01-01"), condition("rheumatoid arthritis", "2021-01-01"))
LIKELY, POSSIBLE = (0.75, 0.99), (0.01, 0.74)

VERDICTS = Section(
    "The verdict",
    markdown_table(
        ("verdict", "when", "score"),
        ("`eligible`", "everything is met", "1.0"),
        (
            "`likely`",
            "the trial is unknown, and every blocking leaf is `judgement`, `no-record`, `open-list`, `not-computable` "
            "or `anchor-unknown`: a person can settle it",
            "0.75–0.99",
        ),
        (
            "`possible`",
            "the trial is unknown, and data that block are missing, stale, imprecise, unusable, provisional or failed",
            "0.01–0.74",
        ),
        (
            "`ineligible`",
            "the trial is unmet; in a basket trial, no cohort is left or a common criterion is unmet",
            "0",
        ),
        ("`undetermined`", "the study has no criteria", "none"),
    ),
    rules=(
        rule(
            "Eligible",
            "Everything is met, or not applicable; what is masked does not count.",
            (age(">=", 18), any_of(LOW_ALT, LVEF)),
            row(Trial("eligible", (1, 1), missing=()), ADULT, alt(40), why="LVEF is not needed"),
            row(Trial("ineligible", (0, 0)), CHILD, alt(40)),
            row(Trial("possible", POSSIBLE), ADULT),
        ),
        rule(
            "Likely: a judgement",
            "Only a person's answer is missing.",
            (age(">=", 18), judgement("consent")),
            row(Trial("likely", LIKELY, missing=("2",)), ADULT),
        ),
        rule(
            "Likely: silence",
            "A coordinator can ask the patient.",
            (age(">=", 18), exclude(diagnosis("stroke"))),
            row(Trial("likely", LIKELY), ADULT),
        ),
        rule(
            "Likely: an open list",
            "What else was taken?",
            (age(">=", 18), open_list(exposure("biologic"))),
            row(Trial("likely", LIKELY), ADULT, took("belimumab", None, status="not-taken")),
        ),
        rule(
            "Likely: printed text",
            "Somebody has to read it.",
            (age(">=", 18), text_only("Willing to use contraception")),
            row(Trial("likely", LIKELY), ADULT),
        ),
        rule(
            "Likely: a planned date",
            "Once the infusion is planned it can be answered.",
            (age(">=", 18), exclude(within(procedure("coronary-revascularisation"), -30, 0, "d", "infusion"))),
            row(Trial("likely", LIKELY), ADULT),
        ),
        rule(
            "Possible: each kind of data gap",
            "Missing, stale, unusable, provisional, imprecise.",
            LOW_ALT,
            row(Trial("possible", POSSIBLE), why="missing"),
            row(Trial("possible", POSSIBLE), alt(40, "2025-06-01"), why="stale"),
            row(Trial("possible", POSSIBLE), alt(40, high=None), why="unusable"),
            row(Trial("possible", POSSIBLE), alt(40).but("{}, preliminary", status="preliminary"), why="provisional"),
            row(Trial("possible", POSSIBLE), alt(40, None), why="imprecise"),
        ),
        rule(
            "Possible: a source that failed",
            "That is a gap as well.",
            exclude(diagnosis("stroke")),
            row(Trial("possible", POSSIBLE), failed=("Condition",)),
        ),
        rule(
            "Possible: one data gap among confirmations",
            "One is enough.",
            (judgement("consent"), LOW_ALT, exclude(diagnosis("stroke"))),
            row(Trial("possible", POSSIBLE, missing=("1", "2", "3"), counts={"blocking": 3})),
            row(Trial("likely", LIKELY, missing=("1", "3")), alt(40)),
        ),
        rule(
            "A gap that does not block",
            "Masked data do not make a trial less likely.",
            (judgement("consent"), any_of(LOW_ALT, LVEF)),
            row(Trial("likely", LIKELY, missing=("1",)), alt(40)),
        ),
        rule(
            "Ineligible",
            "One unmet criterion of the top level, and all unmet ones are listed.",
            (LOW_ALT, LVEF, judgement("consent")),
            row(Trial("ineligible", (0, 0), missing=(), unmet=("1", "2"),
                      counts={"met": 0, "unmet": 2, "unknown": 1, "blocking": 0}), alt(200), lab("lvef", 45, "%")),
        ),
        rule(
            "Unmet, and not decisive",
            "An unmet leaf under a group that is met is listed too.",
            any_of(LOW_ALT, LVEF),
            row(Trial("eligible", (1, 1), unmet=("1.1",), missing=()), alt(200), lab("lvef", 55, "%")),
        ),
        rule(
            "The dead",
            "A deceased patient is ineligible everywhere.",
            age(">=", 18),
            row({"1": met()}, ADULT, trial=Trial("eligible", (1, 1))),
            row(Trial("ineligible", (0, 0)), patient("1980-01-01", None, deceasedDateTime="2025-12-01")),
            row(Trial("ineligible", (0, 0)), patient("1980-01-01", None, deceasedBoolean=True)),
            row(Trial("eligible", (1, 1)), patient("1980-01-01", None, deceasedBoolean=False)),
            row(Trial("eligible", (1, 1)), patient("1980-01-01", None, deceasedDateTime="2026-03-02"),
                why="nothing dated after the as-of date counts"),
        ),
    ),
)

COHORTS = Section(
    "Verdicts of cohorts",
    """
A cohort's own verdict includes the common criteria. The trial's verdict is that of its best cohort.
""",
    rules=(
        rule(
            "The best cohort",
            "Lupus with a score, arthritis with a classification to be confirmed.",
            (age(">=", 18), any_of(LUPUS, ARTHRITIS)),
            row(Trial("eligible", cohorts={"sle": "eligible", "ra": "ineligible"}), ADULT, BOTH[0],
                score("sledai-2k", 9)),
            row(Trial("likely", LIKELY, cohorts={"sle": "ineligible", "ra": "likely"}), ADULT, *BOTH,
                score("sledai-2k", 4),
                why="out as lupus, but not as arthritis"),
            row(Trial("likely", LIKELY, cohorts={"sle": "possible", "ra": "likely"}), ADULT, *BOTH,
                why="the gap of one cohort does not spoil the other"),
            row(Trial("possible", POSSIBLE, cohorts={"sle": "possible", "ra": "ineligible"}), ADULT, BOTH[0]),
            row(Trial("eligible", (1, 1), cohorts={"sle": "eligible", "ra": "likely"}), ADULT, *BOTH,
                score("sledai-2k", 9)),
            row(Trial("ineligible", (0, 0), cohorts={"sle": "ineligible", "ra": "ineligible"}), ADULT,
                why="no cohort is left"),
            row(Trial("ineligible", (0, 0), cohorts={"sle": "ineligible", "ra": "ineligible"}), CHILD, *BOTH,
                score("sledai-2k", 9), why="a common criterion is unmet"),
            groups=GROUPS,
        ),
        rule(
            "Common gaps",
            "A gap in a common criterion is one of every cohort.",
            (LOW_ALT, any_of(LUPUS, ARTHRITIS)),
            row(Trial("possible", POSSIBLE, cohorts={"sle": "possible", "ra": "possible"}), *BOTH,
                score("sledai-2k", 9)),
            row(Trial("possible", POSSIBLE, cohorts={"sle": "possible", "ra": "ineligible"}), BOTH[0],
                score("sledai-2k", 9)),
            row({"1": met(), "2.1": met(None), "2.2": unmet(None)}, alt(40), BOTH[0], score("sledai-2k", 9),
                trial=Trial("eligible", cohorts={"sle": "eligible", "ra": "ineligible"})),
            groups=GROUPS,
        ),
        rule(
            "Cohorts and the missing list",
            "A cohort that is out does not ask for anything.",
            any_of(LUPUS, ARTHRITIS),
            row({"1.1.2": unknown("missing-data", blocking=True), "1.2.1": unmet("no-record"),
                 "1.2.2": unknown("judgement", blocking=False)}, BOTH[0], trial=Trial("possible", missing=("1.1.2",))),
            groups=GROUPS,
        ),
    ),
)

CHAPTER = Chapter(
    "Verdict, rank and score",
    """
Trials are listed by verdict, then by fewer blocking data gaps, then by fewer confirmations that a person can give,
then by more criteria met, then by study identifier. The order is total and stable, the score follows it, and the
answer says in words why one trial stands before another.
""",
    (VERDICTS, COHORTS, OUTLOOK),
)
