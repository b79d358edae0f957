"""A browser, and the service with the demo hospital behind it on the day that the hospital's records are made for."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, Response, sync_playwright
from trialmatch.store.database import Store
from trialmatch.web.app import create_app

from tests.browser.site import NOW, Site
from tests.web.world import hospital_served, served, settings_of

_FLAGS = (
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
)  # fmt: skip


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Chromium of this machine; Playwright's own would have to be downloaded."""
    path = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if path is None:
        message = "no chromium on this machine"
        pytest.fail(message) if os.environ.get("CI") == "true" else pytest.skip(message)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=_FLAGS)
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def hospital() -> Iterator[str]:
    """The base URL of the demo hospital."""
    with hospital_served() as url:
        yield url


@pytest.fixture(scope="session")
def site(hospital: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """The service, for tests that only look."""
    with ExitStack() as stack:
        yield _site(hospital, tmp_path_factory.mktemp("site"), stack)


@pytest.fixture
def own_site(hospital: str, tmp_path: Path) -> Iterator[Callable[..., Site]]:
    """Makes services of a test's own, with other settings or for writing."""
    with ExitStack() as stack:
        yield lambda **changes: _site(hospital, tmp_path, stack, **changes)


def _site(hospital: str, folder: Path, stack: ExitStack, **changes: Any) -> Site:
    settings = settings_of(folder, **{"fhir_server": hospital, "rate_limit": "100000 per minute", **changes})
    store = stack.enter_context(Store.open(settings))
    app = create_app(settings, store=store, clock=lambda: NOW.astimezone(settings.zone))
    return Site(stack.enter_context(served(app)), store, app)


#: A browser's complaint that is no fault of the page: it says so of every answer that is not 200, or does not come.
_EXPECTED = "Failed to load resource:"


@pytest.fixture
def open_context(browser: Browser) -> Iterator[Callable[..., BrowserContext]]:
    """Makes browser windows without history; whatever their pages complain of on the console fails the test."""
    complaints: list[str] = []
    with ExitStack() as stack:

        def make(**options: Any) -> BrowserContext:
            context = browser.new_context(**{"viewport": {"width": 1280, "height": 900}, **options})
            stack.callback(context.close)
            context.on("console", lambda one: complaints.append(one.text) if one.type in ("error", "warning") else None)
            context.on("weberror", lambda one: complaints.append(str(one.error)))
            context.on("response", lambda one: complaints.append(one.url) if _lacks_a_part(one) else None)
            context.set_default_timeout(10_000)
            return context

        yield make
    assert [one for one in complaints if not one.startswith(_EXPECTED)] == []


def _lacks_a_part(answer: Response) -> bool:
    return "/static/" in answer.url and answer.status >= 400


@pytest.fixture
def page(open_context: Callable[..., BrowserContext]) -> Page:
    """An empty page, wide and light."""
    return open_context().new_page()
