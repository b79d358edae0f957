"""The image and the composition of services: linted, of the right shape, and carried out step by step."""

from __future__ import annotations

import base64
import json
import os
import re
import runpy
import shutil
import stat
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
import yaml
from compose_pydantic import ComposeSpecification

from tests.packaging import dockerfile
from tests.web.world import served

ROOT = Path(__file__).resolve().parents[2]
COMPOSE = yaml.safe_load((ROOT / "compose.yaml").read_text("utf-8"))
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
KEYS = ROOT / "deploy" / "keys.py"


def _hadolint() -> str | None:
    return shutil.which("hadolint", path=os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]))


def test_the_dockerfile_is_clean() -> None:
    hadolint = _hadolint()
    if hadolint is None and os.environ.get("CI") != "true":
        pytest.skip("hadolint is not installed (it comes with the developer's tools: make lint)")
    assert hadolint is not None
    found = subprocess.run([hadolint, "--no-color", str(ROOT / "Dockerfile")], capture_output=True, text=True)
    assert found.stdout == ""


@pytest.mark.parametrize(("answers", "code"), [(200, 0), (503, 1)])
def test_the_health_check_asks_the_container_itself(answers: int, code: int) -> None:
    """Where a hospital's containers have its proxy in their environment too."""
    (value,) = (
        value
        for instruction, value in dockerfile.steps((ROOT / "Dockerfile").read_text("utf-8"))
        if instruction == "HEALTHCHECK"
    )
    _, *words = json.loads(value[value.index("[") :])
    proxy = dict.fromkeys(("http_proxy", "HTTP_PROXY", "all_proxy"), "http://127.0.0.1:9")
    with served(lambda environ, start: start(f"{answers} -", []) and [b""]) as url:
        environment = {**os.environ, **proxy, "NO_PROXY": "", "no_proxy": "", "TRIALMATCH_PORT": url.rsplit(":", 1)[1]}
        done = subprocess.run([sys.executable, *words], env=environment, capture_output=True, timeout=60)
    assert done.returncode == code


def test_only_what_the_wheel_is_built_from_is_sent() -> None:
    """The build context is what COPY names, and nothing that git does not know: no .venv, no keys, no database."""
    copied = {
        word.rstrip("/")
        for instruction, value in dockerfile.steps((ROOT / "Dockerfile").read_text("utf-8"))
        if instruction == "COPY" and "--from" not in value
        for word in value.split()[:-1]
    }
    allowed = {
        line[1:] for line in (ROOT / ".dockerignore").read_text("utf-8").splitlines() if line.startswith("!")
    }
    assert copied == allowed


def test_compose_is_valid() -> None:
    """By the models made from the Compose Specification, which know no ``x-`` extension."""
    ComposeSpecification.model_validate({key: value for key, value in COMPOSE.items() if not key.startswith("x-")})


def test_what_compose_names_is_there() -> None:
    for name, service in SERVICES.items():
        assert set(service.get("depends_on", {})) <= set(SERVICES), name
        for volume in service.get("volumes", ()):
            source = volume.split(":")[0]
            assert (ROOT / source).exists() if source.startswith("./") else source in COMPOSE["volumes"], volume


@pytest.mark.parametrize("name", ["database", "hospital"])
def test_images_of_others_are_pinned_and_watched(name: str) -> None:
    assert re.search(r":v?\d+[.\w-]*$", SERVICES[name]["image"]) and "latest" not in SERVICES[name]["image"]
    assert SERVICES[name]["healthcheck"]["test"][0] == "CMD"


@pytest.mark.parametrize("name", ["trialmatch", "keys", "token", "demo-hospital"])
def test_our_containers_can_do_little(name: str) -> None:
    assert SERVICES[name]["read_only"] is True
    assert SERVICES[name]["security_opt"] == ["no-new-privileges:true"]


def test_nothing_is_open_to_the_network_as_it_stands() -> None:
    published = [port for service in SERVICES.values() for port in service.get("ports", ())]
    assert len(published) == 2
    assert all(port.startswith("127.0.0.1:") for port in published)


def test_compose_holds_no_secret() -> None:
    """What is secret by its name comes from a file that is made at the first start."""
    for service in SERVICES.values():
        for variable, value in service.get("environment", {}).items():
            if re.search(r"PASS|SECRET|KEY|TOKEN", variable):
                assert value.startswith("/run/"), variable
            assert not re.search(r"://[^/]*:[^/]*@", value), variable


def _keys(*arguments: str | Path) -> str:
    done = subprocess.run([sys.executable, KEYS, *arguments], capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout.strip()


def _folder_for_all() -> Path:
    """A folder that the image's user may read, too; pytest's own are for nobody else."""
    folder = Path(tempfile.mkdtemp(prefix="trialmatch-image-"))
    folder.chmod(0o755)
    return folder


@pytest.fixture
def made() -> Iterator[tuple[Path, Path, Path]]:
    """The three folders of a first start: the database's, the service's, the issuer's."""
    folder = _folder_for_all()
    folders = (folder / "database", folder / "service", folder / "issuer")
    for one in folders:
        one.mkdir()
    _keys("make", *folders)
    yield folders
    shutil.rmtree(folder)


def _mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_keys_are_made_once(made: tuple[Path, Path, Path]) -> None:
    database, service, issuer = made
    before = {path: path.read_text() for folder in made for path in folder.iterdir()}
    assert {path.name for path in before} == {"password", "pgpass", "key.json", "jwks.json"}
    _keys("make", *made)
    assert {path: path.read_text() for folder in made for path in folder.iterdir()} == before
    password = before[database / "password"]
    assert len(password) >= 40
    assert before[service / "pgpass"] == f"database:5432:trialmatch:trialmatch:{password}\n"
    assert (_mode(service / "pgpass"), _mode(issuer / "key.json")) == (0o600, 0o600)
    (public,) = json.loads(before[service / "jwks.json"])["keys"]
    assert "d" not in public and public["kid"] == json.loads(before[issuer / "key.json"])["kid"]


def _default(variable: str) -> str:
    """What the service is told where whoever starts it says nothing: ``${VARIABLE:-default}``."""
    found = re.fullmatch(r"\$\{\w+:-(.*)\}", SERVICES["trialmatch"]["environment"][variable])
    assert found is not None
    return found[1]


def test_keys_and_compose_say_the_same() -> None:
    """The issuer and audience of the tokens, and the database of the password, are those that the service is told."""
    said = runpy.run_path(str(KEYS))
    assert _default("TRIALMATCH_ISSUERS") == f"{said['ISSUER']}=/run/trialmatch/jwks.json"
    assert _default("TRIALMATCH_AUDIENCE") == said["AUDIENCE"]
    host, _, name, user = said["DATABASE"]
    assert SERVICES["trialmatch"]["environment"]["TRIALMATCH_DATABASE"] == f"postgresql://{user}@{host}/{name}"
    own = SERVICES[host]["environment"]
    assert (own["POSTGRES_USER"], own["POSTGRES_DB"]) == (user, name)


def test_a_token_is_for_what_was_asked(made: tuple[Path, Path, Path]) -> None:
    body = _keys("token", made[2], "trialmatch/match.read").split(".")[1]
    claims = json.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)))
    assert (claims["scope"], claims["exp"] - claims["iat"]) == ("trialmatch/match.read", 3600)


@pytest.fixture(scope="module")
def image() -> Iterator[dockerfile.Image]:
    """The image, carried out step by step."""
    folder = _folder_for_all()
    try:
        yield dockerfile.build(folder)
    finally:
        shutil.rmtree(folder)


@pytest.mark.slow
class TestImage:
    """What the Dockerfile makes."""

    def test_the_last_stage_holds_the_wheel_alone(self, image: dockerfile.Image) -> None:
        assert {path.name for path in image.root.iterdir()} == {"opt", "var"}
        (package,) = image.root.glob("opt/trialmatch/lib/python*/site-packages/trialmatch")
        assert (package / "cli/main.py").is_file()
        assert image.user == 10001

    def test_it_does_the_main_job(self, image: dockerfile.Image) -> None:
        done = dockerfile.run(image, "demo")
        assert (done.returncode, done.stderr) == (0, "")
        assert "NCT06892145" in done.stdout

    def test_it_serves_nobody_else_without_an_issuer(self, image: dockerfile.Image) -> None:
        """What `docker run` without a word does: it says what is missing, in one line, and ends."""
        done = dockerfile.run(image)
        assert (done.returncode, done.stdout) == (2, "")
        assert len(done.stderr.splitlines()) == 1 and "TRIALMATCH_ISSUERS" in done.stderr

    def test_it_serves_and_writes_nowhere_but_into_its_volume(self, image: dockerfile.Image) -> None:
        def visit() -> None:
            with dockerfile.serving(image) as url:  # the image's own HEALTHCHECK is content
                assert requests.get(f"{url}/health/ready", timeout=30).status_code == 200
                assert requests.get(f"{url}/api/v1/studies", timeout=30).status_code == 200

        assert dockerfile.written(image, visit) == []
        assert image.at("/var/lib/trialmatch/trialmatch.sqlite").is_file()

    def test_it_takes_the_tokens_of_compose(self, image: dockerfile.Image, made: tuple[Path, Path, Path]) -> None:
        """With the settings of compose.yaml: nobody without a token, and whoever has one of `compose run token`."""
        settings = {
            "TRIALMATCH_ISSUERS": _default("TRIALMATCH_ISSUERS").replace("/run/trialmatch", str(made[1])),
            "TRIALMATCH_AUDIENCE": _default("TRIALMATCH_AUDIENCE"),
        }
        headers = {"Authorization": f"Bearer {_keys('token', made[2])}"}
        with dockerfile.serving(image, **settings) as url:
            assert requests.get(f"{url}/api/v1/studies", timeout=30).status_code == 401
            assert requests.get(f"{url}/api/v1/studies", headers=headers, timeout=30).status_code == 200
