"""The page of a prescreen in a browser: for everybody, and while the prescreen goes on."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from playwright.sync_api import BrowserContext, Page, expect
from trialmatch.store import runs
from trialmatch.store.database import Store
from trialmatch.store.runs import Run
from trialmatch.web.app import create_app
from trialmatch.web.prescreens import runs as prescreen_runs

from tests.browser.site import NOW, Site
from tests.browser.test_everybody import violations
from tests.web.prescreened import TRIAL, asked_for, carried_out, here, under_way, write_export
from tests.web.world import served, settings_of, study_bundle

pytestmark = pytest.mark.slow

Contexts = Callable[..., BrowserContext]

WORDS = "judging 1,024 of 4,000 patients, 180/s"


@pytest.fixture(scope="module")
def site(hospital: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A service with the small hospital of tests/web/prescreened.py."""
    folder = tmp_path_factory.mktemp("prescreens")
    (folder / "kept").mkdir()
    write_export(folder / "exports" / "small")
    (folder / "exports" / "empty").mkdir()
    spoiled = write_export(folder / "exports" / "spoiled")
    (spoiled / "Condition.ndjson").write_bytes(b"{oops\n" + (spoiled / "Condition.ndjson").read_bytes())
    settings = settings_of(
        folder, fhir_server=hospital, rate_limit="100000 per minute", prescreen_sources=str(folder / "exports"),
        prescreen_dir=str(folder / "kept"), prescreen_jobs=1,
    )  # fmt: skip
    with ExitStack() as stack:
        store = stack.enter_context(Store.open(settings))
        app = create_app(settings, store=store, clock=lambda: NOW.astimezone(settings.zone))
        assert app.test_client().post("/api/v1/studies", json=study_bundle(TRIAL)).status_code == 201
        yield Site(stack.enter_context(served(app)), store, app)


def source(site: Site, name: str = "small") -> Path:
    return Path(str(here(site.app).settings.prescreen_sources)) / name


@pytest.fixture(scope="module")
def ended(site: Site) -> dict[str, str]:
    """Pages of prescreens that have ended, by how."""
    found = {name: carried_out(site.app, source(site, name)).id for name in ("small", "spoiled", "empty")}
    asked = asked_for(site.app, source(site))
    runs.cancel(site.store, asked, at=NOW)
    return {name: f"{site.url}/prescreens/{run}" for name, run in {**found, "cancelled": asked}.items()}


@pytest.fixture
def going(site: Site, ended: dict[str, str]) -> Iterator[Run]:
    """A prescreen under way."""
    run = under_way(site.app, source(site), WORDS)
    yield run
    runs.cancel(site.store, run.id, at=NOW)


def faults(page: Page) -> list[str]:
    """What axe-core finds, in the light and in the dark; and what lies outside."""
    found = violations(page)
    page.emulate_media(color_scheme="dark")
    found += violations(page, "color-contrast")
    page.emulate_media(color_scheme="light")
    for width in (320, 360, 768, 2200):
        page.set_viewport_size({"width": width, "height": 800})
        if page.evaluate("document.documentElement.scrollWidth") > width:
            found.append(f"wider than {width}")
    return found + [f"narrow: {one}" for one in _narrow(page)]


def _narrow(page: Page) -> list[str]:
    page.set_viewport_size({"width": 360, "height": 800})
    return violations(page)


@pytest.mark.parametrize("name", ["small", "spoiled", "empty", "cancelled"])
def test_for_everybody(page: Page, ended: dict[str, str], name: str) -> None:
    page.goto(ended[name])
    assert faults(page) == []


def test_for_everybody_while_it_goes_on(page: Page, site: Site, going: Run) -> None:
    page.goto(f"{site.url}/prescreens/{going.id}")
    assert faults(page) == []


def test_from_the_start_page_to_a_patient(page: Page, site: Site, ended: dict[str, str]) -> None:
    """The small hospital's ada is not among the demo's patients: where the link leads is what counts."""
    run = ended["small"].rpartition("/")[2]
    page.goto(site.url)
    page.locator(f'section[aria-labelledby=runs] tr a[href$="{run}"]').click()
    expect(page).to_have_url(ended["small"])
    expect(page.get_by_role("heading", level=1)).to_have_text("Prescreen as of 2026-03-01")
    rows = page.get_by_role("table", name="A small trial").get_by_role("row")
    expect(rows).to_have_count(4)
    expect(rows.nth(1).get_by_role("rowheader")).to_have_text("ada")
    assert rows.nth(1).get_by_role("cell").all_inner_texts()[:2] == ["1", "Likely"]
    page.get_by_role("link", name="ada").click()
    expect(page).to_have_url(site.patient("ada", f"?study={TRIAL}"))


@pytest.mark.parametrize("width", [360, 1280])
def test_the_table_is_one_for_those_who_listen(page: Page, ended: dict[str, str], width: int) -> None:
    """On a narrow panel the cells lie below each other, and are still cells of a table."""
    page.set_viewport_size({"width": width, "height": 800})
    page.goto(ended["small"])
    table = page.get_by_role("table", name="A small trial")
    assert table.get_by_role("columnheader").all_inner_texts() == ["Place", "Patient", "Verdict", "Open", "Why"]
    assert table.get_by_role("row").count() == 4 and table.get_by_role("cell").count() == 12


def test_the_page_of_counts_shows_as_it_was_written(page: Page, ended: dict[str, str]) -> None:
    page.goto(ended["small"])
    page.get_by_role("link", name="Where patients are lost").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Where patients are lost, and what is missing")
    assert page.locator("body").evaluate("one => getComputedStyle(one).maxWidth") != "none"  # its own styles hold


def quick(page: Page) -> None:
    """The page looks again after a moment instead of seconds."""
    page.evaluate("document.querySelector('[data-live]').dataset.every = '0.05'; later()")


def test_the_page_follows_a_prescreen_to_its_end(page: Page, site: Site, ended: dict[str, str]) -> None:
    run = asked_for(site.app, source(site))
    page.goto(f"{site.url}/prescreens/{run}")
    state, status = page.locator("[data-part=state]"), page.get_by_role("status")
    expect(state).to_have_text("Waiting")
    page.get_by_role("link", name="Look now").focus()
    quick(page)
    claimed = runs.claim(site.store, at=NOW)
    assert claimed is not None and claimed.id == run
    held = runs.update(site.store, claimed, at=NOW, progress={"words": WORDS})
    expect(state).to_have_text("Under way")
    expect(page.get_by_text(WORDS)).to_be_visible()
    expect(page.get_by_role("link", name="Look now")).to_be_focused()
    assert status.inner_text() == ""  # how far it is would be too much to listen to

    code = prescreen_runs._Carrying(here(site.app), held).out()
    assert code.state == "done"
    expect(status).to_have_text("Finished")
    expect(page.get_by_role("table", name="A small trial")).to_be_visible()
    assert page.evaluate("document.activeElement.id") == "content"
    assert violations(page) == []


def test_whoever_does_not_want_it_is_left_alone(page: Page, site: Site, going: Run) -> None:
    page.goto(f"{site.url}/prescreens/{going.id}")
    page.get_by_label("Look again every 5 seconds").uncheck()
    quick(page)
    runs.update(site.store, going, at=NOW, progress={"words": "judging 4,000 of 4,000 patients, 180/s"})
    page.wait_for_timeout(500)
    expect(page.get_by_text(WORDS)).to_be_visible()
    page.get_by_label("Look again every 5 seconds").check()
    expect(page.get_by_text("judging 4,000 of 4,000")).to_be_visible()


def test_a_service_that_is_away_is_asked_again(page: Page, site: Site, going: Run) -> None:
    page.goto(f"{site.url}/prescreens/{going.id}")
    page.route("**/prescreens/*", lambda route: route.abort())
    quick(page)
    expect(page.get_by_role("status")).to_have_text("The service cannot be reached. This page tries again.")
    page.unroute("**/prescreens/*")
    expect(page.get_by_role("status")).to_have_text("")


def test_a_session_that_is_over_is_told(page: Page, site: Site, going: Run) -> None:
    """The answer would lead to where one signs in, which is somebody else's page."""
    page.goto(f"{site.url}/prescreens/{going.id}")
    elsewhere = {"Location": "https://idp.hospital.example/"}
    page.route("**/prescreens/*", lambda route: route.fulfill(status=302, headers=elsewhere))
    quick(page)
    expect(page.get_by_role("status")).to_contain_text("This page looks no more: your session is over")


def test_without_script_there_is_a_link_for_it(open_context: Contexts, site: Site, going: Run) -> None:
    page = open_context(java_script_enabled=False).new_page()
    page.goto(f"{site.url}/prescreens/{going.id}")
    expect(page.get_by_label("Look again every 5 seconds")).not_to_be_visible()
    runs.update(site.store, going, at=NOW, progress={"words": "judging 4,000 of 4,000 patients, 180/s"})
    page.get_by_role("link", name="Look now").click()
    expect(page.get_by_text("judging 4,000 of 4,000")).to_be_visible()


def test_on_paper(page: Page, ended: dict[str, str]) -> None:
    """Numbers, bars and patients; nothing that is to be clicked."""
    page.goto(ended["spoiled"])
    page.emulate_media(media="print")
    for shown in (".funnel .bar", ".ranked thead", ".ranked tbody th", ".tiles", ".alert"):
        assert page.locator(shown).first.evaluate("one => one.checkVisibility()")
    for hidden in (".top", ".files", ".pager .button"):
        assert page.locator(hidden).evaluate_all("all => all.filter(one => one.checkVisibility()).length") == 0
    assert page.pdf(format="A4").startswith(b"%PDF")
