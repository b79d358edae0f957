"""Records with elements spoilt: whatever a hospital sends, there is an answer, or one line that says why not."""

from __future__ import annotations

import json
import random
from datetime import date
from functools import lru_cache
from typing import Any

import orjson
import pytest
from trialmatch.demo import generate
from trialmatch.errors import TrialmatchError
from trialmatch.fhir.patient.folder import of_patient
from trialmatch.fhir.patient.sources import from_bundle
from trialmatch.usecases.match import Engine, Question, match_patient

from tests.harness import NOW
from tests.prescreen.hospital import folder_of, shipped
from tests.unit.spoiling import NAMES, VALUES, spoilt

Json = dict[str, Any]

#: What is as odd as it can be where a record has a date, a number, a unit, a reference or a timing.
ODD = (
    "0001-01-01", "9999-12-31", "9999", "2026-03-01T24:00:00Z", "2016-12-31T23:59:60Z", "2026-01-01T00:00:00+99:00",
    "²", "٣", "1e5", "1:80", "<5", "- 5", "1/0", "NaN", "%", "[degF]", "/", "log10", "Patient/", "Patient?", "?", "#x",
    "urn:uuid:", -0.0, 1e300, {"value": 1e300, "code": "a"}, {"value": -1, "unit": "years"}, {"start": "9999-12-31"},
    {"start": "2026", "end": "2020"}, {"repeat": {"boundsDuration": {"value": 1e300, "code": "d"}, "period": 0}},
    {"repeat": {"frequency": 1e9, "period": 1e-9, "periodUnit": "s"}}, {"numerator": {"value": 1}},
)  # fmt: skip

ELEMENTS = (
    "modifierExtension", "extension", "contained", "component", "valueQuantity", "valueString", "valueRange", "status",
    "valueRatio", "effectivePeriod", "effectiveDateTime", "effectiveTiming", "onsetAge", "onsetRange", "onsetPeriod",
    "abatementDateTime", "dosageInstruction", "daysSupply", "referenceRange", "interpretation", "focus", "meta", "link",
    "deceasedDateTime", "birthDate", "identifier", "subject", "issued", "stage", "timing", "recordedDate", "name", "id",
)  # fmt: skip


@lru_cache(maxsize=1)
def engine() -> Engine:
    """The shipped studies."""
    return shipped()


@lru_cache(maxsize=1)
def hospital() -> dict[str, list[Json]]:
    """The records of each patient of the demo hospital, with all Medications."""
    everything = list(generate.resources())
    shared = [one for one in everything if one["resourceType"] == "Medication"]
    patients = [one["id"] for one in everything if one["resourceType"] == "Patient"]
    return {
        patient: [one for one in everything if one.get("id") == patient or f'"Patient/{patient}"' in json.dumps(one)]
        + shared
        for patient in patients
    }


@pytest.mark.parametrize("seed", range(150))
def test_whatever_stands_in_a_record(seed: int) -> None:
    """An answer that is JSON, or an error of ours."""
    chance = random.Random(seed)
    patient = chance.choice(sorted(hospital()))
    records = list(hospital()[patient])
    for position in chance.sample(range(len(records)), min(len(records), 4)):
        records[position] = spoilt(records[position], chance, VALUES + ODD, NAMES + ELEMENTS)
    try:
        sent = orjson.loads(orjson.dumps(records))
    except orjson.JSONEncodeError:
        return  # nothing that can be sent
    bundle = {"resourceType": "Bundle", "type": "collection", "entry": [{"resource": one} for one in sent]}
    try:
        answer = match_patient(
            engine(), from_bundle(bundle, "bundle"), patient, Question(date(2026, 3, 1), everything=True), "bundle"
        )
        assert len(answer.document(NOW)["matches"]) == 5
    except TrialmatchError as problem:
        assert "no such patient" in str(problem) or "Bundle" in str(problem)


@pytest.mark.parametrize("identity", [["ann"], {"value": "ann"}, 7, None], ids=str)
def test_a_patient_whose_id_is_no_text(identity: object, tmp_path: Any) -> None:
    """Beside one whose id is: that one is matched."""
    ann = {"resourceType": "Patient", "id": "ann", "gender": "female", "birthDate": "1985"}
    odd = ann | {"id": identity, "link": [{"type": "replaced-by", "other": {"reference": "Patient/ann"}}]}
    question = Question(date(2026, 3, 1), everything=True)
    entries = [{"resource": one} for one in (odd, ann)]
    records = from_bundle({"resourceType": "Bundle", "type": "collection", "entry": entries}, "bundle")
    folder = folder_of(tmp_path / "in", [odd, ann])
    for held in (records, of_patient(folder, "ann")):
        assert match_patient(engine(), held, "ann", question, "place").document(NOW)["patient"] == "Patient/ann"
