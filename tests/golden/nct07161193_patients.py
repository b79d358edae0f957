"""Who the golden patients of NCT07161193 are: their records, their stories, and how they differ from one who fits."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from tests.situations.autoimmune import (
    ALT,
    CCP,
    HBV_DNA,
    HCG,
    HIV,
    METHOTREXATE,
    MPO,
    PR3,
    PREDNISONE,
    QTC,
    RITUXIMAB,
    URINALYSIS,
    bilag,
    but,
    fits,
    man,
    titre,
    treated,
    without,
    woman,
)
from tests.situations.builders import (
    SCORES,
    SNOMED,
    Json,
    concept,
    condition,
    icd,
    measured,
    observation,
    patient,
    resulted,
    score,
    stated,
)

STALE, MISSING, UNUSABLE = "unknown:stale", "unknown:missing-data", "unknown:unusable"
SILENT = "met:no-record"
IMPRECISE, PROVISIONAL = "unknown:imprecise", "unknown:provisional"
MET, UNMET = "met:evidence", "unmet:evidence"
BODY_WEIGHT, BLINATUMOMAB = "29463-7", "1597258"


@dataclass(frozen=True)
class Golden:
    """A patient: for which cohort, with which outcome, and where the leaves differ from those of one who fits."""

    cohort: str
    outcome: str
    title: str
    story: str
    facts: list[Json]
    person: str = "woman"
    differs: Mapping[str, str] = field(default_factory=dict)


FITS = """What is left is what a person has to say (consent, prognosis, contraception, classification, the
answer to the treatment before, the investigator's opinion) and what silence does not prove (no tuberculosis,
no epilepsy or stroke, no heart disease, no infection, no immunodeficiency, no CD19-directed or gene therapy
on record). Nothing that could be measured is missing. The other six cohorts are closed: none of their
diseases is on record."""

LIKELY = (
    Golden(
        "SLE",
        "likely",
        "Likely: lupus, active by every score",
        f"""A woman of 39 with lupus since 2019, SELENA-SLEDAI 12, PGA 2, and BILAG B in two organ systems:
no A is needed then. She has taken hydroxychloroquine for two years and mycophenolate for seven months. The
whole work-up was done within 28 days; what it showed does not matter.

{FITS}""",
        fits("SLE"),
    ),
    Golden(
        "IIM",
        "likely",
        "Likely: dermatomyositis",
        f"""A man of 45 with dermatomyositis since 2021, treated with prednisone and methotrexate for seven
months. No pregnancy test is on record, and none concerns him.

{FITS}""",
        fits("IIM", man()),
        "man",
    ),
    Golden(
        "SSc",
        "likely",
        "Likely: systemic sclerosis with interstitial lung disease",
        f"""A woman of 39 with systemic sclerosis since 2020 and interstitial lung disease since 2021,
treated with mycophenolate. The record asks for the criteria of 2013 in one row and is content with those of
1980 in another: the person who confirms 2013 answers both.

{FITS}""",
        fits("SSc"),
    ),
    Golden(
        "Pemphigus",
        "likely",
        "Likely: pemphigus vulgaris, severe",
        f"""A man of 45 with pemphigus vulgaris since 2022, PDAI 24 and anti-desmoglein 3 positive: that is
the one immunodiagnostic criterion, so neither the biopsy nor the other two tests are asked for. What is seen
on his skin a person says.

{FITS}""",
        fits("Pemphigus", man()),
        "man",
    ),
    Golden(
        "Psoriasis",
        "likely",
        "Likely: plaque psoriasis, in a woman past childbearing",
        f"""A woman of 62 with plaque psoriasis since 2012: 18 % of the skin, PASI 16, sPGA 3 (exactly the
limit), seven months of methotrexate. At her age neither a pregnancy test nor breastfeeding concerns her.

{FITS}""",
        fits("Psoriasis", [patient("female", "1963-06-01")]),
        "older woman",
        {"E2.2.a.2.2": MISSING},
    ),
    Golden(
        "RA",
        "likely",
        "Likely: rheumatoid arthritis with the whole work-up",
        f"""A woman of 39 with seropositive arthritis since 2015, treated with methotrexate; ESR, CRP,
rheumatoid factor, ANA and anti-CCP were tested this month, and hands and feet radiographed in January.

{FITS}""",
        fits("RA"),
    ),
    Golden(
        "AAV",
        "likely",
        "Likely: granulomatosis with polyangiitis, PR3 positive",
        f"""A man of 45 with granulomatosis with polyangiitis and renal involvement since 2022, PR3
positive, MPO negative, treated with cyclophosphamide and prednisone. Whether a biopsy or his symptoms fulfil
the row, and whether he is active in spite of maintenance treatment, a person says.

{FITS}""",
        fits("AAV", man()),
        "man",
    ),
)

POSSIBLE = (
    Golden(
        "SLE",
        "possible",
        "Possible: lupus without a BILAG, an ANA of 29 days ago, an ALT without a range",
        """The woman of `SLE-likely`, but nobody has filled in the BILAG, her ANA is one day too old for
the screening work-up, and the ALT came without a reference range, so that no multiple can be taken of it. All
three can be had; none speaks against her.""",
        but(
            without(fits("SLE"), "bilag2004"),
            titre("1:640", "2026-01-31"),
            measured(ALT, 22, "U/L"),
        ),
        differs={
            **{"1.9.c1": MISSING, "1.9.c2": MISSING},
            **{"1.7.a.c": STALE, "3.8.a.c": STALE, "6.7.d": STALE},
            "E13.a": UNUSABLE,
        },
    ),
    Golden(
        "IIM",
        "possible",
        "Possible: dermatomyositis, an old pregnancy test, no HBV DNA",
        """A woman of 39 with dermatomyositis as in `IIM-likely`. Her pregnancy test is 91 days old, so it
has to be repeated; HBV DNA was never tested, and HBsAg alone does not clear an active infection here.""",
        but(without(fits("IIM", woman()), HBV_DNA), resulted(HCG, "negative", "2025-11-30")),
        differs={
            **{f"{number}.4.b.2": STALE for number in range(1, 8)},
            # of those 90 days there is none: nothing speaks for a pregnancy
            **{f"{number}.4.b.1.a.3.b.2": SILENT for number in range(1, 8)},
            **{"E2.2.a.1.a.3.b.2": SILENT, "E2.2.a.2.2": STALE},
            "E7.c": MISSING,
        },
    ),
    Golden(
        "SSc",
        "possible",
        "Possible: systemic sclerosis, no urinalysis, a QTc without a range",
        """The woman of `SSc-likely`, without a urinalysis, and with a QTc of 470 ms of which the report
gives no range. No limit is printed, so 470 ms alone are neither prolonged nor not.""",
        but(without(fits("SSc"), URINALYSIS), measured(QTC, 470, "ms")),
        differs={"1.7.a.b": MISSING, "3.8.a.b": MISSING, "E5.a2": UNUSABLE},
    ),
    Golden(
        "Pemphigus",
        "possible",
        "Possible: pemphigus, a preliminary PDAI, a treatment without an end",
        """The man of `Pemphigus-likely`. His PDAI of 24 is preliminary, and all that is on record of his
treatment is prednisone since January 2025, stopped some day: whether that were 84 days nobody can tell.""",
        [
            *without(fits("Pemphigus", man()), "pdai", PREDNISONE, RITUXIMAB),
            {**score("pdai", 24), "status": "preliminary"},
            stated(PREDNISONE, "2025-01-01", status="stopped"),
        ],
        "man",
        {"4.8": PROVISIONAL, **{f"{row}.a1": IMPRECISE for row in ("1.10", "2.8", "3.10", "4.9", "6.9", "7.10")}},
    ),
    Golden(
        "Psoriasis",
        "possible",
        "Possible: psoriasis, a PASI of four months ago, an area without a unit, a form not said",
        """A woman of 39 with psoriasis, of which the record does not say that it is of the plaque type
(L40.9): that is open and not against her. Her PASI is 120 days old, and the area involved is 18, without
saying of what.""",
        but(
            [*without(fits("Psoriasis"), "L40.0", "bsa_pct_involved"), icd("L40.9", "2012-01-01")],
            score("pasi", 16, date="2025-11-01"),
            observation(concept(SCORES, "bsa_pct_involved"), {"valueQuantity": {"value": 18}}),
        ),
        differs={"5.7.a": "unknown:no-record", "5.8.a": UNUSABLE, "5.8.b": STALE},
    ),
    Golden(
        "RA",
        "possible",
        "Possible: arthritis without anti-CCP and without a weight",
        """The woman of `RA-likely`, whose anti-CCP antibodies were never tested and who was never weighed:
without a weight there is no creatinine clearance, and her normal creatinine alone does not clear the row.""",
        without(fits("RA"), CCP, BODY_WEIGHT),
        differs={"6.7.e": MISSING, "E13.e": MISSING},
    ),
    Golden(
        "AAV",
        "possible",
        "Possible: vasculitis without antibodies on record, a preliminary HIV test",
        """The man of `AAV-likely`, whose MPO and PR3 antibodies are not on record (a renal biopsy would do
instead), and whose negative HIV test is preliminary.""",
        but(without(fits("AAV", man()), MPO, PR3), resulted(HIV, "negative", status="preliminary")),
        "man",
        {"7.8.b2a": MISSING, "7.8.b2b": MISSING, "E8.a": PROVISIONAL},
    ),
)

INELIGIBLE = (
    Golden(
        "SLE",
        "ineligible",
        "Ineligible by a single row: one B in BILAG",
        """The woman of `SLE-likely`, with BILAG B in the kidney only. One A or two B are asked for; "2B"
is a count, not a grade. SELENA-SLEDAI and PGA are high all the same: 1.9 alone closes the cohort, and with it
the trial.""",
        but(fits("SLE"), bilag(renal="B", mucocutaneous="C", musculoskeletal="C", cardiorespiratory="E")),
        differs={"1.9.c2": UNMET},
    ),
    Golden(
        "IIM",
        "ineligible",
        "Ineligible by a single row: dermatomyositis for five months",
        """The man of `IIM-likely`, but his dermatomyositis began on 2025-10-01. Six calendar months before
2026-03-01 would have been 2025-09-01.""",
        [
            *without(fits("IIM", man()), "396230008"),
            condition(concept(SNOMED, "396230008"), "2025-10-01"),
        ],
        "man",
        {"2.3": UNMET},
    ),
    Golden(
        "SSc",
        "ineligible",
        "Ineligible by a single row: tuberculosis within three years",
        """The woman of `SSc-likely`, treated for pulmonary tuberculosis from June 2022 to 2023-03-01. That
is three years before screening to the day, and the bound counts. As an infection that is over it breaks the
silence of E6: no other one is on record.""",
        [*fits("SSc"), icd("A15.0", "2022-06-10", "2023-03-01", clinical="resolved")],
        differs={"E3.a": UNMET, "E6.a": MET},
    ),
    Golden(
        "Pemphigus",
        "ineligible",
        "Ineligible by a single row: PDAI 8",
        """The man of `Pemphigus-likely`, but his PDAI is 8, and 9 are asked for. "Moderate 9-24, severe ≥
25" are names of bands and no further limits.""",
        but(fits("Pemphigus", man()), score("pdai", 8)),
        "man",
        {"4.8": UNMET},
    ),
    Golden(
        "Psoriasis",
        "ineligible",
        "Ineligible by a single row: sPGA 2",
        """A woman of 39 with the findings of `Psoriasis-likely`, but an sPGA of 2. Area and PASI are above
their limits; all three are asked for.""",
        but(fits("Psoriasis"), score("spga_0_4", 2)),
        differs={"5.8.c": UNMET},
    ),
    Golden(
        "RA",
        "ineligible",
        "Ineligible by a single row: methotrexate for eight weeks",
        """The woman of `RA-likely`, who has taken methotrexate for 56 days and nothing else; no
intolerance is on record. The same 56 days are too few for every other disease, which she does not have.""",
        [*without(fits("RA"), METHOTREXATE), treated(METHOTREXATE, "2025-06-01", "2025-07-26")],
        differs={f"{row}.a1": UNMET for row in ("1.10", "2.8", "3.10", "4.9", "5.9", "6.9", "7.10")},
    ),
    Golden(
        "AAV",
        "ineligible",
        "Ineligible by a single row: blinatumomab",
        """The man of `AAV-likely`, who was given blinatumomab in 2022: an antibody directed at CD19, and
no cell product. It is no gene therapy, so only the one exclusion applies.""",
        [*fits("AAV", man()), treated(BLINATUMOMAB, "2022-05-01", "2022-05-28")],
        "man",
        {"E11.a": UNMET},
    ),
)

PATIENTS = (*LIKELY, *POSSIBLE, *INELIGIBLE)
