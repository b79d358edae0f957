"""The page of the API: all of it comes from the service, and it can be read and tried."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from tests.browser.site import Site
from tests.browser.test_everybody import violations

pytestmark = pytest.mark.slow

#: What Swagger UI itself does and we cannot change: a button to copy inside the one that opens, two regions alike.
THEIRS = ("nested-interactive", "landmark-unique")


def opened(page: Page, site: Site) -> Page:
    page.goto(f"{site.url}/docs")
    expect(page.locator(".opblock").first).to_be_visible()
    return page


def test_it_asks_nobody_else(page: Page, site: Site) -> None:
    """What the console complains of fails the test, see conftest.py."""
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    opened(page, site)
    for tag in page.locator(".opblock-tag").all():
        expect(tag).to_be_visible()
    page.locator(".opblock-summary-control").first.click()
    expect(page.locator(".opblock-body").first).to_be_visible()
    assert asked and [url for url in asked if not url.startswith((site.url, "data:"))] == []


def test_every_operation_of_the_document_is_there(page: Page, site: Site) -> None:
    document = site.app.test_client().get("/openapi.json").get_json()
    wanted = {
        (method.upper(), path)
        for path, methods in document["paths"].items()
        for method in methods
        if method != "parameters"  # those that all methods share
    }
    opened(page, site)
    shown = page.locator(".opblock-summary-control").evaluate_all(
        "all => all.map(one => [one.querySelector('.opblock-summary-method').textContent,"
        " one.querySelector('.opblock-summary-path').dataset.path])"
    )
    assert {(method, path) for method, path in shown} == wanted


def test_an_operation_is_tried(page: Page, site: Site) -> None:
    block = opened(page, site).locator("#operations-studies-listStudies")
    block.locator(".opblock-summary-control").click()
    block.get_by_role("button", name="Try it out").click()
    block.get_by_role("button", name="Execute").click()
    expect(block.locator(".live-responses-table .response .response-col_status")).to_contain_text("200")
    expect(block.locator(".live-responses-table")).to_contain_text("NCT06892145")


@pytest.mark.parametrize("width", [360, 1280])
def test_for_everybody(open_context: Callable[..., BrowserContext], site: Site, width: int) -> None:
    page = opened(open_context(viewport={"width": width, "height": 900}).new_page(), site)
    for name in ("matches-matchPatient", "studies-addStudy"):
        page.locator(f"#operations-{name} .opblock-summary-control").click()
        page.locator(f"#operations-{name} .try-out__btn").click()
    assert [one for one in violations(page) if not one.startswith(THEIRS)] == []
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    expect(page.get_by_role("textbox", name="patient")).to_be_visible()
    page.get_by_role("link", name="Start page").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Trials and patients")
