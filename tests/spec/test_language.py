"""Every row of the specification, run."""

from __future__ import annotations

import pytest

from tests.harness import faults
from tests.spec.cases import CHAPTERS, rules
from tests.spec.model import Fault, Row, Rule
from tests.spec.run import differences, item_differences, match, run

ROWS = [
    pytest.param(rule, row, id=f"{chapter.title} / {rule.title} / {number}")
    for chapter, rule in rules()
    for number, row in enumerate(rule.rows, start=1)
]
FAULTS = [
    pytest.param(fault, id=fault.title)
    for chapter in CHAPTERS
    for section in chapter.sections
    for fault in section.faults
]


@pytest.mark.parametrize(("rule", "row"), ROWS)
def test_row(rule: Rule, row: Row) -> None:
    """The program says what the rule says."""
    wrong = differences(run(rule, row), row)
    said = "; ".join(fact.words for fact in row.facts) or "an empty record"
    told = [f"{rule.title}: {rule.text}", f"record: {said}", f"because: {row.why}"]
    assert not wrong, "\n".join(told + wrong)


@pytest.mark.parametrize("fault", FAULTS)
def test_fault(fault: Fault) -> None:
    """Each expected fault is one line that names the element and what was found; there are no others."""
    lines = faults(fault.bundle, lenient=True) if fault.lenient else faults(fault.bundle)
    missed = [words for words in fault.expected if not any(all(word in line for word in words) for line in lines)]
    assert not missed, f"no line says {missed}; the lines are\n" + "\n".join(lines)
    if not fault.expected:
        assert not lines, "expected no fault, received\n" + "\n".join(lines)
    if fault.findings:
        studies = [[entry["resource"] for entry in fault.bundle["entry"]]]
        items = match(studies, fault.facts, lenient=fault.lenient).items
        wrong = [f"{name}: {line}" for name, finding in fault.findings.items()
                 for line in item_differences(items[name], finding)]
        assert not wrong, "\n".join(wrong)
