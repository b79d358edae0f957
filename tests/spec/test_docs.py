"""The page is what the cases say, and every reference in it leads somewhere."""

from __future__ import annotations

from collections import Counter

from tests.spec.cases import CHAPTERS, INACTIVE, ORDERS, rules
from tests.spec.cases.clarifications import CLARIFICATIONS
from tests.spec.generate_docs import PAGE, anchor, render
from tests.spec.model import BASES, VERDICTS


def test_the_page_is_fresh() -> None:
    """``docs/semantics.md`` is written by ``python -m tests.spec.generate_docs``."""
    assert PAGE.read_text(encoding="utf-8") == render(), "docs/semantics.md is stale: run make docs"


def test_headings_are_unique() -> None:
    """Every heading can be linked to, so every rule can be named by its title."""
    headings = [anchor(line.lstrip("# ")) for line in render().splitlines() if line.startswith("#")]
    assert [heading for heading, number in Counter(headings).items() if number > 1] == []


def test_clarifications_are_held_by_rules() -> None:
    """Each choice names rules that exist."""
    known = {rule.title for _, rule in rules()} | {order.title for order in ORDERS}
    known |= {section.title for chapter in CHAPTERS for section in chapter.sections}
    known.add(INACTIVE.title)
    missing = {entry.key: [title for title in entry.rules if title not in known] for entry in CLARIFICATIONS}
    assert {key: titles for key, titles in missing.items() if titles} == {}


def test_every_basis_and_verdict_occurs() -> None:
    """No basis and no verdict without a case."""
    findings = [finding for _, rule in rules() for row in rule.rows for finding in row.findings.values()]
    trials = [row.trial for _, rule in rules() for row in rule.rows if row.trial is not None]
    assert set(BASES) <= {finding.basis for finding in findings if isinstance(finding.basis, str)}
    assert set(VERDICTS) <= {trial.verdict for trial in trials}
