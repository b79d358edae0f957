"""Examples for the OpenAPI document, small enough to read. Tests send each, and hold each against its schema."""

from __future__ import annotations

from typing import Any

from trialmatch.config import BASE

Json = dict[str, Any]

PATIENT_BUNDLE: Json = {
    "resourceType": "Bundle",
    "type": "collection",
    "entry": [
        {"resource": {"resourceType": "Patient", "id": "123", "birthDate": "1991-06-03", "gender": "female"}},
        {
            "resource": {
                "resourceType": "Condition",
                "id": "sle",
                "subject": {"reference": "Patient/123"},
                "verificationStatus": {
                    "coding": [
                        {"system": "http://terminology.hl7.org/CodeSystem/condition-ver-status", "code": "confirmed"}
                    ]
                },
                "code": {"coding": [{"system": "http://snomed.info/sct", "code": "55464009"}]},
                "onsetDateTime": "2019-05-05",
            }
        },
    ],
}

ATTESTATIONS: Json = {
    "attestations": [
        {"judgement": "consent", "answer": "met", "by": "Dr. Ada Example", "at": "2026-02-27", "until": "2027-02-27"},
        {"study": "NCT06892145", "linkId": "E4.a", "answer": "met", "by": "Dr. Ada Example", "at": "2026-02-27"},
    ]
}

HELD_ATTESTATIONS: Json = {
    "patient": "Patient/123",
    "version": 1,
    "by": "clinician-7",
    "at": "2026-02-27T09:30:00+00:00",
    **ATTESTATIONS,
}

PARAMETERS: Json = {
    "resourceType": "Parameters",
    "parameter": [{"name": "study", "valueString": "NCT06892145"}, {"name": "as-of", "valueDate": "2026-03-01"}],
}

STUDY_BUNDLE: Json = {
    "resourceType": "Bundle",
    "type": "collection",
    "entry": [
        {
            "resource": {
                "resourceType": "ResearchStudy",
                "id": "lupus-example",
                "title": "An example: adults with lupus",
                "status": "draft",
                "recruitment": {"eligibility": {"reference": "EvidenceVariable/lupus-example-criteria"}},
            }
        },
        {
            "resource": {
                "resourceType": "EvidenceVariable",
                "id": "lupus-example-criteria",
                "status": "draft",
                "characteristic": [
                    {
                        "linkId": "I1",
                        "description": "Age ≥ 18 years",
                        "definitionByTypeAndValue": {
                            "type": {"coding": [{"system": "http://loinc.org", "code": "30525-0"}]},
                            "valueRange": {
                                "low": {
                                    "value": 18,
                                    "unit": "a",
                                    "system": "http://unitsofmeasure.org",
                                    "code": "a",
                                }
                            },
                        },
                    },
                    {
                        "linkId": "I2",
                        "description": "Systemic lupus erythematosus",
                        "extension": [{"url": f"{BASE}/StructureDefinition/absence", "valueCode": "absent"}],
                        "definitionByTypeAndValue": {
                            "type": {"coding": [{"system": "http://hl7.org/fhir/fhir-types", "code": "Condition"}]},
                            "valueCodeableConcept": {
                                "coding": [{"system": f"{BASE}/CodeSystem/concept", "code": "sle"}]
                            },
                        },
                    },
                ],
            }
        },
    ],
}

MATCH_DOCUMENT: Json = {
    "patient": "Patient/123",
    "asOf": "2026-03-01",
    "generatedAt": "2026-03-01T09:30:00+00:00",
    "engine": {"version": "0.1.0", "studies": f"sha256:{'0' * 64}", "mappings": f"sha256:{'0' * 64}"},
    "sources": [{"type": "Observation", "state": "complete", "count": 212, "detail": None}],
    "problems": [],
    "matches": [
        {
            "rank": 1,
            "study": {
                "id": "NCT06892145",
                "title": "Clinical Trial of CD19 Targeted CAR-T Cell in Refractory Adult SLE",
                "status": "active",
                "recruitment": "not-yet-recruiting",
                "url": "https://clinicaltrials.gov/study/NCT06892145",
            },
            "verdict": "possible",
            "deceased": False,
            "score": 0.71,
            "why": "Nothing decisive is unmet; 1 gap in the data (Creatinine), and 12 points for a person.",
            "cohorts": [],
            "counts": {"met": 41, "unmet": 0, "unknown": 17, "blocking": 12},
            "items": [
                {
                    "linkId": "I6",
                    "kind": "inclusion",
                    "cohort": None,
                    "text": "Renal function",
                    "reading": "as-printed",
                    "combination": "all-of",
                    "status": "met",
                    "basis": None,
                    "reason": "all-of: 1 met",
                    "blocking": False,
                    "children": [
                        {
                            "linkId": "I6.2",
                            "kind": "inclusion",
                            "cohort": None,
                            "text": "Creatinine ≤ 2.0 × ULN",
                            "reading": "as-printed",
                            "status": "met",
                            "basis": "evidence",
                            "reason": "Creatinine 168 µmol/L is 2.0 × ULN (84 µmol/L); limit ≤ 2.0 × ULN",
                            "blocking": False,
                            "evidence": [
                                {
                                    "reference": "Observation/abc",
                                    "date": "2026-02-20",
                                    "display": "Creatinine 168 µmol/L",
                                }
                            ],
                            "children": [],
                        }
                    ],
                }
            ],
            "unmet": [],
            "missing": [
                {
                    "linkId": "I6.1",
                    "kind": "inclusion",
                    "cohort": None,
                    "text": "LVEF ≥ 55 %",
                    "basis": "missing-data",
                    "need": "Left ventricular ejection fraction: a result",
                }
            ],
            "mayQualifyFrom": None,
        }
    ],
}

PRESCREEN: Json = {"source": "hospital", "studies": ["NCT06892145"], "asOf": "2026-03-01"}
