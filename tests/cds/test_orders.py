"""Which order would settle most of what is missing, and the draft ServiceRequest that a suggestion holds."""

from __future__ import annotations

import json
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from fhir.resources.R4B.servicerequest import ServiceRequest
from trialmatch.config import Settings
from trialmatch.errors import BadInput
from trialmatch.fhir.patient.sources import from_bundle
from trialmatch.fhir.study import studies as study_files
from trialmatch.fhir.study.studies import Definition
from trialmatch.terminology import mappings
from trialmatch.terminology.mappings import Terminology
from trialmatch.usecases.match import Engine, Question, match_patient
from trialmatch.web.cds.orders import Order, orders, service_requests

from tests.cds.ehr import Ehr, drafts
from tests.harness import NOW, patient_bundle, study_bundle

Json = dict[str, Any]

LOINC, UCUM = "http://loinc.org", "http://unitsofmeasure.org"
BASE = "https://trialmatch.example.org/fhir"
ROOT = Path(__file__).resolve().parents[2]


@cache
def terminology() -> Terminology:
    return mappings.load(Settings.read({}))


def result(concept: str, unit: str = "1", limit: float = 1, **more: Any) -> Json:
    """A criterion on the latest result of a concept."""
    return {
        "definitionByTypeAndValue": {
            "type": {"coding": [{"system": f"{BASE}/CodeSystem/concept", "code": concept}]},
            "valueQuantity": {"value": limit, "comparator": ">=", "system": UCUM, "code": unit},
            **more,
        }
    }


PLATELETS, HEMOGLOBIN = result("platelets", "10*9/L", 50), result("hemoglobin", "g/L", 80)
LVEF, SLEDAI = result("lvef", "%", 50), result("sledai-2k")


def wanted(*studies: list[Json], resources: tuple[Json, ...] = ()) -> list[Order]:
    """The orders for a patient with some records against studies."""
    settings, definitions = Settings.read({}), []
    for number, characteristics in enumerate(studies):
        for entry in study_bundle(characteristics)["entry"]:
            text = json.dumps(entry["resource"]).replace('"study"', f'"study-{number}"')
            text = text.replace("eligibility", f"e{number}").replace(f'"e{number}":', '"eligibility":')
            definitions.append(Definition(f"study-{number}", json.loads(text)))
    engine = Engine(settings, terminology(), study_files.load(definitions, terminology(), settings))
    records = from_bundle(patient_bundle(list(resources)), "bundle")
    answer = match_patient(engine, records, "p", Question(date(2026, 3, 1)), "bundle")
    return orders(answer.matches, terminology())


def codes(order: Order) -> list[str]:
    return [code for _, code in order.codes]


def test_one_blood_count_settles_all_that_it_holds() -> None:
    """Platelets and haemoglobin are one order and two criteria; the heart is one of each."""
    first, second = wanted([PLATELETS, HEMOGLOBIN, LVEF])
    assert (codes(first), first.weight) == (["58410-2"], 2)
    assert (codes(second), second.weight) == (["8806-2"], 1)


def test_what_more_trials_ask_goes_before() -> None:
    """LVEF in three trials against a blood count in one, of two criteria: 3 > 2."""
    first, second = wanted([LVEF, PLATELETS, HEMOGLOBIN], [LVEF], [LVEF])
    assert (codes(first), first.weight, sorted(first.settles)) == (["8806-2"], 3, ["study-0", "study-1", "study-2"])
    assert second.weight == 2


def test_what_a_clinician_scores_cannot_be_ordered() -> None:
    assert wanted([SLEDAI]) == []


def observation(code: str, value: float, unit: str, day: str = "2026-02-20", **more: Any) -> Json:
    return {
        "resourceType": "Observation",
        "id": f"o-{code}-{day}",
        "status": "final",
        "code": {"coding": [{"system": LOINC, "code": code}]},
        "effectiveDateTime": day,
        "valueQuantity": {"value": value, "unit": unit, "system": UCUM, "code": unit},
        **more,
    }


def test_only_what_is_missing_or_too_old_is_ordered() -> None:
    """Results are good for 90 days: 20 February counts on 1 March, 1 November does not. 40 % is unmet: nothing open."""
    assert wanted([LVEF], resources=(observation("8806-2", 55, "%"),)) == []
    assert wanted([LVEF], resources=(observation("8806-2", 40, "%"),)) == []
    old = wanted([LVEF], resources=(observation("8806-2", 55, "%", "2025-11-01"),))
    assert [codes(order) for order in old] == [["8806-2"]]


def test_what_decided_groups_mask_is_not_ordered() -> None:
    """Either LVEF or platelets: platelets of 200 decide, LVEF does not matter."""
    either = {"definitionByCombination": {"code": "any-of", "characteristic": [LVEF, PLATELETS]}}
    assert [codes(order) for order in wanted([either])] == [["58410-2"], ["8806-2"]]
    assert wanted([either], resources=(observation("777-3", 200, "10*9/L"),)) == []


def method(code: str) -> list[Json]:
    """How a result is chosen or computed."""
    return [{"coding": [{"system": f"{BASE}/CodeSystem/method", "code": code}]}]


CLEARANCE = result("creatinine-clearance", "mL/min", 60, method=method("cockcroft-gault"))


def test_a_clearance_that_wants_creatinine_orders_creatinine() -> None:
    """Cockcroft–Gault needs age, weight and creatinine. What is ordered is missing creatinine, nothing for weight."""
    born = {"resourceType": "Patient", "id": "p", "birthDate": "1980-01-01", "gender": "female"}
    weight, creatinine = observation("29463-7", 60, "kg"), observation("2160-0", 0.8, "mg/dL")
    assert [codes(order) for order in wanted([CLEARANCE], resources=(born, weight))] == [["2160-0"]]
    assert wanted([CLEARANCE], resources=(born, creatinine)) == []
    assert wanted([CLEARANCE], resources=(born, weight, creatinine)) == []


def test_a_change_over_time_is_not_settled_by_one_result() -> None:
    change = result("crp", "%", -15, method=method("relative-change"))
    change["timeFromEvent"] = [{"range": {"low": {"value": -6, "unit": "mo", "system": UCUM, "code": "mo"}}}]
    assert wanted([change]) == []


def test_several_tests_of_one_concept_are_one_order() -> None:
    (order,) = wanted([{"definitionByTypeAndValue": {
        "type": {"coding": [{"system": f"{BASE}/CodeSystem/concept", "code": "immunoglobulins"}]}, "valueBoolean": True,
    }}])  # fmt: skip
    assert codes(order) == ["2465-3", "2458-8", "2472-9"]
    requests = service_requests(order, "p", None, "why", terminology(), NOW)
    assert [request["code"]["text"] for request in requests] == ["IgG", "IgA", "IgM"]


def test_a_draft_is_a_valid_proposal_for_the_patient() -> None:
    (order,) = wanted([LVEF])
    (request,) = service_requests(order, "p", "e", "Screening for study-0: c0", terminology(), NOW)
    assert ServiceRequest.model_validate(request)
    assert request == {
        "resourceType": "ServiceRequest",
        "status": "draft",
        "intent": "proposal",
        "code": {
            "coding": [
                {"system": LOINC, "code": "8806-2", "display": "Left ventricular Ejection fraction by 2D echo"}
            ],
            "text": "Left ventricular Ejection fraction by 2D echo",
        },
        "subject": {"reference": "Patient/p"},
        "encounter": {"reference": "Encounter/e"},
        "authoredOn": "2026-03-01T12:00:00+00:00",
        "reasonCode": [{"text": "Screening for study-0: c0"}],
    }


# --- the table


TABLE = json.loads((ROOT / "mappings" / "orders.json").read_text("utf-8"))["orders"]


@pytest.mark.parametrize("concept", sorted(TABLE))
def test_every_order_is_of_a_known_concept_by_known_codes(concept: str) -> None:
    known = terminology()
    assert concept in known.labels
    assert known.orders[concept]
    assert all(code in known.displays for code in known.orders[concept])


def test_every_order_measures_its_concept_or_a_panel_does() -> None:
    """What an order's code is: one of the concept's own codes, or a panel that holds the concept."""
    known, elsewhere = terminology(), {}
    for concept, ordered in known.orders.items():
        held = {code for code in ordered if concept in known.sets.concepts(*code)}
        if held != set(ordered):
            elsewhere[concept] = [code for _, code in ordered]
    assert elsewhere == {
        "creatinine-clearance": ["2160-0"],  # from which it is derived
        "fvc-pct-pred": ["19868-9"],  # spirometry gives both
        "hemoglobin": ["58410-2"],  # the blood count
        "platelets": ["58410-2"],
        "wbc": ["58410-2"],
    }


def test_a_site_orders_by_its_own_catalogue_or_not_at_all(tmp_path: Path) -> None:
    table = {"orders": {"lvef": "urn:our-hospital|ECHO-1", "alt": ""}}
    (tmp_path / "orders.json").write_text(json.dumps(table))
    site = mappings.load(Settings.read({}, mappings=str(tmp_path)))
    assert site.orders["lvef"] == (("urn:our-hospital", "ECHO-1"),)
    assert site.orders["alt"] == () and site.orders["ast"] == ((LOINC, "1920-8"),)


def test_a_table_of_the_wrong_shape_is_refused(tmp_path: Path) -> None:
    (tmp_path / "orders.json").write_text(json.dumps({"orders": {"lvef": ["1-1"]}}))
    with pytest.raises(BadInput, match=r"orders\.json: orders\.lvef: an array; expected codes separated by spaces"):
        mappings.load(Settings.read({}, mappings=str(tmp_path)))


# --- in cards


def test_suggestions_are_those_that_settle_something_of_the_trial(ehr: Ehr) -> None:
    """NCT06892145 misses LVEF, SpO2, oxygen, and serology; C4, urinalysis and others are for NCT07161193 only."""
    cards = {card["summary"].split()[3].rstrip(":"): card for card in ehr.cards("lupus-missing-01")}
    assert "suggestions" not in cards["Universal-CD19-BCMA-autoimmune"]  # B cell markers and ECOG have no order
    for name, card in cards.items():
        for suggestion in card.get("suggestions", ()):
            assert suggestion["label"].startswith("Order ")
            for action in suggestion["actions"]:
                reason = action["resource"]["reasonCode"][0]["text"]
                assert reason.startswith(f"Screening for {name}: ")
                assert action["resource"]["subject"] == {"reference": "Patient/lupus-missing-01"}
    assert len(cards["NCT06892145"]["suggestions"]) == len(cards["NCT07161193"]["suggestions"]) == 3


def test_the_one_that_settles_most_is_recommended(ehr: Ehr) -> None:
    cards = ehr.cards("lupus-missing-01")
    best = {
        suggestion["actions"][0]["resource"]["code"]["coding"][0]["code"]
        for card in cards
        for suggestion in card.get("suggestions", ())
        if suggestion["isRecommended"]
    }
    assert len(best) == 1


def test_the_encounter_of_the_context_is_the_drafts(ehr: Ehr) -> None:
    context = {"userId": "Practitioner/p1", "patientId": "lupus-missing-01", "encounterId": "e-7"}
    found = drafts(ehr.cards("lupus-missing-01", context=context))
    assert found and all(one["encounter"] == {"reference": "Encounter/e-7"} for one in found)
    assert all("encounter" not in one for one in drafts(ehr.cards("lupus-missing-01")))
