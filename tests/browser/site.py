"""The service as tests of its pages see it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from flask import Flask
from playwright.sync_api import Locator, Page, expect
from trialmatch.store import attestations
from trialmatch.store.database import Store

#: The day of the demo hospital, at half past nine.
NOW = datetime(2026, 3, 1, 9, 30, tzinfo=UTC)

#: Trials of the demo.
UNIVERSAL, LUPUS, BASKET = "Universal-CD19-BCMA-autoimmune", "NCT06892145", "NCT07161193"

#: Script that opens an element with all that it is folded into.
UNFOLD = "one => { for (let at = one; at; at = at.parentElement) if (at.tagName === 'DETAILS') at.open = true }"

MISSING, LIKELY, RENAL = "lupus-missing-01", "lupus-likely-01", "lupus-renal-01"


@dataclass(frozen=True)
class Site:
    """A running service and what is behind it."""

    url: str
    store: Store
    app: Flask

    def patient(self, patient: str, query: str = "") -> str:
        """The address of a match page."""
        return f"{self.url}/patients/{patient}{query}"

    def answers(self, patient: str) -> list[dict[str, Any]]:
        """What is on file about a patient."""
        return attestations.held(self.store, patient).entries

    def answer(self, patient: str, entries: Sequence[dict[str, Any]], by: str = "colleague") -> None:
        """Somebody else's answers, through the store."""
        at = datetime(2026, 3, 1, 9, 45, tzinfo=UTC)
        attestations.put(self.store, patient, entries, by=by, at=at, expected=None)


def trial(page: Page, study: str) -> Locator:
    """A trial on the match page."""
    return page.locator(f'[data-trial][data-study="{study}"]')


def row(page: Page, study: str, link_id: str) -> Locator:
    """A printed criterion of a trial."""
    name = page.locator("summary > .link-id").get_by_text(link_id, exact=True)
    return trial(page, study).locator("details.row").filter(has=name)


def unfolded(page: Page, study: str, link_id: str) -> Locator:
    """A printed criterion, opened with all that it is folded into."""
    found = row(page, study, link_id)
    found.evaluate(UNFOLD)
    return found


def said(page: Page) -> str:
    """What the page last said to everybody, once it has come."""
    place = page.locator("#said")
    expect(place).not_to_have_text(re.compile("^(Saving …)?$"), timeout=10_000)
    return place.inner_text()
