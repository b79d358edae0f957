"""The start page: a patient is found by the number on the chart, a study leads to how it is read."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

import pytest
from playwright.sync_api import BrowserContext, Page, expect
from trialmatch.config import Settings
from trialmatch.errors import SourceUnavailable
from trialmatch.fhir.hospital.lookup import patients_with
from trialmatch.store import audit, runs

from tests.browser.site import LUPUS, RENAL, Site
from tests.hospital.faults import status
from tests.hospital.server import Hospital

pytestmark = pytest.mark.slow

Contexts = Callable[..., BrowserContext]


def patient(identity: str, *numbers: str) -> dict[str, object]:
    """A patient with record numbers."""
    return {"resourceType": "Patient", "id": identity, "identifier": [{"value": number} for number in numbers]}


def find(page: Page, text: str, by: str = "the record number") -> None:
    """Fill in and send the form."""
    page.get_by_label("Number", exact=True).fill(text)
    page.get_by_label(by).check()
    page.get_by_role("button", name="Show trials").click()


def test_by_the_record_number(page: Page, site: Site) -> None:
    """DEMO-0002 is lupus-renal-01; that the number was looked up is in the audit."""
    page.goto(site.url)
    find(page, "DEMO-0002")
    expect(page).to_have_url(site.patient(RENAL))
    looked_up = [event for event in audit.events(site.store, patient=RENAL) if "page /patients" in str(event)]
    assert looked_up and "DEMO-0002" not in str(looked_up)


def test_by_the_id(page: Page, site: Site) -> None:
    page.goto(site.url)
    find(page, f"Patient/{RENAL}", "the id on the FHIR server")
    expect(page).to_have_url(site.patient(RENAL))


@pytest.mark.parametrize(
    ("text", "by", "words"),
    [
        ("DEMO-9999", "the record number", "knows no patient with this record number"),
        (RENAL, "the record number", "knows no patient with this record number"),  # an id is no record number
        ("no patient!", "the id on the FHIR server", "This is no patient id"),
        ("..", "the id on the FHIR server", "This is no patient id"),
    ],
)
def test_nobody_is_found(page: Page, site: Site, text: str, by: str, words: str) -> None:
    page.goto(site.url)
    find(page, text, by)
    expect(page.get_by_role("alert")).to_contain_text(words)
    assert page.url == f"{site.url}/patients"  # what was typed stands in no address
    expect(page.get_by_label("Number", exact=True)).to_have_attribute("aria-invalid", "true")


def test_a_number_that_two_patients_have(page: Page, own_site: Callable[..., Site]) -> None:
    with Hospital([patient("a", "7", "x"), patient("b", "7"), patient("c", "77")]) as hospital:
        page.goto(own_site(fhir_server=hospital.url).url)
        find(page, "7")
        expect(page.get_by_role("heading", level=1)).to_have_text("More than one patient has this number")
        expect(page.locator("main li")).to_have_text(["a", "b"])


def test_only_those_who_have_the_number_are_believed() -> None:
    """The scripted hospital does not know the parameter, and gives everybody."""
    with Hospital([patient("a", "7"), patient("b", "8"), {"resourceType": "Patient", "id": "c"}]) as hospital:
        assert patients_with(hospital.url, "8", Settings(), "token") == ["b"]
        assert patients_with(hospital.url, "9", Settings()) == []
        (asked, _) = hospital.asked("Patient")
        assert asked.values("identifier") == ["8"] and asked.headers["Authorization"] == "Bearer token"
        patients_with(hospital.url, r"a|b,c$d\e", Settings())
        assert hospital.asked("Patient")[-1].values("identifier") == [r"a\|b\,c\$d\\e"]


def test_a_hospital_that_refuses() -> None:
    with Hospital([], faults={"Patient": status(403)}) as hospital, pytest.raises(SourceUnavailable, match="403"):
        patients_with(hospital.url, "8", Settings(fhir_retries=0))


def test_without_a_hospital_nobody_is_looked_for(page: Page, own_site: Callable[..., Site]) -> None:
    page.goto(own_site(fhir_server=None).url)
    expect(page.get_by_text("No hospital server is configured")).to_be_visible()
    expect(page.get_by_role("button", name="Show trials")).to_have_count(0)


def test_from_a_study_to_how_it_is_read(page: Page, site: Site) -> None:
    page.goto(site.url)
    page.get_by_role("link", name="Clinical Trial of CD19 Targeted CAR-T Cell in Refractory Adult SLE").click()
    expect(page).to_have_url(f"{site.url}/studies/{LUPUS}")
    expect(page.locator(".row-read").filter(has_text="I4")).to_contain_text("SLEDAI-2K ≥ 7, latest within 90 days")
    expect(page.get_by_text("32 criteria as printed: 14 computed, 14 partly computed, 4 for a person.")).to_be_visible()


def test_recent_prescreens_are_listed(page: Page, own_site: Callable[..., Site]) -> None:
    site = own_site(timezone="Europe/Berlin")
    page.goto(site.url)
    expect(page.get_by_text("No prescreen has been run yet.")).to_be_visible()
    runs.create(site.store, {}, by="worklist", at=datetime(2026, 2, 28, 23, 30, tzinfo=UTC))
    page.reload()
    listed = page.locator("section[aria-labelledby=runs] tbody tr")
    expect(listed).to_contain_text("2026-03-01 00:30")  # site's time
    expect(listed).to_contain_text("all that are loaded")
    asked = {"asOf": "2026-02-27", "studies": [LUPUS]}
    runs.create(site.store, asked, by="worklist", at=datetime(2026, 3, 1, 8, 30, tzinfo=UTC))
    page.reload()
    for words in ("2026-02-27", LUPUS, "worklist", "Waiting"):
        expect(listed.first).to_contain_text(words)


def test_on_a_phone_the_tables_are_lists(open_context: Contexts, site: Site) -> None:
    """Nothing lies outside the window: a study's criteria are told below its title."""
    page = open_context(viewport={"width": 360, "height": 800}).new_page()
    page.goto(site.url)
    assert page.locator(".scroll").evaluate_all("all => all.every(one => one.scrollWidth <= one.clientWidth)")
    study = page.get_by_role("row").filter(has_text=LUPUS)
    expect(study).to_contain_text("32 criteria as printed")
    title, told = study.get_by_role("link"), study.get_by_text("14 computed, 14 partly computed, 4 for a person")
    assert told.bounding_box()["y"] > title.bounding_box()["y"]  # type: ignore[index]


def test_a_form_of_somebody_else_looks_for_nobody(site: Site) -> None:
    assert site.app.test_client().post("/patients", data={"patient": "DEMO-0002", "by": "number"}).status_code == 403
