"""Chapter 4, second part, continued: which codes mean a concept."""

from __future__ import annotations

from tests.spec.criteria import (
    BASE,
    ICD10CM,
    LOINC,
    SNOMED,
    TYPES,
    coded,
    coding,
    concept,
    diagnosis,
    exclude,
    exposure,
    gate,
    leaf,
    measured,
    method,
    quantity,
    times,
    within,
)
from tests.spec.model import Fact, Json, Section, met, row, rule, unknown, unmet
from tests.spec.record import (
    alt,
    condition,
    lab,
    ordered,
    took,
    worded,
)


def in_icd10(code: str, system: str = "http://hl7.org/fhir/sid/icd-10") -> Fact:
    """A diagnosis by a code of ICD-10 or one of its editions."""
    codes = {"coding": [{"system": system, "code": code}]}
    return condition("sle", "2020-01-01").but(f"{code} of {system}, since 2020-01-01", code=codes)



def ordered_in_words(text: str) -> Fact:
    """An order of a drug without a code."""
    return ordered("prednisone", "2026-01-10").but(f"order in words only: “{text}”",
        medicationCodeableConcept={"text": text})


LABORATORY = "https://hospital.example.org/lab"
LOCAL_ALT = alt(40).but("{} under the local code GPT", code={"coding": [{"system": LABORATORY, "code": "GPT"}]})
SITE_MAP = {
    "resourceType": "ConceptMap",
    "url": "https://hospital.example.org/fhir/ConceptMap/lab",
    "status": "active",
    "group": [{
        "source": LABORATORY,
        "target": f"{BASE}/CodeSystem/concept",
        "element": [{"code": "GPT", "target": [{"code": "alt", "equivalence": "equivalent"}]}],
    }],
}

LOCAL_CREATININE = lab("creatinine", 132.6, "umol/L").but("{} under the local code KREA",
    code={"coding": [{"system": LABORATORY, "code": "KREA"}]})
LOCAL_RITUXIMAB = took("rituximab", "2025-01-01").but("{} under the local code RTX",
    medicationCodeableConcept={"coding": [{"system": LABORATORY, "code": "RTX"}]})


def mapped(code: str, name: str) -> Json:
    """A site's ConceptMap from one local code to one concept."""
    element = [{"code": code, "target": [{"code": name, "relationship": "equivalent"}]}]
    return SITE_MAP | {"group": [{"source": LABORATORY, "target": f"{BASE}/CodeSystem/concept", "element": element}]}


SITE_SET = {
    "resourceType": "ValueSet",
    "url": f"{BASE}/ValueSet/alt",
    "status": "active",
    "compose": {"include": [{"system": LABORATORY, "concept": [{"code": "GPT"}]}]},
}

CODES = Section(
    "Concepts and codes",
    """
`{base}/CodeSystem/concept` names what criteria talk about: `alt`, `sle`, `hydroxychloroquine`; and groups such as
`immunosuppressant`, which are unions of others. The codes behind a concept are a ValueSet
(`{base}/ValueSet/<concept>`) in `mappings/`: LOINC, SNOMED CT, ICD-10-CM, RxNorm, ATC, CVX, each with source and
version. A site lays a folder of its own over them: more ValueSets, or ConceptMaps from its local codes. A criterion
may also name a code of a standard directly, or a ValueSet by `valueReference`. ICD-10-CM codes bring their
descendants along; SNOMED CT codes only those descendants that the mappings (or a terminology server) list.
""",
    rules=(
        rule(
            "A code directly",
            "Exactly that code is meant, not the others of the concept that holds it.",
            diagnosis(coded(coding(SNOMED, "84114007"))),
            row(met(), condition("heart failure", "2020-01-01")),
            row(unknown("no-record"), condition("congestive heart failure", "2020-01-01"),
                why="another code of the same concept"),
        ),
        rule(
            "The concept that holds both",
            "Named as a concept, each of its codes does.",
            diagnosis("heart-failure"),
            row(met(), condition("heart failure", "2020-01-01")),
            row(met(), condition("congestive heart failure", "2020-01-01")),
            row(met(), condition("heart failure I50.9", "2020-01-01")),
        ),
        rule(
            "A ValueSet by reference",
            "As good as the concept.",
            diagnosis({"valueReference": {"reference": f"{BASE}/ValueSet/heart-failure"}}),
            row(met(), condition("congestive heart failure", "2020-01-01")),
            row(unknown("no-record"), condition("stroke", "2020-01-01")),
        ),
        rule(
            "Descendants in ICD-10-CM",
            "A category stands for everything below it.",
            diagnosis(coded(coding(ICD10CM, "I50"))),
            row(met(), condition("heart failure I50.9", "2020-01-01")),
            row(unknown("no-record"), condition("heart failure", "2020-01-01"), why="a SNOMED CT code is not below it"),
        ),
        rule(
            "ICD-10 and its German edition",
            "A code of the WHO's ICD-10 or of ICD-10-GM that means what the same code means in ICD-10-CM counts, with "
            "everything below it. A few that mean something else there do not.",
            diagnosis("sle"),
            row(met(), in_icd10("M32.9")),
            row(met(), in_icd10("M32.1", "http://fhir.de/CodeSystem/bfarm/icd-10-gm")),
            row(met(), in_icd10("M32.1+", "http://fhir.de/CodeSystem/bfarm/icd-10-gm"), why="with a mark behind it"),
            row(unknown("no-record"), in_icd10("M32.0"), why="drug-induced lupus"),
            row(unknown("no-record"), in_icd10("M32.9", "http://hospital.example/icd-10"), why="an unknown system"),
        ),
        rule(
            "What ICD-10 says otherwise",
            "R65.2 is severe sepsis in ICD-10-CM, and in ICD-10 an inflammatory response without infection.",
            diagnosis("sepsis"),
            row(met(), in_icd10("A41.9")),
            row(met(), in_icd10("R65.20", ICD10CM)),
            row(unknown("no-record"), in_icd10("R65.2")),
        ),
        rule(
            "What a value set leaves out: drug-induced lupus",
            "M32.0 is under M32 and not systemic lupus erythematosus. It never counts as lupus.",
            diagnosis("sle"),
            row(unknown("no-record"), condition("drug-induced lupus", "2020-01-01")),
            row(met(), condition("drug-induced lupus", "2020-01-01"), condition("sle M32.10", "2022-01-01")),
        ),
        rule(
            "What a value set leaves out: the cornea",
            "Z94.7 is under Z94, and not the transplant that trials exclude.",
            exclude(diagnosis("transplant")),
            row(unknown("no-record"), condition("corneal transplant", "2020-01-01")),
            row(unmet(), condition("kidney transplant", "2020-01-01")),
        ),
        rule(
            "A result by its code",
            "Exactly that code again.",
            leaf(coding(LOINC, "1742-6"), times("<=", 3)),
            row(met(), alt(40)),
            row(unknown("missing-data"), lab("alt with p-5'-p", 40, "U/L", high=40)),
        ),
        rule(
            "A code borrows the unit rules of its concept",
            "LOINC 14682-9 is creatinine, so its molar mass is known (1 mg/dL = 88.4 µmol/L).",
            leaf(coding(LOINC, "14682-9"), quantity("<=", 1.5, "mg/dL")),
            row(met(), lab("creatinine (molar)", 132.6, "umol/L"), why="1.5 mg/dL"),
            row(unmet(), lab("creatinine (molar)", 132.7, "umol/L")),
            row(unknown("missing-data"), lab("creatinine", 1, "mg/dL"), why="the other code of the concept"),
        ),
        rule(
            "Several codings in one type",
            "They are synonyms.",
            leaf([coding(LOINC, "1742-6"), coding(LOINC, "1743-4")], times("<=", 3)),
            row(met(), alt(40)),
            row(met(), lab("alt with p-5'-p", 40, "U/L", high=40)),
        ),
        rule(
            "A resource type among them",
            "It selects the kind of record.",
            leaf([concept("heart-failure"), coding(TYPES, "Condition")], coded(concept("heart-failure"))),
            row(met(), condition("heart failure", "2020-01-01")),
            row(unknown("no-record")),
        ),
        rule(
            "A group concept",
            "`immunosuppressant` is the union of its drugs.",
            exposure("immunosuppressant"),
            row(met(), took("azathioprine", "2025-01-01")),
            row(met(), took("mycophenolate mofetil", "2025-01-01")),
            row(unknown("no-record"), took("hydroxychloroquine", "2025-01-01")),
        ),
        rule(
            "A record in words only",
            "Words that equal a concept's name are a hint: the leaf is `unusable` until somebody looks, never met and "
            "never silent. A setting lets them count.",
            diagnosis("sle"),
            row(unknown("unusable"), worded("Systemic lupus erythematosus", "2020-01-01")),
            row(met(), worded("Systemic lupus erythematosus", "2020-01-01"), settings={"text": "accept"}),
            row(unknown("no-record"), worded("Lupus pernio", "2020-01-01"), why="other words"),
        ),
        rule(
            "Words beside codes",
            "What the coded records decide might be wrong because of a record in words: then it stays open, too.",
            exclude(within(method(diagnosis("stroke"), "onset"), -6, 0, "mo")),
            row(unknown("unusable"), condition("stroke", "1999-05-05"), worded("Stroke", "2026-01-05")),
            row(met(), condition("stroke", "1999-05-05"), worded("Stroke", "2001-01-05"), why="outside the window"),
            row(unmet(), condition("stroke", "2026-02-01"), worded("Stroke", "2026-01-05"), why="the code decides"),
        ),
        rule(
            "A code that is not specific",
            "A value set may name codes that speak for its concept without proving it (extension "
            "`supporting-code`). ICD-10-CM files necrotizing myopathy under G72.49, with other myopathies.",
            gate(diagnosis("inflammatory-myopathy")),
            row(unknown("unusable"), condition("myopathy G72.49", "2020-01-01")),
            row(met(), condition("myopathy G72.49", "2020-01-01"), condition("polymyositis", "2020-01-01")),
            row(unmet("no-record")),
        ),
        rule(
            "A drug in words only",
            "Free text of drugs holds strength and form, so the name as a word in it is enough for a hint.",
            exclude(exposure("prednisone")),
            row(unknown("unusable"), ordered_in_words("Prednisone 5 mg tablets")),
            row(unknown("no-record"), ordered_in_words("Prednicarbate ointment")),
        ),
        rule(
            "A local code",
            "A ConceptMap in the site's folder makes it count; without one it says nothing.",
            measured("alt", times("<=", 3)),
            row(unknown("missing-data"), LOCAL_ALT),
            row(met(), LOCAL_ALT, mappings=(SITE_MAP,)),
            row(unmet(), alt(200), mappings=(SITE_MAP,), why="the shipped codes stay"),
        ),
        rule(
            "Another name of a concept",
            "`creatinine` and `creatinine-serum` are one concept. Mapped to either, a local code counts for both, with "
            "the conversions that results of it have (132.6 µmol/L are 1.5 mg/dL).",
            measured("creatinine", quantity("<=", 1.5, "mg/dL")),
            row(unknown("missing-data"), LOCAL_CREATININE),
            row(met(), LOCAL_CREATININE, mappings=(mapped("KREA", "creatinine"),)),
            row(met(), LOCAL_CREATININE, mappings=(mapped("KREA", "creatinine-serum"),)),
        ),
        rule(
            "Another name of a member",
            "`rituximab` is another name of `rituximab-cd20`, and so its local code is one of every group that takes "
            "either of them in.",
            exclude(exposure("cd20-antibody")),
            row(unknown("no-record"), LOCAL_RITUXIMAB),
            row(unmet(), LOCAL_RITUXIMAB, mappings=(mapped("RTX", "rituximab"),)),
        ),
        rule(
            "A ValueSet of the site",
            "A further way to add codes to a concept.",
            measured("alt", times("<=", 3)),
            row(met(), LOCAL_ALT, mappings=(SITE_SET,)),
            row(unmet(), alt(200), mappings=(SITE_SET,), why="the shipped codes stay"),
        ),
    ),
)

