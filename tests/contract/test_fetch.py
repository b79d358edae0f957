"""What the client holds to on real servers, beside the documents that come of it."""

from __future__ import annotations

import pytest
import requests
from trialmatch.config import Settings
from trialmatch.errors import PatientMissing
from trialmatch.fhir.hospital.server import fetch
from trialmatch.fhir.patient.records import Records

from tests.contract.conftest import Files, Json, Server

pytestmark = pytest.mark.slow

SETTINGS = Settings.read({})


def references(records: Records) -> set[str]:
    """``Type/id`` of everything that was fetched."""
    return {f"{kind}/{one.resource['id']}" for kind, found in records.by_type.items() for one in found}


def put(server: Server, resource: Json) -> None:
    answer = requests.put(f"{server.url}/{resource['resourceType']}/{resource['id']}", json=resource, timeout=30)
    assert answer.status_code in (200, 201)


def haemoglobin(identity: str, patient: str) -> Json:
    return {
        "resourceType": "Observation",
        "id": identity,
        "status": "final",
        "code": {"coding": [{"system": "http://loinc.org", "code": "718-7"}]},
        "subject": {"reference": f"Patient/{patient}"},
        "effectiveDateTime": "2026-02-20",
        "valueQuantity": {"value": 11.2, "unit": "g/dL", "system": "http://unitsofmeasure.org", "code": "g/dL"},
    }


def test_unknown_patient(server: Server) -> None:
    with pytest.raises(PatientMissing):
        fetch(server.url, "nobody-01", SETTINGS)


def test_deleted_patient(real: Server) -> None:
    """HAPI answers 410 Gone, Medplum 404; for whoever asks there is no such patient."""
    put(real, {"resourceType": "Patient", "id": "contract-deleted"})
    assert requests.delete(f"{real.url}/Patient/contract-deleted", timeout=30).ok
    with pytest.raises(PatientMissing):
        fetch(real.url, "contract-deleted", SETTINGS)


def test_everything_of_one_patient_and_nothing_of_another(server: Server, demo: Files) -> None:
    """Those of the demo hospital whose ids begin with the patient's, as its generator names them.

    1 Patient, 37 Observations, 3 Conditions, 1 Procedure, 1 Immunization, 12 records of drugs, 2 Encounters.
    """
    own = {one for one in references(demo.records) if one.split("/")[1].startswith("lupus-likely-01")}
    assert len(own) == 57
    assert references(fetch(server.url, "lupus-likely-01", SETTINGS)) == own


def test_merged_patient(real: Server) -> None:
    """Two ids mean one person, who has records under both, whichever of them is asked for."""
    old, new = "contract-merged-old", "contract-merged-new"
    for identity, kind, other in ((old, "replaced-by", new), (new, "replaces", old)):
        link = {"type": kind, "other": {"reference": f"Patient/{other}"}}
        put(real, {"resourceType": "Patient", "id": identity, "link": [link]})
    put(real, haemoglobin("contract-merged-1", old))
    put(real, haemoglobin("contract-merged-2", new))
    both = {f"Patient/{old}", f"Patient/{new}", "Observation/contract-merged-1", "Observation/contract-merged-2"}
    assert references(fetch(real.url, old, SETTINGS)) == both
    assert references(fetch(real.url, new, SETTINGS)) == both


def test_a_drug_in_a_resource_of_its_own(server: Server, demo: Files) -> None:
    """HAPI sends the Medication along (_include); Medplum's repository does not, so it is asked for by itself."""
    (order,) = [
        one.resource
        for one in demo.records.by_type["MedicationRequest"]
        if one.resource.get("medicationReference", {}).get("reference", "").startswith("Medication/")
    ]
    records = fetch(server.url, order["subject"]["reference"], SETTINGS)
    assert order["medicationReference"]["reference"] in references(records)
    assert records.source("MedicationRequest").state == "complete"


def test_a_result_filed_a_moment_ago_is_seen(real: Server) -> None:
    """HAPI gives the result of an equal search again for a minute, unless it is told not to."""
    put(real, {"resourceType": "Patient", "id": "contract-fresh"})
    put(real, haemoglobin("contract-fresh-1", "contract-fresh"))
    assert "Observation/contract-fresh-1" in references(fetch(real.url, "contract-fresh", SETTINGS))
    put(real, haemoglobin("contract-fresh-2", "contract-fresh"))
    assert "Observation/contract-fresh-2" in references(fetch(real.url, "contract-fresh", SETTINGS))


def test_too_many_pages_are_no_complete_answer(server: Server) -> None:
    """37 results in pages of 3 need 13 pages; after 2 the client stops and says so."""
    records = fetch(server.url, "lupus-likely-01", Settings.read({}, fhir_page_size=3, fhir_pages=2))
    source = records.source("Observation")
    assert (source.state, len(records.by_type["Observation"])) == ("partial", 6)
    assert source.detail is not None and "more than 2 pages" in source.detail
