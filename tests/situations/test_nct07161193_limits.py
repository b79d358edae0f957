"""NCT07161193: limits of normal, result forms and scores."""

from __future__ import annotations

from functools import partial

from tests.situations.autoimmune import (
    ALT,
    ANA,
    AST,
    C3,
    CLEARANCE,
    CREATININE,
    HBSAG,
    HBV_DNA,
    HCV_RNA,
    HEMOGLOBIN,
    HIV,
    QTC,
    STUDY,
    TREPONEMA,
    bilag,
    but,
    disease,
    fits,
    laboratory,
    titre,
    without,
)
from tests.situations.builders import (
    LOINC,
    Json,
    amount,
    concept,
    icd,
    measured,
    observation,
    patient,
    resulted,
    score,
    sle,
    weight,
)
from tests.situations.situation import OPEN, Situation, cases, check

On = partial(Situation, study=STUDY)
HIV_ANTIBODY, ANTI_HBC, ANTI_HBS_IMMUNE, ANTI_HCV = "31201-7", "13952-7", "22322-2", "13955-0"
CBC = "58410-2"


def _words(loinc: str, text: str, **more: object) -> Json:
    return observation(concept(LOINC, loinc), {"valueString": text}, **more)


@cases(
    # 2.5 / 1.2 is 2.08; a clearance of 61 does not help, since each atom of the row excludes by itself
    On(
        "4",
        "creatinine 2.5 mg/dL of 1.2 (2.08 ×), clearance 61 mL/min",
        (sle(), measured(CREATININE, 2.5, "mg/dL", high=1.2), measured(CLEARANCE, 61, "mL/min")),
        {"E13.d": "unmet:evidence", "E13.e": "met:evidence", "E13": "unmet"},
        "ineligible",
    ),
    # more than twice is printed, so twice is allowed
    On(
        "4",
        "creatinine 2.4 mg/dL of 1.2 (exactly 2 ×), everything else as it should be",
        tuple(but(fits("SLE"), measured(CREATININE, 2.4, "mg/dL", high=1.2), measured(CLEARANCE, 61, "mL/min"))),
        {"E13.d": "met:evidence", "E13.e": "met:evidence", "E13": "met"},
        "likely",
    ),
    # (140 − 39) × 60 / (72 × 2.4) × 0.85 = 29.8: the clearance excludes where the creatinine does not
    On(
        "4",
        "creatinine 2.4 mg/dL of 1.2 in a woman of 39 years and 60 kg: 29.8 mL/min",
        (sle(), measured(CREATININE, 2.4, "mg/dL", high=1.2), weight(60)),
        {"E13.d": "met:evidence", "E13.e": "unmet:evidence", "E13": "unmet"},
        "ineligible",
    ),
    # exactly three times is not more than three times
    On(
        "17",
        "ALT exactly 3.0 × ULN, the others normal, clearance known",
        tuple(but(fits("SLE"), measured(ALT, 120, "U/L", high=40), measured(CLEARANCE, 98, "mL/min"))),
        {"E13.a": "met:evidence", "E13": "met"},
        "likely",
    ),
    On(
        "17",
        "ALT 91.2 of 30.4: exactly three times in decimals",
        (sle(), measured(ALT, 91.2, "U/L", high=30.4)),
        {"E13.a": "met:evidence", "E13": "unknown"},
        OPEN,
    ),
    # no exception for the disease is printed here
    On(
        "20",
        "IIM. ALT 5 × ULN from myositis",
        tuple(but(fits("IIM"), measured(ALT, 200, "U/L", high=40))),
        {"IIM": "unknown", "E13.a": "unmet:evidence", "E13": "unmet"},
        "ineligible",
    ),
    # one true atom decides, whatever is missing
    On(
        "142",
        "ALT 3.5 × ULN, bilirubin and creatinine missing",
        (sle(), measured(ALT, 140, "U/L", high=40)),
        {"E13.a": "unmet:evidence", "E13.c": "unknown:missing-data", "E13": "unmet"},
        "ineligible",
    ),
    # to clear it, every atom has to be known
    On(
        "143",
        "ALT and AST normal, the rest missing",
        (sle(), measured(ALT, 20, "U/L", high=40), measured(AST, 20, "U/L", high=40)),
        {"E13.a": "met:evidence", "E13.b": "met:evidence", "E13.c": "unknown:missing-data", "E13": "unknown"},
        "possible",
    ),
    # what is missing is open, for inclusions and exclusions alike
    On(
        "140",
        "SELENA-SLEDAI missing, HIV test missing",
        tuple(without(fits("SLE"), "selena_sledai", HIV)),
        {"1.9.a": "unknown:missing-data", "1.9": "unknown", "E8.a": "unknown:missing-data", "E8": "unknown"},
        "possible",
    ),
)
def test_limits(situation: Situation) -> None:
    check(situation)


@cases(
    On(
        "38",
        "anti-HIV “Non-reactive”",
        (sle(), _words(HIV_ANTIBODY, "Non-reactive")),
        {"E8.a": "met:evidence", "E8": "met"},
        OPEN,
    ),
    On(
        "38",
        "anti-HIV “Reactive”, final",
        (sle(), _words(HIV_ANTIBODY, "Reactive")),
        {"E8.a": "unmet:evidence", "E8": "unmet"},
        "ineligible",
    ),
    # not confirmed yet
    On(
        "38",
        "anti-HIV “Reactive”, preliminary",
        (sle(), _words(HIV_ANTIBODY, "Reactive", status="preliminary")),
        {"E8.a": "unknown:provisional", "E8": "unknown"},
        "possible",
    ),
    # "1A or 2B" counts organ systems: one B is neither
    On(
        "49",
        "SLE. BILAG: one B, the rest C to E",
        tuple(but(fits("SLE"), bilag(renal="B", mucocutaneous="C", musculoskeletal="D", haematological="E"))),
        {"1.9.c1": "unmet:evidence", "1.9.c2": "unmet:evidence", "1.9.c": "unmet", "1.9": "unmet", "SLE": "unmet"},
        "ineligible",
    ),
    On(
        "49",
        "SLE. BILAG: one A",
        tuple(but(fits("SLE"), bilag(renal="A", mucocutaneous="C"))),
        {"1.9.c1": "met:evidence", "1.9.c2": "unmet:evidence", "1.9": "met"},
        "likely",
    ),
    On(
        "49",
        "SLE. BILAG: two B",
        tuple(but(fits("SLE"), bilag(renal="B", mucocutaneous="B"))),
        {"1.9.c1": "unmet:evidence", "1.9.c2": "met:evidence", "1.9": "met"},
        "likely",
    ),
    # another version of the score is not this one
    On(
        "55",
        "SLE. SLEDAI 8 of a version that is not said",
        (
            *without(fits("SLE"), "selena_sledai"),
            observation({"text": "SLEDAI"}, {"valueQuantity": amount(8, "{score}")}),
        ),
        {"1.9.a": "unknown", "1.9": "unknown"},
        "possible",
    ),
    On(
        "55",
        "SLE. SLEDAI-2K 12 only",
        (*without(fits("SLE"), "selena_sledai"), score("sledai_2k", 12)),
        {"1.9.a": "unknown:missing-data", "1.9": "unknown"},
        "possible",
    ),
    # the display contradicts the code, so it is neither an antinuclear antibody nor a complement
    On(
        "146",
        "SLE. LOINC 8061-4 (ANA) shown as “C3 complement”, 0.6 g/L",
        (
            *without(fits("SLE"), ANA, C3),
            observation(concept(LOINC, ANA, "C3 complement"), {"valueQuantity": amount(0.6, "g/L")}),
        ),
        {"1.7.a.c": "unknown:unusable", "1.7.a.f": "unknown:missing-data", "1.7": "unknown"},
        "possible",
    ),
    # somebody else's result
    On(
        "67",
        "HIV test with another person in focus",
        (sle(), resulted(HIV, "positive", focus=[{"reference": "Patient/newborn"}])),
        {"E8.a": "unknown:missing-data", "E8": "unknown"},
        "possible",
    ),
    # a measurement that was not made is not one
    On(
        "64",
        "ALT with a reason why there is no value",
        (sle(), observation(concept(LOINC, ALT), dataAbsentReason={"text": "not performed"})),
        {"E13.a": "unknown:missing-data"},
        "possible",
    ),
)
def test_results(situation: Situation) -> None:
    check(situation)


@cases(
    # HBsAg, HBV DNA and HCV RNA each prove an active infection; antibodies alone prove none
    On("E7", "HBV DNA detected", (sle(), resulted(HBV_DNA, "positive")), {"E7": "unmet"}, "ineligible"),
    On("E7", "HBsAg positive", (sle(), resulted(HBSAG, "positive")), {"E7": "unmet"}, "ineligible"),
    On("E7", "HCV RNA detected", (sle(), resulted(HCV_RNA, "positive")), {"E7": "unmet"}, "ineligible"),
    On("E7", "anti-HBc positive only", (sle(), resulted(ANTI_HBC, "positive")), {"E7": "unknown"}, "possible"),
    On("E7", "anti-HCV positive only", (sle(), resulted(ANTI_HCV, "positive")), {"E7": "unknown"}, "possible"),
    On("E7", "anti-HBs positive only", (sle(), resulted(ANTI_HBS_IMMUNE, "positive")), {"E7": "unknown"}, "possible"),
    On(
        "E7",
        "anti-HCV positive, HCV RNA not detected, nothing of hepatitis B",
        (*fits("SLE"), resulted(ANTI_HCV, "positive")),
        {"E7.d": "met:evidence", "E7": "met"},
        "likely",
    ),
    On("E7", "chronic hepatitis B, active", (*fits("SLE"), icd("B18.1", "2001")), {"E7": "unmet"}, "ineligible"),
    # a positive treponemal antibody alone waits for the investigator; a negative one decides
    On(
        "E9",
        "Treponema pallidum antibody positive",
        tuple(but(fits("RA"), resulted(TREPONEMA, "positive"))),
        {"E9.a": "unmet:evidence", "E9.b": "unknown:judgement", "E9": "unknown"},
        "likely",
    ),
    On(
        "E9",
        "Treponema pallidum antibody negative",
        (sle(), resulted(TREPONEMA, "negative")),
        {"E9": "met"},
        OPEN,
    ),
    # no limit is printed: the report's own range says what is prolonged, and 470 ms of no range says nothing
    On("E5", "QTc 470 ms of 450", (sle(), measured(QTC, 470, "ms", high=450)), {"E5": "unmet"}, "ineligible"),
    On("E5", "QTc 440 ms of 450", (sle(), measured(QTC, 440, "ms", high=450)), {"E5.a": "met", "E5": "unknown"}, OPEN),
    On(
        "E5",
        "QTc 470 ms without a range",
        (sle(), measured(QTC, 470, "ms")),
        {"E5.a2": "unknown:unusable", "E5": "unknown"},
        "possible",
    ),
    # a blood count may come as a panel or as its parts; the window of the work-up is 28 days
    On(
        "1.7",
        "SLE. blood count as a panel with components",
        (
            *without(fits("SLE"), HEMOGLOBIN),
            observation(
                concept(LOINC, CBC),
                component=[{"code": concept(LOINC, HEMOGLOBIN), "valueQuantity": amount(118, "g/L")}],
            ),
        ),
        {"1.7.a.a": "met:evidence", "1.7.a": "met"},
        "likely",
    ),
    On(
        "1.7",
        "SLE. ANA of 28 days ago",
        tuple(but(fits("SLE"), titre("1:640", "2026-02-01"))),
        {"1.7.a.c": "met:evidence"},
        "likely",
    ),
    On(
        "1.7",
        "SLE. ANA of 29 days ago",
        tuple(but(fits("SLE"), titre("1:640", "2026-01-31"))),
        {"1.7.a.c": "unknown:stale", "1.7": "unknown"},
        "possible",
    ),
    On(
        "1.9",
        "SLE. SELENA-SLEDAI 7",
        tuple(but(fits("SLE"), score("selena_sledai", 7))),
        {"1.9.a": "unmet:evidence", "1.9": "unmet", "1.8": "unmet"},
        "ineligible",
    ),
    On(
        "4.8",
        "Pemphigus. PDAI 9",
        tuple(but(fits("Pemphigus"), score("pdai", 9))),
        {"4.8": "met:evidence"},
        "likely",
    ),
    On(
        "4.8",
        "Pemphigus. PDAI 8",
        tuple(but(fits("Pemphigus"), score("pdai", 8))),
        {"4.8": "unmet:evidence", "Pemphigus": "unmet"},
        "ineligible",
    ),
    # the area involved is a percentage; a body surface in square metres is something else
    On(
        "5.8",
        "Psoriasis. body surface area 1.7 m2 (LOINC 3140-1), PASI 16, sPGA 3",
        (*without(fits("Psoriasis"), "bsa_pct_involved"), measured("3140-1", 1.7, "m2")),
        {"5.8.a": "unknown:missing-data", "5.8": "unknown"},
        "possible",
    ),
    On(
        "5.8",
        "Psoriasis. involved area 0.12 (unit 1)",
        tuple(but(fits("Psoriasis"), score("bsa_pct_involved", 0.12, unit="1"))),
        {"5.8.a": "met:evidence", "5.8": "met"},
        "likely",
    ),
    On(
        "5.8",
        "Psoriasis. sPGA 2",
        tuple(but(fits("Psoriasis"), score("spga_0_4", 2))),
        {"5.8.c": "unmet:evidence", "5.8": "unmet"},
        "ineligible",
    ),
    # negative antibodies do not close the way by biopsy
    On(
        "7.8",
        "AAV. MPO and PR3 negative",
        tuple(but(fits("AAV"), resulted("46266-3", "negative"), resulted("46267-1", "negative"))),
        {"7.8.b": "unmet", "7.8.a": "unknown:judgement", "7.8": "unknown"},
        "likely",
    ),
    # an antibody once found is a diagnostic criterion for good
    On(
        "4.7",
        "Pemphigus. anti-desmoglein 3 positive at the diagnosis, four years ago",
        (disease("Pemphigus"), resulted("43312-8", "positive", "2022-05-10")),
        {"4.7.b1": "met:evidence", "4.7.b": "met", "4.7.a": "unknown:judgement", "4.7": "unknown"},
        OPEN,
    ),
    On(
        "E2",
        "nothing but the laboratory, in a woman whose pregnancy test is positive",
        (patient("female", "1990-01-01"), sle(), *laboratory(), resulted("2118-8", "positive")),
        {"E2.2.a": "unmet", "E2": "unmet", "1.4.b": "unmet"},
        "ineligible",
    ),
)
def test_rows(situation: Situation) -> None:
    check(situation)
