"""Cards: short by construction, best first, few, honest about what is not known, and none where there is nothing."""

from __future__ import annotations

import copy
import html
import json
from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from hypothesis import given
from hypothesis import strategies as st
from trialmatch import resources
from trialmatch.eligibility import truth as t
from trialmatch.eligibility.context import Finding
from trialmatch.eligibility.criteria import Item, JudgementLeaf, ResultLeaf, Study, TextLeaf
from trialmatch.eligibility.verdict import Match, conclude
from trialmatch.usecases.match import Question, match_patient
from trialmatch.web.cds import prefetch as cds_prefetch
from trialmatch.web.cds.cards import LINES, View, cards, fingerprint, override_reasons, study_name, summary

from tests.cds.ehr import Ehr
from tests.hospital.server import Hospital
from tests.web.world import service_of, study_bundle

Json = dict[str, Any]

LIKELY, MISSING, RENAL = "lupus-likely-01", "lupus-missing-01", "lupus-renal-01"

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


# --- the summary


def match_of(statuses: list[str], name: str = "NCT00000001", exclusions: bool = True) -> Match:
    """A match of a study whose printed criteria are ``met``, ``unmet`` …, ``test`` (missing) or ``ask`` (a person)."""
    items, findings = [], {}
    for number, status in enumerate(statuses, start=1):
        link_id = f"I{number}"
        leaf: Any = TextLeaf(label=link_id)
        if status == "test":
            leaf = ResultLeaf((f"test-{number}",), None, label=f"Test {number}")  # type: ignore[arg-type]
        items.append(Item(link_id, f"criterion {number}", "inclusion", leaf=leaf))
        truth = {"met": t.MET, "unmet": t.UNMET}.get(status, t.UNKNOWN)
        basis = {"test": t.MISSING_DATA, "gap": t.IMPRECISE, "ask": t.JUDGEMENT}.get(status, t.EVIDENCE)
        findings[link_id] = Finding(truth, basis)
    study = Study(name, "A trial", "active", None, tuple(items), exclusions_in_record=exclusions)
    return conclude(study, findings, deceased=False)


@pytest.mark.parametrize(
    ("statuses", "expected"),
    [
        (["met"] * 19 + ["test"] * 3 + ["ask"] * 10, "19 of 32 criteria met, 3 tests missing"),
        (["met", "test"], "1 of 2 criteria met, 1 test missing"),
        (["met", "gap", "gap"], "1 of 3 criteria met, 2 data gaps"),
        (["test"], "0 of 1 criterion met, 1 test missing"),
    ],
)
def test_possible_says_how_many_tests_are_missing(statuses: list[str], expected: str) -> None:
    assert summary(match_of(statuses)) == f"May qualify for NCT00000001: {expected}"


def test_likely_says_what_is_to_confirm_and_eligible_that_all_is_met() -> None:
    likely = match_of(["met"] * 5 + ["ask"] * 2)
    assert summary(likely) == "Likely to qualify for NCT00000001: 5 of 7 criteria met, 2 to confirm"
    assert summary(match_of(["met"] * 7)) == "Eligible for NCT00000001: 7 of 7 criteria met"


@given(
    st.lists(st.sampled_from(["met", "test", "gap", "ask"]), min_size=1, max_size=60),
    st.text(alphabet=st.characters(codec="utf-8"), min_size=1, max_size=200),
)
def test_no_summary_reaches_140_characters(statuses: list[str], name: str) -> None:
    assert len(summary(match_of(statuses, name))) < 140


def test_the_longest_id_and_a_million_criteria_would_still_fit() -> None:
    """23 words of "Likely to qualify for ", an id of 64, numbers of seven digits each: by construction."""
    longest = f"Likely to qualify for {'x' * 64}: 1000000 of 1000000 criteria met, 1000000 to confirm"
    assert len(longest) < 140


def test_criteria_of_cohorts_that_are_lost_do_not_count(ehr: Ehr) -> None:
    """NCT07161193 prints 79 criteria for seven diseases; 24 of them concern somebody with lupus."""
    found = next(card for card in ehr.cards(MISSING) if "NCT07161193" in card["summary"])
    assert " of 24 criteria met" in found["summary"]


def test_a_study_goes_by_its_nct_number_else_by_its_id() -> None:
    def study(**resource: Any) -> Study:
        return Study("local-7", "A trial", "active", None, None, resource=resource)

    assert study_name(study()) == "local-7"
    assert study_name(study(identifier=[{"value": "CHEC2024-181"}])) == "local-7"
    assert study_name(study(identifier=[{"value": "CHEC2024-181"}, {"value": "NCT06464679"}])) == "NCT06464679"


# --- the detail


def test_the_detail_of_a_likely_match_reads_like_this(ehr: Ehr) -> None:
    """Everything measured and fine: a person's answers are left. Five lines a list, the rest is on the page."""
    (first, *_) = ehr.cards(LIKELY)
    assert first["detail"].split("\n\n")[0] == "**Clinical Trial of CD19 Targeted CAR-T Cell in Refractory Adult SLE**"
    assert "Likely to qualify; no criterion that decides is unmet." in first["detail"]
    assert "**Missing" not in first["detail"]
    confirm = first["detail"].split("**For a person to confirm")[1].split("**On record**")[0]
    assert first["summary"].endswith("40 to confirm")  # the same number as below, and on the pages
    assert confirm.startswith(" (40 points in 26 criteria)**")  # as the README's demo counts them
    assert confirm.count("\n- ") == LINES + 1 and "more on the match page" in confirm
    record = first["detail"].split("**On record**")[1]
    assert record.startswith("\n\n- Lupus nephritis class III, stable (2022-03)\n")  # what the disease rests on
    assert "LVEF, echocardiography 60 %; limit ≥ 50 % (2026-02-11)" in record and record.count("\n- ") == LINES


def test_a_trial_that_does_not_recruit_says_so(ehr: Ehr) -> None:
    """Two of the three records say “not yet recruiting”, the third says nothing of it."""
    words = "Recruitment: **not yet recruiting**"
    assert {card["source"]["label"]: words in card["detail"] for card in ehr.cards(LIKELY)} == {
        "trialmatch: NCT06892145": True,
        "trialmatch: Universal-CD19-BCMA-autoimmune": False,
        "trialmatch: NCT07161193": True,
    }


def criteria_of(*texts: str) -> list[str]:
    """The lines to confirm of a card whose one open criterion is the last of some texts that stand in each other."""
    item = Item("1.a", texts[-1], "inclusion", leaf=JudgementLeaf("consent", label="x"))
    for number, text in enumerate(reversed(texts[:-1])):
        item = Item(f"1.{number}", text, "inclusion", combination="all-of", members=(item,))
    study = Study("NCT00000001", "A trial", "active", None, (item,))
    match = conclude(study, {"1.a": Finding(t.UNKNOWN, t.JUDGEMENT)}, deceased=False)
    (card,) = cards([match], [], None, View("p", None, None, None, NOW))  # type: ignore[arg-type]
    return [line[2:] for line in card["detail"].splitlines() if line.startswith("- ")]


@pytest.mark.parametrize(
    ("texts", "expected"),
    [
        (
            ("Treated as listed", "or unable to tolerate conventional therapy"),
            "or unable to tolerate conventional therapy (of: Treated as listed)",
        ),
        # 110 characters: 42 of its own, 7 around, at most 61 of what it is a part of, cut between words
        (
            (f"Treated {'as listed ' * 10}", "or unable to tolerate conventional therapy"),
            f"or unable to tolerate conventional therapy (of: Treated as{' listed as' * 4} listed…)",
        ),
        # at least 45 are left for what it is a part of: 58 of its own make seven words, 52 characters; 51 are left
        (
            (f"Treated {'as listed ' * 10}", f"or {'unable ' * 20}"),
            f"or unable{' unable' * 6}… (of: Treated as{' listed as' * 3} listed…)",
        ),
        (("Treated as listed", "Signs the form of informed consent"), "Signs the form of informed consent"),
    ],
)
def test_fragments_are_shown_with_what_they_are_a_part_of(texts: tuple[str, ...], expected: str) -> None:
    assert criteria_of(*texts) == [expected]
    assert len(expected) <= 110


@given(st.lists(st.text(max_size=200), min_size=1, max_size=4))
def test_no_criterion_is_longer_than_its_line(texts: list[str]) -> None:
    for line in criteria_of(*texts):
        assert len(html.unescape(line.replace("\\", "").replace("\u200b", ""))) <= 110


def test_missing_tests_are_named(ehr: Ehr) -> None:
    found = next(card for card in ehr.cards(MISSING) if "NCT06892145" in card["summary"])
    assert "**Missing (10)**\n\n- Left ventricular ejection fraction – not on record\n" in found["detail"]
    assert "- … and 5 more on the match page" in found["detail"]


def test_a_result_that_is_too_old_is_given_with_its_day(ehr: Ehr) -> None:
    """All results moved a year back: each is too old, and says from when it is."""
    prefetch = ehr.prefetch(LIKELY)
    for key, query in ehr.templates.items():
        if query.startswith("Observation?") and prefetch[key]:
            text = json.dumps(prefetch[key]).replace('"2026-0', '"2025-0').replace('"2025-1', '"2024-1')
            prefetch[key] = json.loads(text)
    found = next(card for card in ehr.cards(LIKELY, prefetch=prefetch) if "NCT06892145" in card["summary"])
    assert " – last of 2025-0" in found["detail"] and ", too old\n" in found["detail"]


def test_details_fit_on_a_screen(ehr: Ehr) -> None:
    for patient in (LIKELY, MISSING, "ssc-01", "ra-01", "lupus-vague-01"):
        for card in ehr.cards(patient):
            assert len(card["detail"]) < 2_000 and card["detail"].count("\n") < 50


# --- which cards


def test_best_first_and_at_most_so_many(ehr: Ehr, demo: Hospital, tmp_path: Path) -> None:
    three = [card["summary"] for card in ehr.cards(MISSING)]
    assert len(three) == 3
    app = service_of(tmp_path, fhir_allowed=demo.url, cards=1)
    assert [card["summary"] for card in Ehr(app.test_client(), demo).cards(MISSING)] == three[:1]


@pytest.mark.parametrize(("lowest", "number"), [("possible", 3), ("likely", 1), ("eligible", 0)])
def test_the_lowest_verdict_that_makes_a_card_is_a_setting(
    demo: Hospital, tmp_path: Path, lowest: str, number: int
) -> None:
    """lupus-likely-01 is likely for NCT06892145 and possible for two others (README of the demo hospital)."""
    ehr = Ehr(service_of(tmp_path, fhir_allowed=demo.url, card_verdict=lowest).test_client(), demo)
    found = [card["summary"].split(" for ")[0] for card in ehr.cards(LIKELY)]
    assert found == ["Likely to qualify", "May qualify", "May qualify"][:number]


def test_no_match_no_card(ehr: Ehr) -> None:
    """Somebody of 12 years with nothing on record: every trial asks for adults."""
    prefetch = dict.fromkeys(ehr.prefetch(LIKELY))
    prefetch["patient"] = {"resourceType": "Patient", "id": "child", "birthDate": "2014-01-01", "gender": "male"}
    assert ehr.view("child", prefetch=prefetch).json == {"cards": []}


@pytest.mark.parametrize("death", [{"deceasedBoolean": True}, {"deceasedDateTime": "2026-02-01"}])
def test_nothing_for_somebody_who_has_died(ehr: Ehr, death: Json) -> None:
    prefetch = ehr.prefetch(LIKELY)
    prefetch["patient"] = {**prefetch["patient"], **death}
    assert ehr.view(LIKELY, prefetch=prefetch).json == {"cards": []}


# --- the rest of a card


def test_a_card_leads_nowhere_where_a_study_is_published_nowhere(ehr: Ehr) -> None:
    """Two of the shipped studies are in no registry; their canonical URLs are names, not addresses."""
    sources = {card["source"]["label"]: card["source"].get("url") for card in ehr.cards(LIKELY)}
    assert sources["trialmatch: Universal-CD19-BCMA-autoimmune"] is None
    assert sources["trialmatch: NCT07161193"] == "https://clinicaltrials.gov/study/NCT07161193"


def test_source_topic_and_reasons_are_coded_by_our_own_systems(ehr: Ehr) -> None:
    systems = {json.loads(content)["url"]: json.loads(content) for _, content in resources.code_systems()}
    (card, *_) = ehr.cards(LIKELY)
    assert card["indicator"] == "info"
    assert card["source"]["label"] == "trialmatch: NCT06892145"
    assert card["source"]["url"] == "https://clinicaltrials.gov/study/NCT06892145"
    for coding in [card["source"]["topic"], *card["overrideReasons"]]:
        concepts = {one["code"]: one["display"] for one in systems[coding["system"]]["concept"]}
        assert concepts[coding["code"]] == coding["display"]
    assert len(card["overrideReasons"]) == 7
    override_reasons()[0]["code"] = "changed"
    assert override_reasons()[0]["code"] == "declined"  # nobody's card is anybody else's


def test_every_card_and_suggestion_has_a_uuid_of_its_own(ehr: Ehr) -> None:
    found = [*ehr.cards(MISSING), *ehr.cards(MISSING)]
    named = [card["uuid"] for card in found] + [one["uuid"] for card in found for one in card.get("suggestions", ())]
    assert len(set(named)) == len(named)


def links(app: Flask, demo: Hospital, patient: str = LIKELY, **call: Any) -> list[Json]:
    """The links of the first card."""
    (card, *_) = Ehr(app.test_client(), demo).cards(patient, **call)
    return list(card.get("links", ()))


def test_the_link_leads_to_the_match_page_of_the_patient(demo: Hospital, tmp_path: Path) -> None:
    app = service_of(tmp_path, public_url="https://trials.hospital.example/service/")
    (link,) = links(app, demo)
    assert link["type"] == "absolute"
    assert link["url"] == f"https://trials.hospital.example/service/patients/{LIKELY}?study=NCT06892145"


def test_without_a_public_url_it_is_where_the_call_came_to(ehr: Ehr, demo: Hospital, app: Flask) -> None:
    assert links(app, demo)[0]["url"] == f"http://localhost/patients/{LIKELY}?study=NCT06892145"


def test_where_a_launch_is_configured_the_link_launches(demo: Hospital, tmp_path: Path) -> None:
    (link,) = links(service_of(tmp_path, launch_url="https://trials.hospital.example/launch"), demo)
    assert (link["type"], link["url"]) == ("smart", "https://trials.hospital.example/launch")
    assert json.loads(link["appContext"]) == {"study": "NCT06892145"}


def test_a_patient_of_another_server_is_not_linked_to_a_namesake(demo: Hospital, tmp_path: Path) -> None:
    """The pages show patients of fhir_server; the same id on another server may be somebody else."""
    own, other = "https://fhir.hospital.example/r4", "https://other.example/r4"
    app = service_of(tmp_path, fhir_server=own, fhir_allowed=other)
    assert links(app, demo, fhirServer=own)
    assert links(app, demo, fhirServer=other) == []


# --- hostile words


HOSTILE = '<img src=x onerror=alert(1)>[click](https://evil.example) **bold** https://evil.example "\n# x'


def _of_patient(ehr: Ehr) -> list[Json]:
    """All words of the diagnosis and of the results are hostile."""
    prefetch = ehr.prefetch(LIKELY)
    for value in prefetch.values():
        for entry in (value or {}).get("entry", ()):
            code = entry["resource"].get("code") or {}
            code["text"] = HOSTILE
            for coding in code.get("coding", ()):
                coding.pop("display", None)
    return ehr.cards(LIKELY, prefetch=prefetch)


def _of_study(ehr: Ehr) -> list[Json]:
    """A study that is hostile in title, criteria and cohort."""
    bundle = study_bundle("evil", title=HOSTILE)
    for characteristic in bundle["entry"][1]["resource"]["characteristic"]:
        characteristic["description"] = HOSTILE
    assert ehr.client.post("/api/v1/studies", json=bundle).status_code == 201
    ehr.discover()
    found = [card for card in ehr.cards(LIKELY) if "evil:" in card["summary"]]
    assert found
    return found


@pytest.mark.parametrize("hostile", [_of_patient, _of_study])
def test_words_of_records_and_studies_stay_words(fresh: Ehr, hostile: Callable[[Ehr], list[Json]]) -> None:
    for card in hostile(fresh):
        detail = card["detail"]
        assert "alert" in detail  # it is shown …
        for wrong in ("<img", "](https", "**bold**", "https://evil", "\n# x"):
            assert wrong not in detail  # … as text
        assert all("\n" not in suggestion["label"] for suggestion in card.get("suggestions", ()))


# --- the fingerprint


def _prefetched(ehr: Ehr) -> tuple[Json, Callable[[Json], list[str]]]:
    engine = ehr.client.application.extensions["trialmatch"].engine

    def prints(prefetch: Json) -> list[str]:
        records = cds_prefetch.given(prefetch, cds_prefetch.templates(engine.needs()), LIKELY).records
        found = match_patient(engine, records, LIKELY, Question(date(2026, 3, 1), most=3), "prefetch").matches
        return [fingerprint(match) for match in found]

    return ehr.prefetch(LIKELY), prints


def test_the_fingerprint_follows_the_evidence_and_nothing_else(ehr: Ehr) -> None:
    prefetch, prints = _prefetched(ehr)
    before = prints(prefetch)
    assert prints(copy.deepcopy(prefetch)) == before

    renamed = copy.deepcopy(prefetch)
    renamed["patient"]["name"] = [{"family": "Other"}]
    assert prints(renamed) == before  # no criterion looks at names

    changed = copy.deepcopy(prefetch)
    observations = [
        entry["resource"]
        for key, query in ehr.templates.items()
        if query.startswith("Observation?")
        for entry in (changed[key] or {}).get("entry", ())
    ]
    creatinine = [
        one for one in observations if any(coding["code"] in ("2160-0", "14682-9") for coding in one["code"]["coding"])
    ]
    assert creatinine
    for one in creatinine:
        one["valueQuantity"]["value"] *= 1.01
    assert prints(changed) != before


def test_cards_of_no_match_are_none() -> None:
    assert cards([], [], None, View("p", None, None, None, NOW)) == []  # type: ignore[arg-type]
