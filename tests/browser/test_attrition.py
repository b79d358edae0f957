"""The page that a prescreen leaves, opened as a file: for every eye and width, on paper, without network."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import BrowserContext, Page
from trialmatch.demo import hospital_path

from tests.browser.test_everybody import violations
from tests.prescreen.hospital import screened, shipped

pytestmark = pytest.mark.slow

Contexts = Callable[..., BrowserContext]


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> str:
    out = tmp_path_factory.mktemp("prescreen") / "out"
    screened(shipped(), hospital_path(), out)
    return (out / "attrition.html").as_uri()


def opened(context: BrowserContext, address: str) -> Page:
    """The page; whatever it asks for besides itself is an error."""
    page = context.new_page()
    page.on("request", lambda asked: None if asked.url.split("#")[0] == address else pytest.fail(asked.url))
    page.goto(address)
    return page


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing(open_context: Contexts, address: str, scheme: str) -> None:
    page = opened(open_context(color_scheme=scheme), address)
    assert violations(page) == []
    page.locator("details").last.evaluate("one => { one.open = true }")
    assert violations(page, "color-contrast", "empty-table-header", "td-headers-attr", "scope-attr-valid") == []


@pytest.mark.parametrize("width", [360, 768, 1280])
def test_nothing_is_wider_than_the_window(open_context: Contexts, address: str, width: int) -> None:
    page = opened(open_context(viewport={"width": width, "height": 800}), address)
    page.locator("details").evaluate_all("all => all.forEach(one => { one.open = true })")
    assert page.evaluate("document.documentElement.scrollWidth") == width


def test_numbers_of_a_large_hospital_have_room_on_a_phone(open_context: Contexts, address: str) -> None:
    page = opened(open_context(viewport={"width": 360, "height": 800}), address)
    page.locator("details").evaluate_all("all => all.forEach(one => { one.open = true })")
    page.locator("td.n").evaluate_all("all => all.forEach(one => { one.textContent = '1\u202f090\u202f000' })")
    assert page.evaluate("document.documentElement.scrollWidth") == 360


def test_numbers_stand_on_the_right(open_context: Contexts, address: str) -> None:
    page = opened(open_context(), address)
    assert set(page.locator("td.n, th.n").evaluate_all("all => all.map(one => getComputedStyle(one).textAlign)")) == {
        "right"
    }
    edges = "all => all.map(one => Math.round(one.getBoundingClientRect().right))"
    for table in page.locator("table:visible").all():
        assert len(set(table.locator("tbody td.n:last-child").evaluate_all(edges))) <= 1


def test_the_bars_are_as_long_as_what_is_left(open_context: Contexts, address: str) -> None:
    """NCT06892145: of 55 patients 13 have no lupus, one has died, one's age is outside; of 40 judged 26 may qualify."""
    page = opened(open_context(), address)
    funnels = page.locator("section", has_text="NCT06892145").first.locator(".funnel")
    whole = funnels.first.locator(".bar").first.bounding_box()
    widths = funnels.first.locator(".bar i:first-child").evaluate_all("all => all.map(one => one.clientWidth)")
    assert whole is not None
    assert [round(55 * width / whole["width"]) for width in widths] == [55, 42, 41, 40, 40]
    last = funnels.last.locator(".bar i:first-child").last.bounding_box()
    assert last is not None
    assert round(40 * last["width"] / whole["width"]) == 26


def test_on_paper(open_context: Contexts, address: str, tmp_path: Path) -> None:
    """Each study begins a page; every criterion is printed where it was opened; the bars keep their colours."""
    page = opened(open_context(color_scheme="dark"), address)
    page.locator("details").first.evaluate("one => { one.open = true }")
    page.emulate_media(media="print")
    shown = page.locator("details").evaluate_all("all => all.map(one => getComputedStyle(one).display != 'none')")
    assert shown == [True, False, False, False]
    breaks = page.locator("section").evaluate_all("all => all.map(one => getComputedStyle(one).breakBefore)")
    assert breaks == ["page"] * 4
    assert page.locator("body").evaluate("one => getComputedStyle(one).backgroundColor") == "rgb(255, 255, 255)"
    assert page.locator(".bar i").first.evaluate("one => getComputedStyle(one).printColorAdjust") == "exact"
    assert not page.locator(".screen").first.is_visible()


def test_a_study_without_criteria_is_named(open_context: Contexts, address: str) -> None:
    row = opened(open_context(), address).get_by_role("row").filter(has_text="CD19-BCMA-SLE-Wuhan-Union")
    assert "Its record prints no criteria" in row.inner_text()
