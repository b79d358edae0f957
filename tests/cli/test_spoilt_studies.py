"""Studies and mappings with something spoilt: exit code 3 and lines that tell it, whichever way they come in."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import Run
from tests.unit.spoiling import spoilt
from tests.unit.test_mapping_shapes import SITE
from tests.unit.test_spoilt_studies import EVERYTHING, FAULT


def _file(folder: Path, data: Any, name: str = "study.json") -> Path:
    path = folder / name
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(data), "utf-8")
    return path


@pytest.mark.parametrize("seed", range(12))
def test_studies(run: Run, bundle: Callable[..., Path], tmp_path: Path, seed: int) -> None:
    path = _file(tmp_path, spoilt(EVERYTHING, random.Random(seed)))
    lenient = ("--lenient",) if seed % 2 else ()
    checked = run("studies", "check", *lenient, path)
    assert checked.exit_code in (0, 3), checked.stderr
    for line in checked.stderr.splitlines():
        assert line.startswith(f"{path}")
        assert FAULT.fullmatch(line) or ": warning: " in line
    matched = run("match", "p", "--from", bundle(), "--studies", path, *lenient)
    assert matched.exit_code == checked.exit_code
    assert matched.stderr == checked.stderr


def test_a_number_of_more_than_64_bits(run: Run, tmp_path: Path) -> None:
    text = json.dumps(EVERYTHING).replace('"threshold": 1', '"threshold": 1' + "0" * 400)
    path = tmp_path / "study.json"
    path.write_text(text, "utf-8")
    told = run("studies", "check", path)
    assert (told.exit_code, len(told.stderr.splitlines())) == (3, 1)
    assert told.stderr.startswith(f"{path}:1: no JSON (number is infinity when parsed as double)")


def test_a_folder_that_is_named_like_a_file(run: Run, bundle: Callable[..., Path], tmp_path: Path) -> None:
    (tmp_path / "studies" / "study.json").mkdir(parents=True)
    told = run("match", "p", "--from", bundle(), "--studies", tmp_path / "studies")
    assert (told.exit_code, len(told.stderr.splitlines())) == (3, 1)
    assert told.stderr.startswith(
        f"{tmp_path / 'studies' / 'study.json'}: cannot be read (Is a directory); expected a study"
    )


@pytest.mark.parametrize("seed", range(6))
def test_mappings(run: Run, bundle: Callable[..., Path], tmp_path: Path, seed: int) -> None:
    chance = random.Random(seed)
    name = chance.choice(sorted(SITE))
    path = _file(tmp_path / "site", spoilt(SITE[name], chance), name)
    done = run("match", "p", "--from", bundle(), TRIALMATCH_MAPPINGS=str(tmp_path / "site"))
    lines = done.stderr.splitlines()
    assert (done.exit_code, len(lines)) in ((0, 0), (3, 1)), lines
    assert all(line.startswith(f"{path}:") and "; expected " in line for line in lines)


def test_a_mapping_tells_its_element(run: Run, bundle: Callable[..., Path], tmp_path: Path) -> None:
    path = _file(tmp_path / "site", {"alt": {"scales": [10, "ten"]}}, "analytes.json")
    done = run("match", "p", "--from", bundle(), TRIALMATCH_MAPPINGS=str(tmp_path / "site"))
    assert done.exit_code == 3
    assert done.stderr == f"{path}: alt.scales[1]: another value; expected a number above 0\n"
