"""The pages for everybody: by keyboard, by ear, in the dark, on a narrow panel, on paper."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import BrowserContext, Page, expect

from tests.browser.site import BASKET, LUPUS, MISSING, RENAL, UNIVERSAL, Site, row, said, trial, unfolded
from tests.hospital.server import Hospital
from tests.web.world import study_bundle

pytestmark = pytest.mark.slow

Contexts = Callable[..., BrowserContext]

PAGES = {
    "start": "/",
    "match": f"/patients/{MISSING}",
    "one trial": f"/patients/{MISSING}?study={UNIVERSAL}",
    "ruled out": f"/patients/{RENAL}?study={LUPUS}",
    "may open": f"/patients/lupus-young-01?study={LUPUS}",
    "a past day": f"/patients/{MISSING}?as_of=2025-03-01",
    "study": f"/studies/{BASKET}",
    "study without criteria": "/studies/CD19-BCMA-SLE-Wuhan-Union",
    "not found": "/patients/nobody",
}


#: Pages of several trials: unfolded, axe-core would look at them for a minute, and sees one trial as well.
LARGE = {PAGES["match"], PAGES["a past day"]}


#: Whether what may scroll has nothing to scroll to.
FITS = "all => all.every(one => one.scrollWidth <= one.clientWidth)"


def violations(page: Page, *rules: str) -> list[str]:
    """What axe-core finds, of any severity; ``rules`` are those to look at (all if none is named)."""
    options = {"resultTypes": ["violations"]} | ({"runOnly": list(rules)} if rules else {})
    found = Axe().run(page, options=options).response["violations"]
    return [f"{one['id']} ({one['impact']}): {one['nodes'][0]['html'][:200]}" for one in found]


def everything_open(page: Page) -> None:
    """Unfold the whole page."""
    page.locator("details").evaluate_all("all => all.forEach(one => { one.open = true })")


@pytest.mark.parametrize("path", PAGES.values(), ids=PAGES)
def test_axe_finds_nothing(page: Page, site: Site, path: str) -> None:
    page.goto(site.url + path)
    assert violations(page) == []
    page.emulate_media(color_scheme="dark")
    assert violations(page, "color-contrast") == []
    if path not in LARGE:
        everything_open(page)
        assert violations(page, "color-contrast") == []
        page.emulate_media(color_scheme="light")
        assert violations(page) == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_while_answering(open_context: Contexts, own_site: Callable[..., Site], scheme: str) -> None:
    site = own_site()
    page = open_context(color_scheme=scheme).new_page()
    page.goto(site.patient(MISSING))
    consent = unfolded(page, UNIVERSAL, "C6")
    consent.get_by_role("radio", name="Yes").check()
    assert violations(page) == []
    site.answer(MISSING, [])
    consent.get_by_role("button", name="Save answers").click()
    assert said(page) == "Somebody else answered meanwhile"
    assert violations(page) == []
    page.get_by_role("button", name="Save mine").click()
    unfolded(page, UNIVERSAL, "C6")
    assert violations(page) == []


def test_headings_and_landmarks_tell_the_page(page: Page, site: Site) -> None:
    page.goto(site.patient(MISSING))
    for role in ("banner", "main", "contentinfo"):
        expect(page.get_by_role(role)).to_have_count(1)  # type: ignore[arg-type]
    assert page.get_by_role("heading", level=2).all_inner_texts()[:3] == [
        "Trials",
        "What would settle most",
        "A Clinical Study Evaluating the Safety and Preliminary Efficacy of Universal Allogeneic CAR T-cell Therapy "
        "Targeting CD19 and BCMA in Patients With Relapse/Refractory Autoimmune Diseases",
    ]
    inside = trial(page, UNIVERSAL).get_by_role("heading", level=3).all_inner_texts()
    assert inside[0] == "Cohorts" and inside[1] == "Inclusion criteria" and inside[2].startswith("Cohort SLE")
    assert page.locator("html").get_attribute("lang") == "en"


def test_a_criterion_is_answered_by_keyboard_alone(page: Page, own_site: Callable[..., Site]) -> None:
    """Skip link, to the criterion, open it, choose, save: with the keys that browsers give everybody."""
    site = own_site()
    page.goto(site.patient(MISSING))
    press = page.keyboard.press
    press("Tab")
    expect(page.get_by_role("link", name="Skip to the content")).to_be_focused()
    press("Enter")
    consent = row(page, UNIVERSAL, "C6").locator("> summary")
    for _ in range(60):
        press("Tab")
        if consent.evaluate("one => one === document.activeElement"):
            break
    expect(consent).to_be_focused()
    outline = consent.evaluate("one => getComputedStyle(one).outlineStyle + getComputedStyle(one).outlineWidth")
    assert outline == "solid3px"
    press("Enter")
    press("Tab")
    yes, no = row(page, UNIVERSAL, "C6").get_by_role("radio").all()
    expect(yes).to_be_focused()
    press("Space")
    expect(yes).to_be_checked()
    press("ArrowDown")
    expect(no).to_be_checked()
    press("ArrowUp")
    press("Enter")  # sends the form, as in any form
    assert said(page).startswith("1 answer saved.")
    fold = row(page, UNIVERSAL, "C6").locator("xpath=ancestor::details[1]/summary")
    expect(fold).to_be_focused()  # the criterion is met now, and folded with the others that are
    assert len(site.answers(MISSING)) == 1


def test_what_happens_is_told_to_those_who_listen(page: Page, site: Site) -> None:
    page.goto(site.patient(MISSING))
    status = page.get_by_role("status")
    assert status.get_attribute("aria-live") == "polite"
    page.get_by_role("radio", name="Missing 29").check(force=True)
    expect(status).to_contain_text("criteria shown")
    page.get_by_role("radio", name="All").check(force=True)
    question = unfolded(page, UNIVERSAL, "C6").get_by_role("group")
    assert question.first.evaluate("one => one.querySelector('legend').textContent").split()[:4] == [
        "Is", "this", "so?", "C6:",
    ]  # fmt: skip


@pytest.mark.parametrize("path", PAGES.values(), ids=PAGES)
def test_nothing_lies_outside(page: Page, site: Site, path: str) -> None:
    """An EHR's side panel is 360 pixels wide; 320 is what WCAG 1.4.10 asks for."""
    page.goto(site.url + path)
    everything_open(page)
    for width in (320, 360, 768, 2200):
        page.set_viewport_size({"width": width, "height": 800})
        assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_on_a_narrow_panel_everything_can_be_hit(open_context: Contexts, site: Site) -> None:
    """WCAG 2.5.8: targets of 24 pixels at least."""
    page = open_context(viewport={"width": 360, "height": 800}, has_touch=True).new_page()
    page.goto(site.patient(MISSING))
    unfolded(page, UNIVERSAL, "C6")
    boxes = page.locator("button:visible, summary:visible, .choice label:visible, .filter label:visible").evaluate_all(
        "all => all.map(one => [one.textContent.trim().slice(0, 30), one.offsetWidth, one.offsetHeight])"
    )
    assert boxes and [box for box in boxes if min(box[1:]) < 24] == []


def test_names_and_titles_of_any_length_stay_inside(open_context: Contexts, own_site: Callable[..., Site]) -> None:
    """A name, an id and a record number without any place to break them; and a name from right to left is a unit."""
    name = {"family": "Donaudampfschifffahrtselektrizitätenhauptbetriebswerk" * 2, "given": ["العبد", "الله"]}
    person = {
        "resourceType": "Patient", "id": "x" * 64, "name": [name], "birthDate": "1980-05-01",
        "identifier": [{"type": {"coding": [{"code": "MR"}]}, "value": "9" * 60}],
    }  # fmt: skip
    with Hospital([person]) as hospital:
        site = own_site(fhir_server=hospital.url)
        bundle = study_bundle(title="Donaudampfschifffahrtselektrizitätenhauptbetriebswerkbau" * 3)
        assert site.app.test_client().post("/api/v1/studies", json=bundle).status_code == 201
        for width in (360, 768, 1280):
            page = open_context(viewport={"width": width, "height": 800}).new_page()
            for path in (site.patient("x" * 64), site.patient("x" * 64, "?study=trial-1"), f"{site.url}/"):
                page.goto(path)
                assert page.evaluate("document.documentElement.scrollWidth") <= width, path
                assert page.locator(".scroll").evaluate_all(FITS)
        expect(page.locator("th", has_text="Donaudampf").locator(".study-id")).to_have_text("trial-1")
        page.goto(site.patient("x" * 64))
        expect(page.locator(".facts bdi").first).to_contain_text("العبد")
        born = page.locator(".facts bdi", has_text="born 1980-05-01")
        assert born.evaluate("one => one.getClientRects().length") == 1  # no date goes on in the next line


def test_on_paper_everything_is_open(page: Page, site: Site) -> None:
    page.goto(site.patient(MISSING))
    folded = trial(page, LUPUS).locator(".evidence").first
    expect(folded).not_to_be_visible()
    page.emulate_media(media="print")
    expect(folded).to_be_visible()
    expect(page.locator("time.on-paper")).to_have_text("2026-03-01")
    expect(page.locator("time.on-paper")).to_be_visible()
    for hidden in ("[data-filter]", "[data-savebar]", "[data-answer]", ".top", "[data-print]"):
        assert page.locator(hidden).evaluate_all("all => all.filter(one => one.checkVisibility()).length") == 0
    rows = page.locator("[data-row] > summary")
    assert rows.evaluate_all("all => all.filter(one => !one.checkVisibility() && !one.closest('.lost')).length") == 0
    assert page.pdf(format="A4").startswith(b"%PDF")


def test_cohorts_that_the_patient_is_not_of_are_a_line_on_paper(page: Page, site: Site) -> None:
    """Ten cohorts of other diseases made thirty pages of sixty; whoever wants one of them on paper opens it first."""
    page.goto(site.patient(MISSING))
    page.emulate_media(media="print")
    first = page.locator("details.lost").first
    expect(first.locator("> summary")).to_be_visible()
    expect(first.locator("[data-row] > summary").first).not_to_be_visible()
    first.evaluate("one => { one.open = true }")
    expect(first.locator("[data-row] > summary").first).to_be_visible()


def test_shapes_keep_their_place_on_paper(page: Page, site: Site) -> None:
    """Without the marker that folds, the shape of a state stands beside its text, not under it."""
    page.goto(site.patient(MISSING, f"?study={LUPUS}"))
    page.emulate_media(media="print")
    between = page.locator(".branch > details > summary").evaluate_all(
        "all => all.filter(one => one.checkVisibility()).map(one =>"
        " one.querySelector('.text').getBoundingClientRect().left"
        " - one.querySelector('.icon').getBoundingClientRect().right)"
    )
    assert between and min(between) >= 0


def test_colour_never_tells_alone(page: Page, site: Site) -> None:
    """Whoever sees no colours reads the state of each criterion and verdict in words, and sees it as a shape."""
    page.goto(site.patient(MISSING))
    everything_open(page)
    words = {"Met", "Not met", "Missing", "To confirm", "Not needed", "Does not apply", "Applies"}
    assert set(page.locator("[data-row] > summary > .tag").all_inner_texts()) <= words
    shapes = page.locator("[data-row] > summary").evaluate_all(
        "all => [...new Set(all.map(one => one.querySelector('.tag').textContent.trim() + ' '"
        " + one.querySelector('use').getAttribute('href')))]"
    )
    assert len({shape.rpartition(" ")[0] for shape in shapes}) == len(shapes)
    assert page.locator(".ranking .verdict use").count() == page.locator(".ranking > li").count()
