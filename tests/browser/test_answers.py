"""Answers given on the match page: what they change, who loses nothing, what is refused."""

from __future__ import annotations

import json
import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect
from trialmatch.demo import attestations_path

from tests.browser.site import BASKET, LIKELY, LUPUS, MISSING, UNIVERSAL, Site, row, said, trial, unfolded

pytestmark = pytest.mark.slow

Sites = Callable[..., Site]
Contexts = Callable[..., BrowserContext]

#: What the coordinator's answer to C6 of the universal trial is on file as.
CONSENT = {
    "study": UNIVERSAL,
    "judgement": "consent",
    "answer": "met",
    "by": "local",
    "at": "2026-03-01T09:30:00+00:00",
}


def choose(page: Page, study: str, link_id: str, answer: str) -> None:
    """Answer a criterion that is a single question."""
    unfolded(page, study, link_id).get_by_role("radio", name=re.compile(f"^{answer} ")).check()


def save(page: Page) -> None:
    """Send the form, by the button that is always in sight."""
    page.locator("[data-savebar]").get_by_role("button", name="Save answers").click()


def test_an_answer_changes_the_counts_at_once(page: Page, own_site: Sites) -> None:
    """Ten points are open before (3 missing, 7 to confirm), nine after."""
    site = own_site()
    page.goto(site.patient(MISSING))
    choose(page, UNIVERSAL, "C6", "Yes")
    expect(page.get_by_text("1 answer not saved yet")).to_be_visible()
    save(page)
    assert said(page) == f"1 answer saved. {UNIVERSAL}: 10 points open before, 9 now."
    assert site.answers(MISSING) == [CONSENT]
    expect(trial(page, UNIVERSAL).locator(".counts .s-confirm")).to_have_text("6 to confirm")
    consent = unfolded(page, UNIVERSAL, "C6")
    expect(consent.locator("> summary .tag")).to_have_text("Met")
    expect(consent.locator(".given")).to_contain_text("Answered yes by this computer on 2026-03-01")
    expect(page.locator("[data-savebar]")).to_be_hidden()
    expect(trial(page, LUPUS).locator(".counts .s-confirm")).to_have_text("41 to confirm")  # another trial's consent


def test_the_last_answer_makes_a_patient_eligible(page: Page, own_site: Sites) -> None:
    """The demo's own answers make lupus-likely-01 eligible for NCT06892145; all of them but the consent are there."""
    site = own_site()
    entries = json.loads(attestations_path().read_text("utf-8"))
    rest = [entry for entry in entries if entry.get("judgement") != "consent"]
    assert len(rest) == len(entries) - 1
    site.answer(LIKELY, rest)
    page.goto(site.patient(LIKELY))
    expect(trial(page, LUPUS).locator(".ident .verdict")).to_have_text("Likely")
    choose(page, LUPUS, "I1", "Yes")
    save(page)
    assert f"{LUPUS}: Likely is now Eligible." in said(page)
    expect(trial(page, LUPUS).locator(".ident .verdict")).to_have_text("Eligible")
    assert site.answers(LIKELY)[:-1] == rest


def test_an_answer_may_rule_a_trial_out_and_be_withdrawn(page: Page, own_site: Sites) -> None:
    site = own_site()
    page.goto(site.patient(MISSING))
    choose(page, UNIVERSAL, "C4", "No")  # ECOG is not 0 to 2
    save(page)
    assert said(page) == f"1 answer saved. {UNIVERSAL}: Possible before, ruled out now."
    assert site.answers(MISSING)[0]["linkId"] == "C4" and site.answers(MISSING)[0]["answer"] == "unmet"
    page.get_by_text("2 trials ruled out").click()
    page.get_by_role("link", name=UNIVERSAL, exact=True).click()
    unfolded(page, UNIVERSAL, "C4").get_by_label("Withdraw this answer").check()
    save(page)
    assert f"{UNIVERSAL}: Ineligible is now Possible." in said(page)
    assert site.answers(MISSING) == []


def test_an_exclusion_is_asked_as_it_is_printed(page: Page, own_site: Sites) -> None:
    """“Live vaccine within 4 weeks” that did take place speaks against: the requirement is unmet."""
    site = own_site()
    page.goto(site.patient(MISSING))
    deep_vein = unfolded(page, LUPUS, "E11")
    expect(deep_vein.locator(".choice label")).to_have_text([
        re.compile(r"Yes\s+counts as not met"), re.compile(r"No\s+counts as met"),
    ])  # fmt: skip
    choose(page, LUPUS, "E11", "No")
    save(page)
    said(page)
    assert site.answers(MISSING)[0] | {"by": "", "at": ""} == {
        "study": LUPUS, "linkId": "E11", "answer": "met", "by": "", "at": "",
    }  # fmt: skip
    expect(row(page, LUPUS, "E11").locator("> summary .tag")).to_have_text("Does not apply")


def test_an_answer_for_every_trial_that_asks_the_same_until_a_day(page: Page, own_site: Sites) -> None:
    site = own_site()
    page.goto(site.patient(MISSING))
    choose(page, UNIVERSAL, "C6", "Yes")
    consent = row(page, UNIVERSAL, "C6")
    expect(consent.locator(".elsewhere li")).to_have_count(3)  # the lupus trial, the NK cells, the basket's one wording
    consent.get_by_label("Valid until").fill("2026-09-01")
    consent.get_by_label("Also for 3 other criteria").check()
    consent.get_by_role("button", name="Save answers").click()
    told = said(page)
    assert f"{LUPUS}: 51 points open before, 50 now." in told and f"{BASKET}: 36 points open before, 35 now." in told
    everywhere = {name: value for name, value in CONSENT.items() if name != "study"}
    assert site.answers(MISSING) == [everywhere | {"until": "2026-09-01"}]
    expect(unfolded(page, LUPUS, "I1").locator(".given")).to_contain_text(
        "valid until 2026-09-01, for every trial that asks this"
    )


def test_several_answers_are_saved_together_or_discarded(page: Page, own_site: Sites) -> None:
    site = own_site()
    page.goto(site.patient(MISSING))
    choose(page, UNIVERSAL, "C6", "Yes")
    choose(page, LUPUS, "I1", "Yes")
    expect(page.get_by_text("2 answers not saved yet")).to_be_visible()
    page.get_by_role("button", name="Discard").click()
    expect(page.locator("[data-savebar]")).to_be_hidden()
    choose(page, UNIVERSAL, "C6", "Yes")
    choose(page, LUPUS, "I1", "No")
    save(page)
    assert said(page).startswith("2 answers saved.")
    assert {(one["study"], one["answer"]) for one in site.answers(MISSING)} == {(UNIVERSAL, "met"), (LUPUS, "unmet")}


def test_everything_works_without_script(open_context: Contexts, own_site: Sites) -> None:
    site = own_site()
    page = open_context(java_script_enabled=False).new_page()
    page.goto(site.patient(MISSING))
    consent = row(page, UNIVERSAL, "C6")
    consent.locator("> summary").click()
    consent.get_by_role("radio", name="Yes").check()
    consent.get_by_role("button", name="Save answers").click()
    expect(trial(page, UNIVERSAL).locator(".counts .s-confirm")).to_have_text("6 to confirm")
    assert site.answers(MISSING) == [CONSENT]
    assert "C6" in page.url  # back where one was


def test_two_who_answer_at_once_lose_nothing(open_context: Contexts, own_site: Sites) -> None:
    site = own_site()
    mine, theirs = open_context().new_page(), open_context().new_page()
    for page in (mine, theirs):
        page.goto(site.patient(MISSING))
    choose(theirs, LUPUS, "I1", "No")
    save(theirs)
    said(theirs)
    choose(mine, UNIVERSAL, "C6", "Yes")
    save(mine)
    assert said(mine) == "Somebody else answered meanwhile"
    assert [one["study"] for one in site.answers(MISSING)] == [LUPUS]  # nothing of mine yet
    changed, kept = mine.locator("section").all()
    expect(changed).to_contain_text(re.compile(r"Added\s+NCT06892145 I1"))
    expect(changed).to_contain_text("no, by this computer on 2026-03-01")
    expect(kept).to_contain_text(re.compile(rf"{UNIVERSAL} C6.*yes", re.DOTALL))
    mine.get_by_role("button", name="Save mine as well").click()
    expect(trial(mine, UNIVERSAL).locator(".counts .s-confirm")).to_have_text("6 to confirm")
    assert [(one["study"], one["answer"]) for one in site.answers(MISSING)] == [(LUPUS, "unmet"), (UNIVERSAL, "met")]


def test_two_answers_to_the_same_question_are_shown_to_the_later_one(page: Page, own_site: Sites) -> None:
    site = own_site()
    page.goto(site.patient(MISSING))
    site.answer(MISSING, [CONSENT | {"answer": "unmet", "by": "Dr. Colleague"}], by="Dr. Colleague")
    choose(page, UNIVERSAL, "C6", "Yes")
    save(page)
    assert said(page) == "Somebody else answered meanwhile"
    expect(page.get_by_text("answers were changed on 2026-03-01 09:45 by Dr. Colleague")).to_be_visible()
    expect(page.get_by_text("Concerns the same question as an answer of yours.")).to_be_visible()
    page.get_by_role("link", name="Leave theirs, discard mine").click()
    expect(trial(page, LUPUS)).to_be_visible()
    assert [one["by"] for one in site.answers(MISSING)] == ["Dr. Colleague"]


def test_answers_that_contradict_each_other_are_not_saved(page: Page, own_site: Sites) -> None:
    site = own_site()
    page.goto(site.patient(MISSING))
    for study, link_id, answer in ((UNIVERSAL, "C6", "Yes"), (LUPUS, "I1", "No")):
        choose(page, study, link_id, answer)
        row(page, study, link_id).get_by_label("Also for").check()
    save(page)
    assert said(page).startswith(
        "The answers could not be saved: Two of the answers for the same question differ, so none was saved."
    )
    assert site.answers(MISSING) == []
    expect(row(page, UNIVERSAL, "C6").get_by_role("radio", name="Yes")).to_be_checked()  # still there to be mended


def test_a_service_that_is_away_takes_no_answer_with_it(page: Page, own_site: Sites) -> None:
    page.goto(own_site().patient(MISSING))
    choose(page, UNIVERSAL, "C6", "Yes")
    page.route("**/patients/**", lambda route: route.abort())
    save(page)
    assert said(page).startswith("The answers could not be saved: the service cannot be reached.")
    page.unroute("**/patients/**")
    save(page)
    expect(page.get_by_role("status")).to_contain_text("1 answer saved.")


def test_on_a_day_that_is_past_nothing_is_asked(page: Page, site: Site) -> None:
    page.goto(site.patient(MISSING, "?as_of=2026-02-28"))
    expect(page.get_by_text("Answers count from the day on which they are given.")).to_be_visible()
    expect(page.locator("[data-answer], [data-savebar]")).to_have_count(0)
    page.get_by_role("link", name="Show today").click()
    expect(page.locator("[data-answer]").first).to_be_attached()


def test_a_form_of_another_session_is_refused(browser: Browser, own_site: Sites) -> None:
    """Another site's page can make a browser send a form, but cannot read the page that holds the form's token."""
    site = own_site()
    client = site.app.test_client()
    page = client.get(f"/patients/{MISSING}").get_data(as_text=True)
    found = re.search(r'name="csrf" value="(\w+)"', page)
    assert found is not None
    form = {"csrf": found[1], "version": "0", f"answer.{UNIVERSAL}.C6": "yes"}
    stranger = site.app.test_client()
    stranger.get(f"/patients/{MISSING}")
    nobody = site.app.test_client()
    for caller, changes in ((stranger, {}), (nobody, {}), (client, {"csrf": ""}), (client, {"csrf": "é"})):
        assert caller.post(f"/patients/{MISSING}", data=form | changes).status_code == 403
    assert site.answers(MISSING) == []
    assert client.post(f"/patients/{MISSING}", data=form).status_code == 303
    assert site.answers(MISSING) == [CONSENT]


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({}, "No answer was chosen"),
        ({"answer.nothing.such": "yes"}, "An answer was not understood"),
        ({f"answer.{UNIVERSAL}.C6": "perhaps"}, "An answer was not understood"),
        ({f"answer.{UNIVERSAL}.C6": "yes", f"until.{UNIVERSAL}.C6": "soon"}, "An answer was not understood"),
        ({f"answer.{UNIVERSAL}.C6": "yes", f"until.{UNIVERSAL}.C6": "2026-02-28"}, "cannot run out before today"),
        ({f"withdraw.{UNIVERSAL}.C6": '["NCT06892145",null,"consent",null]'}, "An answer was not understood"),
    ],
)
def test_forms_that_nobody_fills_in_are_refused(own_site: Sites, fields: dict[str, str], words: str) -> None:
    site = own_site()
    client = site.app.test_client()
    found = re.search(r'name="csrf" value="(\w+)"', client.get(f"/patients/{MISSING}").get_data(as_text=True))
    assert found is not None
    answer = client.post(f"/patients/{MISSING}", data={"csrf": found[1], "version": "0", **fields})
    assert answer.status_code == 422 and words in answer.get_data(as_text=True)
    assert site.answers(MISSING) == []
