"""Chapter 2: groups of criteria."""

from __future__ import annotations

from tests.spec.criteria import (
    all_of,
    any_of,
    at_least,
    at_most,
    cohort,
    diagnosis,
    exclude,
    gate,
    measured,
    quantity,
    times,
)
from tests.spec.model import (
    Chapter,
    Fact,
    Finding,
    Row,
    Section,
    Trial,
    met,
    row,
    rule,
    unknown,
    unmet,
)
from tests.spec.record import alt, ast, condition, lab

LOW_ALT, LOW_AST = measured("alt", times("<=", 3)), measured("ast", times("<=", 3))
HIGH_ALT, HIGH_AST = measured("alt", times(">", 3)), measured("ast", times(">", 3))
LOW_CREATININE, HIGH_CREATININE = measured("creatinine", times("<=", 2)), measured("creatinine", times(">", 2))
LVEF = measured("lvef", quantity(">=", 50, "%"))


def creatinine(multiple: float) -> Fact:
    """Creatinine at a multiple of its upper limit of 100 µmol/L."""
    return lab("creatinine", multiple * 100, "umol/L", high=100)


#: Facts that make the members of a group true (T), false (F) or leave them unknown (U).
LOW = ({"T": alt(40), "F": alt(200)}, {"T": ast(40), "F": ast(200)}, {"T": creatinine(1), "F": creatinine(5)})
HIGH = ({"T": alt(200), "F": alt(40)}, {"T": ast(200), "F": ast(40)}, {"T": creatinine(5), "F": creatinine(1)})


def table(members: tuple[dict[str, Fact], ...], **outcomes: str) -> tuple[Row, ...]:
    """Rows of a truth table: ``TFU="unknown"`` gives the truth of each member and the status of the group."""
    rows = []
    for truths, status in outcomes.items():
        facts = tuple(facts[truth] for facts, truth in zip(members, truths, strict=False) if truth != "U")
        rows.append(row({"1": Finding(status, None)}, *facts,
            why=f"members {', '.join(NAMES[each] for each in truths)}"))
    return tuple(rows)


NAMES = {"T": "true", "F": "false", "U": "unknown"}

GROUPS = Chapter(
    "Groups",
    """
A criterion may join others: `definitionByCombination` with a `code` and its members. Members may be groups. The
tables show that what is unknown decides nothing, and that it need not: where the known members settle the group, the
unknown ones do not matter.
""",
    (
        Section(
            "The four combinations",
            "",
            rules=(
                rule(
                    "all-of",
                    "True when every member is, false when one is false, unknown otherwise: the minimum of its "
                    "members.",
                    all_of(LOW_ALT, LOW_AST),
                    *table(LOW, TT="met", TF="unmet", TU="unknown", FT="unmet", FF="unmet", FU="unmet", UT="unknown",
                           UF="unmet", UU="unknown"),
                ),
                rule(
                    "any-of",
                    "True when one member is, false when all are false, unknown otherwise: the maximum of its members.",
                    any_of(LOW_ALT, LOW_AST),
                    *table(LOW, TT="met", TF="met", TU="met", FT="met", FF="unmet", FU="unknown", UT="met",
                        UF="unknown",
                           UU="unknown"),
                ),
                rule(
                    "at-least",
                    "With `threshold` k: the k-th largest of its members.",
                    at_least(2, LOW_ALT, LOW_AST, LOW_CREATININE),
                    *table(LOW, TTT="met", TTU="met", TTF="met", TUU="unknown", TUF="unknown", TFF="unmet",
                        UUU="unknown",
                           UUF="unknown", UFF="unmet", FFF="unmet"),
                ),
                rule(
                    "at-most",
                    "With `threshold` k: the negation of at-least k + 1.",
                    at_most(1, HIGH_ALT, HIGH_AST, HIGH_CREATININE),
                    *table(HIGH, FFF="met", FFU="met", FFT="met", FUU="unknown", FUT="unknown", FTT="unmet",
                        UUU="unknown",
                           UUT="unknown", UTT="unmet", TTT="unmet"),
                ),
                rule(
                    "at-most all of them",
                    "A threshold equal to the number of members is reached by everybody; the leaves are still looked "
                    "at.",
                    at_most(2, HIGH_ALT, HIGH_AST),
                    row({"1": met(None), "1.1": unmet(), "1.2": unmet()}, alt(200), ast(200)),
                    row({"1": met(None), "1.1": unknown("missing-data", blocking=False)}),
                ),
            ),
        ),
        Section(
            "exclude",
            "`exclude: true` negates any characteristic, leaf or group. An unknown stays unknown: that a test is "
            "missing never clears an exclusion.",
            rules=(
                rule(
                    "An excluded leaf",
                    "The exclusion applies where the statement is true.",
                    exclude(HIGH_ALT),
                    row(unmet(kind="exclusion"), alt(200)),
                    row(met(kind="exclusion"), alt(40)),
                    row(unknown("missing-data", kind="exclusion")),
                ),
                rule(
                    "An excluded group",
                    "The group is negated as a whole.",
                    exclude(all_of(HIGH_ALT, HIGH_AST)),
                    *table(HIGH, TT="unmet", TF="met", TU="unknown", FU="met", UU="unknown"),
                ),
            ),
        ),
        Section(
            "Cohorts",
            "A group with extension `cohort` (valueString: the `linkId` of a `comparisonGroup`) is a cohort of a "
            "basket trial and is reported on its own. Cohorts stand under one any-of. What verdict they get is in "
            "*Verdict, rank and score*.",
            rules=(
                rule(
                    "Two cohorts",
                    "One fitting cohort is enough for the trial.",
                    any_of(cohort("sle", all_of(gate(diagnosis("sle")))),
                        cohort("ra", all_of(gate(diagnosis("rheumatoid-arthritis"))))),
                    row({"1": met(None), "1.1": met(None), "1.2": unmet(None)}, condition("sle", "2020-01-01"),
                        trial=Trial("eligible", cohorts={"sle": "eligible", "ra": "ineligible"})),
                    row({"1": met(None)}, condition("sle", "2020-01-01"),
                        condition("rheumatoid arthritis", "2021-01-01"),
                        trial=Trial("eligible", cohorts={"sle": "eligible", "ra": "eligible"})),
                    row({"1": unmet(None)},
                        trial=Trial("ineligible", cohorts={"sle": "ineligible", "ra": "ineligible"})),
                    groups=({"linkId": "sle", "name": "SLE"}, {"linkId": "ra", "name": "RA"}),
                ),
            ),
        ),
    ),
)
