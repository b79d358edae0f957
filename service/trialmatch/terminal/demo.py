"""The page of ``trialmatch demo``: a few patients of the synthetic hospital, briefly, and what to try next."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from rich.console import RenderableType
from rich.text import Text

from trialmatch.lines import GAPS, Json, by_way, clean, confirmations_of, gaps_of, leaves, plural, rows
from trialmatch.terminal.match import counts_words, in_line
from trialmatch.terminal.page import grid

#: The study that the demo hospital's patients are written around.
STUDY = "NCT06892145"

_INDENT, _FIRST = 3, 10

#: How points are settled, in a few words: what is needed, for one line and for several.
_WAYS = {
    "person": ("needs a person's answer", "need a person's answer"),
    "chart": ("needs a look in the chart", "need a look in the chart"),
    "both": ("needs both", "need both"),
    "open": ("has an open list", "have open lists"),
    "read": ("is only text", "are only text"),
    "date": ("hangs on a date not known yet", "hang on a date not known yet"),
}


@dataclass(frozen=True)
class Shown:
    """A patient's match document, and what there is to see in it."""

    note: str
    document: Json


def demo_page(
    shown: Sequence[Shown], command: str, hospital: str, attestations: str, width: int
) -> Iterator[RenderableType]:
    """The patients in turn. ``command`` is how to call this program; the paths are for the examples at the end."""
    as_of = shown[0].document["asOf"]
    yield Text(f"Patients of a synthetic hospital against the shipped trials, as of {as_of}. Nobody here is real.")
    for number, one in enumerate(shown, start=1):
        patient = clean(one.document["patient"]).removeprefix("Patient/")
        yield ""
        yield Text.assemble((f"{number}. {patient}", "bold"), f" – {one.note}")
        first = max(len(clean(match["study"]["id"])) for match in one.document["matches"])
        for match in one.document["matches"]:
            yield in_line(match, first, width)
            if match["study"]["id"] == STUDY:
                yield grid(_brief(match), _INDENT, _FIRST)
    yield ""
    yield Text("What to try next", style="bold")
    for words, arguments in _examples(shown, hospital, attestations, as_of):
        if words:
            yield Text(f"  {words}")
        yield Text(f"    {command} {arguments}", style="cyan", no_wrap=True)


def _brief(match: Json) -> Iterator[tuple[Text, Text]]:
    """What one match comes to, as lines of a name and a paragraph."""
    by_id = {leaf["linkId"]: leaf for leaf in leaves(match["items"])}
    decisive = [one for one in match["unmet"] if one["decisive"]]
    if decisive:
        said = "\n".join(f"{clean(one['linkId'])}  {clean(one['reason'])}" for one in decisive)
        yield Text("Unmet", style="bold red"), Text(said)
    for basis, title in GAPS.items():
        mine = [gap for gap in gaps_of(match) if gap["basis"] == basis]
        if mine and basis == "missing-data":
            needs = dict.fromkeys(clean(gap["need"]).removesuffix(": a result") for gap in mine)
            yield Text("Missing", style="bold yellow"), Text(f"{title}: {', '.join(needs)}")
        elif mine:
            said = "".join(f"\n{clean(gap['linkId'])}  {clean(by_id[gap['linkId']]['reason'])}" for gap in mine)
            yield Text("Missing", style="bold yellow"), Text(f"{title}:{said}")
    points = confirmations_of(match)
    if points:
        found = rows(match["items"], {one["linkId"] for one in points})
        ways = [f"{len(mine)} {_WAYS[way][len(mine) > 1]}" for way, mine in by_way(found).items() if mine]
        said = f"{plural(len(points), 'point')} in {plural(len(found), 'criterion', 'criteria')}: {', '.join(ways)}"
        yield Text("To confirm", style="bold cyan"), Text(said)
    if match["verdict"] == "eligible":
        yield Text("Met", style="bold green"), Text(counts_words(match))


def _examples(shown: Sequence[Shown], hospital: str, attestations: str, as_of: str) -> Iterator[tuple[str, str]]:
    first = clean(shown[0].document["patient"]).removeprefix("Patient/")
    match = f"match {first} --from {shlex.quote(hospital)} --as-of {as_of}"
    yield "the whole page of one patient, then with what persons have confirmed", match
    yield "", f"{match} --attestations {shlex.quote(attestations)}"
    yield "the same as a document for programs (or --format fhir)", f"{match} --format json"
    yield "how the trial is read: its criteria as printed, and what is computed", f"studies show {STUDY}"
    yield "your own patient and trials", "match PATIENT_ID --from BUNDLE_OR_FOLDER --studies FOLDER"
    yield "all the rest", "--help"
