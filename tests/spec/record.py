"""Short ways to write a patient's record. Every function returns a :class:`Fact`: an R4 resource and its wording.

Dates default to 2026-02-20, nine days before the usual as-of date. Ids and ``subject`` are filled in when a row runs.
"""

from __future__ import annotations

from typing import Any

from tests.spec.model import Fact, Json

LOINC = "http://loinc.org"
SNOMED = "http://snomed.info/sct"
ICD10CM = "http://hl7.org/fhir/sid/icd-10-cm"
RXNORM = "http://www.nlm.nih.gov/research/umls/rxnorm"
CVX = "http://hl7.org/fhir/sid/cvx"
UCUM = "http://unitsofmeasure.org"
SCORE = "urn:local:trial-score"
TERMINOLOGY = "http://terminology.hl7.org/CodeSystem"
RECENT = "2026-02-20"
COMPARATORS = ("<=", ">=", "<", ">")

#: what: (system, code, display, short wording)
CODES: dict[str, tuple[str, str, str, str]] = {
    "alt": (LOINC, "1742-6", "Alanine aminotransferase [Enzymatic activity/volume] in Serum or Plasma", "ALT"),
    "alt with p-5'-p": (LOINC, "1743-4", "Alanine aminotransferase [Enzymatic activity/volume] in Serum or Plasma "
                        "by With P-5'-P", "ALT with P-5'-P"),
    "ast": (LOINC, "1920-8", "Aspartate aminotransferase [Enzymatic activity/volume] in Serum or Plasma", "AST"),
    "creatinine": (LOINC, "2160-0", "Creatinine [Mass/volume] in Serum or Plasma", "creatinine"),
    "creatinine (molar)": (LOINC, "14682-9", "Creatinine [Moles/volume] in Serum or Plasma", "creatinine"),
    "bilirubin": (LOINC, "1975-2", "Bilirubin.total [Mass/volume] in Serum or Plasma", "bilirubin"),
    "bilirubin (molar)": (LOINC, "14631-6", "Bilirubin.total [Moles/volume] in Serum or Plasma", "bilirubin"),
    "clearance": (LOINC, "2164-2", "Creatinine renal clearance in 24 hour Urine and Serum or Plasma",
                  "measured creatinine clearance"),
    "egfr": (LOINC, "62238-1", "Glomerular filtration rate/1.73 sq M.predicted [Volume Rate/Area] in Serum", "eGFR"),
    "hemoglobin": (LOINC, "718-7", "Hemoglobin [Mass/volume] in Blood", "hemoglobin"),
    "neutrophils": (LOINC, "751-8", "Neutrophils [#/volume] in Blood by Automated count", "neutrophils"),
    "crp": (LOINC, "1988-5", "C reactive protein [Mass/volume] in Serum or Plasma", "CRP"),
    "c3": (LOINC, "4485-9", "Complement C3 [Mass/volume] in Serum or Plasma", "C3"),
    "dlco": (LOINC, "19911-7", "Diffusion capacity.carbon monoxide", "DLCO"),
    "upcr": (LOINC, "2890-2", "Protein/Creatinine [Mass Ratio] in Urine", "urine protein/creatinine"),
    "hba1c": (LOINC, "4548-4", "Hemoglobin A1c/Hemoglobin.total in Blood", "HbA1c"),
    "hba1c (ifcc)": (LOINC, "59261-8", "Hemoglobin A1c/Hemoglobin.total in Blood by IFCC protocol", "HbA1c (IFCC)"),
    "weight": (LOINC, "29463-7", "Body weight", "weight"),
    "height": (LOINC, "8302-2", "Body height", "height"),
    "spo2": (LOINC, "59408-5", "Oxygen saturation in Arterial blood by Pulse oximetry", "SpO2"),
    "lvef": (LOINC, "10230-1", "Left ventricular Ejection fraction", "LVEF"),
    "ana": (LOINC, "8061-4", "Nuclear Ab [Presence] in Serum", "ANA"),
    "ana titre": (LOINC, "5048-4", "Nuclear Ab [Titer] in Serum by Immunofluorescence", "ANA titre"),
    "anti-dsdna": (LOINC, "5130-0", "DNA double strand Ab [Units/volume] in Serum", "anti-dsDNA"),
    "hbsag": (LOINC, "5195-3", "Hepatitis B virus surface Ag [Presence] in Serum", "HBsAg"),
    "hbv-dna": (LOINC, "42595-9", "Hepatitis B virus DNA [Units/volume] (viral load) in Serum or Plasma by NAA with "
                "probe detection", "HBV DNA"),
    "hiv-ab": (LOINC, "7918-6", "HIV 1+2 Ab [Presence] in Serum", "anti-HIV"),
    "hcg serum": (LOINC, "2118-8", "Choriogonadotropin (pregnancy test) [Presence] in Serum or Plasma", "serum hCG"),
    "hcg urine": (LOINC, "2106-3", "Choriogonadotropin (pregnancy test) [Presence] in Urine", "urine hCG"),
    "nyha": (LOINC, "93124-6", "New York Heart Association Functional Classification", "NYHA"),
    "ecog": (LOINC, "89247-1", "ECOG Performance Status score", "ECOG"),
    "sledai-2k": (SCORE, "sledai_2k", "SLEDAI-2K total score", "SLEDAI-2K"),
    "bilag2004": (SCORE, "bilag2004", "BILAG-2004", "BILAG-2004"),
    "mmt8": (SCORE, "mmt8", "MMT-8", "MMT-8"),
    "mrss": (SCORE, "mrss", "modified Rodnan skin score", "mRSS"),
    "physician global": (LOINC, "75846-6", "Evaluator global assessment of disease activity - 0-10 (0.5 increments) "
                         "numeric rating", "physician's global assessment"),
    "sle": (SNOMED, "55464009", "Systemic lupus erythematosus (disorder)", "SLE"),
    "sle M32.10": (ICD10CM, "M32.10", "Systemic lupus erythematosus, organ or system involvement unspecified",
                   "SLE (M32.10)"),
    "drug-induced lupus": (ICD10CM, "M32.0", "Drug-induced systemic lupus erythematosus", "drug-induced lupus (M32.0)"),
    "rheumatoid arthritis": (SNOMED, "69896004", "Rheumatoid arthritis (disorder)", "rheumatoid arthritis"),
    "stroke": (SNOMED, "230690007", "Cerebrovascular accident (disorder)", "stroke"),
    "heart failure": (SNOMED, "84114007", "Heart failure (disorder)", "heart failure"),
    "congestive heart failure": (SNOMED, "42343007", "Congestive heart failure", "congestive heart failure"),
    "myopathy G72.49": (ICD10CM, "G72.49", "Other inflammatory and immune myopathies, not elsewhere classified",
                        "myopathy (G72.49)"),
    "polymyositis": (ICD10CM, "M33.20", "Polymyositis, organ involvement unspecified", "polymyositis"),
    "heart failure I50.9": (ICD10CM, "I50.9", "Heart failure, unspecified", "heart failure (I50.9)"),
    "dermatomyositis": (SNOMED, "396230008", "Dermatomyositis", "dermatomyositis"),
    "corneal transplant": (ICD10CM, "Z94.7", "Corneal transplant status", "corneal transplant (Z94.7)"),
    "kidney transplant": (ICD10CM, "Z94.0", "Kidney transplant status", "kidney transplant (Z94.0)"),
    "cabg": (SNOMED, "232717009", "Coronary artery bypass grafting (procedure)", "coronary bypass"),
    "mmr": (CVX, "03", "measles, mumps and rubella virus vaccine", "MMR vaccine"),
    "laiv": (CVX, "149", "influenza, live, intranasal, quadrivalent", "live influenza vaccine"),
    "zoster recombinant": (CVX, "187", "zoster vaccine recombinant", "recombinant zoster vaccine"),
    "no known allergy": (SNOMED, "716186003", "No known allergy", "“no known allergy”"),
    "no known drug allergy": (SNOMED, "409137002", "No known drug allergy", "“no known drug allergy”"),
    "no known food allergy": (SNOMED, "429625007", "No known food allergy", "“no known food allergy”"),
    "hydroxychloroquine": (RXNORM, "5521", "Hydroxychloroquine", "hydroxychloroquine"),
    "rituximab": (RXNORM, "121191", "rituximab", "rituximab"),
    "azathioprine": (RXNORM, "1256", "Azathioprine", "azathioprine"),
    "methotrexate": (RXNORM, "6851", "Methotrexate", "methotrexate"),
    "leflunomide": (RXNORM, "27169", "leflunomide", "leflunomide"),
    "mycophenolate mofetil": (RXNORM, "68149", "mycophenolate mofetil", "mycophenolate mofetil"),
    "mycophenolic acid": (RXNORM, "7145", "mycophenolic acid", "mycophenolic acid"),
    "prednisone": (RXNORM, "8640", "Prednisone", "prednisone"),
    "prednisolone": (RXNORM, "8638", "prednisolone", "prednisolone"),
    "methylprednisolone": (RXNORM, "6902", "Methylprednisolone", "methylprednisolone"),
    "dexamethasone": (RXNORM, "3264", "Dexamethasone", "dexamethasone"),
    "hydrocortisone": (RXNORM, "5492", "Hydrocortisone", "hydrocortisone"),
    "adalimumab": (RXNORM, "327361", "adalimumab", "adalimumab"),
    "etanercept": (RXNORM, "214555", "Etanercept", "etanercept"),
    "tofacitinib": (RXNORM, "1357536", "tofacitinib", "tofacitinib"),
    "belimumab": (RXNORM, "1092437", "belimumab", "belimumab"),
}


def code_of(what: str) -> Json:
    """The CodeableConcept of something of :data:`CODES`."""
    system, code, display, _ = CODES[what]
    return {"coding": [{"system": system, "code": code, "display": display}]}


def say(what: str) -> str:
    """Its short wording."""
    return CODES[what][3]


def dated(on: str | None) -> str:
    """A date at the end of a wording."""
    return f", {on}" if on else ", no date"


# -- the person ------------------------------------------------------------------------------------------------------


def patient(born: str | None = None, gender: str | None = None, **more: Any) -> Fact:
    """The patient."""
    resource: Json = {"resourceType": "Patient", "id": "p", **more}
    words = []
    if gender is not None:
        resource["gender"] = gender
        words.append(f"sex {gender}")
    if born is not None:
        resource["birthDate"] = born
        words.append(f"born {born}")
    words += [f"{key} {value}" for key, value in more.items()]
    return Fact(resource, ", ".join(words) or "a patient without sex and birth date")


# -- results ---------------------------------------------------------------------------------------------------------


def observation(what: str, on: str | None, words: str, **value: Any) -> Fact:
    """An Observation with any ``value[x]``."""
    resource: Json = {"resourceType": "Observation", "status": "final", "code": code_of(what), **value}
    if on:
        resource["effectiveDateTime"] = on
    return Fact(resource, f"{say(what)} {words}{dated(on)}")


def number(value: float | str, unit: str | None) -> Json:
    """A Quantity as laboratories send it: a comparator may stand before the number; no unit where ``unit`` is None."""
    quantity: Json = {}
    if isinstance(value, str):
        comparator = next(each for each in COMPARATORS if value.startswith(each))
        quantity["comparator"] = comparator
        value = float(value.removeprefix(comparator))
    quantity["value"] = value
    if unit is not None:
        quantity |= {"unit": unit, "system": UCUM, "code": unit}
    return quantity


def reference(low: float | None, high: float | None, unit: str | None) -> list[Json]:
    """A reference range; an end may be open."""
    ends = {"low": low, "high": high}
    return [{end: number(value, unit) for end, value in ends.items() if value is not None}]


def lab(what: str, value: float | str, unit: str | None, on: str | None = RECENT, *, low: float | None = None,
        high: float | None = None, range_unit: str | None = None) -> Fact:
    """A numeric result, with the reference range it came with."""
    words = f"{value} {unit}" if unit else f"{value}, no unit"
    more: Json = {"valueQuantity": number(value, unit)}
    if low is not None or high is not None:
        own = range_unit or unit
        more["referenceRange"] = reference(low, high, own)
        ends = f"from {low}" if high is None else f"to {high}" if low is None else f"{low}–{high}"
        words += f" (normal {ends}{f' {range_unit}' if range_unit else ''})"
    return observation(what, on, words, **more)


def alt(value: float | str, on: str | None = RECENT, high: float | None = 40) -> Fact:
    """ALT in U/L with an upper limit of normal of 40."""
    return lab("alt", value, "U/L", on, high=high)


def ast(value: float | str, on: str | None = RECENT, high: float | None = 40) -> Fact:
    """AST in U/L with an upper limit of normal of 40."""
    return lab("ast", value, "U/L", on, high=high)


def score(what: str, value: float | str, on: str | None = RECENT, *, high: float | None = None) -> Fact:
    """A score; ``high`` is the top of the scale in its reference range."""
    more: Json = {"valueQuantity": number(value, "{score}")}
    words = f"{value}"
    if high is not None:
        more["referenceRange"] = reference(0, high, "{score}")
        words += f" of 0–{high}"
    return observation(what, on, words, **more)


def answer(what: str, system: str, code: str, display: str, on: str | None = RECENT) -> Fact:
    """A coded result."""
    value = {"coding": [{"system": system, "code": code, "display": display}]}
    return observation(what, on, f"coded {code} “{display}”", valueCodeableConcept=value)


def positive(what: str, on: str | None = RECENT) -> Fact:
    """SNOMED "Positive"."""
    return answer(what, SNOMED, "10828004", "Positive", on)


def negative(what: str, on: str | None = RECENT) -> Fact:
    """SNOMED "Negative"."""
    return answer(what, SNOMED, "260385009", "Negative", on)


def wrote(what: str, text: str, on: str | None = RECENT) -> Fact:
    """A result as a string."""
    return observation(what, on, f"“{text}”", valueString=text)


def interpreted(what: str, code: str, on: str | None = RECENT, **value: Any) -> Fact:
    """A result that is only flagged."""
    return observation(what, on, f"flagged {code}", interpretation=interpretation(code), **value)


def interpretation(code: str) -> list[Json]:
    """``interpretation`` of the v3 code system."""
    return [{"coding": [{"system": f"{TERMINOLOGY}/v3-ObservationInterpretation", "code": code}]}]


def panel(what: str, on: str | None, *components: tuple[str, Json, str]) -> Fact:
    """An Observation whose results are components: (name, value[x], wording) each."""
    parts = [
        {"code": code_of(name) if name in CODES else {"text": name}, **value} for name, value, _ in components
    ]
    words = "panel: " + ", ".join(f"{say(name) if name in CODES else name} {word}" for name, _, word in components)
    return observation(what, on, words, component=parts)


def grades(on: str | None, **systems: str) -> Fact:
    """A BILAG panel: organ systems with their grades as strings."""
    return panel("bilag2004", on, *((name, {"valueString": letter}, letter) for name, letter in systems.items()))


def grade_alone(letter: str, on: str, system: str) -> Fact:
    """A BILAG grade of one organ system as an Observation of its own."""
    site = {"bodySite": {"text": system}}
    return observation("bilag2004", on, f"{letter} ({system})", valueString=letter, **site)


def vital_signs(on: str | None, *components: tuple[str, Json, str]) -> Fact:
    """A vital signs panel with results as components."""
    fact = panel("spo2", on, *components)
    code = {"coding": [{"system": LOINC, "code": "85353-1"}], "text": "Vital signs panel"}
    return Fact({**fact.resource, "code": code}, fact.words.replace(say("spo2"), "vital signs", 1))


# -- diagnoses and events --------------------------------------------------------------------------------------------


def condition(what: str, onset: str | None = None, abated: str | None = None, *, clinical: str | None = "active",
              verification: str | None = "confirmed", **more: Any) -> Fact:
    """A Condition. An abated one is ``resolved``."""
    if abated is not None and clinical == "active":
        clinical = "resolved"
    resource: Json = {"resourceType": "Condition", "code": code_of(what), **more}
    words = say(what)
    if clinical is not None:
        resource["clinicalStatus"] = status_concept("condition-clinical", clinical)
        words += f", {clinical}" if clinical != "active" else ""
    if verification is not None:
        resource["verificationStatus"] = status_concept("condition-ver-status", verification)
        words += f", {verification}" if verification != "confirmed" else ""
    if onset is not None:
        resource["onsetDateTime"] = onset
        words += f", onset {onset}"
    if abated is not None:
        resource["abatementDateTime"] = abated
        words += f", abated {abated}"
    return Fact(resource, words + "".join(f", {key} {value}" for key, value in more.items()))


def status_concept(system: str, code: str) -> Json:
    """A status as a CodeableConcept."""
    return {"coding": [{"system": f"{TERMINOLOGY}/{system}", "code": code}]}


def worded(text: str, onset: str | None = None) -> Fact:
    """A Condition that has only words."""
    resource: Json = {"resourceType": "Condition", "code": {"text": text},
                      "verificationStatus": status_concept("condition-ver-status", "confirmed")}
    if onset is not None:
        resource["onsetDateTime"] = onset
    return Fact(resource, f"diagnosis in words only: “{text}”")


def performed(what: str, on: str | None, status: str = "completed", **more: Any) -> Fact:
    """A Procedure."""
    resource: Json = {"resourceType": "Procedure", "status": status, "code": code_of(what), **more}
    if on is not None:
        resource["performedDateTime"] = on
    when = dated(on) if on is not None or not more else ""
    return Fact(resource, f"{say(what)} {status}{when}" + "".join(f", {key} {value}" for key, value in more.items()))


def vaccinated(what: str, on: str, status: str = "completed") -> Fact:
    """An Immunization."""
    resource = {"resourceType": "Immunization", "status": status, "vaccineCode": code_of(what),
        "occurrenceDateTime": on}
    return Fact(resource, f"{say(what)} {status}, {on}")


def allergic(what: str, verification: str = "confirmed", **more: Any) -> Fact:
    """An AllergyIntolerance."""
    resource = {
        "resourceType": "AllergyIntolerance",
        "clinicalStatus": status_concept("allergyintolerance-clinical", "active"),
        "verificationStatus": status_concept("allergyintolerance-verification", verification),
        "code": code_of(what),
        **more,
    }
    return Fact(resource, f"allergy to {say(what)}, {verification}")


def denied(what: str, verification: str = "confirmed", clinical: str = "active") -> Fact:
    """An AllergyIntolerance that says there is none."""
    status = status_concept("allergyintolerance-clinical", clinical)
    resource = allergic(what, verification, clinicalStatus=status).resource
    return Fact(resource, ", ".join([say(what), verification] + [clinical] * (clinical != "active")))


# -- drugs -----------------------------------------------------------------------------------------------------------


def dosage(value: float | None, unit: str | None = "mg", frequency: int | None = 1, period: float = 1,
           period_unit: str = "d") -> list[Json]:
    """A Dosage; leave out the dose, its unit or the frequency with None."""
    one: Json = {}
    if value is not None:
        one["doseAndRate"] = [{"doseQuantity": number(value, unit)}]
    if frequency is not None:
        one["timing"] = {"repeat": {"frequency": frequency, "period": period, "periodUnit": period_unit}}
    return [one or {"text": "take as directed"}]


def took(what: str, start: str | None, end: str | None = None, status: str | None = None, *,
         dose: list[Json] | None = None, words: str = "") -> Fact:
    """A MedicationStatement over a period; with an end it is completed, without one active, unless said."""
    status = status or ("completed" if end else "active")
    resource: Json = {"resourceType": "MedicationStatement", "status": status,
        "medicationCodeableConcept": code_of(what)}
    period = {key: value for key, value in (("start", start), ("end", end)) if value is not None}
    if period:
        resource["effectivePeriod"] = period
    if dose is not None:
        resource["dosage"] = dose
    spoken = f"took {say(what)}{f' {words}' if words else ''} ({status})"
    if start:
        spoken += f" from {start}"
    if end:
        spoken += f" to {end}"
    return Fact(resource, spoken)


def ordered(what: str, on: str | None, status: str = "active", intent: str = "order", **more: Any) -> Fact:
    """A MedicationRequest."""
    resource: Json = {
        "resourceType": "MedicationRequest",
        "status": status,
        "intent": intent,
        "medicationCodeableConcept": code_of(what),
        **more,
    }
    if on is not None:
        resource["authoredOn"] = on
    return Fact(resource, f"{intent} of {say(what)} ({status}){dated(on)}" + "".join(f", {key} {value}"
                                                                                    for key, value in more.items()))


def given(what: str, on: str, status: str = "completed") -> Fact:
    """A MedicationAdministration at one time."""
    resource = {"resourceType": "MedicationAdministration", "status": status,
        "medicationCodeableConcept": code_of(what),
                "effectiveDateTime": on}
    return Fact(resource, f"{say(what)} administered ({status}), {on}")


def dispensed(what: str, on: str, days: int, status: str = "completed") -> Fact:
    """A MedicationDispense with a supply for some days."""
    supply = {"value": days, "unit": "d", "system": UCUM, "code": "d"}
    resource = {"resourceType": "MedicationDispense", "status": status, "medicationCodeableConcept": code_of(what),
                "whenHandedOver": on, "daysSupply": supply}
    return Fact(resource, f"{say(what)} dispensed ({status}) for {days} days, {on}")


def raw(words: str, **resource: Any) -> Fact:
    """Any resource, worded by hand."""
    return Fact(resource, words)
