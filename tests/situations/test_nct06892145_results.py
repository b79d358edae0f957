"""NCT06892145: forms of results, and which observation counts."""

from __future__ import annotations

from tests.situations.builders import (
    LOINC,
    SNOMED,
    amount,
    concept,
    condition,
    icd,
    interpreted,
    measured,
    observation,
    record,
    resulted,
    sle,
    sledai_2k,
)
from tests.situations.situation import OPEN, Situation, cases, check

ANA, ANA_TITRE, DSDNA = "8061-4", "5048-4", "5130-0"
HBSAG, HBCAB, HBSAB, HBV_DNA, HIV = "5195-3", "16933-4", "22322-2", "42595-9", "7918-6"
ALT, LVEF, SPO2, VITALS = "1742-6", "10230-1", "59408-5", "85353-1"


def _said(loinc: str, text: str, **more: object) -> dict:
    """A result in words."""
    return observation(concept(LOINC, loinc), {"valueString": text}, **more)


@cases(
    # 1:40 lies under the cut-off of 1:80 and the laboratory says negative; the other antibody is not known
    Situation(
        "34",
        'ANA "1:40", interpretation NEG; anti-dsDNA absent',
        (sle(), _said(ANA_TITRE, "1:40", interpretation=interpreted("NEG"))),
        {"I5.a": "unmet:evidence", "I5.b": "unknown:missing-data", "I5": "unknown"},
        "possible",
    ),
    # a titre with its pattern is a titre
    Situation(
        "34",
        'ANA "1:320 speckled"',
        (sle(), _said(ANA, "1:320 speckled")),
        {"I5.a": "met:evidence", "I5": "met"},
        OPEN,
    ),
    Situation(
        "35",
        "ANA negative, anti-dsDNA negative",
        (sle(), resulted(ANA, "negative"), resulted(DSDNA, "negative")),
        {"I5": "unmet", "I5.a": "unmet:evidence", "I5.b": "unmet:evidence"},
        "ineligible",
    ),
    # inside its reference range a number is negative, not "positive because it is a number"
    Situation(
        "37",
        "anti-dsDNA 45 IU/mL of 0–100, interpretation missing",
        (sle(), measured(DSDNA, 45, "[IU]/mL", low=0, high=100)),
        {"I5.b": "unmet:evidence", "I5": "unknown"},
        "possible",
    ),
    # above it, it is positive, which decides the row alone
    Situation(
        "37",
        "anti-dsDNA 145 IU/mL of 0–100",
        (sle(), measured(DSDNA, 145, "[IU]/mL", low=0, high=100)),
        {"I5.b": "met:evidence", "I5": "met"},
        OPEN,
    ),
    # negation is not a substring
    Situation(
        "38",
        'anti-HIV "Non-reactive"',
        (sle(), _said(HIV, "Non-reactive")),
        {"E6.c": "met:evidence"},
        OPEN,
    ),
    Situation(
        "38",
        'anti-HIV "Reactive"',
        (sle(), _said(HIV, "Reactive")),
        {"E6.c": "unmet:evidence", "E6": "unmet"},
        "ineligible",
    ),
    # who is known to have the infection has the antibody, tested or not; ruled out is no infection
    Situation(
        "38",
        "HIV infection since 2015, no test",
        (sle(), icd("B20", "2015-01-01")),
        {"E6.c": "unknown:missing-data", "E6.e": "unmet:evidence", "E6": "unmet"},
        "ineligible",
    ),
    Situation(
        "38",
        "HIV infection refuted, anti-HIV negative",
        (sle(), icd("B20", "2015-01-01", verification="refuted"), _said(HIV, "Non-reactive")),
        {"E6.c": "met:evidence", "E6.e": "met:evidence", "E6": "unknown"},
        OPEN,
    ),
    # "<20, not detected" is no DNA above the limit: the hepatitis B branch is not met, whatever the antibodies
    Situation(
        "40",
        "HBsAg negative, HBcAb positive, HBV DNA <20 IU/mL, not detected",
        (
            sle(),
            resulted(HBSAG, "negative"),
            resulted(HBCAB, "positive"),
            measured(HBV_DNA, 20, "[IU]/mL", comparator="<", interpretation=interpreted("ND")),
        ),
        {"E6.a": "met", "E6.a.a": "unmet", "E6.a.b": "met:evidence"},
        OPEN,
    ),
    # the serology asks for the DNA, which nobody tested
    Situation(
        "41",
        "HBcAb positive, HBV DNA never tested",
        (sle(), resulted(HBCAB, "positive")),
        {"E6.a": "unknown", "E6.a.b": "unknown:missing-data", "E6": "unknown"},
        "possible",
    ),
    # both antibodies negative decide the branch without any DNA
    Situation(
        "41",
        "HBsAg and HBcAb negative, HBV DNA never tested",
        (sle(), resulted(HBSAG, "negative"), resulted(HBCAB, "negative")),
        {"E6.a": "met", "E6.a.b": "unknown:missing-data"},
        OPEN,
    ),
    # positive serology and a viral load: the exclusion is there
    Situation(
        "41",
        "HBsAg positive, HBV DNA 2000 IU/mL (detected)",
        (
            sle(),
            resulted(HBSAG, "positive"),
            measured(HBV_DNA, 2000, "[IU]/mL", interpretation=interpreted("DET")),
        ),
        {"E6.a": "unmet", "E6": "unmet"},
        "ineligible",
    ),
    # below the assay's limit on its own, logarithmic scale
    Situation(
        "43",
        'HBsAg positive, HBV DNA "<0.01" log10 IU/mL',
        (
            sle(),
            resulted(HBSAG, "positive"),
            observation(concept(LOINC, HBV_DNA), {"valueQuantity": amount(0.01, "log10 IU/mL", "<", ucum=False)}),
        ),
        {"E6.a": "met", "E6.a.b": "met:evidence"},
        OPEN,
    ),
    # a vaccinated patient: the surface antibody says nothing about HBsAg or HBcAb, and immunity is no infection
    Situation(
        "44",
        'only anti-HBs positive, and "Hepatitis B immune"',
        (sle(), resulted(HBSAB, "positive"), condition(concept(SNOMED, "271511000", "Hepatitis B immune"))),
        {"E6.a": "unknown", "E6.a.a.1": "unknown:missing-data", "E6.a.a.2": "unknown:missing-data", "E6": "unknown"},
        "possible",
    ),
    # another version of the score is not SLEDAI-2K
    Situation(
        "55",
        "SLEDAI (version not said) 8",
        (sle(), observation({"text": "SLEDAI"}, {"valueQuantity": amount(8, "{score}")})),
        {"I4": "unknown"},
        "possible",
    ),
    Situation("55", "SLEDAI-2K 8", (sle(), sledai_2k(8)), {"I4": "met:evidence"}, OPEN),
    Situation("55", "SLEDAI-2K 7, the limit itself", (sle(), sledai_2k(7)), {"I4": "met:evidence"}, OPEN),
    Situation("55", "SLEDAI-2K 6", (sle(), sledai_2k(6)), {"I4": "unmet:evidence"}, "ineligible"),
    # the code says ANA, the words say complement: which of them is wrong nobody knows
    Situation(
        "146",
        'code 8061-4 (ANA) displayed as "C3 complement", 0.6 g/L',
        (
            sle(),
            observation(concept(LOINC, ANA, "C3 complement"), {"valueQuantity": amount(0.6, "g/L")}),
        ),
        {"I5.a": "unknown:unusable", "I5": "unknown"},
        "possible",
    ),
)
def test_forms_of_results(situation: Situation) -> None:
    check(situation)


@cases(
    # the newest counts, neither the worst nor the first
    Situation(
        "56",
        "LVEF 35 % in 2024, 58 % on 2026-02-10",
        (sle(), measured(LVEF, 35, "%", date="2024-06-01"), measured(LVEF, 58, "%", date="2026-02-10")),
        {"I6.1": "met:evidence"},
        OPEN,
    ),
    # an old value alone decides nothing
    Situation(
        "56",
        "LVEF 58 % in 2024 only",
        (sle(), measured(LVEF, 58, "%", date="2024-06-01")),
        {"I6.1": "unknown:stale"},
        "possible",
    ),
    Situation(
        "58",
        "only a preliminary ALT of 1.0 × ULN",
        (sle(), measured(ALT, 40, "U/L", high=40, status="preliminary")),
        {"I6.3.a": "unknown:provisional", "I6.3": "unknown"},
        "possible",
    ),
    # one Observation in two versions is one Observation, the newer
    Situation(
        "59",
        "ALT 5 × ULN, amended to 2 × ULN (same id, newer version)",
        (
            sle(),
            measured(
                ALT, 200, "U/L", high=40, id="alt", meta={"versionId": "1", "lastUpdated": "2026-02-20T08:00:00Z"}
            ),
            measured(
                ALT,
                80,
                "U/L",
                high=40,
                id="alt",
                status="amended",
                meta={"versionId": "2", "lastUpdated": "2026-02-21T08:00:00Z"},
            ),
        ),
        {"I6.3.a": "met:evidence"},
        OPEN,
    ),
    # no value is no value: neither zero nor normal
    Situation(
        "64",
        "ALT with dataAbsentReason and no value",
        (
            sle(),
            observation(
                concept(LOINC, ALT),
                dataAbsentReason=concept("http://terminology.hl7.org/CodeSystem/data-absent-reason", "unknown"),
            ),
        ),
        {"I6.3.a": "unknown:missing-data"},
        "possible",
    ),
    Situation(
        "65",
        "SpO2 97 % only as a component of a vital signs panel",
        (
            sle(),
            observation(
                concept(LOINC, VITALS), component=[{"code": concept(LOINC, SPO2), "valueQuantity": amount(97, "%")}]
            ),
        ),
        {"I6.5.a": "met:evidence"},
        OPEN,
    ),
    # somebody else's result is nobody's evidence here
    Situation(
        "67",
        "ALT of the newborn (another subject)",
        (sle(), measured(ALT, 20, "U/L", high=40, subject={"reference": "Patient/newborn"})),
        {"I6.3.a": "unknown:missing-data"},
        "possible",
    ),
    Situation(
        "67",
        "ALT in the patient's record about the fetus (focus)",
        (sle(), measured(ALT, 20, "U/L", high=40, focus=[{"display": "fetus"}])),
        {"I6.3.a": "unknown:missing-data"},
        "possible",
    ),
)
def test_which_observation_counts(situation: Situation) -> None:
    check(situation)


def test_records_are_bundles_of_what_is_given() -> None:
    bundle = record(sle())
    assert [entry["resource"]["resourceType"] for entry in bundle["entry"]] == ["Patient", "Condition"]
    assert all(entry["resource"]["id"] for entry in bundle["entry"])
