"""A problem as a page: what it means for whoever looks at it; below that, the detail for those who run the service."""

from __future__ import annotations

from typing import Any

from werkzeug.exceptions import NotFound

from trialmatch.web.pages.texts import say

#: Problems that have words of their own, by the last step of their type, or by their status.
_WORDS = {
    "patient-missing": "patient",
    "unknown-study": "study",
    "source-unavailable": "source",
    "source-timeout": "source",
    "store-unavailable": "service",
    "issuer-unavailable": "service",
    "404": "address",
    "429": "often",
    "500": "own",
}


def page(status: int, name: str, title: str, detail: str, errors: tuple[tuple[str, str], ...]) -> dict[str, Any]:
    """The variables of the template. ``name`` is the last step of the problem's type, empty for HTTP's own."""
    words = _WORDS.get(name or str(status))
    if detail == NotFound.description:  # Werkzeug's own words for an address that leads nowhere
        detail = ""
    return {
        "title": say(f"problem.{words}.title") if words else title,
        "lead": say(f"problem.{words}.lead") if words else detail,
        "detail": detail if words else "",
        "in_words": words is not None,
        "errors": [one for one in errors if one[1] not in detail],
    }
