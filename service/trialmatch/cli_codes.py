"""The commands about codes."""

from __future__ import annotations

from pathlib import Path

import click

from trialmatch.config import Settings
from trialmatch.console import named, tell, write_json, write_page
from trialmatch.errors import INCOMPLETE, UsageError


@click.group(no_args_is_help=True)
def codes() -> None:
    """See how well the mappings know a hospital's codes and units."""


@codes.command(no_args_is_help=True)
@click.argument("source", type=named, metavar="SOURCE")
@click.option("--format", "form", type=click.Choice(["table", "json"]), default="table", show_default=True)
@click.option("--all", "everything", is_flag=True, help="Every row, not only the first of each table.")
@click.option("--studies", type=named, metavar="PATH|URL", help="Studies: a folder, a Bundle, or an R5 FHIR server.")
def coverage(source: str, form: str, everything: bool, studies: str | None) -> int:
    """Which codes and units of a source no mapping knows, and for how many patients each concept is recorded.

    SOURCE is a Bundle (.json) or a folder of NDJSON. What is missing belongs into a ConceptMap or ValueSet in your
    TRIALMATCH_MAPPINGS folder.

    \b
    Examples
      trialmatch codes coverage export/
      trialmatch codes coverage export/ --format json > coverage.json
    """
    from trialmatch.coverage import coverage as measure
    from trialmatch.coverage import document
    from trialmatch.fhir.sources import from_path
    from trialmatch.usecases import Engine

    if source.startswith(("http://", "https://")):
        raise UsageError("trialmatch codes coverage: SOURCE is a file or folder; export the server's records first")
    engine = Engine.start(Settings.read(studies=studies))
    records = from_path(Path(source))
    found = document(measure(engine, records))
    if form == "json":
        write_json(found)
    else:
        from trialmatch.terminal_coverage import coverage_page

        write_page(lambda width: coverage_page(found, width, everything))
    tell(records.problems)
    return 0 if all(one.state == "complete" for one in records.sources.values()) else INCOMPLETE
