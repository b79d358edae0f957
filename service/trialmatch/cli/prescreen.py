"""The command that looks for candidates in a whole hospital."""

from __future__ import annotations

import shutil
from contextlib import nullcontext
from dataclasses import replace
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from trialmatch.cli.console import PATH, day, named, tell, write_page
from trialmatch.config import Settings
from trialmatch.errors import INCOMPLETE, BadInput

if TYPE_CHECKING:  # what takes long to import is imported where it is used, so that --help answers at once
    from trialmatch.prescreen.engine import Order, Progress, Summary
    from trialmatch.usecases.match import Engine

#: Lines about single records that are told on standard error; run.json has them all.
_TOLD = 20


@click.command(no_args_is_help=True, short_help="Find candidates among all patients of a hospital.")
@click.argument("source", type=named, metavar="SOURCE")
@click.option("--out", metavar="DIR", type=PATH, required=True, help="Where the results go.")
@click.option("--study", "study_ids", metavar="ID", multiple=True, help="Only this study; may be given again.")
@click.option("--as-of", type=day, metavar="DATE", help="The day of screening; today if not given.")
@click.option("--since", metavar="DIR", type=PATH, help="An earlier run: also tell what has changed since.")
@click.option("--resume", is_flag=True, help="Go on with a run in DIR that was interrupted.")
@click.option("--jobs", metavar="N", type=click.IntRange(1, 256), help="Processes; all processors if not given.")
@click.option("--engine", type=click.Choice(["local", "spark"]), default="local", show_default=True)
@click.option("--keep-export", metavar="DIR", type=PATH, help="Keep what a server exported in this folder.")
@click.option("--studies", type=named, metavar="PATH|URL", help="Studies: a folder, a Bundle, or an R5 FHIR server.")
@click.option("--lenient", is_flag=True, help="Take in studies that were written elsewhere.")
def prescreen(
    source: str,
    out: Path,
    study_ids: tuple[str, ...],
    as_of: date | None,
    since: Path | None,
    resume: bool,
    jobs: int | None,
    engine: str,
    keep_export: Path | None,
    studies: str | None,
    lenient: bool,
) -> int:
    """Find the candidates for every study among all patients of a hospital.

    SOURCE is a folder of Bulk Data NDJSON (plain or .gz, any number of files), or the URL of a FHIR server that offers
    $export. DIR gets matches.parquet, screening-log.csv, candidates.ndjson (FHIR), attrition.html and run.json, each
    whole or not at all.

    \b
    Examples
      trialmatch prescreen export/ --out tonight
      trialmatch prescreen export/ --out tonight --study NCT06892145
      trialmatch prescreen export/ --out tonight --since last-night
      trialmatch prescreen https://hospital.example/fhir --out tonight
    """
    from trialmatch.prescreen.alone import alone
    from trialmatch.prescreen.engine import Order, Progress
    from trialmatch.prescreen.workers import processors
    from trialmatch.terminal.prescreen import Shown, summary_page
    from trialmatch.usecases.match import Engine

    ready = Engine.start(Settings.read(studies=studies), lenient=lenient)
    tell(ready.studies.warnings)
    if not ready.studies.studies:
        raise BadInput(str(ready.settings.studies), "no study", "at least one ResearchStudy")
    ready.studies.only(study_ids)
    day_of_screening = as_of or datetime.now(ready.settings.zone).date()
    order = Order(Path(source), out, day_of_screening, study_ids, jobs or processors(), resume, since)
    served = source.startswith(("http://", "https://"))
    with alone(out) if served else nullcontext():
        if served:
            order = _exported(order, source, ready, keep_export)
        with Shown() as shown:
            summary = _run(order, ready, engine, Progress(shown.begin, shown.advance))
        if served and keep_export is None:
            shutil.rmtree(order.source)
    write_page(lambda width: summary_page(summary.run, summary.changes, out, width))
    tell(summary.problems[:_TOLD])
    if len(summary.problems) > _TOLD:
        tell([f"and {len(summary.problems) - _TOLD} more lines like these: {out / 'run.json'} has them"])
    return 0 if summary.complete else INCOMPLETE


def _run(order: Order, ready: Engine, engine: str, progress: Progress) -> Summary:
    if engine == "spark":
        from trialmatch.prescreen.spark.engine import run
    else:
        from trialmatch.prescreen.engine import run

    return run(order, ready.studies, ready.terminology, ready.settings, progress)


def _exported(order: Order, url: str, ready: Engine, keep: Path | None) -> Order:
    """The order about what a server exports."""
    from trialmatch.prescreen.from_server import from_server

    hospital = from_server(
        url,
        ready.needs(order.study_ids),
        ready.settings,
        order.out,
        keep=keep,
        since=order.since,
        resume=order.resume,
        tell=lambda words: tell([words]),
    )
    found = hospital.exported
    return replace(
        order,
        source=found.folder,
        partial=found.partial,
        problems=found.problems,
        narrowed=frozenset({"Observation"} if found.narrowed else ()),
        export=hospital.about,
    )
