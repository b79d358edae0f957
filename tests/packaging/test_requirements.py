"""The versions that tests and image install are those that setup.cfg allows, for every Python that it names."""

from __future__ import annotations

import re
from configparser import ConfigParser
from pathlib import Path

from packaging.markers import default_environment
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[2]
SETUP = ConfigParser()
SETUP.read(ROOT / "setup.cfg", "utf-8")
PYTHONS = re.findall(r"Python :: (3\.\d+)$", SETUP["metadata"]["classifiers"], re.MULTILINE)
PINS = [
    Requirement(line.removesuffix("\\").strip())
    for line in (ROOT / "requirements.txt").read_text("utf-8").splitlines()
    if re.match(r"\w", line)
]


def wanted() -> list[Requirement]:
    """What the program itself says it needs."""
    lines = SETUP["options"]["install_requires"].splitlines()
    return [Requirement(line) for line in lines if line and not line.startswith("#")]


def pins(python: str) -> dict[str, str]:
    """Name → version, as this Python on Linux installs them."""
    environment = default_environment() | {"python_version": python, "python_full_version": f"{python}.0"}
    return {
        canonicalize_name(pin.name): re.sub("^==", "", str(pin.specifier))
        for pin in PINS
        if pin.marker is None or pin.marker.evaluate(dict(environment))
    }


def test_every_library_has_a_version_that_is_allowed() -> None:
    assert "3.11" in PYTHONS
    for python in PYTHONS:
        versions = pins(python)
        found = {one: versions.get(canonicalize_name(one.name), "") for one in wanted()}
        wrong = [one.name for one, version in found.items() if not one.specifier.contains(version)]
        assert not wrong, f"run: make requirements (Python {python})"
