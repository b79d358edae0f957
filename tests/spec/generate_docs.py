"""Writes ``docs/semantics.md``: ``python -m tests.spec.generate_docs``.

Everything on the page comes from the cases: prose of chapters and sections, rules in words, a table of records with
what must come out, and the criteria as JSON in a block that opens on demand.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from tests.spec.cases import CHAPTERS, INACTIVE, ORDERS
from tests.spec.cases.clarifications import CLARIFICATIONS
from tests.spec.model import Chapter, Fault, Order, Row, Rule, Section

PAGE = Path(__file__).parents[2] / "docs" / "semantics.md"
WIDTH = 118

INTRODUCTION = """# The criteria language

What a trial's eligibility criteria mean when they are written as FHIR R5 and judged against a patient's record (FHIR
R4). This page is the reference: the program does what it says, and every table on it is a test.

<!-- Made by `python -m tests.spec.generate_docs` from the cases in tests/spec. Do not edit. -->

**How to read it.** Each rule is stated in words and then shown on a small criterion: which records lead to which
outcome, and why. The criterion itself is in the block below its table. Unless said, the as-of date is 2026-03-01,
results carry the date 2026-02-20, and the record holds nothing else. In the tables, `1`, `1.2` … are `linkId`s; where
only one item is of interest its `linkId` is left out.
"""

CLARIFYING = """\
## 10. Clarifications

Where FHIR or a printed criterion leaves a choice, this is the one that was made, why, and which rules above hold it.
"""


ORDERING = """\
### The order

Each list is in the order in which one patient's trials are given. The patient is an adult with a normal ALT; nothing
else is on record.
"""


def render() -> str:
    """The whole page."""
    chapters = [chapter_text(number, chapter) for number, chapter in enumerate(CHAPTERS, start=1)]
    chapters[-1] += "\n" + orders_text(ORDERS)
    return "\n".join([INTRODUCTION, contents(), *chapters, clarifications_text()])


def contents() -> str:
    """The table of contents."""
    lines = []
    for number, chapter in enumerate(CHAPTERS, start=1):
        lines.append(f"{number}. [{chapter.title}](#{anchor(f'{number}. {chapter.title}')})")
        lines += [f"   - [{section.title}](#{anchor(section.title)})" for section in chapter.sections]
    lines.append(f"10. [Clarifications](#{anchor('10. Clarifications')})")
    return "\n".join(lines) + "\n"


def anchor(title: str) -> str:
    """The fragment that Markdown renderers make of a heading."""
    return re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-")


def chapter_text(number: int, chapter: Chapter) -> str:
    """One chapter."""
    return "\n".join([f"## {number}. {chapter.title}\n", paragraph(chapter.prose),
        *map(section_text, chapter.sections)])


def section_text(section: Section) -> str:
    """One section."""
    parts = [f"### {section.title}\n", paragraph(section.prose)]
    parts += [rule_text(rule) for rule in section.rules]
    if section.faults:
        parts.append(faults_text(section.faults))
    return "\n".join(parts)


def paragraph(prose: str) -> str:
    """Prose without the blank lines that its literal had."""
    return f"{prose.strip()}\n" if prose.strip() else ""


def rule_text(rule: Rule) -> str:
    """One rule: words, table, criteria."""
    lines = [f"#### {rule.title}\n", f"{rule.text}\n"]
    common = given_words(rule.given)
    if common:
        lines.append(f"*Given: {common}.*\n")
    lines += ["| record | outcome | |", "|---|---|---|"]
    lines += [f"| {record_cell(row)} | {outcome_cell(row)} | {cell(row.why)} |" for row in rule.rows]
    lines.append("")
    if rule.criteria:
        single = len(rule.criteria) == 1
        shown = [printed(criterion) for criterion in rule.criteria]
        lines.append(details("criterion" if single else "criteria", shown[0] if single else shown))
    return "\n".join(lines)


def printed(value: Any) -> Any:
    """Criteria without the descriptions that only repeat their number."""
    if isinstance(value, list):
        return [printed(each) for each in value]
    if not isinstance(value, dict):
        return value
    filler = f"Criterion {value.get('linkId')}"
    return {key: printed(each) for key, each in value.items() if not (key == "description" and each == filler)}


def record_cell(row: Row) -> str:
    """The facts of a row, and what is given besides them."""
    parts = [cell(fact.words) for fact in row.facts]
    given = given_words(row.given)
    if given:
        parts.append(f"*{cell(given)}*")
    return "<br>".join(parts) or "nothing"


def outcome_cell(row: Row) -> str:
    """What must come out."""
    only = list(row.findings) == ["1"] and row.trial is None
    parts = [found.words() if only else f"`{link_id}` {found.words()}" for link_id, found in row.findings.items()]
    if row.trial is not None:
        parts.append(f"trial: {row.trial.words()}")
    return "<br>".join(map(cell, parts))


def given_words(given: dict[str, Any] | Any) -> str:
    """What is given besides the record, in words."""
    parts = []
    for name, value in given.items():
        if name == "attestations":
            parts += [attestation_words(each) for each in value]
        elif name == "settings":
            parts += [f"setting `TRIALMATCH_{key.upper()}` = {setting}" for key, setting in value.items()]
        elif name == "failed":
            parts += [f"the server failed to give {kind}" for kind in value]
        elif name == "mappings":
            parts.append("with a ConceptMap of the site for it")
        elif name == "blocks":
            parts += [f"a block `{block['id']}` with {members(block)}" for block in value]
        elif name == "groups":
            parts.append("comparison groups " + ", ".join(f"`{group['linkId']}`" for group in value))
        elif name == "eligibility_extension":
            parts.append("`exclusions-not-in-record` on the EvidenceVariable")
        else:
            parts.append(f"{name.replace('_', '-')} {value}")
    return "; ".join(parts)


def members(block: dict[str, Any]) -> str:
    """The characteristics of a block, named."""
    return " and ".join(f"`{each['linkId']}` ({each['description']})" for each in block["characteristic"])


def attestation_words(attestation: dict[str, str]) -> str:
    """An attestation in words."""
    about = attestation.get("judgement") or f"linkId {attestation['linkId']}"
    if "concept" in attestation:
        about += f" of {attestation['concept']}"
    if "study" in attestation:
        about += f" of study {attestation['study']}"
    until = f" until {attestation['until']}" if "until" in attestation else ""
    return f"attested on {attestation['at']}{until}: {about} {attestation['answer']}"


def faults_text(faults: Iterable[Fault]) -> str:
    """The faults of a section: a table, then the studies."""
    listed = list(faults)
    lines = ["| study | what its lines name | |", "|---|---|---|"]
    for fault in listed:
        named = "<br>".join(" … ".join(f"`{word}`" for word in words) for words in fault.expected) or "no fault"
        lines.append(f"| {cell(fault.title)} | {named} | {cell(fault.text)} |")
    lines.append("")
    lines.append(details("characteristics of these studies", {fault.title: printed(fault.excerpt) for fault in listed}))
    return "\n".join(lines)


def orders_text(orders: Iterable[Order]) -> str:
    """The order of trials."""
    lines = [ORDERING]
    for order in orders:
        lines += [f"#### {order.title}\n", f"{order.text}\n"]
        lines += [f"{number}. `{name}`" for number, (name, _) in enumerate(order.trials, start=1)]
        lines += ["", details("criteria", {name: None if criteria is None else printed(list(criteria))
                                           for name, criteria in order.trials})]
    lines += [f"#### {INACTIVE.title}\n", f"{INACTIVE.text}\n", "| status | |", "|---|---|"]
    lines += [f"| `{status}` | {'matched' if matched else 'not matched'} |" for status, matched in INACTIVE.statuses]
    lines.append("")
    return "\n".join(lines)


def clarifications_text() -> str:
    """The last chapter."""
    lines = [CLARIFYING]
    for entry in CLARIFICATIONS:
        lines += [f"### {entry.key}\n", f"**Issue.** {entry.issue}\n", f"**Choice.** {entry.choice}\n",
            f"**Why.** {entry.why}\n",
                  "*Held by:* " + ", ".join(f"[{title}](#{anchor(title)})" for title in entry.rules) + ".\n"]
    return "\n".join(lines).rstrip() + "\n"


def cell(text: str) -> str:
    """Text that does not break a table."""
    return text.replace("|", "\\|").replace("\n", " ")


def details(title: str, value: Any) -> str:
    """JSON in a block that opens on demand."""
    return f"<details><summary>{title}</summary>\n\n```json\n{compact(value)}\n```\n\n</details>\n"


def compact(value: Any, indent: int = 0) -> str:
    """JSON with what fits on one line on one line."""
    flat = json.dumps(value, ensure_ascii=False)
    if len(flat) + indent <= WIDTH or not isinstance(value, dict | list):
        return flat
    inner = " " * (indent + 2)
    if isinstance(value, dict):
        body = ",\n".join(f"{inner}{json.dumps(key, ensure_ascii=False)}: {compact(each, indent + 2)}"
                          for key, each in value.items())
        return f"{{\n{body}\n{' ' * indent}}}"
    body = ",\n".join(f"{inner}{compact(each, indent + 2)}" for each in value)
    return f"[\n{body}\n{' ' * indent}]"


if __name__ == "__main__":
    PAGE.parent.mkdir(exist_ok=True)
    PAGE.write_text(render(), encoding="utf-8")
    print(f"{PAGE.name}: {len(PAGE.read_text(encoding='utf-8').splitlines())} lines")
