"""What criteria need of a patient: enough for every answer, and not more."""

from __future__ import annotations

import json
from typing import Any

from trialmatch.config import BASE, Settings
from trialmatch.fhir.patient.needs import Needs
from trialmatch.fhir.study import studies as study_files
from trialmatch.fhir.study.studies import Definition
from trialmatch.terminology import mappings
from trialmatch.terminology.mappings import Terminology
from trialmatch.usecases.match import Engine

from tests.harness import study_bundle
from tests.reference import build as b

Json = dict[str, Any]

TERMINOLOGY: Terminology = mappings.load(Settings.read({}))
ENCOUNTER = ("Encounter",)


def needs_of(*characteristics: Json, site: Settings | None = None) -> Needs:
    settings = site or Settings.read({})
    terminology = mappings.load(settings) if site else TERMINOLOGY
    bundle = study_bundle(list(characteristics))
    definitions = [Definition("study", entry["resource"]) for entry in bundle["entry"]]
    return Needs.of(study_files.load(definitions, terminology, settings).studies, terminology)


def test_age_and_sex_need_the_patient_alone() -> None:
    age = b.leaf("1", b.codeable("http://loinc.org", "30525-0"), valueQuantity=b.quantity(18, "a", ">="))
    assert needs_of(age) == Needs(("Patient",), frozenset())


def test_a_drug_needs_all_records_of_drugs_and_what_dates_them() -> None:
    needs = needs_of(b.record_leaf("1", "MedicationRequest", "hydroxychloroquine"))
    medication = ("MedicationRequest", "MedicationStatement", "MedicationAdministration", "MedicationDispense")
    assert needs == Needs(("Patient", *medication, *ENCOUNTER), frozenset())


def test_a_dose_needs_the_weight() -> None:
    """Doses may be limited, or recorded, by body weight."""
    leaf = b.extended(
        b.record_leaf("1", "MedicationRequest", "prednisone"), "daily-dose", valueQuantity=b.quantity(20, "mg/d", "<=")
    )
    assert ("http://loinc.org", "29463-7") in (needs_of(leaf).codes or ())


def test_a_derived_clearance_needs_what_it_is_derived_from() -> None:
    """Creatinine 2160-0 and weight 29463-7, beside measured clearances."""
    limit = b.quantity(60, "mL/min", ">=")
    leaf = b.leaf("1", b.concept("creatinine-clearance"), valueQuantity=limit, method="cockcroft-gault")
    codes = {code for _, code in needs_of(leaf).codes or ()}
    assert {"2160-0", "29463-7"} <= codes


def test_a_window_needs_what_it_hangs_on() -> None:
    """“ALT since the first dialysis” needs procedures and results."""
    dialysis = b.record_leaf("1", "Procedure", "dialysis")
    alt = b.leaf("2", b.concept("alt"), valueBoolean=True)
    alt["timeFromEvent"] = [{"eventId": "1", "range": {"low": b.quantity(0, "d")}}]
    assert {"Procedure", "Observation"} <= set(needs_of(dialysis, alt).types)


def test_a_group_of_concepts_needs_its_members() -> None:
    """Treponemal antibodies are tests for syphilis."""
    wanted = b.codeable(f"{BASE}/CodeSystem/result", "negative")
    whole = needs_of(b.leaf("1", b.concept("syphilis-test"), valueCodeableConcept=wanted)).codes
    part = needs_of(b.leaf("1", b.concept("treponemal-ab"), valueCodeableConcept=wanted)).codes
    assert part and whole and part < whole


def test_a_code_by_itself_needs_that_code() -> None:
    alt = b.leaf("1", b.codeable("http://loinc.org", "1742-6"), valueBoolean=True)
    assert needs_of(alt).codes == frozenset({("http://loinc.org", "1742-6")})


def test_a_sites_codes_are_needed(tmp_path) -> None:
    """Local code → concept, and local code → LOINC code of the concept."""
    element = [{"code": "L1", "target": [{"code": "alt", "relationship": "equivalent"}]}]
    other = [{"code": "L2", "target": [{"code": "1742-6", "relationship": "equivalent"}]}]
    groups = [
        {"source": "urn:local", "target": f"{BASE}/CodeSystem/concept", "element": element},
        {"source": "urn:local", "target": "http://loinc.org", "element": other},
    ]
    resource = json.dumps({"resourceType": "ConceptMap", "url": "urn:map", "status": "active", "group": groups})
    (tmp_path / "local.json").write_text(resource, encoding="utf-8")
    site = Settings.read({}, mappings=str(tmp_path))
    codes = needs_of(b.leaf("1", b.concept("alt"), valueBoolean=True), site=site).codes
    assert {("urn:local", "L1"), ("urn:local", "L2")} <= (codes or set())


def test_codes_that_cannot_all_be_named_are_not_searched_by(tmp_path) -> None:
    """A result by ICD-10-CM takes the descendants along, which a list of codes would miss."""
    value_set = {
        "resourceType": "ValueSet",
        "url": f"{BASE}/ValueSet/alt",
        "status": "active",
        "compose": {"include": [{"system": "http://hl7.org/fhir/sid/icd-10-cm", "concept": [{"code": "R74.01"}]}]},
    }
    (tmp_path / "alt.json").write_text(json.dumps(value_set), encoding="utf-8")
    site = Settings.read({}, mappings=str(tmp_path))
    assert needs_of(b.leaf("1", b.concept("alt"), valueBoolean=True), site=site).codes is None


def test_covering() -> None:
    few = Needs(("Patient", "Observation"), frozenset({("s", "a")}))
    assert Needs().covers(few)
    assert few.covers(Needs(("Patient",)))
    assert not few.covers(Needs())
    assert few.covers(few)
    assert not few.covers(Needs(("Patient", "Observation"), frozenset({("s", "a"), ("s", "b")})))
    assert not few.covers(Needs(("Patient", "Observation")))
    assert not few.covers(Needs(("Patient", "Observation"), frozenset({("s", "a")}), frozenset({"alt"})))


def test_the_shipped_studies_need_no_documents_and_no_images() -> None:
    types = set(Engine.start(Settings.read({})).needs().types)
    assert {"DocumentReference", "ImagingStudy"}.isdisjoint(types)
    assert {"Observation", "Condition", "AllergyIntolerance", "ResearchSubject"} <= types
