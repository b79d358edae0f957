"""Feedback: kept, checked, and honoured: a card that was set aside stays quiet until its evidence changes."""

from __future__ import annotations

import copy
from dataclasses import replace
from typing import Any
from uuid import uuid4

import pytest
from trialmatch.store import feedback

from tests.cds.ehr import Ehr

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
