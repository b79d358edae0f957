"""The commands about codes."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from trialmatch.cli.console import named, stopped_softly, tell, write_json, write_page
from trialmatch.config import Settings
from trialmatch.errors import INCOMPLETE, UsageError
from trialmatch.files import is_folder

if TYPE_CHECKING:  # what takes long to import is imported where it is used, so that --help answers at once
    from trialmatch.coverage.codes import Coverage
    from trialmatch.usecases.match import Engine


@click.group(no_args_is_help=True)
def codes() -> None:
    """See how well the mappings know a hospital's codes and units.

    \b
    Examples
      trialmatch codes coverage export/
    """


@codes.command(no_args_is_help=True, short_help="Tell which codes and units no mapping knows.")
@click.argument("source", type=named, metavar="SOURCE")
@click.option("--format", "form", type=click.Choice(["table", "json"]), default="table", show_default=True)
@click.option("--all", "everything", is_flag=True, help="Every row, not only the first of each table.")
@click.option("--jobs", metavar="N", type=click.IntRange(1, 256), help="Processes; all processors if not given.")
@click.option("--studies", type=named, metavar="PATH|URL", help="Studies: a folder, a Bundle, or an R5 FHIR server.")
def coverage(source: str, form: str, everything: bool, jobs: int | None, studies: str | None) -> int:
    """Which codes and units of a source no mapping knows, and for how many patients each concept is recorded.

    SOURCE is a Bundle (.json), a file of NDJSON, or a folder of it, such as the Bulk Data export of a whole hospital.
    The records of a folder are laid out by patients in a temporary folder, which takes as much room as its files have
    unpacked; TMPDIR says where. What is missing belongs into a ConceptMap or ValueSet in your TRIALMATCH_MAPPINGS
    folder: docs/codes.md shows it from start to end.

    \b
    Examples
      trialmatch codes coverage export/
      trialmatch codes coverage export/ --format json > coverage.json
    """
    from trialmatch.coverage.codes import document
    from trialmatch.usecases.match import Engine

    if source.startswith(("http://", "https://")):
        raise UsageError("trialmatch codes coverage: SOURCE is a file or folder; export the server's records first")
    engine = Engine.start(Settings.read(studies=studies))
    tell(engine.studies.warnings)
    found = _measured(engine, Path(source), jobs)
    told = document(found)
    if form == "json":
        write_json(told)
    else:
        from trialmatch.terminal.coverage import coverage_page

        write_page(lambda width: coverage_page(told, width, everything))
    tell(found.problems)
    return 0 if found.complete else INCOMPLETE


def _measured(engine: Engine, path: Path, jobs: int | None) -> Coverage:
    if not is_folder(path):
        from trialmatch.coverage.codes import coverage as measure
        from trialmatch.fhir.patient.sources import from_path

        return measure(engine, from_path(path))
    from trialmatch.coverage.folder import coverage_of_folder
    from trialmatch.prescreen.progress import Progress
    from trialmatch.prescreen.workers import processors
    from trialmatch.terminal.prescreen import Shown

    with stopped_softly(), Shown({"fetch": "patients' records"}, bars_only=True) as shown:
        return coverage_of_folder(engine, path, jobs or processors(), Progress(shown.begin, shown.advance))
