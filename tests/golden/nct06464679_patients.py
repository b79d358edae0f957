"""Who the golden patients of NCT06464679 are: their records, their stories, and how they differ from one who fits."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from tests.situations.builders import (
    LOINC,
    SCORES,
    Json,
    amount,
    concept,
    daily,
    icd,
    measured,
    observation,
    patient,
    resulted,
    score,
    weight,
)
from tests.situations.nk_cells import (
    ADALIMUMAB,
    ALT,
    AST,
    BILIRUBIN,
    CK,
    CREATININE,
    CRP,
    CYCLOPHOSPHAMIDE,
    ESR,
    FILGRASTIM,
    HBCAB,
    HBSAG,
    HCV_AB,
    HEMOGLOBIN,
    HIV,
    INR,
    METHOTREXATE,
    MYCOPHENOLATE,
    NEUTROPHILS,
    PHGA,
    PREDNISONE,
    PT,
    PTGA,
    SERUM_HCG,
    TOCILIZUMAB,
    TREPONEMA,
    URINE_HCG,
    WBC,
    antibody,
    arthritis,
    given,
    sclerosis,
    sjogren,
    taken,
)

MISSING, MET, UNMET = "unknown:missing-data", "met:evidence", "unmet:evidence"


@dataclass(frozen=True)
class Golden:
    """A patient: for which cohort, with which outcome, and where the leaves differ from those of one who fits."""

    cohort: str
    outcome: str
    title: str
    story: str
    facts: tuple[Json, ...]
    differs: Mapping[str, str] = field(default_factory=dict)


def _mmt8(value: float, scale: float | None = 150) -> Json:
    bounds: Json = {} if scale is None else {"referenceRange": [{"high": amount(scale, "{score}")}]}
    return observation(concept(SCORES, "mmt8"), {"valueQuantity": amount(value, "{score}")}, **bounds)


def _functional_class(grade: str) -> Json:
    return observation(concept(SCORES, "acr_functional_class"), {"valueString": grade})


def laboratory(**instead: Json) -> tuple[Json, ...]:
    """What the common criteria ask of the laboratory, all of it unremarkable; named results in place of others."""
    results = {
        "white": measured(WBC, 6.2, "10*9/L"),
        "neutrophils": measured(NEUTROPHILS, 3.8, "10*9/L"),
        "hemoglobin": measured(HEMOGLOBIN, 118, "g/L"),
        "alt": measured(ALT, 22, "U/L", high=40),
        "ast": measured(AST, 20, "U/L", high=40),
        "bilirubin": measured(BILIRUBIN, 9, "umol/L", high=21),
        "creatinine": measured(CREATININE, 0.8, "mg/dL", low=0.5, high=1.2),
        "weight": weight(60),
        "inr": measured(INR, 1.0, "{INR}", high=1.2),
        "pt": measured(PT, 12, "s", high=14.5),
        **{test: resulted(test, "negative") for test in (HBSAG, HBCAB, HCV_AB, HIV, TREPONEMA)},
        **instead,
    }
    return tuple(results.values())


WOMAN = (patient("female", "1986-05-10"), resulted(SERUM_HCG, "negative", "2026-02-25"))
MAN = (patient("male", "1980-08-20"),)
#: prednisone 65 mg at 60 kg (1.08 mg/kg), cyclophosphamide, and mycophenolate for seven months
ROUTINE = (
    taken(PREDNISONE, "2025-06-01", "2025-07-31", dosage=daily(65)),
    taken(CYCLOPHOSPHAMIDE, "2025-06-01", "2025-08-31"),
    taken(MYCOPHENOLATE, "2025-06-01", "2025-12-31"),
)
SJOGREN = (sjogren(), score("essdai", 8), *ROUTINE)
SCLEROSIS = (
    sclerosis(),
    icd("J84.9", verification="refuted"),
    score("mrss", 18, "2025-03-01"),
    score("mrss", 22),
)
MYOSITIS = (
    icd("M33.12", "2021-03-10"),
    measured(PHGA, 4, "{score}"),
    measured(PTGA, 5, "{score}"),
    measured(CK, 600, "U/L", high=170),
    antibody(concept(LOINC, "35333-4"), True),
    *ROUTINE,
)
DRUGS_OF_ARTHRITIS = (
    taken(METHOTREXATE, "2016-01-01", "2021-12-31"),
    taken(ADALIMUMAB, "2022-01-01", "2022-12-31"),
    taken(TOCILIZUMAB, "2023-01-01", "2023-12-31"),
)
ARTHRITIS = (arthritis(), score("sjc66", 10), score("tjc68", 14), score("das28_esr", 5.6), *DRUGS_OF_ARTHRITIS)
INFLAMED = (measured(CRP, 21, "mg/L"), measured(ESR, 44, "mm/h"))

PERSON = """What is left is what a person has to say (consent, contraception, haemodynamics, classification, what the
treatment came to, severe allergies, the investigator's opinion) and what silence does not prove (no
colony-stimulating factor, no infection, no disease of the brain or the heart, no malignancy, no other trial
on record). Nothing that could be measured is missing. The other three cohorts are closed: their diseases
are not on record."""

PATIENTS = (
    Golden(
        "pSS",
        "likely",
        "Likely: Sjögren's syndrome, active in spite of routine treatment",
        f"""A woman of 39 with Sjögren's syndrome since 2019 and an ESSDAI of 8. She had prednisone 65 mg at 60 kg (1.08
mg/kg, and the print asks for more than 1), cyclophosphamide, and mycophenolate for seven months. That the
syndrome is primary belongs to the classification criteria.

{PERSON}""",
        (*WOMAN, *SJOGREN, *laboratory()),
    ),
    Golden(
        "pSS",
        "possible",
        "Possible: the pregnancy test is of urine",
        """The same woman, but her negative pregnancy test of four days ago is of urine. The trial asks for serum
within 7 days before enrolment (C3.b); that she is not pregnant (E11) any test shows. One gap in the data.""",
        (patient("female", "1986-05-10"), resulted(URINE_HCG, "negative", "2026-02-25"), *SJOGREN, *laboratory()),
        {"C3.b.2": MISSING},
    ),
    Golden(
        "pSS",
        "ineligible",
        "Ineligible: cirrhosis, which excludes from this cohort only",
        """The same woman with a cirrhosis of the liver since 2022 (EpSS1). Her liver values are inside their limits.
The other cohorts would not mind the cirrhosis, but she has none of their diseases.""",
        (*WOMAN, *SJOGREN, icd("K74.60", "2022-04-01"), *laboratory()),
        {"EpSS1": UNMET},
    ),
    Golden(
        "SSc",
        "likely",
        "Likely: systemic sclerosis of the skin, progressing",
        f"""A woman of 39 with systemic sclerosis since 2020. Her mRSS rose from 18 to 22 (+22 %) within a year, which
is progression; so it does not matter that no routine treatment is on record (criterion 3 or 4).
Interstitial lung disease was ruled out, so nothing is asked of her lungs.

{PERSON}""",
        (*WOMAN, *SCLEROSIS, *laboratory()),
    ),
    Golden(
        "SSc",
        "possible",
        "Possible: neutrophils counted after filgrastim, prothrombin time without its range",
        """The same woman had filgrastim on 2026-02-10, and her neutrophils (3.8) were counted ten days later. A count
within two weeks of a colony-stimulating factor cannot be used and has to be repeated: for a person to see. Her
prothrombin time came without a reference range, so nobody can say how it stands to the upper limit.""",
        (*WOMAN, *SCLEROSIS, given(FILGRASTIM, "2026-02-10"), *laboratory(pt=measured(PT, 12, "s"))),
        {"C2.1b.b.1": UNMET, "C2.1b.b.2.1": MET, "C2.4b": "unknown:unusable"},
    ),
    Golden(
        "SSc",
        "ineligible",
        "Ineligible: creatinine clearance of 51 mL/min",
        """The same woman with a creatinine of 1.4 mg/dL: (140 − 39) × 60 / (72 × 1.4) × 0.85 = 51 mL/min by Cockcroft
and Gault. The limit is 60, and this trial knows no way round by the creatinine alone.""",
        (*WOMAN, *SCLEROSIS, *laboratory(creatinine=measured(CREATININE, 1.4, "mg/dL", low=0.5, high=1.2))),
        {"C2.3": UNMET},
    ),
    Golden(
        "IIM",
        "likely",
        "Likely: dermatomyositis with myopathy, anti-Jo-1 positive",
        f"""A woman of 39 with dermatomyositis with myopathy since 2021: MMT-8 128 of 150, physician's and patient's
global assessment 4 and 5, CK 3.5 × ULN, and anti-Jo-1. Two abnormal core measures are enough, so HAQ and
extramuscular activity need not be known; nor need other antibodies. She had the routine treatment.

{PERSON}""",
        (*WOMAN, *MYOSITIS, _mmt8(128), *laboratory()),
    ),
    Golden(
        "IIM",
        "possible",
        "Possible: an MMT-8 of which the scale is not said",
        """The same woman, but her MMT-8 is "78". Of 150 that would be weak, of 80 nearly normal: it cannot be
compared.""",
        (*WOMAN, *MYOSITIS, _mmt8(78, None), *laboratory()),
        {"IIM2.b.a": "unknown:unusable"},
    ),
    Golden(
        "IIM",
        "ineligible",
        "Ineligible: inclusion body myositis",
        """The same woman with inclusion body myositis on record as well (EIIM2).""",
        (*WOMAN, *MYOSITIS, _mmt8(128), icd("G72.41", "2024-02-01"), *laboratory()),
        {"EIIM2": UNMET},
    ),
    Golden(
        "RA",
        "likely",
        "Likely: arthritis refractory to drugs of two mechanisms",
        f"""A man of 45 with rheumatoid arthritis since 2015: 10 swollen and 14 tender joints, CRP 21 mg/L, DAS28-ESR
5.6, functional class II. He had methotrexate for years, then adalimumab, then tocilizumab. That they
failed, that his symptoms burden him, and that he meets the classification criteria, a person says.

{PERSON}""",
        (*MAN, *ARTHRITIS, *INFLAMED, _functional_class("Class II"), *laboratory()),
    ),
    Golden(
        "RA",
        "possible",
        "Possible: a CRP above the assay's cap, and no ESR",
        """The same man, but his CRP is ">8 mg/L": it may be 9 or 90, and the limit is 10. There is no sedimentation
rate to decide instead.""",
        (*MAN, *ARTHRITIS, measured(CRP, 8, "mg/L", comparator=">"), _functional_class("Class II"), *laboratory()),
        {"RA3.a": "unknown:imprecise", "RA3.b": MISSING},
    ),
    Golden(
        "RA",
        "ineligible",
        "Ineligible: functional class IV",
        """The same man in ACR functional class IV (ERA1).""",
        (*MAN, *ARTHRITIS, *INFLAMED, _functional_class("Class IV"), *laboratory()),
        {"ERA1": UNMET},
    ),
)
