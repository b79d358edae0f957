"""What the match page shows and promises, without a browser: nothing is lost, and an answer does what its words say."""

from __future__ import annotations

from datetime import UTC, date, datetime
from functools import cache
from typing import Any

import pytest
from trialmatch import attestations
from trialmatch.config import Settings
from trialmatch.demo import INDEX_DATE, hospital_path
from trialmatch.fhir.patient.records import Records
from trialmatch.fhir.patient.sources import from_path
from trialmatch.lines import leaves
from trialmatch.usecases.match import Engine, Question, match_patient
from trialmatch.web.pages.answers import Answers, Change, Misunderstood, Places, asked, differences, read, written
from trialmatch.web.pages.match import CONFIRM, IDLE, MET, MISSING, UNMET, Trial, anchor, arranged, next_best

from tests.browser.site import LIKELY, LUPUS, RENAL, UNIVERSAL
from tests.browser.site import MISSING as UNMEASURED

Json = dict[str, Any]

DAY = date.fromisoformat(INDEX_DATE)
NOW = datetime(2026, 3, 1, 9, 30, tzinfo=UTC)
PATIENTS = (UNMEASURED, LIKELY, RENAL, "overlap-01", "iim-01", "lupus-deceased-01", "lupus-vague-01", "psoriasis-01")


@cache
def engine() -> Engine:
    """The shipped studies."""
    return Engine.start(Settings())


@cache
def records() -> Records:
    """The demo hospital."""
    return from_path(hospital_path())


def trials_of(patient: str, entries: list[Json] | None = None) -> list[Trial]:
    """All trials of a patient, arranged."""
    given = tuple(attestations.read(entries or [], "answers", UTC, None))
    question = Question(DAY, attestations=given, everything=True)
    answer = match_patient(engine(), records(), patient, question, "demo")
    studies = {study.id: study for study in engine().studies.studies}
    return [arranged(match, studies[match["study"]["id"]]) for match in answer.document(NOW)["matches"]]


@pytest.mark.parametrize("patient", PATIENTS)
def test_every_single_criterion_is_on_the_page_once(patient: str) -> None:
    for trial in trials_of(patient):
        there = [leaf.item["linkId"] for leaf in trial.leaves]
        assert there == [leaf["linkId"] for leaf in leaves(trial.match["items"])]
        anchors = [leaf.anchor for leaf in trial.leaves] + [row.anchor for row in trial.rows if row.members]
        assert len(anchors) == len(set(anchors))
        assert sum(trial.numbers.values()) == len(there)


@pytest.mark.parametrize("patient", PATIENTS)
def test_states_are_those_of_the_document(patient: str) -> None:
    for trial in trials_of(patient):
        missing = {one["linkId"] for one in trial.match["missing"]}
        decisive = {one["linkId"] for one in trial.match["unmet"] if one["decisive"]}
        lost = {leaf.item["linkId"] for part in trial.sections if part.lost for row in part.rows for leaf in row.leaves}
        for leaf in trial.leaves:
            name, status = leaf.item["linkId"], leaf.item["status"]
            assert (leaf.state in (MISSING, CONFIRM)) == (name in missing)
            assert (leaf.state == MET) == (status == "met")
            assert leaf.state != UNMET or status == "unmet"
            assert name not in decisive or leaf.state == UNMET
            assert leaf.state != UNMET or name in decisive | lost


def test_a_row_is_as_urgent_as_the_most_urgent_of_its_parts() -> None:
    """I6.5: no saturation and no oxygen on record; E6: serology is missing, and nothing else is asked of it."""
    lupus = next(trial for trial in trials_of(UNMEASURED) if trial.match["study"]["id"] == LUPUS)
    rows = {row.item["linkId"]: row for row in lupus.rows}
    assert rows["I6.5"].state == rows["E6"].state == MISSING
    assert rows["I1"].state == CONFIRM and rows["I2"].state == MET
    assert rows["I6.5"].gist == ("Oxygen saturation: a result", "Inhaled oxygen: a result")
    assert all(row.state != IDLE or not row.states for row in lupus.rows)


def test_headings_keep_what_stands_below_them() -> None:
    lupus = next(trial for trial in trials_of(UNMEASURED) if trial.match["study"]["id"] == LUPUS)
    (inclusion, exclusion) = lupus.sections
    assert (inclusion.kind, exclusion.kind) == ("inclusion", "exclusion")
    (organs,) = [line for line in inclusion.only(MISSING) if line.is_group]
    assert organs.item["linkId"] == "I6"
    assert [row.item["linkId"] for row in organs.rows] == ["I6.1", "I6.5"]


def test_a_lost_cohort_says_why() -> None:
    universal = next(trial for trial in trials_of(UNMEASURED) if trial.match["study"]["id"] == UNIVERSAL)
    found = {part.cohort["id"]: part.because for part in universal.sections if part.cohort}
    assert found["SLE"] == ""
    assert found["SSc"] == "SSc1.a no record of “Systemic sclerosis”"


def test_what_settles_most_is_asked_by_most_trials() -> None:
    trials = trials_of(UNMEASURED)
    found = next_best(trials, 50)
    assert [one.trials for one in found] == sorted((one.trials for one in found), reverse=True)
    consent = next(one for one in found if one.words == "needs a person: consent")
    assert {study for study, _, _ in consent.places} == {
        trial.match["study"]["id"] for trial in trials if trial.sections and not trial.lost
    }


@pytest.mark.parametrize("one", [("a.b", "c"), ("a", "b.c"), ("a_2e_b", "c"), ("a b", "é"), ("A", "1.2-3")])
def test_names_on_the_page_never_meet(one: tuple[str, str]) -> None:
    others = [("a.b", "c"), ("a", "b.c"), ("a_2e_b", "c"), ("a b", "é"), ("A", "1.2-3")]
    assert [anchor(*other) for other in others].count(anchor(*one)) == 1
    assert anchor(*one).isascii() and " " not in anchor(*one)


@pytest.mark.parametrize("patient", [UNMEASURED, "iim-01"])
@pytest.mark.parametrize("yes", [True, False])
def test_an_answer_counts_as_its_words_say(patient: str, yes: bool) -> None:
    """For every criterion that asks: yes counts as met unless the criterion speaks against the patient."""
    places = Places(engine().studies.matchable)
    for trial in trials_of(patient):
        if trial.lost:
            continue
        for leaf in trial.leaves:
            if leaf.asks:
                entries = Answers((Change(places.by_anchor[leaf.anchor], yes),)).applied([], places, "me", NOW)
                after = {one.anchor: one for again in trials_of(patient, entries) for one in again.leaves}[leaf.anchor]
                assert after.item["basis"] == "attested", leaf.item["linkId"]
                assert after.item["status"] == ("met" if yes != leaf.negated else "unmet"), leaf.item["linkId"]
                (given,) = asked(places, [leaf.anchor], entries, DAY)[leaf.anchor].given
                assert given.yes == yes


def test_an_answer_takes_the_place_of_earlier_ones_to_the_same_question() -> None:
    places = Places(engine().studies.matchable)
    place = places.by_anchor[anchor(LUPUS, "I1")]
    other = {"judgement": "prognosis", "answer": "met", "by": "x", "at": "2026-02-01"}
    everywhere = {"judgement": "consent", "answer": "unmet", "by": "x", "at": "2026-02-01"}
    here = {"study": LUPUS, "linkId": "I1", "answer": "unmet", "by": "x", "at": "2026-02-01"}
    mine = Answers((Change(place, True),)).applied([other, everywhere, here], places, "me", NOW)
    assert mine[:2] == [other, everywhere]
    assert mine[2:] == [
        {"study": LUPUS, "judgement": "consent", "answer": "met", "by": "me", "at": "2026-03-01T09:30:00+00:00"}
    ]
    for_all = Answers((Change(place, True, every=True),)).applied([other, everywhere, here], places, "me", NOW)
    assert [entry.get("judgement") for entry in for_all] == ["prognosis", "consent"] and "study" not in for_all[1]


def test_what_changed_between_two_versions() -> None:
    places = Places(engine().studies.matchable)
    consent = {"study": LUPUS, "judgement": "consent", "answer": "met", "by": "x", "at": "2026-02-01"}
    before = [consent, {"study": "gone", "linkId": "1", "answer": "met", "by": "x", "at": "2026-02-01"}]
    after = [consent | {"answer": "unmet"}, {"judgement": "consent", "answer": "met", "by": "y", "at": "2026-02-02"}]
    mine = frozenset({(None, None, "consent", None)})
    found = differences(before, after, places, mine, DAY)
    assert [(one.kind, one.mine, one.place.link_id if one.place else None) for one in found] == [
        ("replaced", False, "I1"),
        ("added", True, found[1].place.link_id if found[1].place else None),
        ("removed", False, None),  # of a study that is not loaded any more
    ]
    assert found[0].before is not None and found[0].after is not None
    assert (found[0].before.yes, found[0].after.yes) == (True, False)


def test_a_form_is_read_as_it_was_filled_in() -> None:
    places = Places(engine().studies.matchable)
    name = anchor(LUPUS, "I1")
    key = (LUPUS, None, "consent", None)
    form = {f"answer.{name}": "no", f"until.{name}": "2026-04-01", f"every.{name}": "1", "csrf": "x"}
    (change,) = read(form, {f"withdraw.{name}": [written(key)]}, places, DAY).changes
    assert (change.yes, change.until, change.every, change.withdrawn) == (False, date(2026, 4, 1), True, {key})
    (only,) = read({}, {f"withdraw.{name}": [written(key)]}, places, DAY).changes
    assert only.yes is None and only.keys == {key}
    with pytest.raises(Misunderstood, match=r"answer\.wrong"):
        read({f"answer.{anchor('other', 'I1')}": "yes"}, {}, places, DAY)
