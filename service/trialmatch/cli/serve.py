"""``trialmatch serve``, and the demo as a service."""

from __future__ import annotations

import json
import shlex
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date, datetime
from pathlib import Path

import click

from trialmatch.cli.console import write
from trialmatch.config import Settings

_HELP = """\b
Settings are environment variables TRIALMATCH_…: docs/settings.md lists all.
  TRIALMATCH_FHIR_SERVER  the hospital's FHIR server (R4), from which patients
                          are fetched
  TRIALMATCH_ISSUERS      whose bearer tokens are accepted; without any, only
                          this machine is served
  TRIALMATCH_DATABASE     where studies, answers and the audit log are kept; a
                          file in this folder if not given
  TRIALMATCH_PUBLIC_URL   the address under which others reach the service

\b
Logs are JSON lines on standard error, without a patient's values. SIGTERM and
Ctrl-C let running requests end.

\b
Exit codes
  0  stopped                       3  a bad study or mapping
  2  wrong call or configuration   4  the database or the studies' server
                                      cannot be used
"""


@click.command(epilog=_HELP, short_help="Run the HTTP service.")
@click.option("--host", metavar="ADDRESS", help="Where to listen; 127.0.0.1 if not given.")
@click.option("--port", metavar="PORT", type=click.IntRange(1, 65535), help="8000 if not given.")
@click.option("--workers", metavar="N", type=click.IntRange(1), help="Processes; one for each processor if not given.")
def serve(host: str | None, port: int | None, workers: int | None) -> None:
    """Run the HTTP service: API, FHIR operation, CDS Hooks, pages.

    \b
    Examples
      TRIALMATCH_FHIR_SERVER=https://hospital.example/fhir trialmatch serve
      trialmatch serve --port 8080 --workers 4
      trialmatch demo --serve          with a synthetic hospital, to look around
    """
    run(Settings.read(host=host, port=port, workers=workers))


def run(settings: Settings, more: str = "", clock: Callable[[], datetime] | None = None) -> None:
    """Serve until a signal ends it; ``more`` is said after the address, ``clock`` tells another present."""
    from trialmatch.web.serve import serve as run_server

    def ready(url: str) -> None:
        write(f"trialmatch answers at {url} (API: {url}/docs); Ctrl-C stops it\n{more.replace('URL', url)}")

    run_server(settings, ready, clock)


def run_demo(host: str | None, port: int | None, patients: list[str], as_of: str) -> None:
    """Serve with the demo hospital behind, and a database that is gone afterwards. Today is the hospital's own day."""
    from trialmatch.demo import hospital_path

    day = date.fromisoformat(as_of)
    with _hospital() as hospital, tempfile.TemporaryDirectory(prefix="trialmatch-") as folder:
        kept = Path(folder) / "prescreens"
        kept.mkdir()
        settings = Settings.read(
            {}, fhir_server=hospital, database=f"sqlite:///{Path(folder) / 'demo.sqlite'}", host=host, port=port,
            prescreen_sources=str(hospital_path()), prescreen_dir=str(kept),
        )  # fmt: skip
        first = patients[0]
        order = shlex.quote(json.dumps({"source": str(hospital_path()), "asOf": as_of}))
        run(
            settings,
            f"Behind it is a synthetic hospital ({hospital}) with patients such as {', '.join(patients)}.\n\n"
            "What to try next, in another terminal\n"
            f"  curl -s 'URL/api/v1/patients/{first}/matches?as_of={as_of}'\n"
            f"  curl -s 'URL/fhir/Patient/{first}/$match-trials?as-of={as_of}'\n"
            "  curl -s URL/api/v1/studies\n"
            f"  curl -s URL/api/v1/prescreens -H 'Content-Type: application/json' -d {order}\n"
            f"or in a browser: URL to begin, URL/patients/{first}, and URL/docs\n",
            lambda: datetime.combine(day, datetime.now(settings.zone).timetz()),
        )


@contextmanager
def _hospital() -> Iterator[str]:
    """The demo hospital's server in a process of its own; it ends with this one, however this one ends."""
    command = [sys.executable, "-m", "trialmatch.demo.server"]
    # a session of its own: Ctrl-C is for the service, which still has requests to end
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True)
    assert process.stdin is not None and process.stdout is not None
    try:
        yield process.stdout.readline().decode().strip()
    finally:
        process.stdin.close()
        process.wait()
