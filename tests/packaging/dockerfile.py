"""Carries out the Dockerfile without Docker: ``python -m tests.packaging.dockerfile`` (needs nothing but Python).

Every step is done as it is written, in a folder that stands for the image's root: what .dockerignore lets through is
copied, RUN runs, and what the last stage leaves is started with the image's own ENV, ENTRYPOINT and HEALTHCHECK, on the
loopback address. A fresh virtual environment stands for the base image, of the same Python where this machine has it.
What cannot be shown this way is the base image itself, and that a container is shut off from its host.
"""

from __future__ import annotations

import io
import json
import os
import re
import shlex
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from docker.utils.build import exclude_paths
from dockerfile_parse import DockerfileParser

ROOT = Path(__file__).resolve().parents[2]

#: Folders of the image that the Dockerfile may name; each is taken below the folder that stands for the root.
PLACES = ("/src", "/dist", "/data", "/opt/trialmatch", "/var/lib/trialmatch")
_PLACE = re.compile(rf"(?<![\w.])({'|'.join(PLACES)})(?![\w-])")

#: What a step sees of the environment it is run in: how to reach a package index, nothing of the project.
_PASSED = re.compile(r"PIP_|SSL_|REQUESTS_CA|LANG$|(https?|no)_proxy$", re.IGNORECASE)


class NotCarriedOut(Exception):
    """A step that failed, or that this script does not know."""


def steps(text: str) -> list[tuple[str, str]]:
    """The instructions with what they say, in order."""
    parsed = DockerfileParser(fileobj=io.BytesIO(text.encode())).structure
    return [(one["instruction"], one["value"]) for one in parsed if one["instruction"] != "COMMENT"]


@dataclass
class Image:
    """What the stages leave: the folder of the root, and how the image is to be run."""

    root: Path
    python: Path
    env: dict[str, str] = field(default_factory=dict)
    workdir: str = "/"
    user: int | None = None
    volumes: list[str] = field(default_factory=list)
    entrypoint: list[str] = field(default_factory=list)
    command: list[str] = field(default_factory=list)
    healthcheck: list[str] = field(default_factory=list)

    def at(self, path: str) -> Path:
        """Where a path of the image is here."""
        whole = path if path.startswith("/") else f"{self.workdir.rstrip('/')}/{path}"
        if not _PLACE.match(whole):
            raise NotCarriedOut(f"{whole}: a folder that tests/packaging/dockerfile.py does not know")
        return self.root / whole.lstrip("/")

    def here(self, text: str) -> str:
        """A text with the image's folders replaced by those here."""
        return _PLACE.sub(lambda found: f"{self.root}{found[1]}", text)

    @property
    def environment(self) -> dict[str, str]:
        """What a process in the image sees; the base image's Python is on the path."""
        passed = {name: value for name, value in os.environ.items() if _PASSED.match(name)}
        base = {"PATH": f"{self.python.parent}:/usr/local/bin:/usr/bin:/bin", "HOME": str(self.root)}
        own: dict[str, str] = {}
        for name, value in self.env.items():
            own[name] = self.here(re.sub(r"\$\{?(\w+)\}?", lambda found: (base | own).get(found[1], ""), value))
        return passed | base | own


def build(folder: Path, context: Path = ROOT) -> Image:
    """Carry out all stages in an empty folder. Raises NotCarriedOut."""
    root, stages = folder / "root", {}
    said = steps((context / "Dockerfile").read_text("utf-8"))
    arguments = dict(value.split("=") for instruction, value in said if instruction == "ARG")
    image, name = Image(root, _base(folder, arguments["PYTHON"])), ""
    for instruction, value in said:
        match instruction:
            case "ARG":
                pass  # the base images' version
            case "FROM":
                if root.exists():  # the stage before; the next one finds its root as empty as this one did
                    stages[name] = shutil.move(root, folder / f"stage-{name}")
                root.mkdir()
                name = value.partition(" AS ")[2]
                image = Image(root, image.python)
            case "WORKDIR":
                image.workdir = value
                image.at(value).mkdir(parents=True, exist_ok=True)
            case "COPY":
                _copy(image, shlex.split(value), context, stages)
            case "RUN":
                _run(image, value)
            case "ENV":
                image.env |= dict(one.split("=", 1) for one in shlex.split(value))
            case "USER":
                image.user = int(value.split(":")[0])
            case "VOLUME":
                image.volumes.append(value)
            case "ENTRYPOINT":
                image.entrypoint = json.loads(value)
            case "CMD":
                image.command = json.loads(value)
            case "HEALTHCHECK":
                image.healthcheck = json.loads(value[value.index("[") :])
            case "EXPOSE":
                pass  # a note for whoever runs it
            case _:
                raise NotCarriedOut(f"{instruction}: an instruction that tests/packaging/dockerfile.py does not know")
    return image


def _base(folder: Path, version: str) -> Path:
    """The Python that stands for the base image's: of the same version where this machine has it, else this one."""
    chosen = {**os.environ, "PYENV_VERSION": version}  # where pyenv keeps several, this one
    for python in (f"python{version}", sys.executable):
        command = ["/usr/bin/env", python, "-m", "venv", folder / "base"]
        made = subprocess.run(command, env=chosen, capture_output=True)
        if made.returncode == 0:
            return folder / "base/bin/python"
    raise NotCarriedOut(f"no virtual environment can be made: {made.stderr.decode()[-1000:]}")


def _copy(image: Image, words: list[str], context: Path, stages: dict[str, Path]) -> None:
    flags = dict(word[2:].split("=", 1) for word in words if word.startswith("--"))
    *sources, target = [word for word in words if not word.startswith("--")]
    if "from" in flags:
        stage = stages[flags["from"]]
        for source in sources:
            shutil.copytree(stage / source.lstrip("/"), image.at(target), symlinks=True, dirs_exist_ok=True)
        return
    ignore = [line for line in (context / ".dockerignore").read_text("utf-8").splitlines() if line[:1] not in ("", "#")]
    sent = exclude_paths(str(context), ignore)  # as the daemon gets it
    for source in sources:
        files = [one for one in sent if one == source or one.startswith(f"{source}/")]
        if not files:
            raise NotCarriedOut(f"COPY {source}: nothing of that name gets past .dockerignore")
        for one in files:
            below = Path(one).relative_to(source) if one != source else Path(source)
            into = image.at(target) / below
            if (context / one).is_dir():
                into.mkdir(parents=True, exist_ok=True)
            else:
                into.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(context / one, into)


def _run(image: Image, command: str) -> None:
    for word in shlex.split(command):
        if word.startswith("/") and not _PLACE.match(word):
            raise NotCarriedOut(f"RUN … {word}: a folder that tests/packaging/dockerfile.py does not know")
    done = subprocess.run(
        ["/bin/sh", "-c", image.here(command)],
        cwd=image.at(image.workdir),
        env=image.environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    if done.returncode:
        raise NotCarriedOut(f"RUN {command}: ended with {done.returncode}\n{done.stdout[-4000:]}")


def as_user(image: Image) -> dict[str, int]:
    """How to run as the image's user; empty where this process may not, or that user may not read this Python."""
    if image.user is None or os.geteuid() != 0:
        return {}
    user = {"user": image.user, "group": image.user}
    try:
        subprocess.run([image.root / "opt/trialmatch/bin/python", "-c", ""], check=True, capture_output=True, **user)
    except (OSError, subprocess.SubprocessError):
        return {}
    for volume in image.volumes:  # COPY --chown
        os.chown(image.at(volume), image.user, image.user)
    return user


def run(image: Image, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """``docker run IMAGE [ARGUMENTS]`` with environment variables, to its end."""
    return subprocess.run(
        [*image.entrypoint, *(arguments or image.command)],
        cwd=image.at(image.workdir),
        env=image.environment | variables,
        capture_output=True,
        text=True,
        timeout=120,
        **as_user(image),
    )


@contextmanager
def serving(image: Image, **variables: str) -> Iterator[str]:
    """The image's service on the loopback address, once its HEALTHCHECK is content; its URL."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = str(probe.getsockname()[1])
    how = {"cwd": image.at(image.workdir), "env": image.environment | variables | {"TRIALMATCH_PORT": port}}
    how |= as_user(image)
    with tempfile.TemporaryFile() as log:
        service = subprocess.Popen([*image.entrypoint, "serve"], stdout=log, stderr=log, **how)
        try:
            check = [image.here(word) for word in image.healthcheck]
            until = time.monotonic() + 60  # the HEALTHCHECK's start period
            while subprocess.run(check, capture_output=True, **how).returncode:
                if service.poll() is not None or time.monotonic() > until:
                    log.seek(0)
                    raise NotCarriedOut(f"the service is not healthy:\n{log.read().decode()[-4000:]}")
                time.sleep(0.2)
            yield f"http://127.0.0.1:{port}"
        finally:
            service.terminate()
            ended = service.wait(60)
    if ended:
        raise NotCarriedOut(f"the service ended with {ended} after SIGTERM; expected 0")


def written(image: Image, action: Callable[[], object]) -> list[str]:
    """The files of the image, volumes left out, that an action changes: none, if the root may be read-only."""

    def state() -> dict[str, tuple[int, int]]:
        found = {}
        for path in image.root.rglob("*"):
            name = f"/{path.relative_to(image.root)}"
            if path.is_file() and not any(name.startswith(volume) for volume in image.volumes):
                found[name] = (path.stat().st_mtime_ns, path.stat().st_size)
        return found

    before = state()
    action()
    after = state()
    return sorted(name for name in {*before, *after} if before.get(name) != after.get(name))


def main() -> int:
    """Build, show the demo, serve, check the health."""
    folder = Path(tempfile.mkdtemp(prefix="trialmatch-image-"))
    folder.chmod(0o755)  # for the image's user
    try:
        image = build(folder)
        python = subprocess.run([image.python, "--version"], capture_output=True, text=True).stdout.strip()
        print(f"{run(image, '--version').stdout.strip()} on {python}")
        with serving(image) as url:
            print(f"{' '.join(image.entrypoint)} serve is healthy at {url}")
    except NotCarriedOut as problem:
        print(problem, file=sys.stderr)
        return 1
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
