"""NCT06464679: forms of results, scores of another scale or joint set, changes of scores."""

from __future__ import annotations

from tests.situations.builders import (
    LOINC,
    SCORES,
    Json,
    amount,
    concept,
    icd,
    interpreted,
    measured,
    observation,
    resulted,
    score,
)
from tests.situations.nk_cells import (
    CK,
    DLCO,
    FVC,
    FVC_PERCENT,
    HBCAB,
    HBSAG,
    HBV_DNA,
    HIV,
    MYOSITIS_LOCAL,
    MYOSITIS_LOINC,
    PHGA,
    PTGA,
    RPR,
    TREPONEMA,
    WBC,
    answered,
    antibody,
    arthritis,
    myositis,
    nk,
    says,
    sclerosis,
    sjogren,
)
from tests.situations.situation import OPEN, Situation, cases, check

WITH_MYOPATHY = "M33.12"


def _mmt8(value: float, scale: float | None = None) -> Json:
    """MMT-8, with the scale in its reference range where one is given."""
    bounds: Json = {} if scale is None else {"referenceRange": [{"high": amount(scale, "{score}")}]}
    return observation(concept(SCORES, "mmt8"), {"valueQuantity": amount(value, "{score}")}, **bounds)


def _panel(*positive: str) -> list[Json]:
    """All myositis antibodies, negative but for those named."""
    loinc = [antibody(concept(LOINC, code), code in positive) for code in MYOSITIS_LOINC]
    return loinc + [antibody(concept(SCORES, code), code in positive) for code in MYOSITIS_LOCAL]


@cases(
    # the surface antigen or core antibody alone is no infection, and no clearance either
    nk(
        "40",
        "HBcAb positive, HBV DNA <20 IU/mL",
        (
            sjogren(),
            resulted(HBSAG, "negative"),
            resulted(HBCAB, "positive"),
            measured(HBV_DNA, 20, "[iU]/mL", comparator="<"),
        ),
        {"E8.a": "met", "E8.a.b": "met:evidence"},
        OPEN,
    ),
    nk(
        "41",
        "HBcAb positive, HBV DNA never tested",
        (sjogren(), resulted(HBCAB, "positive")),
        {"E8.a": "unknown", "E8.a.b": "unknown:missing-data", "E8": "unknown"},
        "possible",
    ),
    nk(
        "38",
        'anti-HIV "Non-reactive"',
        (sjogren(), observation(concept(LOINC, HIV), {"valueString": "Non-reactive"})),
        {"E8.c": "met:evidence"},
        OPEN,
    ),
    nk("", "RPR reactive", (sjogren(), resulted(RPR, "positive")), {"E8.d": "unmet:evidence"}, "ineligible"),
    nk(
        "",
        "treponemal antibody positive, RPR negative: tested positive",
        (sjogren(), resulted(TREPONEMA, "positive"), resulted(RPR, "negative")),
        {"E8.d": "unmet:evidence", "E8": "unmet"},
        "ineligible",
    ),
    nk(
        "", "treponemal antibody negative", (sjogren(), resulted(TREPONEMA, "negative")), {"E8.d": "met:evidence"}, OPEN
    ),
    # who is known to have the infection has the antibody
    nk(
        "",
        "HIV infection (Z21), no test",
        (sjogren(), icd("Z21", "2015-01-01")),
        {"E8.c": "unknown:missing-data", "E8.e": "unmet:evidence", "E8": "unmet"},
        "ineligible",
    ),
    # what is missing is missing on both sides
    nk(
        "140",
        "HIV and white cells never tested",
        (sjogren(),),
        {"C2.1a": "unknown:missing-data", "E8.c": "unknown:missing-data"},
        "possible",
    ),
    nk(
        "58",
        "white cells only preliminary",
        (sjogren(), measured(WBC, 6.0, "10*9/L", status="preliminary")),
        {"C2.1a": "unknown:provisional"},
        "possible",
    ),
    nk(
        "67",
        "white cells of somebody else",
        (sjogren(), measured(WBC, 2.0, "10*9/L", focus=[{"reference": "Patient/mother"}])),
        {"C2.1a": "unknown:missing-data"},
        "possible",
    ),
)
def test_laboratory(situation: Situation) -> None:
    check(situation)


@cases(
    nk(
        "52",
        "MMT-8 78, no scale: 78 of 80 would be nearly normal",
        (myositis(), icd(WITH_MYOPATHY, "2021-03-10"), _mmt8(78)),
        {"IIM2.a1": "unmet:evidence", "IIM2.b.a": "unknown:unusable", "IIM2": "unknown"},
        "possible",
    ),
    nk(
        "53",
        "MMT-8 130/150; PhGA 15 of 100 mm, PtGA 5, CK 1.2 × ULN, HAQ 0, extramuscular activity absent",
        (
            myositis(),
            icd(WITH_MYOPATHY, "2021-03-10"),
            _mmt8(130, 150),
            measured(PHGA, 15, "mm"),
            measured(PTGA, 5, "{score}"),
            measured(CK, 204, "U/L", high=170),
            score("haq_di", 0),
        ),
        {
            "IIM2.b.a": "met:evidence",
            "IIM2.b.b.1": "unmet:evidence",
            "IIM2.b.b.2": "met:evidence",
            "IIM2.b.b.3": "unknown:missing-data",
            "IIM2.b.b.4": "unmet:evidence",
            "IIM2.b.b.5": "unmet:evidence",
            "IIM2": "unknown",
        },
        "possible",
    ),
    nk(
        "53",
        "the same with an extramuscular activity of 2 and HAQ 0.25: limits include",
        (
            myositis(),
            icd(WITH_MYOPATHY, "2021-03-10"),
            _mmt8(130, 150),
            score("extramuscular_activity", 2),
            score("haq_di", 0.25),
        ),
        {"IIM2.b": "met", "IIM2": "met"},
        OPEN,
    ),
    # an implication: nothing is asked of those without muscle involvement
    nk(
        "",
        "MMT-8 150/150, muscle involvement ruled out by a person and by the record",
        (myositis(), icd(WITH_MYOPATHY, verification="refuted"), _mmt8(150, 150)),
        {"IIM2.b": "unmet", "IIM2": "met"},
        OPEN,
        given=answered(says("organ-involvement", "muscle-involvement", "unmet")),
    ),
    nk(
        "",
        "MMT-8 142/150 with muscle involvement: not lower than 142",
        (myositis(), icd(WITH_MYOPATHY, "2021-03-10"), _mmt8(142, 150)),
        {"IIM2.b.a": "unmet:evidence", "IIM2": "unmet"},
        "ineligible",
    ),
    nk("", "anti-Jo-1 positive", (myositis(), antibody(concept(LOINC, "35333-4"), True)), {"IIM3": "met"}, OPEN),
    nk(
        "",
        "anti-Jo-1 negative, the others untested",
        (myositis(), antibody(concept(LOINC, "35333-4"), False)),
        {"IIM3": "unknown", "IIM3.b": "unmet:evidence", "IIM3.c": "unknown:missing-data"},
        "possible",
    ),
    nk("", "a whole panel negative", (myositis(), *_panel()), {"IIM3": "unmet"}, "ineligible"),
    nk("", "a whole panel, SRP positive", (myositis(), *_panel("srp_ab")), {"IIM3": "met"}, OPEN),
)
def test_myositis(situation: Situation) -> None:
    check(situation)


@cases(
    # DAS28 with CRP is another score
    nk(
        "133",
        "DAS28-CRP 4.1 only",
        (arthritis(), score("das28_crp_NOT_esr", 4.1)),
        {"RA4.3-1.a": "unknown:missing-data", "RA4.3-1.b": "unknown:missing-data", "RA4.3-1": "unknown"},
        OPEN,
    ),
    nk("133", "DAS28-ESR 3.2", (arthritis(), score("das28_esr", 3.2)), {"RA4.3-1.a": "unmet:evidence"}, OPEN),
    nk("133", "CDAI 10.1", (arthritis(), score("cdai_ra", 10.1)), {"RA4.3-1": "met", "RA4.3": "met"}, OPEN),
    # six of 28 joints are six of 66; fewer prove nothing
    nk("", "7 swollen of 28", (arthritis(), score("sjc28_NOT_66", 7)), {"RA2.a": "met", "RA2": "unknown"}, OPEN),
    nk(
        "",
        "4 swollen of 28",
        (arthritis(), score("sjc28_NOT_66", 4)),
        {"RA2.a": "unknown", "RA2.a.1": "unknown:missing-data", "RA2.a.2": "unmet:evidence"},
        OPEN,
    ),
    # a count of 28 joints that is there is counted; too old, it has to be repeated
    nk(
        "",
        "5 swollen of 66, 7 of 28 half a year before",
        (arthritis(), score("sjc66", 5), score("sjc28_NOT_66", 7, "2025-08-20")),
        {"RA2.a": "unknown", "RA2.a.1": "unmet:evidence", "RA2.a.2": "unknown:stale", "RA2": "unknown"},
        OPEN,
    ),
    nk("", "5 swollen of 66", (arthritis(), score("sjc66", 5)), {"RA2.a": "unmet", "RA2": "unmet"}, "ineligible"),
    nk("", "6 of 66, 6 of 68", (arthritis(), score("sjc66", 6), score("tjc68", 6)), {"RA2": "met"}, OPEN),
    nk(
        "",
        "Sharp score 40, a year later 45",
        (arthritis(), score("sharp_vdh", 40, "2025-01-20"), score("sharp_vdh", 45, "2026-01-15")),
        {"RA4.3-4": "met"},
        OPEN,
    ),
    nk(
        "",
        "Sharp score 40, a year later 44",
        (arthritis(), score("sharp_vdh", 40, "2025-01-20"), score("sharp_vdh", 44, "2026-01-15")),
        {"RA4.3-4": "unmet", "RA4.3": "unknown"},
        OPEN,
    ),
    nk(
        "",
        "one Sharp score only",
        (arthritis(), score("sharp_vdh", 45, "2026-01-15")),
        {"RA4.3-4": "unknown", "RA4.3-4.b": "unknown:missing-data"},
        OPEN,
    ),
    nk(
        "",
        "ACR functional class IV",
        (arthritis(), observation(concept(SCORES, "acr_functional_class"), {"valueString": "Class IV"})),
        {"ERA1": "unmet:evidence"},
        "ineligible",
    ),
    nk(
        "",
        "ACR functional class 4, as a number",
        (arthritis(), score("acr_functional_class", 4)),
        {"ERA1": "unmet:evidence"},
        "ineligible",
    ),
    nk(
        "",
        "ACR functional class III",
        (arthritis(), observation(concept(SCORES, "acr_functional_class"), {"valueString": "III"})),
        {"ERA1": "met:evidence"},
        OPEN,
    ),
    # a disability index is no functional class
    nk("", "HAQ 3.0 only", (arthritis(), score("haq_di", 3)), {"ERA1": "unknown:missing-data"}, OPEN),
)
def test_arthritis(situation: Situation) -> None:
    check(situation)


def _mrss(before: float, now: float) -> tuple[Json, ...]:
    return sclerosis(), score("mrss", before, "2025-03-01"), score("mrss", now)


def _percent(loinc: str, before: float, now: float) -> tuple[Json, ...]:
    return measured(loinc, before, "%", date="2025-03-01"), measured(loinc, now, "%")


def _litres(before: float, now: float) -> tuple[Json, ...]:
    return measured(FVC, before, "L", date="2025-03-01"), measured(FVC, now, "L")


def _diffusion(before: float, now: float) -> tuple[Json, ...]:
    unit = "mL/min/mm[Hg]"
    return measured(DLCO, before, unit, date="2025-03-01"), measured(DLCO, now, unit)


@cases(
    nk("128", "mRSS 20 → 23 (+15 %)", _mrss(20, 23), {"SSc4.1": "met:evidence", "SSc4": "met", "SSc3-4": "met"}, OPEN),
    nk("128", "mRSS 20 → 22 (+10 %): the sign is strict", _mrss(20, 22), {"SSc4.1": "unmet:evidence"}, OPEN),
    nk("", "one mRSS only", (sclerosis(), score("mrss", 23)), {"SSc4.1": "unknown:missing-data"}, "possible"),
    nk("", "FVC 3.0 → 2.7 L (−10 %)", (sclerosis(), *_litres(3.0, 2.7)), {"SSc4.2.a": "met", "SSc4.2": "met"}, OPEN),
    nk("", "FVC 80 → 70 % of predicted", (sclerosis(), *_percent(FVC_PERCENT, 80, 70)), {"SSc4.2": "met"}, OPEN),
    # −11 % of the earlier value, but −9 points: relative and absolute disagree
    nk(
        "",
        "FVC 80 → 71 % of predicted",
        (sclerosis(), *_percent(FVC_PERCENT, 80, 71)),
        {"SSc4.2.a": "unknown", "SSc4.2.a.a.2.1": "met:evidence", "SSc4.2.a.a.2.2": "unmet:evidence"},
        OPEN,
    ),
    nk(
        "",
        "the same, and a person calls it a fall as printed",
        (sclerosis(), *_percent(FVC_PERCENT, 80, 71)),
        {"SSc4.2.a": "met", "SSc4.2": "met"},
        OPEN,
        given=answered(says("progression", "fvc-pct-pred")),
    ),
    nk(
        "",
        "FVC 3.0 → 2.85 L (−5 %), DLCO 20 → 17 (−15 %)",
        (sclerosis(), *_litres(3.0, 2.85), *_diffusion(20, 17)),
        {"SSc4.2.b1.1": "met:evidence", "SSc4.2.b2": "met", "SSc4.2": "met"},
        OPEN,
    ),
    nk(
        "",
        "FVC 3.0 → 2.91 L (−3 %) and 80 → 79 %, DLCO 20 → 17",
        (sclerosis(), *_litres(3.0, 2.91), *_percent(FVC_PERCENT, 80, 79), *_diffusion(20, 17)),
        {"SSc4.2.a": "unmet", "SSc4.2.b": "unmet", "SSc4.2": "unmet"},
        OPEN,
    ),
)
def test_progression(situation: Situation) -> None:
    check(situation)


def test_titre_flagged_negative_is_not_positive() -> None:
    result = observation(concept(LOINC, "35333-4"), {"valueString": "1:10"}, interpretation=interpreted("NEG"))
    check(nk("34", "anti-Jo-1 flagged negative", (myositis(), result), {"IIM3.b": "unmet:evidence"}, "possible"))
