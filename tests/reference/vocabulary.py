"""A tiny terminology of its own: the concepts that the generated criteria and patients talk about.

The codes are those the shipped mappings hold as well; ``test_reference`` compares the two where the mappings are there.
"""

from __future__ import annotations

from fractions import Fraction
from typing import Any

BASE = "https://trialmatch.example.org/fhir"
CONCEPT = f"{BASE}/CodeSystem/concept"
LOINC = "http://loinc.org"
SNOMED = "http://snomed.info/sct"
ICD10 = "http://hl7.org/fhir/sid/icd-10-cm"
RXNORM = "http://www.nlm.nih.gov/research/umls/rxnorm"
ATC = "http://www.whocc.no/atc"
CVX = "http://hl7.org/fhir/sid/cvx"
UCUM = "http://unitsofmeasure.org"
SCORE = "urn:local:trial-score"  # scores that no standard terminology holds

Json = dict[str, Any]
Code = tuple[str, str]

CODES: dict[str, frozenset[Code]] = {
    "alt": frozenset({(LOINC, "1742-6"), (LOINC, "1743-4"), (LOINC, "1744-2")}),
    "ast": frozenset({(LOINC, "1920-8"), (LOINC, "30239-8")}),
    "creatinine": frozenset({(LOINC, "2160-0"), (LOINC, "14682-9")}),
    "hemoglobin": frozenset({(LOINC, "718-7"), (LOINC, "20509-6")}),
    "spo2": frozenset({(LOINC, "59408-5"), (LOINC, "2708-6")}),
    "ana": frozenset({(LOINC, "8061-4"), (LOINC, "5048-4"), (LOINC, "42254-3"), (LOINC, "29953-7")}),
    "sledai-2k": frozenset({(SCORE, "sledai_2k")}),
    "body-weight": frozenset({(LOINC, "29463-7"), (LOINC, "3141-9")}),
    "creatinine-clearance": frozenset({(LOINC, "2164-2"), (LOINC, "35591-7")}),
    "bilag2004": frozenset({(SCORE, "bilag2004")}),
    "nyha": frozenset({(LOINC, "93124-6")}),
    "nyha-class-I": frozenset({(SNOMED, "420300004")}),
    "nyha-class-II": frozenset({(SNOMED, "421704003")}),
    "nyha-class-III": frozenset({(SNOMED, "420913000")}),
    "nyha-class-IV": frozenset({(SNOMED, "422293003")}),
    "sle": frozenset({(SNOMED, "55464009"), (ICD10, "M32.10"), (ICD10, "M32.9"), (ICD10, "M32.19")}),
    "stroke": frozenset({(SNOMED, "230690007"), (SNOMED, "432504007"), (ICD10, "I63.9"), (ICD10, "I61.9")}),
    "dialysis": frozenset({(SNOMED, "265764009"), (SNOMED, "302497006")}),
    "live-vaccine-mmr": frozenset({(CVX, "03")}),
    "hydroxychloroquine": frozenset({(RXNORM, "5521"), (ATC, "P01BA02")}),
    "methotrexate": frozenset({(RXNORM, "6851"), (ATC, "L04AX03")}),
    "mycophenolate-mofetil": frozenset({(RXNORM, "68149"), (ATC, "L04AA06")}),
    "mycophenolic-acid": frozenset({(ATC, "L04AA06")}),
    "prednisone": frozenset({(RXNORM, "8640"), (ATC, "H02AB07")}),
}
CODES["nyha-class-iii-iv"] = CODES["nyha-class-III"] | CODES["nyha-class-IV"]
CODES["mycophenolate"] = CODES["mycophenolate-mofetil"] | CODES["mycophenolic-acid"]
CODES["immunosuppressant"] = CODES["methotrexate"] | CODES["mycophenolate"]

#: The active moiety behind a drug's code: mofetil and sodium are one mycophenolate.
INGREDIENT: dict[Code, str] = {
    code: ingredient
    for ingredient in ("hydroxychloroquine", "methotrexate", "mycophenolate", "prednisone")
    for code in CODES[ingredient]
}

#: How much of the concept's own unit (named in the comment) one of the unit is.
UNITS: dict[str, dict[str, Fraction]] = {
    "alt": {"U/L": Fraction(1), "ukat/L": Fraction(60)},  # U/L; 1 U is 1 µmol a minute, 1 kat 1 mol a second
    "ast": {"U/L": Fraction(1), "ukat/L": Fraction(60)},
    "creatinine": {"umol/L": Fraction(1), "mg/dL": Fraction("88.4")},  # µmol/L
    "hemoglobin": {"g/L": Fraction(1), "g/dL": Fraction(10)},  # g/L
    "spo2": {"%": Fraction(1), "1": Fraction(100)},  # %
    "sledai-2k": {"{score}": Fraction(1)},
    "body-weight": {"kg": Fraction(1), "g": Fraction(1, 1000)},  # kg
    "creatinine-clearance": {"mL/min": Fraction(1)},
}


def codes_in(codeable: Json) -> frozenset[Code]:
    """The (system, code) pairs of a CodeableConcept."""
    return frozenset((coding.get("system", ""), coding["code"]) for coding in codeable.get("coding", []))


def meant(codeable: Json) -> tuple[str, frozenset[Code]]:
    """The concept that a criterion's CodeableConcept names, and the codes that count as it.

    A concept counts with all its codes; a standard code counts alone, with its concept's unit rules.
    """
    (coding,) = codeable["coding"]
    if coding["system"] == CONCEPT:
        return coding["code"], CODES[coding["code"]]
    code = (coding["system"], coding["code"])
    for concept, codes in CODES.items():
        if code in codes:
            return concept, frozenset({code})
    raise KeyError(code)


def extension(characteristic: Json, name: str) -> Any:
    """The value of one of the language's extensions on a characteristic, None where it is not there."""
    for entry in characteristic.get("extension", []):
        if entry["url"] == f"{BASE}/StructureDefinition/{name}":
            return next(value for key, value in entry.items() if key.startswith("value"))
    return None
