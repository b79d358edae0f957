"""Feedback: kept, checked, and honoured: a card that was set aside stays quiet until its evidence changes."""

from __future__ import annotations

import copy
from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from fhir.resources.R4B.auditevent import AuditEvent
from trialmatch.errors import StoreUnavailable
from trialmatch.store import audit, feedback
from trialmatch.web.service import patient_key, patient_of

from tests.cds.ehr import Ehr
from tests.hospital.server import Hospital
from tests.web.world import service_of

Json = dict[str, Any]

MISSING, LIKELY = "lupus-missing-01", "lupus-likely-01"
STAMP = "2026-03-01T12:00:00Z"


def names(cards: list[Json]) -> list[str]:
    return [card["source"]["label"].removeprefix("trialmatch: ") for card in cards]


def test_an_overridden_card_stays_quiet_and_the_others_do_not(fresh: Ehr) -> None:
    first = fresh.cards(MISSING)
    fresh.override(first[0])
    assert names(fresh.cards(MISSING)) == names(first)[1:]
    assert names(fresh.cards(LIKELY)) != []  # another patient is another matter


def test_the_next_best_takes_the_place_of_a_quiet_one(fresh: Ehr) -> None:
    """Two cards at most, three trials: without the first the second and the third are shown."""
    service = fresh.client.application.extensions["trialmatch"]
    service.settings = replace(service.settings, cards=2)
    two = fresh.cards(MISSING)
    assert len(two) == 2
    fresh.override(two[0])
    after = fresh.cards(MISSING)
    assert len(after) == 2 and names(after)[0] == names(two)[1]
    for card in after:
        fresh.override(card)
    assert fresh.cards(MISSING) == []


def test_new_evidence_makes_it_speak_again(fresh: Ehr) -> None:
    """A new haemoglobin, of another value, on which a criterion rests."""
    prefetch = fresh.prefetch(MISSING)
    (first, *_) = fresh.cards(MISSING, prefetch=prefetch)
    fresh.override(first)
    assert first["source"]["label"] not in [card["source"]["label"] for card in fresh.cards(MISSING, prefetch=prefetch)]
    changed = copy.deepcopy(prefetch)
    key = fresh.key("Observation")
    newest = next(
        entry["resource"]
        for entry in changed[key]["entry"]
        if any(coding.get("code") == "718-7" for coding in entry["resource"]["code"]["coding"])
    )
    newest["id"], newest["valueQuantity"]["value"] = "new-result", 11.0
    assert first["source"]["label"] in [card["source"]["label"] for card in fresh.cards(MISSING, prefetch=changed)]


def test_what_was_accepted_speaks_on(fresh: Ehr) -> None:
    card = next(card for card in fresh.cards(MISSING) if card.get("suggestions"))
    accepted = [{"id": card["suggestions"][0]["uuid"]}]
    fresh.feed_back(
        {"card": card["uuid"], "outcome": "accepted", "acceptedSuggestions": accepted, "outcomeTimestamp": STAMP}
    )
    assert names([card])[0] in names(fresh.cards(MISSING))


def test_entries_are_kept_as_they_came(fresh: Ehr) -> None:
    (card, *_) = fresh.cards(MISSING)
    reason = {"reason": {"code": "too-far", "system": card["overrideReasons"][0]["system"]}, "userComment": "No car."}
    fresh.override(card, **reason)
    store = fresh.client.application.extensions["trialmatch"].store
    (kept,) = feedback.given(store, MISSING)
    assert kept["card"] == card["uuid"] and kept["outcome"] == "overridden" and kept["overrideReason"] == reason
    assert kept["outcomeTimestamp"] == "2026-03-01T12:00:00+00:00"


def test_a_reason_of_the_ehr_s_own_and_unknown_fields_are_taken(fresh: Ehr) -> None:
    """“A CDS Client MAY augment the override reasons”; what the specification does not know is passed over."""
    (card, *_) = fresh.cards(MISSING)
    entry = {"card": card["uuid"], "outcome": "overridden", "outcomeTimestamp": STAMP, "com.example.user": "x"}
    fresh.feed_back({**entry, "overrideReason": {"reason": {"code": "ours", "system": "https://ehr.example/why"}}})


def test_feedback_may_come_more_than_once_and_for_several_cards(fresh: Ehr) -> None:
    entries = [
        {"card": card["uuid"], "outcome": "overridden", "outcomeTimestamp": STAMP} for card in fresh.cards(MISSING)
    ]
    assert len(entries) == 3
    fresh.feed_back(*entries, entries[0])
    fresh.feed_back(entries[0])
    assert fresh.cards(MISSING) == []


def test_a_card_that_nobody_gave_is_404_and_the_others_are_kept(fresh: Ehr) -> None:
    (card, *_) = fresh.cards(MISSING)
    entries = [
        {"card": one, "outcome": "overridden", "outcomeTimestamp": STAMP} for one in (str(uuid4()), card["uuid"])
    ]
    refused = fresh.feed_back(*entries, status=404)
    assert "feedback[0].card" in refused.json["issue"][0]["diagnostics"]
    assert names([card])[0] not in names(fresh.cards(MISSING))


def of_feedback(ehr: Ehr, patient: str | None = None) -> list[Json]:
    """The AuditEvents of feedback."""
    store = ehr.client.application.extensions["trialmatch"].store
    found = audit.events(store, patient)
    for event in found:
        AuditEvent.model_validate(event)
    return [one for one in found if one["purposeOfEvent"][0]["text"] == "POST /cds-services/trial-match/feedback"]


def test_feedback_is_on_record_with_whom_it_is_about(fresh: Ehr) -> None:
    """Two cards about one patient and one about another, in one call: an entry for each patient."""
    (first, second, *_), (other, *_) = fresh.cards(MISSING), fresh.cards(LIKELY)
    entries = [
        {"card": card["uuid"], "outcome": "overridden", "outcomeTimestamp": STAMP} for card in (first, other, second)
    ]
    answer = fresh.feed_back(*entries)
    for patient in (MISSING, LIKELY):
        (event,) = of_feedback(fresh, patient)
        assert (event["action"], event["outcome"]) == ("C", "0")
        assert event["entity"][0]["what"] == {"reference": f"Patient/{patient}"}
        assert event["entity"][1]["what"] == {"identifier": {"value": answer.headers["X-Request-ID"]}}
        assert event["agent"][0]["who"] == {"identifier": {"value": "local"}}
    assert len(of_feedback(fresh)) == 2


def test_feedback_about_nobody_who_is_known_is_about_nobody(fresh: Ehr) -> None:
    (card, *_) = fresh.cards(MISSING)
    known, unknown = (
        {"card": one, "outcome": "overridden", "outcomeTimestamp": STAMP} for one in (card["uuid"], str(uuid4()))
    )
    fresh.feed_back(unknown, status=404)
    assert of_feedback(fresh) == []
    fresh.feed_back(unknown, known, status=404)
    assert [event["outcome"] for event in of_feedback(fresh, MISSING)] == ["0"]


def test_feedback_that_could_not_be_kept_is_on_record_as_failed(fresh: Ehr, monkeypatch: pytest.MonkeyPatch) -> None:
    (card, *_) = fresh.cards(MISSING)

    def full(*_: Any, **__: Any) -> bool:
        raise StoreUnavailable("the disk is full")

    with monkeypatch.context() as patch:
        patch.setattr(feedback, "give", full)
        fresh.feed_back({"card": card["uuid"], "outcome": "overridden", "outcomeTimestamp": STAMP}, status=503)
    assert [(one["outcome"], one["outcomeDesc"]) for one in of_feedback(fresh, MISSING)] == [("8", "StoreUnavailable")]


def test_feedback_is_not_acknowledged_before_it_is_on_record(fresh: Ehr, monkeypatch: pytest.MonkeyPatch) -> None:
    (card, *_) = fresh.cards(MISSING)

    def full(*_: Any) -> None:
        raise StoreUnavailable("the disk is full")

    monkeypatch.setattr(audit, "record", full)
    fresh.feed_back({"card": card["uuid"], "outcome": "overridden", "outcomeTimestamp": STAMP}, status=503)


def test_a_card_that_goes_meanwhile_is_not_known(fresh: Ehr, monkeypatch: pytest.MonkeyPatch) -> None:
    """Housekeeping removes it between the two looks at it."""
    (card, *_) = fresh.cards(MISSING)
    monkeypatch.setattr(feedback, "give", lambda *_, **__: False)
    refused = fresh.feed_back(
        {"card": card["uuid"], "outcome": "overridden", "outcomeTimestamp": STAMP}, status=404
    )
    assert "feedback[0].card" in refused.json["issue"][0]["diagnostics"]


def test_a_patient_of_another_server_is_on_record_with_it(tmp_path: Path, demo: Hospital) -> None:
    ehr = Ehr(
        service_of(tmp_path, fhir_server="https://fhir.hospital.example/r4", fhir_allowed=demo.url).test_client(), demo
    )
    (card, *_) = ehr.cards(MISSING, fhirServer=demo.url)
    ehr.override(card)
    (event,) = of_feedback(ehr, MISSING)
    assert event["entity"][0]["what"] == {"reference": f"{demo.url}/Patient/{MISSING}"}


@pytest.mark.parametrize("server", [None, "https://fhir.example/r4", "https://fhir.example/Patient/r4"])
def test_a_key_gives_back_patient_and_server(server: str | None) -> None:
    assert patient_of(patient_key("p-1", server)) == ("p-1", server)


@pytest.mark.parametrize(
    ("change", "path"),
    [
        ({"outcome": "ignored"}, "body.feedback[0].outcome"),
        ({"outcome": "accepted"}, "body.feedback[0].acceptedSuggestions"),
        ({"outcome": "accepted", "acceptedSuggestions": []}, "body.feedback[0].acceptedSuggestions"),
        ({"acceptedSuggestions": [{}]}, "body.feedback[0].acceptedSuggestions[0].id"),
        ({"card": "1"}, "body.feedback[0].card"),
        ({"card": None}, "body.feedback[0].card"),
        ({"outcomeTimestamp": "yesterday"}, "body.feedback[0].outcomeTimestamp"),
        ({"outcomeTimestamp": "2026-03-01T12:00:00"}, "body.feedback[0].outcomeTimestamp"),
        ({"overrideReason": {}}, "body.feedback[0].overrideReason"),
        ({"overrideReason": {"reason": {}}}, "body.feedback[0].overrideReason.reason.code"),
        ({"overrideReason": {"userComment": "x" * 10_001}}, "body.feedback[0].overrideReason.userComment"),
    ],
)
def test_wrong_entries_are_refused_with_their_place(ehr: Ehr, change: Json, path: str) -> None:
    entry = {"card": str(uuid4()), "outcome": "overridden", "outcomeTimestamp": STAMP, **change}
    refused = ehr.feed_back(entry, status=400)
    assert [issue["expression"] for issue in refused.json["issue"]] == [[path]]


@pytest.mark.parametrize("body", [{}, {"feedback": []}, {"feedback": {}}, [], "x"])
def test_bodies_that_are_no_feedback(ehr: Ehr, body: Any) -> None:
    assert ehr.client.post("/cds-services/trial-match/feedback", json=body).status_code == 400
