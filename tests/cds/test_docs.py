"""The integration guide says what is so: its settings, paths and numbers are those of the program."""

from __future__ import annotations

import re
from dataclasses import fields
from pathlib import Path

from trialmatch.config import Settings, variable
from trialmatch.web.cds.prefetch import LONGEST
from trialmatch.web.mcode.query import PHASES

from tests.cds.ehr import Ehr

ROOT = Path(__file__).resolve().parents[2]
GUIDE = (ROOT / "docs" / "cds-hooks.md").read_text("utf-8")


def test_its_settings_exist() -> None:
    named = set(re.findall(r"TRIALMATCH_[A-Z_]+", GUIDE))
    assert named <= {variable(one.name) for one in fields(Settings)}
    assert {variable(name) for name in ("cards", "card_verdict", "fhir_allowed", "cors_origins", "launch_url")} <= named


def test_its_example_is_a_configuration_that_starts() -> None:
    example = GUIDE.split("```")[1]
    lines = dict(line.split("=", 1) for line in example.strip().splitlines())
    settings = Settings.read(lines)
    assert settings.public_url == "https://trials.hospital.example" and settings.cds_issuers


def test_its_endpoints_exist(ehr: Ehr) -> None:
    known = ehr.client.application.url_map.iter_rules()
    rules = {(method, rule.rule) for rule in known for method in rule.methods or ()}
    named = re.findall(r"`(GET|POST) (/[A-Za-z/-]+)`", GUIDE)
    assert len(named) == 4 and set(named) <= rules


def test_its_files_and_links_exist() -> None:
    for target in re.findall(r"\]\((?!https?:)([^)#]+)\)", GUIDE):
        assert (ROOT / "docs" / target).is_file(), target
    for path in re.findall(r"`(mappings/[a-z.]+)`", GUIDE):
        assert (ROOT / path).is_file(), path


def test_its_numbers_are_those_of_the_program() -> None:
    assert f"at most {LONGEST:,} characters" in GUIDE
    for code in re.findall(r"`((?:early-)?phase-\d|n-a)`", GUIDE):
        assert code in PHASES
