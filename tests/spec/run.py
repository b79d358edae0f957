"""From a row of the specification to what the program says of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from tests.harness import judge
from tests.spec.model import ANY, Fact, Finding, Json, Row, Rule, Trial

#: The element that says whose record a resource is, where it is not ``subject``.
OWNER = {"Immunization": "patient", "AllergyIntolerance": "patient", "ResearchSubject": "individual",
         "FamilyMemberHistory": "patient"}


def resources(facts: Sequence[Fact]) -> list[Json]:
    """The resources of a row, each with an id and its owner."""
    made = []
    for position, fact in enumerate(facts, start=1):
        resource = {"id": f"f{position}", **fact.resource}
        if resource["resourceType"] != "Patient":
            resource.setdefault(OWNER.get(resource["resourceType"], "subject"), {"reference": "Patient/p"})
        made.append(resource)
    return made


def run(rule: Rule, row: Row) -> Any:
    """Judge the row's patient by the rule's criteria."""
    given: dict[str, Any] = {**rule.given, **row.given}
    settings = given.pop("settings", {})
    return judge(list(rule.criteria), resources(row.facts), **given, **settings)


def differences(judged: Any, row: Row) -> list[str]:
    """What came out otherwise than the row expects, one line each."""
    wrong: list[str] = []
    for link_id, finding in row.findings.items():
        item = judged.items.get(link_id)
        if item is None:
            wrong.append(f"{link_id}: expected {finding.words()}, found no such item among {sorted(judged.items)}")
            continue
        wrong += [f"{link_id}: {line}" for line in item_differences(item, finding)]
    if row.trial is not None:
        wrong += trial_differences(judged.match, row.trial)
    return wrong


def item_differences(item: Mapping[str, Any], finding: Finding) -> list[str]:
    """The same for one item."""
    found: dict[str, tuple[Any, Any]] = {"status": (finding.status, item["status"])}
    for name in ("basis", "blocking", "kind", "reading"):
        expected = getattr(finding, name)
        if expected is not ANY:
            found[name] = (expected, item.get(name))
    if finding.evidence is not ANY:
        found["evidence"] = (finding.evidence, len(item.get("evidence") or []))
    wrong = [f"{name}: expected {expected}, received {received} ({item.get('reason')})"
             for name, (expected, received) in found.items() if expected != received]
    if finding.mentions and finding.mentions.lower() not in str(item).lower():
        wrong.append(f"expected the item to say {finding.mentions!r}, received {item}")
    return wrong


def trial_differences(match: Mapping[str, Any], trial: Trial) -> list[str]:
    """The same for the trial."""
    wrong: list[str] = []

    def same(name: str, expected: Any, received: Any) -> None:
        if expected != received:
            wrong.append(f"{name}: expected {expected}, received {received}")

    if trial.verdict is not None:
        same("verdict", trial.verdict, match["verdict"])
    score = match.get("score")
    if trial.no_score:
        same("score", None, score)
    if trial.score is not None and (score is None or not trial.score[0] <= score <= trial.score[1]):
        wrong.append(f"score: expected {trial.score[0]}–{trial.score[1]}, received {score}")
    cohorts = {cohort["id"]: cohort["verdict"] for cohort in match.get("cohorts", [])}
    for name, verdict in trial.cohorts.items():
        same(f"cohort {name}", verdict, cohorts.get(name))
    for name, number in trial.counts.items():
        same(f"counts.{name}", number, match["counts"][name])
    if trial.missing is not None:
        same("missing", sorted(trial.missing), sorted(entry["linkId"] for entry in match["missing"]))
    if trial.unmet is not None:
        same("unmet", sorted(trial.unmet), sorted(entry["linkId"] for entry in match["unmet"]))
    return wrong
