"""Real FHIR servers on the loopback address: built where need be, started, and stopped with whoever started them."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

HERE = Path(__file__).parent
HAPI = HERE / "hapi"
MEDPLUM = HERE / "medplum"


class Missing(Exception):
    """What this machine lacks for a server, in words."""


def _tool(name: str, package: str) -> str:
    found = shutil.which(name)
    if found is None:
        raise Missing(f"{name} is not installed (Debian, Ubuntu: apt-get install {package})")
    return found


@contextmanager
def _serving(command: Sequence[str], port: int) -> Iterator[str]:
    """The base URL of a server that prints it on its first line and ends when its standard input does."""
    with tempfile.TemporaryFile() as log:
        server = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
            env={**os.environ, "PORT": str(port)},
        )
        assert server.stdin is not None and server.stdout is not None
        try:
            address = server.stdout.readline().decode().strip()
            if not address:
                server.wait(30)
                log.seek(0)
                said = log.read().decode(errors="replace").splitlines()
                raise RuntimeError("\n".join([f"{command[0]} did not start ({server.returncode})", *said[-20:]]))
            yield address
        finally:
            server.stdin.close()
            try:
                server.wait(10)
            except subprocess.TimeoutExpired:
                server.kill()
                server.wait()
            server.stdout.close()


def _run(command: list[str], folder: Path) -> None:
    made = subprocess.run(
        command, cwd=folder, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    if made.returncode:
        raise RuntimeError(f"{' '.join(command)} in {folder.name}/ failed:\n{made.stdout[-4000:]}")


def build_hapi() -> list[str]:
    """The command that starts HAPI. Maven makes it unless it is there and newer than what it is made from."""
    java, maven = _tool("java", "default-jdk-headless"), _tool("mvn", "maven")
    jar, classpath = HAPI / "target/hapi.jar", HAPI / "target/classpath"
    sources = [HAPI / "pom.xml", *(HAPI / "src").rglob("*.*")]
    fresh = (
        classpath.is_file()
        and classpath.stat().st_mtime > max(one.stat().st_mtime for one in sources)
        and all(Path(one).is_file() for one in [str(jar), *classpath.read_text().split(os.pathsep)])
    )
    if not fresh:
        _run([maven, "--quiet", "--batch-mode", "-Dstyle.color=never", "package"], HAPI)
    # The quick compiler alone: most of what HAPI does here is to start.
    flags = ["-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-Xmx2g"]
    return [java, *flags, "-cp", f"{jar}{os.pathsep}{classpath.read_text()}", "trialmatch.contract.hapi.Main"]


@contextmanager
def hapi(port: int = 0) -> Iterator[str]:
    """A HAPI FHIR JPA server (R4, H2 in memory), empty. Raises Missing without Java or Maven."""
    with _serving(build_hapi(), port) as url:
        yield url


def build_medplum() -> list[str]:
    """The command that starts Medplum's repository, after ``npm ci`` unless the lockfile's packages are there."""
    node, npm = _tool("node", "nodejs"), _tool("npm", "npm")
    installed = MEDPLUM / "node_modules/.package-lock.json"
    if not installed.is_file() or installed.stat().st_mtime < (MEDPLUM / "package-lock.json").stat().st_mtime:
        _run([npm, "ci", "--no-progress", "--no-update-notifier"], MEDPLUM)
    return [node, str(MEDPLUM / "server.mjs")]


@contextmanager
def medplum(port: int = 0) -> Iterator[str]:
    """Medplum's MemoryRepository (R4) behind its router, empty. Raises Missing without Node.js or npm."""
    with _serving(build_medplum(), port) as url:
        yield url
