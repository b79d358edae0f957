"""Writes the table of rules into ``docs/import.md``: ``python -m tests.docs.importing``."""

from __future__ import annotations

from pathlib import Path

from trialmatch.registry.rules import RULES

PAGE = Path(__file__).resolve().parents[2] / "docs" / "import.md"

#: What stands before the table's rows.
HEAD = "| rule | reads, for example | becomes | because |\n|---|---|---|---|\n"


def rows() -> str:
    """The rows of the table, one a rule."""
    return "".join(f"| {rule.name} | {rule.example} | {rule.becomes} | {rule.because} |\n" for rule in RULES)


def render(page: str) -> str:
    """The page with its table as the code has it; the table ends it."""
    return page.split(HEAD)[0] + HEAD + rows()


if __name__ == "__main__":
    PAGE.write_text(render(PAGE.read_text("utf-8")), "utf-8")
