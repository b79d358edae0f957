"""What the built wheel holds: everything the program reads, and nothing that lies about in the checkout."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
INPUTS = ("setup.cfg", "pyproject.toml", "README.md", "LICENSE", "NOTICE", "service", "profiles", "mappings")
DATA = {"trialmatch/profiles/": "profiles", "trialmatch/mappings/": "mappings", "trialmatch/": "service/trialmatch"}


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> zipfile.ZipFile:
    """A wheel built through an sdist from a copy of the checkout that has a stale build folder in it."""
    copy = tmp_path_factory.mktemp("checkout")
    for name in INPUTS:
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, copy / name, ignore=shutil.ignore_patterns("__pycache__", "*.egg-info"))
        else:
            shutil.copy(ROOT / name, copy / name)
    stale = copy / "build" / "lib" / "trialmatch"
    stale.mkdir(parents=True)
    (stale / "stale.py").write_text("raise SystemExit('stale')\n", encoding="utf-8")
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    command = [sys.executable, "-m", "build", "--no-isolation", "--outdir", str(copy / "dist"), str(copy)]
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    (path,) = (copy / "dist").glob("*.whl")
    return zipfile.ZipFile(path)


@pytest.mark.slow
def test_it_holds_every_file_of_code_and_data(wheel: zipfile.ZipFile) -> None:
    names = set(wheel.namelist())
    for prefix, folder in DATA.items():
        for path in sorted((ROOT / folder).rglob("*")):
            if path.is_file() and "__pycache__" not in path.parts and not path.name.startswith("."):
                assert prefix + path.relative_to(ROOT / folder).as_posix() in names


@pytest.mark.slow
def test_it_holds_nothing_else(wheel: zipfile.ZipFile) -> None:
    names = wheel.namelist()
    assert not [name for name in names if "stale" in name]
    assert {name.split("/")[0].split("-")[0] for name in names} == {"trialmatch"}


@pytest.mark.slow
def test_it_carries_licence_and_notices(wheel: zipfile.ZipFile) -> None:
    names = {Path(name).name for name in wheel.namelist() if ".dist-info/" in name}
    assert {"LICENSE", "NOTICE"} <= names
    (metadata,) = (name for name in wheel.namelist() if name.endswith(".dist-info/METADATA"))
    assert "License-Expression: Apache-2.0" in wheel.read(metadata).decode("utf-8")
