"""NCT06464679: units, limits, reference ranges, and comparators that the print has lost."""

from __future__ import annotations

from tests.situations.builders import icd, measured, patient, score, weight
from tests.situations.nk_cells import (
    ALT,
    BILIRUBIN,
    CREATININE,
    CRP,
    ESR,
    FILGRASTIM,
    HEMOGLOBIN,
    INR,
    NEUTROPHILS,
    PT,
    WBC,
    answered,
    arthritis,
    given,
    given_until,
    myositis,
    nk,
    says,
    sjogren,
)
from tests.situations.situation import OPEN, Situation, cases, check

GILBERT = "E80.4"


@cases(
    # (140 − 50) × 55 / (72 × 1.05) = 65.5 for a man, × 0.85 = 55.7 for a woman: sex decides and is not known
    nk(
        "8",
        "sex unknown, 50 years, 55 kg, creatinine 1.05 mg/dL: 55.7 or 65.5 mL/min",
        (patient("unknown", "1975-09-01"), sjogren(), measured(CREATININE, 1.05, "mg/dL"), weight(55)),
        {"C2.3": "unknown"},
        "possible",
    ),
    nk(
        "8",
        "the same as a woman: 55.7 mL/min, and there is no way round by creatinine alone",
        (
            patient("female", "1975-09-01"),
            sjogren(),
            measured(CREATININE, 1.05, "mg/dL", low=0.5, high=1.2),
            weight(55),
        ),
        {"C2.3": "unmet:evidence"},
        "ineligible",
    ),
    # 1.8 × ULN is beyond the limit of this trial (1.5), inside that of others (2.0); the disease may be the cause
    nk(
        "14",
        "bilirubin 1.8 × ULN, Gilbert refuted",
        (sjogren(), measured(BILIRUBIN, 36, "umol/L", high=20), icd(GILBERT, verification="refuted")),
        {"C2.2c.a": "unmet:evidence", "C2.2c.b": "unmet", "C2.2c.c.2": "unknown:judgement", "C2.2c": "unknown"},
        OPEN,
    ),
    nk(
        "14",
        "bilirubin 1.8 × ULN, Gilbert refuted, nothing said of a disease",
        (measured(BILIRUBIN, 36, "umol/L", high=20), icd(GILBERT, verification="refuted")),
        {"C2.2c": "unknown"},
    ),
    nk(
        "14",
        "the same, a person denies that the disease is the cause",
        (sjogren(), measured(BILIRUBIN, 36, "umol/L", high=20), icd(GILBERT, verification="refuted")),
        {"C2.2c": "unmet", "C2.2c.c.2": "unmet:attested"},
        "ineligible",
        given=answered(says("attribution", "bilirubin", "unmet")),
    ),
    nk(
        "14",
        "the same, a person says that the disease is the cause",
        (sjogren(), measured(BILIRUBIN, 36, "umol/L", high=20), icd(GILBERT, verification="refuted")),
        {"C2.2c": "met", "C2.2c.c.2": "met:attested"},
        OPEN,
        given=answered(says("attribution", "bilirubin")),
    ),
    nk(
        "14",
        "bilirubin 1.5 × ULN: the limit includes it",
        (sjogren(), measured(BILIRUBIN, 30, "umol/L", high=20)),
        {"C2.2c": "met", "C2.2c.a": "met:evidence"},
        OPEN,
    ),
    nk(
        "14",
        "bilirubin 2.8 × ULN with Gilbert syndrome",
        (sjogren(), measured(BILIRUBIN, 56, "umol/L", high=20), icd(GILBERT, "2010")),
        {"C2.2c": "met", "C2.2c.a": "unmet:evidence"},
        OPEN,
    ),
    # the carve-out never passes silently
    nk(
        "19",
        "ALT 5 × ULN in myositis: attribution undocumented",
        (myositis(), measured(ALT, 200, "U/L", high=40)),
        {"C2.2a.a": "unmet:evidence", "C2.2a.b.2": "unknown:judgement", "C2.2a": "unknown"},
        OPEN,
    ),
    nk(
        "19",
        "ALT 5 × ULN, attribution denied",
        (myositis(), measured(ALT, 200, "U/L", high=40)),
        {"C2.2a": "unmet"},
        "ineligible",
        given=answered(says("attribution", "alt", "unmet")),
    ),
    nk(
        "16",
        "ALT 91.2 U/L of 30.4: exactly 3.0, in decimals",
        (myositis(), measured(ALT, 91.2, "U/L", high=30.4)),
        {"C2.2a": "met", "C2.2a.a": "met:evidence"},
        OPEN,
    ),
    # blood counts have no carve-out here: the same count is open in another trial
    nk(
        "23",
        "neutrophils 0.9 10*3/uL",
        (myositis(), measured(NEUTROPHILS, 0.9, "10*3/uL")),
        {"C2.1b.a": "unmet:evidence", "C2.1b": "unmet"},
        "ineligible",
    ),
    nk("25", "white cells 2.9", (myositis(), measured(WBC, 2.9, "10*9/L")), {"C2.1a": "unmet:evidence"}, "ineligible"),
    nk("25", "white cells 3.0", (myositis(), measured(WBC, 3.0, "10*9/L")), {"C2.1a": "met:evidence"}, OPEN),
    nk("25", "hemoglobin 6.0 g/dL", (myositis(), measured(HEMOGLOBIN, 6.0, "g/dL")), {"C2.1c": "met:evidence"}, OPEN),
    # a multiple of the upper limit, not a limit of the ratio itself
    nk("26", "INR 1.5 of 1.2", (sjogren(), measured(INR, 1.5, "{INR}", high=1.2)), {"C2.4a": "met:evidence"}, OPEN),
    nk(
        "26",
        "INR 1.8 of 1.2: 1.5 × ULN, and the sign is strict",
        (sjogren(), measured(INR, 1.8, "{INR}", high=1.2)),
        {"C2.4a": "unmet:evidence"},
        "ineligible",
    ),
    nk(
        "26",
        "INR 1.5 without a range: no default",
        (sjogren(), measured(INR, 1.5, "{INR}")),
        {"C2.4a": "unknown:unusable"},
        "possible",
    ),
    nk("26", "PT 17.9 s of 12", (sjogren(), measured(PT, 17.9, "s", high=12)), {"C2.4b": "met:evidence"}, OPEN),
    nk("26", "PT 18 s of 12", (sjogren(), measured(PT, 18, "s", high=12)), {"C2.4b": "unmet:evidence"}, "ineligible"),
)
def test_laboratory(situation: Situation) -> None:
    check(situation)


@cases(
    # a count after a colony-stimulating factor proves nothing, and has to be repeated
    nk(
        "122",
        "filgrastim on 2026-02-20, neutrophils 1.4 on 2026-02-26",
        (sjogren(), given(FILGRASTIM, "2026-02-20"), measured(NEUTROPHILS, 1.4, "10*9/L", date="2026-02-26")),
        {"C2.1b.b.1": "unmet:evidence", "C2.1b.b.2.2": "unknown:judgement", "C2.1b": "unknown"},
        "possible",
    ),
    nk(
        "122",
        "filgrastim 14 days before the count",
        (sjogren(), given(FILGRASTIM, "2026-02-12"), measured(NEUTROPHILS, 1.4, "10*9/L", date="2026-02-26")),
        {"C2.1b": "unknown"},
        "possible",
    ),
    nk(
        "122",
        "filgrastim 15 days before the count",
        (sjogren(), given(FILGRASTIM, "2026-02-11"), measured(NEUTROPHILS, 1.4, "10*9/L", date="2026-02-26")),
        {"C2.1b": "met", "C2.1b.b.1": "met:evidence"},
        OPEN,
    ),
    # the last dose counts, not the first
    nk(
        "122",
        "filgrastim from 2026-02-10 to 02-24, neutrophils 1.4 on 2026-02-26",
        (
            sjogren(),
            given_until(FILGRASTIM, "2026-02-10", "2026-02-24"),
            measured(NEUTROPHILS, 1.4, "10*9/L", date="2026-02-26"),
        ),
        {"C2.1b.b.1": "unmet:evidence", "C2.1b": "unknown"},
        "possible",
    ),
    # too low in spite of it is too low
    nk(
        "122",
        "filgrastim on 2026-02-20, neutrophils 0.8 on 2026-02-26",
        (sjogren(), given(FILGRASTIM, "2026-02-20"), measured(NEUTROPHILS, 0.8, "10*9/L", date="2026-02-26")),
        {"C2.1b": "unmet"},
        "ineligible",
    ),
    nk(
        "122",
        "neutrophils 3.8, nothing recorded of such a factor: silence is no proof",
        (sjogren(), measured(NEUTROPHILS, 3.8, "10*9/L")),
        {"C2.1b": "unknown", "C2.1b.b.1": "unknown:no-record", "C2.1b.b.2": "unmet"},
        OPEN,
    ),
)
def test_neutrophils_after_a_colony_stimulating_factor(situation: Situation) -> None:
    check(situation)


@cases(
    # a result that is a bound: decided only where every value decides alike
    nk(
        "47",
        "CRP >8 mg/L (the assay's cap), ESR absent",
        (arthritis(), measured(CRP, 8, "mg/L", comparator=">")),
        {"RA3.a": "unknown:imprecise", "RA3.b": "unknown:missing-data", "RA3": "unknown"},
        OPEN,
    ),
    nk(
        "46",
        "CRP <5 mg/L, ESR absent",
        (arthritis(), measured(CRP, 5, "mg/L", comparator="<")),
        {"RA3.a": "unmet:evidence", "RA3": "unknown"},
        OPEN,
    ),
    nk(
        "47", "CRP 1.0 mg/dL", (arthritis(), measured(CRP, 1.0, "mg/dL")), {"RA3.a": "met:evidence", "RA3": "met"}, OPEN
    ),
    nk("47", "ESR 28 mm/h", (arthritis(), measured(ESR, 28, "mm/h")), {"RA3.b": "met:evidence", "RA3": "met"}, OPEN),
    nk(
        "47",
        "CRP 9.9 mg/L, ESR 27 mm/h",
        (arthritis(), measured(CRP, 9.9, "mg/L"), measured(ESR, 27, "mm/h")),
        {"RA3": "unmet"},
        "ineligible",
    ),
    nk("", "ESSDAI 5", (sjogren(), score("essdai", 5)), {"pSS2": "met:evidence"}, OPEN),
    nk("", "ESSDAI 4", (sjogren(), score("essdai", 4)), {"pSS2": "unmet:evidence"}, "ineligible"),
)
def test_activity(situation: Situation) -> None:
    check(situation)
