"""From a row of the specification to what the program says of it."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any

from trialmatch.config import Settings
from trialmatch.fhir.patient.sources import from_bundle
from trialmatch.fhir.study import studies as study_files
from trialmatch.terminology import mappings as mapping_files
from trialmatch.usecases.match import Engine, Question, match_patient

from tests.harness import NOW, Judged, judge, patient_bundle, study_bundle
from tests.spec.model import ANY, Fact, Finding, Json, Row, Rule, Trial

AS_OF = "2026-03-01"
OWNER = {"FamilyMemberHistory": "patient"}
FOLDERS = {"ConceptMap": "conceptmaps", "ValueSet": "valuesets"}


def resources(facts: Sequence[Fact]) -> list[Json]:
    """The resources of a row, each with an id (the harness says whose they are)."""
    made = []
    for position, fact in enumerate(facts, start=1):
        resource = {"id": f"f{position}", **fact.resource}
        if resource["resourceType"] in OWNER:
            resource.setdefault(OWNER[resource["resourceType"]], {"reference": "Patient/p"})
        made.append(resource)
    return made


def run(rule: Rule, row: Row) -> Judged:
    """Judge the row's patient by the rule's criteria."""
    given: dict[str, Any] = {**rule.given, **row.given}
    settings = given.pop("settings", {})
    failed = given.pop("failed", ())
    if failed or not rule.criteria:
        return match([study("study", rule.criteria or None)], row.facts, failed)
    with tempfile.TemporaryDirectory() as folder:
        if "mappings" in given:
            given["mappings"] = site_folder(Path(folder), given["mappings"])
        return judge(list(rule.criteria), resources(row.facts), **given, **settings)


def site_folder(folder: Path, files: Sequence[Json]) -> Path:
    """A folder with a site's own ConceptMaps and ValueSets."""
    for position, resource in enumerate(files):
        home = folder / FOLDERS[resource["resourceType"]]
        home.mkdir(exist_ok=True)
        (home / f"site-{position}.json").write_text(json.dumps(resource), encoding="utf-8")
    return folder


def study(name: str, criteria: Sequence[Json] | None, status: str = "active") -> list[Json]:
    """The resources of one study of several; criteria None for a record that prints no eligibility."""
    text = json.dumps(study_bundle(list(criteria or ())))
    bundle = json.loads(text.replace("EvidenceVariable/eligibility", f"EvidenceVariable/{name}"))
    research, variable = (entry["resource"] for entry in bundle["entry"])
    research |= {"id": name, "status": status}
    if criteria is None:
        del research["recruitment"]
        return [research]
    return [research, {**variable, "id": name}]


def match(
    studies: Sequence[Sequence[Json]], facts: Sequence[Fact], failed: Sequence[str] = (), lenient: bool = False
) -> Judged:
    """Match a patient against several studies, or where the server failed to give some types of record."""
    settings = Settings.read({})
    terminology = mapping_files.load(settings)
    entries = [{"resource": resource} for each in studies for resource in each]
    definitions = study_files.unpacked({"resourceType": "Bundle", "type": "collection", "entry": entries}, "study.json")
    engine = Engine(settings, terminology, study_files.load(definitions, terminology, settings, lenient=lenient))
    records = from_bundle(patient_bundle(resources(facts)), "bundle")
    for kind in failed:
        records.source(kind).state = "failed"
    question = Question(date.fromisoformat(AS_OF), everything=True)
    return Judged(match_patient(engine, records, "p", question, "bundle").document(NOW))


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
    if trial.opens is not ANY:
        same("mayQualifyFrom", trial.opens, match["mayQualifyFrom"] and match["mayQualifyFrom"]["date"])
    if trial.unmet is not None:
        same("unmet", sorted(trial.unmet), sorted(entry["linkId"] for entry in match["unmet"]))
    return wrong
