"""The README is held true: its output is the program's, its links lead somewhere, its commands exist."""

from __future__ import annotations

import re

from tests.packaging.readme import README, demo_output, with_output


def test_the_output_it_shows_is_real() -> None:
    readme = README.read_text("utf-8")
    assert with_output(readme, demo_output()) == readme, "run: make docs"


def test_its_links_lead_somewhere() -> None:
    for page in (README, README.with_name("CONTRIBUTING.md"), README.with_name("CHANGELOG.md")):
        for target in re.findall(r"\]\((?!https?://)([^)#]+)", page.read_text("utf-8")):
            assert (page.parent / target).exists(), f"{page.name}: {target}"


def test_links_of_all_pages_lead_somewhere() -> None:
    """To files that are there, and to headings of theirs; and the README names every page of ``docs/``."""
    pages = [README, *sorted((README.parent / "docs").glob("*.md")), README.parent / "mappings" / "README.md"]
    for page in pages:
        for target, _, heading in re.findall(r"\]\((?!https?://)([^)#]*)(#([^)]+))?\)", page.read_text("utf-8")):
            there = page.parent / target if target else page
            assert there.exists(), f"{page.name}: {target}"
            if heading:
                assert heading in _anchors(there.read_text("utf-8")), f"{page.name}: {target}#{heading}"
    linked = set(re.findall(r"\]\((docs/[^)#]+\.md)", README.read_text("utf-8")))
    assert {f"docs/{page.name}" for page in pages if page.parent.name == "docs"} == linked


def _anchors(page: str) -> set[str]:
    """The names of a page's headings in links, as GitHub makes them."""
    headings = re.findall(r"^#+ +(.*)$", page, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_its_make_targets_exist() -> None:
    makefile = README.with_name("Makefile").read_text("utf-8")
    for page in (README, README.with_name("CONTRIBUTING.md")):
        for target in re.findall(r"`make ([a-z]+)", page.read_text("utf-8")):
            assert re.search(rf"^{target}:", makefile, re.MULTILINE), f"{page.name}: make {target}"
