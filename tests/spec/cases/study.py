"""Chapter 1: how a trial is written, and what is refused."""

from __future__ import annotations

from tests.spec.cases.faults import FAULTS, LENIENT
from tests.spec.criteria import (
    BASE,
    age,
    any_of,
    around,
    block,
    diagnosis,
    exclude,
    judgement,
    measured,
    named,
    procedure,
    quantity,
    text_only,
    times,
)
from tests.spec.model import Chapter, Section, Trial, met, row, rule, unknown, unmet
from tests.spec.record import alt, ast, condition, lab, patient, performed

LIVER = block(
    "liver",
    {"description": "ALT ≤ 3 × ULN", **named("a", measured("alt", times("<=", 3)))},
    {"description": "AST ≤ 3 × ULN", **named("b", measured("ast", times("<=", 3)))},
)
OUTER = block(
    "outer",
    {"description": "Liver", **named("x", {"definitionCanonical": LIVER["url"]})},
    {"description": "Adult", **named("y", age(">=", 18))},
)
AFTER_SURGERY = block(
    "after-surgery",
    {"description": "Bypass", **named("a", procedure("coronary-revascularisation"))},
    {"description": "LVEF within three months after it",
     **named("b", around(measured("lvef", quantity(">=", 50, "%")), "a", 0, 3, "mo"))},
    {"description": "As a", **named("c", {"definitionId": "a"})},
)
TAKES_IN = {"definitionCanonical": LIVER["url"]}
NO_EXCLUSIONS = ({"url": f"{BASE}/StructureDefinition/exclusions-not-in-record", "valueBoolean": True},)

RESOURCES = Section(
    "What a study holds",
    """
A study is an R5 `ResearchStudy`: `identifier` (the NCT number where there is one), `title`, `status`, its recruitment
state in `progressStatus`, `phase`, `condition`, `site`, and one `comparisonGroup` (`linkId`, `name`) for each cohort
of a basket trial. `recruitment.eligibility` refers to one `EvidenceVariable`, whose `characteristic` list is the
criteria. Every canonical of this page starts with `https://trialmatch.example.org/fhir` (written `{base}`).

Each characteristic has a `linkId`, which is the printed number of the criterion (`I6.2`, `E13`, `1.9`), and a
`description`, which is its printed text. It has one `definition…` element, or none. The extensions of this page sit on
the characteristic; the exceptions are named.
""",
    rules=(
        rule(
            "No criteria, no verdict",
            "Where the record prints no eligibility, `recruitment.eligibility` is left out and a note on the study "
            "says so. Such a study is `undetermined` for everybody and has no score; only the dead are `ineligible` "
            "there too.",
            (),
            row(Trial("undetermined", no_score=True), condition("sle", "2020-01-01"),
                why="no criteria is not the same as no objections"),
            row(Trial("undetermined", no_score=True), why="an empty record changes nothing"),
            row(Trial("ineligible", (0, 0)), patient("1980-01-01", "female", deceasedDateTime="2025-12-01"),
                why="a deceased patient is a candidate nowhere"),
        ),
        rule(
            "Exclusions that the record does not print",
            "`exclusions-not-in-record` on the EvidenceVariable says that the record printed inclusions only. Nobody "
            "is then better than `likely`: what would exclude the patient is not known to anybody yet.",
            age(">=", 18),
            row({"1": met()}, patient("1980-01-01"), trial=Trial("likely", (0.75, 0.99))),
            row({"1": unmet()}, patient("2010-01-01"), trial=Trial("ineligible", (0, 0)),
                why="what is printed still counts"),
            eligibility_extension=NO_EXCLUSIONS,
        ),
        rule(
            "The top level is all-of",
            "A patient has to fulfil every characteristic of the list.",
            (age(">=", 18), measured("alt", times("<=", 3))),
            row({"1": met(), "2": met()}, patient("1980-01-01"), alt(40), trial=Trial("eligible", (1, 1))),
            row({"1": met(), "2": unmet()}, patient("1980-01-01"), alt(200), trial=Trial("ineligible", (0, 0))),
            row({"1": met(), "2": unknown("missing-data")}, patient("1980-01-01"),
                trial=Trial("possible", (0.01, 0.74))),
        ),
        rule(
            "A criterion without a definition",
            "A characteristic that only carries its printed text is `not-computable`: it waits for a person, and "
            "never counts as fulfilled.",
            text_only("Able to comply with the visit schedule"),
            row(unknown("not-computable", blocking=True), trial=Trial("likely", (0.75, 0.99), missing=("1",))),
        ),
    ),
)

SHARING = Section(
    "Blocks, and criteria that name one another",
    """
Criteria that several trials share are written once, as an EvidenceVariable of their own, and taken in by
`definitionCanonical` or `definitionReference`. Within one EvidenceVariable, `definitionId` names another
characteristic by its `linkId`.
""",
    rules=(
        rule(
            "A shared block",
            "The characteristics of the block stand as all-of members under the one that takes them in. Their "
            "`linkId`s get its own as a prefix: `1` takes in `a` and `b` as `1.a` and `1.b`.",
            TAKES_IN,
            row({"1": met(None), "1.a": met(), "1.b": met()}, alt(40), ast(40)),
            row({"1": unmet(None), "1.a": met(), "1.b": unmet()}, alt(40), ast(200)),
            row({"1": unknown(None), "1.a": met(), "1.b": unknown("missing-data")}, alt(40)),
            blocks=(LIVER,),
        ),
        rule(
            "A shared block by reference",
            "`definitionReference` does the same, and the block may stand deeper in the tree.",
            any_of({"definitionReference": {"reference": "EvidenceVariable/liver"}},
                   judgement("attribution", "inflammatory-myopathy")),
            row({"1": met(None), "1.1": met(None), "1.1.a": met(), "1.1.b": met()}, alt(40), ast(40)),
            row({"1": unknown(None), "1.1": unmet(None), "1.1.a": met(), "1.1.b": unmet(), "1.2": unknown("judgement")},
                alt(40), ast(200)),
            blocks=(LIVER,),
        ),
        rule(
            "A block in a block",
            "Prefixes add up. A block may be taken in twice; its items are then told apart by their prefix.",
            ({"definitionCanonical": OUTER["url"]}, {"definitionCanonical": LIVER["url"]}),
            row({"1": met(None), "1.x": met(None), "1.x.a": met(), "1.x.b": met(), "1.y": met(), "2.a": met(),
                 "2.b": met()}, alt(40), ast(40), patient("1980-01-01")),
            row({"1": unmet(None), "1.x": unmet(None), "1.x.a": unmet(), "1.x.b": met(), "2.a": unmet()}, alt(200),
                ast(40)),
            blocks=(LIVER, OUTER),
        ),
        rule(
            "Names inside a block",
            "`definitionId` and `eventId` name a `linkId` as it stands in the block, without the prefix.",
            {"definitionCanonical": AFTER_SURGERY["url"]},
            row({"1.a": met(), "1.b": met(), "1.c": met()}, performed("cabg", "2025-10-01"),
                lab("lvef", 55, "%", "2025-12-01")),
            row({"1.a": met(), "1.b": unmet(), "1.c": met()}, performed("cabg", "2025-10-01"),
                lab("lvef", 45, "%", "2025-12-01")),
            row({"1.a": unknown("no-record"), "1.b": unknown("anchor-unknown")}, lab("lvef", 55, "%", "2025-12-01")),
            row({"1.a": unknown("no-record"), "1.b": unknown("missing-data"), "1.c": unknown("no-record")}),
            blocks=(AFTER_SURGERY,),
        ),
        rule(
            "An excluded block",
            "`exclude` on the characteristic that takes a block in negates the block as a whole.",
            exclude(TAKES_IN),
            row({"1": unmet(None)}, alt(40), ast(40), why="both members hold, so the exclusion applies"),
            row({"1": met(None)}, alt(40), ast(200)),
            blocks=(LIVER,),
        ),
        rule(
            "Naming another characteristic",
            "`definitionId` stands for the characteristic with that `linkId`: its truth, after its own `exclude`, is "
            "the truth here.",
            (
                exclude(measured("alt", times(">", 3))),
                {"definitionId": "1"},
                any_of({"definitionId": "1"}, diagnosis("inflammatory-myopathy")),
            ),
            row({"1": met(), "2": met(), "3": met(None)}, alt(40)),
            row({"1": unmet(), "2": unmet(), "3": met(None)}, alt(200), condition("dermatomyositis", "2020-01-01")),
            row({"1": unknown("missing-data"), "2": unknown("missing-data"), "3": unknown(None)}),
        ),
    ),
)

CHAPTER = Chapter(
    "A study",
    "How a trial is written down, and what makes a study one that can be trusted.",
    (
        RESOURCES,
        SHARING,
        Section(
            "Faults",
            """
A study that can be read in two ways is not read at all. Every fault of a study is reported, not only the first: one
line each, with the file, the path of the element, what was found there and what is allowed. A validator of FHIR
shapes alone lets several of these pass. A study without any gate (see *What absence means*) is accepted, with a
warning: it would list every patient. A file may be 10 MB, and characteristics may nest 64 deep (settings); more is a
fault.
""",
            faults=FAULTS,
        ),
        Section(
            "Lenient reading",
            """
`--lenient` takes in studies that were written elsewhere. Missing `linkId`s are made up, other names of the same thing
are accepted (`http://hl7.org/fhir/resource-types` for the resource types, SNOMED CT 397669002 for age), and a
characteristic that still cannot be read becomes `not-computable`, with a warning. What is ambiguous stays refused:
two definitions, an unknown combination, a threshold fault, a repeated `linkId`, a cycle, a `modifierExtension`.
`match` and `prescreen` take the same option.
""",
            faults=LENIENT,
        ),
    ),
)
