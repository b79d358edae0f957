"""What an EHR sends along: null, absent, partial, paged, OperationOutcome, other resources, other patients."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from trialmatch.errors import BadRequest
from trialmatch.fhir.patient.needs import Needs
from trialmatch.web.cds.prefetch import Given, Template, given, templates

from tests.cds.ehr import Ehr
from tests.hospital.server import Hospital, outcome

Json = dict[str, Any]

PATIENT = {"resourceType": "Patient", "id": "p", "gender": "female", "birthDate": "1988-04-12"}
MISSING = "lupus-missing-01"

CONDITION: Json = {
    "resourceType": "Condition",
    "id": "c1",
    "subject": {"reference": "Patient/p"},
    "code": {"coding": [{"system": "http://snomed.info/sct", "code": "55464009"}]},
}

ASKED = templates(Needs(("Patient", "Condition", "MedicationRequest"), frozenset()))


def searchset(*resources: Json, **more: Any) -> Json:
    """A server's answer to a search."""
    return {"resourceType": "Bundle", "type": "searchset", "entry": [{"resource": one} for one in resources], **more}


def taken(**prefetch: Any) -> Given:
    """What comes of a prefetch for ASKED; names with _ for -."""
    return given({name.replace("_", "-"): value for name, value in prefetch.items()}, ASKED, "p")


def keys(found: tuple[Template, ...]) -> list[str]:
    """The keys of templates."""
    return [template.key for template in found]


# --- one key at a time


def test_null_means_that_there_are_none() -> None:
    found = taken(patient=PATIENT, conditions=None, medication_requests=None)
    assert not found.absent and not found.paged
    source = found.records.sources["Condition"]
    assert source.state == "complete" and not found.records.by_type.get("Condition")


def test_a_bundle_without_entries_means_the_same() -> None:
    bundle = {"resourceType": "Bundle", "type": "searchset", "total": 0}
    found = taken(patient=PATIENT, conditions=bundle, medication_requests=None)
    assert found.records.sources["Condition"].state == "complete" and not found.absent + found.paged


def test_a_key_that_is_not_there_is_absent() -> None:
    found = taken(patient=PATIENT, conditions=None)
    assert keys(found.absent) == ["medication-requests"]
    assert "MedicationRequest" not in found.records.sources


def test_an_operation_outcome_in_place_of_data_is_a_failure_and_not_an_invitation_to_ask() -> None:
    found = taken(patient=PATIENT, conditions=outcome("forbidden"), medication_requests=None)
    source = found.records.sources["Condition"]
    assert source.state == "failed" and source.detail and not found.absent + found.paged


@pytest.mark.parametrize(
    ("severity", "state"),
    [("error", "partial"), ("fatal", "partial"), ("warning", "complete"), ("information", "complete")],
)
def test_an_operation_outcome_beside_data_counts_by_its_severity(severity: str, state: str) -> None:
    bundle = searchset(CONDITION, outcome("incomplete", severity=severity))
    found = taken(patient=PATIENT, conditions=bundle, medication_requests=None)
    assert found.records.sources["Condition"].state == state
    assert len(found.records.by_type["Condition"]) == 1


def test_a_next_link_is_a_promise_of_more() -> None:
    bundle = searchset(CONDITION, link=[{"relation": "self", "url": "x"}, {"relation": "next", "url": "y"}])
    assert keys(taken(patient=PATIENT, conditions=bundle, medication_requests=None).paged) == ["conditions"]


@pytest.mark.parametrize(("total", "paged"), [(1, []), (2, ["conditions"]), (0, [])])
def test_a_total_above_what_is_there_is_one_too(total: int, paged: list[str]) -> None:
    bundle = searchset(CONDITION, total=total)
    assert keys(taken(patient=PATIENT, conditions=bundle, medication_requests=None).paged) == paged


def test_a_total_counts_matches_and_not_what_came_along() -> None:
    order = {"resourceType": "MedicationRequest", "id": "m", "subject": {"reference": "Patient/p"}}
    bundle = searchset(order, {"resourceType": "Medication", "id": "d"}, total=1)
    found = taken(patient=PATIENT, conditions=None, medication_requests=bundle)
    assert not found.paged and len(found.records.by_type["Medication"]) == 1


def test_one_resource_in_place_of_a_bundle_is_taken() -> None:
    found = taken(patient=PATIENT, conditions=CONDITION, medication_requests=None)
    assert len(found.records.by_type["Condition"]) == 1


def test_keys_that_nobody_asked_for_are_passed_over() -> None:
    found = taken(patient=PATIENT, conditions=None, medication_requests=None, others=searchset(CONDITION))
    assert not found.records.by_type.get("Condition")


def test_a_record_of_nobody_makes_its_type_partial() -> None:
    bundle = searchset({key: value for key, value in CONDITION.items() if key != "resourceType"})
    assert taken(patient=PATIENT, conditions=bundle).records.sources["Condition"].state == "partial"


def test_of_several_searches_for_a_type_one_that_failed_makes_it_partial() -> None:
    many = templates(Needs(("Observation",), frozenset(("http://loinc.org", f"{one:05}-1") for one in range(300))))
    assert len(many) == 2
    observation = {"resourceType": "Observation", "id": "o", "subject": {"reference": "Patient/p"}}
    found = given({many[0].key: outcome("timeout"), many[1].key: searchset(observation)}, many, "p")
    assert found.records.sources["Observation"].state == "partial"
    assert found.records.sources["Observation"].narrowed  # components and mere words are not found by code


@pytest.mark.parametrize(
    ("prefetch", "said"),
    [
        ({"conditions": 7}, "prefetch.conditions: a number; expected null, a resource or a Bundle"),
        ({"conditions": [CONDITION]}, "prefetch.conditions: an array; expected null, a resource or a Bundle"),
        ({"conditions": {}}, "prefetch.conditions: found no resource; expected a Bundle of Condition"),
        ({"conditions": PATIENT}, "prefetch.conditions: found Patient; expected a Bundle of Condition"),
        (
            {"conditions": searchset(CONDITION, {"resourceType": "Observation"})},
            "prefetch.conditions.entry[1]: found Observation; expected Condition",
        ),
        (
            {"conditions": searchset({"resourceType": "Medication", "id": "d"})},
            "prefetch.conditions.entry[0]: found Medication; expected Condition",
        ),
        ({"conditions": searchset(CONDITION, entry={})}, "prefetch.conditions.entry: an object; expected an array"),
        (
            {"conditions": {"resourceType": "Bundle", "type": "transaction"}},
            "prefetch.conditions.type: another kind of Bundle; expected searchset",
        ),
        ({"patient": searchset(PATIENT)}, "prefetch.patient: found Bundle; expected a Patient"),
        ({"patient": CONDITION}, "prefetch.patient: found Condition; expected a Patient"),
        (
            {"patient": {**PATIENT, "id": "q"}},
            "prefetch.patient.id: another patient; expected the patient of context.patientId",
        ),
        (
            {"conditions": {"resourceType": "<script>alert(1)</script>"}},
            "prefetch.conditions: found no resource; expected a Bundle of Condition",
        ),
    ],
)
def test_what_is_no_answer_to_its_template_is_refused_in_words(prefetch: Json, said: str) -> None:
    with pytest.raises(BadRequest) as refused:
        given({"patient": PATIENT, **prefetch}, ASKED, "p")
    assert str(refused.value) == said


# --- whole calls


def test_everything_prefetched_gives_what_the_records_give(ehr: Ehr, demo: Hospital) -> None:
    """The summaries are those of the patient's demo story: three tests were never made, ten in the other two."""
    before = len(demo.log)
    summaries = [card["summary"] for card in ehr.cards(MISSING)]
    assert summaries == [
        "May qualify for Universal-CD19-BCMA-autoimmune: 7 of 14 criteria met, 3 tests missing",
        "May qualify for NCT06892145: 6 of 32 criteria met, 10 tests missing",
        "May qualify for NCT07161193: 3 of 24 criteria met, 14 tests missing",
    ]
    assert len(demo.log) == before  # nothing was left to ask


def test_what_is_absent_and_cannot_be_fetched_is_412(ehr: Ehr) -> None:
    refused = ehr.view(MISSING, 412, prefetch={})
    said = refused.json["issue"][0]
    assert said["code"] == "incomplete" and "prefetch: patient, " in said["diagnostics"]
    assert "there is no fhirServer" in said["diagnostics"] and MISSING not in refused.text


@pytest.mark.parametrize("kind", ["Patient", "Observation", "Condition", "Immunization"])
def test_a_single_absent_key_is_enough(ehr: Ehr, kind: str) -> None:
    prefetch = ehr.prefetch(MISSING)
    key = ehr.key(kind)
    del prefetch[key]
    refused = ehr.view(MISSING, 412, prefetch=prefetch)
    assert f"prefetch: {key} absent" in refused.json["issue"][0]["diagnostics"]


@pytest.mark.parametrize("value", [None, outcome("forbidden")], ids=["null", "OperationOutcome"])
def test_without_the_patient_nothing_can_be_said(ehr: Ehr, value: Json | None) -> None:
    refused = ehr.view(MISSING, 412, prefetch={**ehr.prefetch(MISSING), "patient": value})
    assert "prefetch.patient" in refused.json["issue"][0]["diagnostics"]


def test_a_type_that_the_ehr_cannot_give_is_open_and_the_card_says_so(ehr: Ehr) -> None:
    """With the results: 10 tests missing. Without any: not one criterion on a result can count as never tested."""
    prefetch = ehr.prefetch(MISSING)
    for key, query in ehr.templates.items():
        if query.startswith("Observation?"):
            prefetch[key] = outcome("timeout")
    cards = ehr.cards(MISSING, prefetch=prefetch)
    assert cards and all("tests missing" not in card["summary"] for card in cards)
    for card in cards:
        assert "Not all records could be obtained (Observation)" in card["detail"]
        assert "could not be obtained" in card["detail"]
        assert "suggestions" not in card  # nobody knows whether a test was made


def test_without_the_diagnoses_nothing_is_shown_rather_than_everything(ehr: Ehr) -> None:
    """Nobody knows of which disease the patient is: every trial would be possible for everybody."""
    for failed in (outcome("forbidden"), {**searchset(), "total": 3}):
        assert ehr.cards(MISSING, prefetch={**ehr.prefetch(MISSING), "conditions": failed}) == []


def test_some_of_the_diagnoses_suffice_where_they_name_the_disease(ehr: Ehr) -> None:
    prefetch = ehr.prefetch(MISSING)
    prefetch["conditions"]["entry"].append({"resource": outcome("incomplete")})
    cards = ehr.cards(MISSING, prefetch=prefetch)
    assert cards and all("could be obtained (Condition)" in card["detail"] for card in cards)


def test_a_first_page_alone_is_a_part(ehr: Ehr) -> None:
    """Without a server to ask for the rest, a result among the others might be newer: nothing on results decides."""
    key = ehr.discover() and ehr.key("Observation")
    page = ehr.page(key, "lupus-likely-01")
    assert any(link["relation"] == "next" for link in page["link"])
    prefetch = {**ehr.prefetch("lupus-likely-01"), key: page}
    whole = ehr.cards("lupus-likely-01")
    part = ehr.cards("lupus-likely-01", prefetch=prefetch)
    assert whole[0]["summary"].startswith("Likely to qualify")
    assert all(card["summary"].startswith("May qualify") for card in part)
    assert all("(Observation)" in card["detail"] for card in part)


def test_records_of_another_patient_are_not_used(ehr: Ehr) -> None:
    """Another patient's creatinine of 10 mg/dL would rule the trials out, their tests would close the gaps."""
    prefetch = ehr.prefetch(MISSING)
    expected = [card["summary"] for card in ehr.cards(MISSING)]
    other = ehr.prefetch("lupus-renal-01")
    mixed = copy.deepcopy(prefetch)
    for key, value in other.items():
        if key == "patient" or value is None:
            continue
        if mixed[key] is None:
            mixed[key] = value
        else:
            mixed[key]["entry"] += value["entry"]
    assert [card["summary"] for card in ehr.cards(MISSING, prefetch=mixed)] == expected


def test_another_patient_in_place_of_the_patient_is_refused(ehr: Ehr) -> None:
    prefetch = {**ehr.prefetch(MISSING), "patient": ehr.prefetch("lupus-renal-01")["patient"]}
    refused = ehr.view(MISSING, 400, prefetch=prefetch)
    assert refused.json["issue"][0]["expression"] == ["prefetch.patient.id"]
    assert "lupus-renal-01" not in refused.text


def test_wrong_types_are_refused_with_their_place(ehr: Ehr) -> None:
    prefetch = ehr.prefetch(MISSING)
    prefetch[ehr.key("Condition")] = prefetch[ehr.key("Observation")]
    refused = ehr.view(MISSING, 400, prefetch=prefetch)
    assert refused.json["issue"][0]["diagnostics"] == "found Observation; expected Condition"
    assert refused.json["issue"][0]["expression"] == ["prefetch.conditions.entry[0]"]
