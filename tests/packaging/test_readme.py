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


def test_its_make_targets_exist() -> None:
    makefile = README.with_name("Makefile").read_text("utf-8")
    for page in (README, README.with_name("CONTRIBUTING.md")):
        for target in re.findall(r"`make ([a-z]+)", page.read_text("utf-8")):
            assert re.search(rf"^{target}:", makefile, re.MULTILINE), f"{page.name}: make {target}"
