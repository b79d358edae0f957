"""A record with everything that the import reads, and some that it does not."""

from __future__ import annotations

from typing import Any

FULL: dict[str, Any] = {
    "protocolSection": {
        "identificationModule": {
            "nctId": "NCT00000042",
            "orgStudyIdInfo": {"id": "EX-42"},
            "secondaryIdInfos": [{"id": "2026-000042-42", "type": "EUDRACT_NUMBER"}],
            "organization": {"fullName": "Example Institute", "class": "OTHER"},
            "briefTitle": "Examplinib in Lupus",
            "officialTitle": "A Randomised Trial of Examplinib in Systemic Lupus Erythematosus",
            "acronym": "EXAMPLE",
        },
        "statusModule": {
            "statusVerifiedDate": "2026-01",
            "overallStatus": "RECRUITING",
            "startDateStruct": {"date": "2026-01-15", "type": "ACTUAL"},
            "completionDateStruct": {"date": "2028-06", "type": "ESTIMATED"},
            "lastUpdatePostDateStruct": {"date": "2026-02-01", "type": "ACTUAL"},
        },
        "sponsorCollaboratorsModule": {
            "leadSponsor": {"name": "Example Institute", "class": "OTHER"},
            "collaborators": [{"name": "Sample University", "class": "OTHER"}],
        },
        "descriptionModule": {
            "briefSummary": "Whether it helps.",
            "detailedDescription": "Doses of 5 mg\\*.\n\n\\*once a day",
        },
        "conditionsModule": {
            "conditions": ["Systemic Lupus Erythematosus (SLE)", "Lupus Nephritis, Refractory"],
            "keywords": ["lupus"],
        },
        "designModule": {
            "studyType": "INTERVENTIONAL",
            "phases": ["PHASE1", "PHASE2"],
            "designInfo": {
                "allocation": "RANDOMIZED",
                "interventionModel": "PARALLEL",
                "primaryPurpose": "TREATMENT",
                "maskingInfo": {"masking": "DOUBLE", "whoMasked": ["PARTICIPANT"]},
            },
            "enrollmentInfo": {"count": 48, "type": "ESTIMATED"},
        },
        "armsInterventionsModule": {
            "armGroups": [
                {"label": "Examplinib", "type": "EXPERIMENTAL", "interventionNames": ["Drug: Examplinib"]},
                {"label": "Placebo", "type": "PLACEBO_COMPARATOR", "description": "Tablets that look the same"},
            ],
            "interventions": [
                {
                    "type": "DRUG",
                    "name": "Examplinib",
                    "description": "5 mg daily",
                    "armGroupLabels": ["Examplinib"],
                },
                {"type": "DRUG", "name": "Background therapy", "armGroupLabels": ["Examplinib", "Placebo"]},
            ],
        },
        "eligibilityModule": {
            "eligibilityCriteria": (
                "Inclusion Criteria:\n\n* Diagnosis of SLE\n\nExclusion Criteria:\n\n* Pregnant women"
            ),
            "healthyVolunteers": False,
            "sex": "FEMALE",
            "minimumAge": "18 Years",
            "maximumAge": "70 Years",
            "stdAges": ["ADULT", "OLDER_ADULT"],
        },
        "contactsLocationsModule": {
            "centralContacts": [
                {"name": "Study desk", "role": "CONTACT", "phone": "555-0100", "email": "desk@example.org"},
            ],
            "locations": [
                {
                    "facility": "Example Hospital",
                    "status": "RECRUITING",
                    "city": "Sampleton",
                    "state": "Ohio",
                    "zip": "43004",
                    "country": "United States",
                    "geoPoint": {"lat": 40.01, "lon": -82.8},
                },
                {"city": "Musterstadt", "country": "Germany"},
            ],
        },
    },
    "derivedSection": {"miscInfoModule": {"versionHolder": "2026-02-02"}},
    "hasResults": False,
}
