"""The command that makes draft studies of registry records."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from trialmatch.cli.console import PATH, tell, write
from trialmatch.config import Settings

if TYPE_CHECKING:  # what takes long to import is imported where it is used, so that --help answers at once
    from trialmatch.registry.drafts import Draft


@click.command("import", no_args_is_help=True, short_help="Make a draft study of a ClinicalTrials.gov record.")
@click.argument("file", metavar="FILE", type=PATH)
@click.option("--out", metavar="FILE", type=PATH, help="Where the draft goes; standard output if not given.")
def import_(file: Path, out: Path | None) -> None:
    """Make a draft study of a ClinicalTrials.gov record.

    FILE is the record as JSON of the registry's API version 2, or a page of several. Title, status, phase, conditions,
    sponsor, arms, sites, age and sex are taken from its fields. The eligibility text is split into numbered criteria,
    each with its printed text. A rule reads a criterion to its last word or not at all: what is read is marked
    “inferred”, all else stays text. docs/import.md lists the rules.

    \b
    The draft is never matched until a person activates it:
      1. read it beside the record
           trialmatch studies show NCT06892145 --studies draft.json
      2. complete and correct it, and mark the disease a patient must have
         (extension absence = absent)
      3. set "status" of the ResearchStudy to "active", and see that it is fine
           trialmatch studies check draft.json
      4. put the file into your TRIALMATCH_STUDIES folder, or add it with
         POST /api/v1/studies

    \b
    Examples
      curl -o record.json https://clinicaltrials.gov/api/v2/studies/NCT06892145
      trialmatch studies import record.json --out draft.json
      trialmatch studies import record.json > draft.json
    """
    import orjson

    from trialmatch.registry.drafts import bundle
    from trialmatch.usecases.drafts import import_records, keep

    drafts = import_records(file, Settings.read())
    content = orjson.dumps(bundle(drafts), option=orjson.OPT_INDENT_2) + b"\n"
    if out is None:
        write(content.decode())
    else:
        keep(content, out)
    tell(_summary(drafts, out))


def _summary(drafts: Sequence[Draft], out: Path | None) -> Iterator[str]:
    """What was read, and what a person does next."""
    from trialmatch.lines import plural

    for one in drafts:
        if not one.criteria:
            yield f"{one.id}: the record prints no eligibility"
            continue
        number = plural(one.criteria, "criterion", "criteria")
        missing = "" if one.exclusions_in_record else "; the record prints no exclusions"
        yield f"{one.id}: {number}, {one.read} read by a rule or from a field, {one.text} only text{missing}"
    first, file = drafts[0].id, out or "FILE"
    drafted = "It is a draft and is" if len(drafts) == 1 else "They are drafts and are"
    yield (
        f"{drafted} not matched. Next: read it beside the record (trialmatch studies show {first} --studies {file}), "
        "correct it, set its status to active (trialmatch studies import --help)"
    )
