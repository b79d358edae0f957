"""The cut of the code: imports run one way, modules stay short, and what is shipped is declared."""

from __future__ import annotations

import ast
import configparser
import re
import subprocess
import sys
from collections.abc import Iterator
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "service" / "trialmatch"
MAX_LINES = 400

# A part of the package → what it may import of the others.
LEAVES = {"config", "errors", "resources", "files", "addresses", "outbound", "garbage"}
CORE = {"eligibility"}
MIDDLE = {"fhir", "store", "prescreen", "terminology", "registry"}
ALLOWED: dict[str, set[str]] = {
    "__init__": set(),
    "__main__": {"cli"},
    "cli": MIDDLE
    | {"terminal", "lines", "usecases", "coverage", "attestations", "documents", "demo", "web"}
    | CORE
    | LEAVES,
    "terminal": {"lines"},
    "lines": set(),
    "coverage": {"usecases", "prescreen", "fhir", "terminology", "eligibility"} | LEAVES,
    "web": MIDDLE | {"usecases", "attestations", "documents", "eligibility", "lines"} | LEAVES,
    "usecases": MIDDLE | {"matching", "attestations", "documents", "eligibility"} | LEAVES,
    "matching": {"terminology", "eligibility"} | LEAVES,
    "attestations": {"fhir", "eligibility"} | LEAVES,
    "documents": {"eligibility"},
    "fhir": {"terminology", "eligibility"} | LEAVES,
    "store": {"eligibility"} | LEAVES,
    "prescreen": {"matching", "fhir", "terminology", "eligibility"} | LEAVES,
    "registry": {"terminology", "eligibility"} | LEAVES,
    "terminology": {"eligibility"} | LEAVES,
    "demo": set(),
    "eligibility": set(),
    "config": {"errors", "addresses"},
    "addresses": set(),
    "garbage": set(),
    "outbound": {"addresses"},
    "errors": set(),
    "resources": set(),
    "files": {"errors"},
}
# The same inside the reading and asking of FHIR, and of its modules that all share.
ALLOWED_IN_FHIR: dict[str, set[str]] = {
    "elements": set(),
    "resource_types": set(),
    "searchset": {"elements", "study"},
    "patient": {"elements", "resource_types"},
    "study": {"elements", "resource_types", "patient"},
    "hospital": {"elements", "resource_types", "patient", "study"},
    "bulk": {"elements", "resource_types", "patient", "hospital"},
}
# The pure core: no input or output, no framework, no FHIR library.
FORBIDDEN_IN_CORE = {
    "aiohttp", "asyncio", "click", "fhir", "fhirpy", "flask", "http", "io", "json", "marshmallow", "orjson", "os",
    "pathlib", "pydantic", "requests", "rich", "socket", "sqlite3", "subprocess", "sys", "urllib",
}  # fmt: skip


def _modules() -> list[Path]:
    return sorted(path for path in PACKAGE.rglob("*.py") if "__pycache__" not in path.parts)


def _name(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def _part(path: Path) -> str:
    """The top-level part of the package a module belongs to: a folder's name, or the module's own."""
    return _family(path.relative_to(PACKAGE).with_suffix("").parts[0])


def _family(name: str) -> str:
    """``config_access`` is part of ``config``."""
    return name if name.startswith("_") else name.split("_")[0]


def _imports(path: Path) -> Iterator[str]:
    """Every module that is imported anywhere in the file, also inside functions, by its full name."""
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{_name(path)}:{node.lineno}: imports here are absolute"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


@pytest.mark.parametrize("path", _modules(), ids=_name)
def test_imports_run_one_way(path: Path) -> None:
    own = _part(path)
    assert own in ALLOWED, f"new part {own!r}: say in ALLOWED what it may import"
    for imported in _imports(path):
        names = imported.split(".")
        if names[0] != "trialmatch" or len(names) < 2 or names[1].startswith("__version"):
            continue
        if not (PACKAGE / names[1]).is_dir() and not (PACKAGE / f"{names[1]}.py").exists():
            continue  # a name of the package itself, or a data package
        part = _family(names[1])
        assert part == own or part in ALLOWED[own], f"{own} may not import {imported}"


@pytest.mark.parametrize("path", sorted((PACKAGE / "fhir").rglob("*.py")), ids=_name)
def test_imports_inside_fhir_run_one_way(path: Path) -> None:
    own = path.relative_to(PACKAGE / "fhir").with_suffix("").parts[0]
    for imported in _imports(path):
        if imported.startswith("trialmatch.fhir."):
            part = imported.split(".")[2]
            assert part == own or part in ALLOWED_IN_FHIR[own], f"fhir.{own} may not import {imported}"


@pytest.mark.parametrize("path", [path for path in _modules() if _part(path) == "eligibility"], ids=_name)
def test_the_core_is_pure(path: Path) -> None:
    used = {imported.split(".")[0] for imported in _imports(path)}
    assert not used & FORBIDDEN_IN_CORE


@pytest.mark.parametrize("path", _modules(), ids=_name)
def test_modules_stay_readable(path: Path) -> None:
    lines = len(path.read_text("utf-8").splitlines())
    assert lines < MAX_LINES, f"{lines} lines; cut it where the subject changes"


def _setup() -> configparser.ConfigParser:
    setup = configparser.ConfigParser()
    setup.read(ROOT / "setup.cfg", encoding="utf-8")
    return setup


def test_every_package_is_listed() -> None:
    listed = set(_setup()["options"]["packages"].split())
    folders = {path.parent for path in _modules() if path.name == "__init__.py"}
    found = {".".join(("trialmatch", *folder.relative_to(PACKAGE).parts)) for folder in folders}
    assert found | {"trialmatch.profiles", "trialmatch.mappings"} == listed


def _named(requirements: str) -> set[str]:
    return {re.split(r"[<>=~!\[ ]", line)[0].lower() for line in requirements.split("\n")}


def test_every_library_is_declared() -> None:
    providers = packages_distributions()
    for path in _modules():
        declared = _named(_setup()["options"]["install_requires"])
        if "spark" in path.parts:  # reached with --engine spark only, which says what to install
            declared |= _named(_setup()["options.extras_require"]["spark"])
        for imported in _imports(path):
            top = imported.split(".")[0]
            if top == "trialmatch" or top in sys.stdlib_module_names:
                continue
            names = {name.lower().replace("_", "-") for name in providers.get(top, [top])}
            assert names & declared, f"{_name(path)} imports {top}, which setup.cfg does not declare"


def test_the_readme_says_what_each_library_is_for() -> None:
    readme = (ROOT / "README.md").read_text("utf-8").lower()
    for line in _setup()["options"]["install_requires"].split():
        assert re.split(r"[<>=~!\[]", line)[0].lower() in readme


def test_the_version_has_one_value() -> None:
    import trialmatch

    assert _setup()["metadata"]["version"] == trialmatch.__version__


def _committed() -> list[Path]:
    try:
        listing = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True, text=True).stdout
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("not a git checkout")
    return [ROOT / name for name in listing.split("\0") if name and (ROOT / name).is_file()]


def test_no_file_names_a_machine() -> None:
    """Paths of somebody's machine and addresses inside somebody's network have no place in a public repository."""
    private = re.compile(
        rb"/(?:home|Users|root|work|tmp|opt/wheels)/[A-Za-z0-9_.-]+|\b(?:10|192\.168)(?:\.\d{1,3}){2,3}\b"
    )
    allowed = (b"/home/trialmatch",)  # inside the image
    found = []
    for path in _committed():
        for match in private.finditer(path.read_bytes()):
            if match.group() not in allowed and not path.name.endswith(".ndjson"):
                found.append(f"{_name(path)}: {match.group().decode()}")
    assert not found
