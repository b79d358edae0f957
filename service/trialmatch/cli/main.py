"""The command line. Answers go to standard output, everything else to standard error in one line each."""

from __future__ import annotations

import re
import shutil
import sys
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from trialmatch import __version__
from trialmatch.cli.codes import codes
from trialmatch.cli.console import PATH, Commands, day, named, server, tell, write, write_json, write_page
from trialmatch.cli.drafts import import_
from trialmatch.cli.prescreen import prescreen
from trialmatch.cli.serve import serve
from trialmatch.config import Settings
from trialmatch.errors import INCOMPLETE, BadInput, FaultyStudy, UnknownStudy, UsageError
from trialmatch.files import is_folder, readable

if TYPE_CHECKING:  # what takes long to import is imported where it is used, so that --help answers at once
    from trialmatch.fhir.patient.records import Records
    from trialmatch.usecases.start import Engine

EXIT_CODES = """\b
Exit codes
  0  done                          3  bad input: where, what was expected
  2  wrong call or configuration   4  a server cannot be reached or refuses
  5  the answer is printed, but rests on incomplete sources: standard error
     names them
"""

SETTINGS = """\b
Settings are environment variables TRIALMATCH_…: docs/settings.md lists all.
  TRIALMATCH_STUDIES   folder, Bundle or R5 FHIR server of studies; if unset,
                       the shipped trials
  TRIALMATCH_MAPPINGS  folder with your site's codes, over the shipped ones
  TRIALMATCH_TIMEZONE  the site's time zone, such as Europe/Berlin
TRIALMATCH_DEBUG=1 shows the traceback of an internal error.
"""

ATTESTATIONS = """\b
--attestations FILE: what persons have confirmed, a JSON list of answers by
criterion or by judgement
  [{"study": "NCT06892145", "linkId": "E4.a",
    "answer": "met", "by": "who", "at": "2026-02-27"},
   {"judgement": "consent",
    "answer": "met", "by": "who", "at": "2026-02-27", "until": "2027-02-27"}]
“met” for a linkId means that the requirement is fulfilled: for an exclusion,
that it does not apply.
"""


@click.group(
    cls=Commands,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog=f"{EXIT_CODES}\n{SETTINGS}",
)
@click.version_option(__version__, message="trialmatch %(version)s")
def main() -> None:
    """Which clinical trials may a patient qualify for, what stands against it, and what is still missing?

    \b
    Examples
      trialmatch demo
      trialmatch match 123 --from bundle.json
      trialmatch match 123 --from export/ --as-of 2026-03-01 --study NCT06892145
      trialmatch match 123 --fhir https://hospital.example/fhir --format json
      trialmatch prescreen export/ --out tonight
      trialmatch studies list
      trialmatch studies show NCT06892145
      trialmatch studies check my-study.json
      trialmatch studies import record.json --out draft.json
      trialmatch codes coverage export/
      trialmatch serve
    """


def _engine(studies: str | None, lenient: bool) -> Engine:
    """Settings, mappings and studies; warnings about studies are told."""
    from trialmatch.usecases.start import Engine

    engine = Engine.start(Settings.read(studies=studies), lenient=lenient)
    tell(engine.studies.warnings)
    if not engine.studies.studies:
        raise BadInput(str(engine.settings.studies), "no study", "at least one ResearchStudy")
    return engine


#: What an id of a resource on a FHIR server looks like (https://hl7.org/fhir/R4/datatypes.html#id).
_FHIR_ID = re.compile(r"[A-Za-z0-9.-]{1,64}")

_STUDIES = click.option(
    "--studies", type=named, metavar="PATH|URL", help="Studies: a folder, a Bundle, or an R5 FHIR server."
)
_LENIENT = click.option("--lenient", is_flag=True, help="Take in studies that were written elsewhere.")


@main.command(
    epilog=f"{ATTESTATIONS}\n{EXIT_CODES}\n{SETTINGS}",
    no_args_is_help=True,
    short_help="Match one patient against the studies.",
)
@click.argument("patient_id")
@click.option("--fhir", "url", type=server, metavar="URL", help="The hospital's FHIR server (R4).")
@click.option("--from", "path", metavar="PATH", type=PATH, help="A Bundle (.json) or a folder of NDJSON.")
@click.option("--study", "study_ids", metavar="ID", multiple=True, help="Only this study; may be given again.")
@click.option("--as-of", type=day, metavar="DATE", help="The day of screening; today if not given.")
@click.option("--enrolment", type=day, metavar="DATE", help="The planned day of enrolment; as-of if not given.")
@click.option("--infusion", type=day, metavar="DATE", help="The planned day of infusion; unknown if not given.")
@click.option("--attestations", metavar="FILE", type=PATH, help="What persons have confirmed (JSON, see below).")
@click.option("--format", "form", type=click.Choice(["table", "json", "fhir"]), default="table", show_default=True)
@click.option(
    "--all", "everything", is_flag=True, help="Also studies that rule the patient out, and from when one may open."
)
@_STUDIES
@_LENIENT
def match(
    patient_id: str,
    url: str | None,
    path: Path | None,
    study_ids: tuple[str, ...],
    as_of: date | None,
    enrolment: date | None,
    infusion: date | None,
    attestations: Path | None,
    form: str,
    everything: bool,
    studies: str | None,
    lenient: bool,
) -> int:
    """Match one patient: ranked studies with what is unmet, missing and to be confirmed.

    PATIENT_ID is Patient.id, also as Patient/ID. Give either --from or --fhir.

    \b
    Examples
      trialmatch match 123 --from bundle.json
      trialmatch match 123 --from export/ --all
      trialmatch match Patient/123 --fhir https://hospital.example/fhir
      trialmatch match 123 --from bundle.json --format json > matches.json
    """
    from trialmatch.usecases.match import Question, match_patient

    if (url is None) == (path is None):
        raise UsageError("trialmatch match: give either --fhir URL or --from PATH (see trialmatch match --help)")
    kind, slash, _ = patient_id.strip().split("/_history/")[0].rpartition("/")
    if slash and kind != "Patient" and not kind.endswith("/Patient"):
        raise UsageError("trialmatch match: PATIENT_ID names no Patient; expected Patient.id, also as Patient/ID")
    patient_id = patient_id.strip().removeprefix("Patient/")
    if not patient_id:
        raise UsageError("trialmatch match: PATIENT_ID is empty")
    if url is not None and not _FHIR_ID.fullmatch(patient_id):
        raise UsageError("trialmatch match: PATIENT_ID is no FHIR id; expected 1 to 64 letters, digits, - and .")
    engine = _engine(studies, lenient)
    in_play = engine.studies.only(study_ids)
    only = in_play.matchable[0].id if len(in_play.matchable) == 1 else None
    answers = _attestations(attestations, engine, only) if attestations else ()
    records, place = _records(patient_id, url, path, engine, study_ids)
    now = datetime.now(engine.settings.zone)
    question = Question(
        as_of or now.date(), study_ids, enrolment, infusion, tuple(answers), everything,
        attestations_place=str(attestations),
    )  # fmt: skip
    answer = match_patient(engine, records, patient_id, question, place)
    if form == "fhir":
        from trialmatch.fhir.searchset import searchset

        write_json(searchset(answer.matches, answer.sources, now))
    elif form == "json":
        write_json(answer.document(now))
    else:
        from trialmatch.terminal.match import match_page

        document, studied = answer.document(now), len(in_play.matchable)
        write_page(lambda width: match_page(document, width, studied))
    tell(answer.problems)
    return 0 if answer.complete else INCOMPLETE


def _records(
    patient_id: str, url: str | None, path: Path | None, engine: Engine, study_ids: tuple[str, ...]
) -> tuple[Records, str]:
    """The patient's records, and the place to name for them."""
    if url is not None:
        from trialmatch.fhir.hospital.backend_services import Tokens
        from trialmatch.fhir.hospital.server import fetch

        return fetch(url, patient_id, engine.settings, engine.needs(study_ids), Tokens(engine.settings)), url
    from trialmatch.fhir.patient.folder import of_patient
    from trialmatch.fhir.patient.sources import from_path

    assert path is not None
    return of_patient(path, patient_id) if is_folder(path) else from_path(path), str(path)


def _attestations(path: Path, engine: Engine, only: str | None) -> list[Any]:
    from trialmatch.attestations import read
    from trialmatch.fhir.patient.sources import parse

    with readable(path, "a JSON list of attestations"):
        content = path.read_bytes()
    return read(parse(content, str(path)), str(path), engine.settings.zone, only)


@main.group(no_args_is_help=True)
def studies() -> None:
    """List, show, check and import studies.

    \b
    Examples
      trialmatch studies list
      trialmatch studies show NCT06892145
      trialmatch studies check my-study.json
    """


@studies.command("list", short_help="List the studies that are loaded.")
@click.option("--format", "form", type=click.Choice(["table", "json"]), default="table", show_default=True)
@_STUDIES
@_LENIENT
def list_(form: str, studies: str | None, lenient: bool) -> None:
    """List the studies that are loaded: their status, cohorts, and how many of their criteria are computed.

    \b
    Examples
      trialmatch studies list --studies studies/
      trialmatch studies list --format json
    """
    from trialmatch.documents import study_listing

    found = [study_listing(study) for study in _engine(studies, lenient).studies.studies]
    if form == "json":
        write_json(found)
    else:
        from trialmatch.terminal.studies import studies_page

        write_page(lambda width: studies_page(found, width))


@studies.command(no_args_is_help=True, short_help="Show a study's criteria, and what is computed of each.")
@click.argument("study_id", metavar="ID")
@click.option("--format", "form", type=click.Choice(["table", "json"]), default="table", show_default=True)
@_STUDIES
@_LENIENT
def show(study_id: str, form: str, studies: str | None, lenient: bool) -> None:
    """Show one study's criteria: as printed, and in words what is computed of each.

    \b
    Examples
      trialmatch studies show NCT06892145
      trialmatch studies show MY-STUDY --studies my-study.json
    """
    from trialmatch.documents import study_document
    from trialmatch.eligibility.dates import Offset

    engine = _engine(studies, lenient)
    validity = Offset(*engine.settings.validity_period)
    try:
        study = engine.studies.get(study_id)
    except UnknownStudy as problem:
        raise UsageError(f"{problem.name}: {problem.why}") from None
    document = study_document(study, validity, engine.terminology.label)
    if form == "json":
        write_json(document)
    else:
        from trialmatch.terminal.studies import study_page

        write_page(lambda width: study_page(document, width))


@studies.command(no_args_is_help=True, short_help="Check study files, and tell every fault with its place.")
@click.argument("files", nargs=-1, required=True, metavar="FILE...", type=PATH)
@_LENIENT
def check(files: tuple[Path, ...], lenient: bool) -> None:
    """Check study files: against FHIR R5, the profiles, and the rules of the criteria language.

    The files are checked together, so that shared blocks may be files of their own. Each fault is one line: file,
    element path, what was found, what is allowed.

    \b
    Examples
      trialmatch studies check my-study.json
      trialmatch studies check my-study.json shared-blocks.json
    """
    from trialmatch.fhir.study.studies import from_paths
    from trialmatch.usecases.start import check_studies

    settings = Settings.read()
    unreadable: list[str] = []
    holds: dict[Path, list[dict[str, Any]]] = {}
    for file in files:
        try:
            holds[file] = [one.resource for one in from_paths([file], settings)]
            if not any(one["resourceType"] in ("ResearchStudy", "EvidenceVariable") for one in holds[file]):
                raise BadInput(str(file), "no study", "a ResearchStudy or an EvidenceVariable")
        except BadInput as problem:
            unreadable += problem.lines
    if unreadable:
        raise FaultyStudy(unreadable)
    found = check_studies(files, settings, lenient=lenient)
    tell(found.warnings)
    sizes = {study.id: sum(item.leaf is not None for item in study.walk()) for study in found.studies}
    write("".join(f"{file}: fine ({_size(resources, sizes)})\n" for file, resources in holds.items()))


def _size(resources: list[dict[str, Any]], sizes: dict[str, int]) -> str:
    from trialmatch.lines import plural

    ids = [one.get("id") for one in resources if one["resourceType"] == "ResearchStudy"]
    if not ids:
        return plural(sum(one["resourceType"] == "EvidenceVariable" for one in resources), "shared block")
    criteria = sum(sizes.get(str(one), 0) for one in ids)
    return f"{plural(len(ids), 'study', 'studies')}, {plural(criteria, 'criterion', 'criteria')}"


@main.command(short_help="Match patients of an embedded synthetic hospital.")
@click.option("--serve", "as_service", is_flag=True, help="Run the HTTP service with that hospital behind it.")
@click.option("--host", metavar="ADDRESS", help="With --serve: where to listen; 127.0.0.1 if not given.")
@click.option("--port", metavar="PORT", type=click.IntRange(1, 65535), help="With --serve: 8000 if not given.")
def demo(as_service: bool, host: str | None, port: int | None) -> None:
    """Match patients of an embedded synthetic hospital; nothing is needed, and nothing leaves this machine.

    \b
    Examples
      trialmatch demo
      trialmatch demo --serve               the pages and the API
      trialmatch demo --serve --port 8080
    """
    from trialmatch import demo as hospital

    if as_service:
        from trialmatch.cli.serve import run_demo

        return run_demo(host, port, [patient for patient, _ in hospital.SHOWCASE], hospital.INDEX_DATE)
    if host or port:
        raise UsageError("trialmatch demo: --host and --port go with --serve (see trialmatch demo --help)")
    from trialmatch.attestations import read
    from trialmatch.fhir.patient.sources import from_path, parse
    from trialmatch.terminal.demo import Shown, demo_page
    from trialmatch.usecases.match import Engine, Question, match_patient

    engine = Engine.start(Settings.read({}))
    folder, file = hospital.hospital_path(), hospital.attestations_path()
    as_of = date.fromisoformat(hospital.INDEX_DATE)
    answers = tuple(read(parse(file.read_bytes(), str(file)), str(file), engine.settings.zone, None))
    records = from_path(folder)
    asked = [(patient, note, Question(as_of, everything=True)) for patient, note in hospital.SHOWCASE]
    attested = Question(as_of, attestations=answers, everything=True)
    asked.insert(1, (hospital.SHOWCASE[0][0], "the same patient, with the answers of --attestations", attested))
    shown = []
    for patient, note, question in asked:
        answer = match_patient(engine, records, patient, question, str(folder))
        shown.append(Shown(note, answer.document(datetime.now(engine.settings.zone))))
    write_page(lambda width: demo_page(shown, _command(), _relative(folder), _relative(file), width))


def _command() -> str:
    """How this program was called, so that examples can be pasted."""
    called = Path(sys.argv[0])
    if called.name == "__main__.py":
        return f"{Path(sys.executable).name} -m trialmatch"
    on_path = shutil.which("trialmatch")
    if called.name != "trialmatch" or (on_path and Path(on_path).resolve() == called.resolve()):
        return "trialmatch"
    return _relative(called)


def _relative(path: Path) -> str:
    """A path as short as it can be from here."""
    try:
        return str(path.absolute().relative_to(Path.cwd()))
    except (ValueError, OSError):
        return str(path)


studies.add_command(import_)
main.add_command(codes)
main.add_command(prescreen)
main.add_command(serve)

if __name__ == "__main__":
    main()
