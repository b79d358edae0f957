"""The match page, read: what a coordinator finds, where, in which words."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect
from trialmatch.demo import hospital_path

from tests.browser.site import BASKET, LUPUS, MISSING, RENAL, UNFOLD, UNIVERSAL, Site, row, trial, unfolded
from tests.hospital.faults import status
from tests.hospital.server import Hospital, resources_of

pytestmark = pytest.mark.slow


def test_the_trials_stand_in_their_rank_with_what_is_between(page: Page, site: Site) -> None:
    """CD19 and BCMA expression and ECOG were never measured in lupus-missing-01; 41 points as in the README."""
    page.goto(site.patient(MISSING))
    expect(page).to_have_title("Patient lupus-missing-01 – trialmatch")
    expect(page.get_by_role("heading", level=1)).to_have_text("Patient lupus-missing-01")
    expect(page.locator(".facts")).to_have_text(
        "Demopatient, Bela · born 1999-09-23 · female · record number DEMO-0027"
    )
    lines = page.locator(".ranking > li").all_inner_texts()
    assert [" ".join(line.split()) for line in lines] == [
        f"Possible {UNIVERSAL} 3 missing, 7 to confirm",
        f"Possible {LUPUS} 10 missing, 41 to confirm",
        f"Possible {BASKET} 16 missing, 20 to confirm",
        "Undetermined CD19-BCMA-SLE-Wuhan-Union the record prints no criteria",
    ]
    first = trial(page, UNIVERSAL)
    expect(first.locator(".reason")).to_contain_text("Stands before NCT06892145: fewer data gaps (3 against 10).")
    expect(first.locator(".brief .s-missing a")).to_have_text([
        "CD19 expression on peripheral B cells (flow cytometry)",
        "BCMA expression on peripheral B cells (flow cytometry)",
        "ECOG performance status",
    ])  # fmt: skip
    expect(first.locator(".cohorts li")).to_have_text([
        re.compile("Possible SLE"), re.compile("Ineligible SSc, IIM, AAV, TP"),
    ])  # fmt: skip


def test_a_criterion_opens_its_text_reason_records_and_note(page: Page, site: Site) -> None:
    page.goto(site.patient(MISSING))
    bilirubin = row(page, LUPUS, "I6.4")
    expect(bilirubin).not_to_be_visible()  # its trial is folded, and met criteria are folded in it
    bilirubin = unfolded(page, LUPUS, "I6.4")
    expect(bilirubin.locator("> summary .text")).to_have_text(
        "Total bilirubin ≤ 2.0 × ULN (Gilbert syndrome requires total bilirubin ≤ 3.0 × ULN)"
    )
    expect(bilirubin.locator("> summary .tag")).to_have_text("Met")
    leaf = bilirubin.locator(".leaf", has_text="I6.4.a.1")
    leaf.evaluate(UNFOLD)
    expect(leaf.locator(".why")).to_have_text("Bilirubin, total 9 umol/L is 0.44 × ULN (20.5 umol/L); limit ≤ 2 × ULN")
    expect(leaf.locator(".evidence li")).to_have_text(
        re.compile(r"2026-02-17\s+Bilirubin, total 9 umol/L\s+Observation/lupus-missing-01-bilirubin-2026-02-17")
    )
    noted = unfolded(page, LUPUS, "I3")
    expect(noted.locator(".reading").first).to_contain_text("Reading (corrected):")


def test_what_rules_a_trial_out_is_one_link_away(page: Page, site: Site) -> None:
    page.goto(site.patient(RENAL))
    page.get_by_text("3 trials ruled out").click()
    page.get_by_role("link", name=LUPUS, exact=True).click()
    expect(page.get_by_text("Only NCT06892145 is shown.")).to_be_visible()
    unmet = trial(page, LUPUS).locator(".brief .s-unmet li")
    expect(unmet).to_have_text([
        "I6.2.a Creatinine 2.28 mg/dL is 2.4 × ULN (0.95 mg/dL); limit ≤ 2 × ULN",
        "I6.2.b Cockcroft–Gault 29.46 mL/min; limit ≥ 60 mL/min",
    ])  # fmt: skip
    unmet.get_by_role("link").first.click()
    expect(row(page, LUPUS, "I6.2").locator(".evidence").first).to_be_visible()
    page.get_by_role("link", name="Show all trials").click()
    expect(trial(page, UNIVERSAL)).to_be_visible()


def test_a_link_opens_everything_that_its_criterion_is_folded_into(page: Page, site: Site) -> None:
    page.goto(site.patient(MISSING))
    saturation = trial(page, LUPUS).get_by_role("link", name="Oxygen saturation")
    saturation.click()
    expect(row(page, LUPUS, "I6.5")).to_have_attribute("open", "")
    expect(row(page, LUPUS, "I6.5").locator("> summary")).to_be_focused()
    page.goto(page.url.split("#")[0] + saturation.get_attribute("href"))  # also when it comes from elsewhere
    expect(row(page, LUPUS, "I6.5").locator(".body")).to_be_visible()


@pytest.mark.parametrize("script", [True, False])
def test_the_filter_shows_what_it_says(open_context, site: Site, script: bool) -> None:  # type: ignore[no-untyped-def]
    page = open_context(java_script_enabled=script).new_page()
    page.goto(site.patient(MISSING))
    visible = trial(page, UNIVERSAL).locator("details.row:visible > summary > .link-id")
    everything = visible.all_inner_texts()
    page.get_by_role("radio", name="Missing 29").check(force=True)
    expect(visible).to_have_text(["C2", "C4"])
    page.get_by_role("radio", name="To confirm 68").check(force=True)
    expect(visible).to_have_text(["C3.1A", "C5", "C6", "SLE1", "SLE3"])
    page.get_by_role("radio", name="Not met 0").check(force=True)
    expect(visible).to_have_count(0)
    page.get_by_role("radio", name="All").check(force=True)
    assert visible.all_inner_texts() == everything == ["C2", "C3.1A", "C4", "C5", "C6", "SLE1", "SLE3"]


def test_the_filter_stays_over_a_reload_and_is_told(page: Page, site: Site) -> None:
    page.goto(site.patient(MISSING))
    page.get_by_role("radio", name="Missing 29").check(force=True)
    expect(page.get_by_role("status")).to_have_text(re.compile(r"^\d+ criteria shown$"))
    assert page.url.endswith("?show=missing")
    page.reload()
    expect(page.get_by_role("radio", name="Missing 29")).to_be_checked()
    expect(row(page, BASKET, "1.1")).not_to_be_visible()


def test_another_day_is_judged_as_that_day(page: Page, site: Site) -> None:
    """By 2026-06-18 her results of 2026-02-17 are 121 days old, over the 90 that are allowed."""
    page.goto(site.patient(MISSING))
    page.get_by_label("As of").fill("2026-06-18")
    page.get_by_role("button", name="Show", exact=True).click()
    expect(page).to_have_url(site.patient(MISSING, "?as_of=2026-06-18"))
    expect(trial(page, LUPUS).locator(".brief .s-missing i").filter(has_text="too old")).to_be_visible()


def test_a_day_that_is_none_is_said_and_today_is_shown(page: Page, site: Site) -> None:
    page.goto(site.patient(MISSING, "?as_of=soon"))
    expect(page.get_by_text("This is no date: expected YYYY-MM-DD. Shown as of 2026-03-01 instead.")).to_be_visible()


def test_a_merged_record_says_so(page: Page, site: Site) -> None:
    page.goto(site.patient("lupus-merged-old"))
    expect(page.get_by_role("heading", level=1)).to_have_text("Patient lupus-merged-01")
    expect(page.get_by_text("lupus-merged-old was merged into this record.")).to_be_visible()


def test_a_patient_who_is_not_there(page: Page, site: Site) -> None:
    answer = page.goto(site.patient("nobody"))
    assert answer is not None and answer.status == 404
    expect(page.get_by_role("heading", level=1)).to_have_text("No such patient")
    expect(page.locator("main")).to_contain_text("With the record number, the patient can be found on the start page.")
    detail = page.get_by_text("no such patient; expected a Patient with the id that was asked for")
    expect(detail).to_have_count(1)  # once, below what it means
    expect(page.get_by_role("link", name="To the start page")).to_be_visible()


def test_pages_are_nobody_elses(page: Page, site: Site) -> None:
    answer = page.goto(site.patient(MISSING))
    assert answer is not None
    headers = answer.headers
    assert headers["cache-control"] == "no-store"
    policy = headers["content-security-policy"]
    assert "default-src 'none'" in policy and "script-src 'self'" in policy and "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy and "nonce" not in policy


def test_from_when_a_trial_may_open_is_seen_at_a_glance(page: Page, site: Site) -> None:
    """lupus-young-01 turns 18 the day after: three of the four trials that ask for 18 years may open then (the fourth
    has no cohort for lupus), and the link leads to that day. What the summary says needs no unfolding."""
    page.goto(site.patient("lupus-young-01"))
    out = page.locator(".out")
    expect(out.locator("summary")).to_have_text(re.compile("4 trials ruled out.*3 may open, first 2026-03-02"))
    line = out.locator("li").filter(has_text=LUPUS)
    out.evaluate("one => { one.open = true }")
    expect(line).to_contain_text("May qualify from 2026-03-02")
    expect(line.locator(".short")).to_have_text("Not met: I2 age 17 years; limit ≥ 18.")
    line.get_by_role("link").click()
    expect(trial(page, LUPUS).locator(".opens b")).to_have_text("May qualify from 2026-03-02")
    page.get_by_role("link", name="Look at that day").click()
    expect(page).to_have_url(site.patient("lupus-young-01", f"?study={LUPUS}&as_of=2026-03-02"))
    expect(trial(page, LUPUS).locator("header .verdict")).to_have_text("Likely")
    page.goto(site.patient(RENAL))
    expect(page.locator(".out summary")).to_have_text("3 trials ruled out")  # its creatinine promises nothing


def test_a_study_that_is_not_loaded(page: Page, site: Site) -> None:
    answer = page.goto(site.patient(MISSING, "?study=nothing"))
    assert answer is not None and answer.status == 422
    expect(page.get_by_role("heading", level=1)).to_have_text("No such study")


def test_a_patient_with_nothing_on_record(page: Page, own_site: Callable[..., Site]) -> None:
    """Four trials are ruled out by silence alone: whoever looks at the wrong record has to notice."""
    with Hospital([{"resourceType": "Patient", "id": "p"}]) as hospital:
        page.goto(own_site(fhir_server=hospital.url).patient("p"))
        expect(page.locator(".records")).to_have_text("Records: none but the patient")
        expect(page.locator(".alert")).to_contain_text("Nothing is on record that these trials look at.")
        expect(page.locator(".alert")).to_contain_text("see whether this is the right record")


def test_an_incomplete_record_is_said_first(page: Page, own_site: Callable[..., Site]) -> None:
    """The diagnoses cannot be had: the disease is unknown, not absent, and the page says so before any trial."""
    with Hospital(resources_of(hospital_path()), faults={"Condition": status(403)}) as hospital:
        page.goto(own_site(fhir_server=hospital.url).patient(MISSING))
        alert = page.get_by_role("region", name="The record is incomplete")
        expect(alert).to_contain_text("Condition not obtained")
        expect(alert).to_contain_text("What hangs on the types below is unknown here, not absent.")
        above = alert.evaluate("one => one.getBoundingClientRect().bottom")
        assert above <= page.locator(".columns").evaluate("one => one.getBoundingClientRect().top")
        gaps = trial(page, LUPUS).locator(".brief .s-missing i")
        expect(gaps.filter(has_text="not given by the source")).to_have_count(1)


def test_a_hospital_that_is_away(page: Page, own_site: Callable[..., Site]) -> None:
    answer = page.goto(own_site(fhir_server="http://127.0.0.1:1/fhir", fhir_retries=0).patient(MISSING))
    assert answer is not None and answer.status == 502
    expect(page.get_by_role("heading", level=1)).to_have_text("The hospital’s server does not answer")
    expect(page.locator("main")).to_contain_text("Saved answers are kept. Try again in a few minutes.")
    expect(page.locator("main")).to_contain_text("In detail: http://127.0.0.1:1/fhir: cannot be reached")
    expect(page.get_by_text("If it happens again, report it with this number")).to_be_visible()
