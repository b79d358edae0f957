"""The match document as a page that a trial coordinator reads: verdict, why, unmet, missing, to confirm."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

from rich.console import RenderableType
from rich.padding import Padding
from rich.text import Text

from trialmatch.lines import (
    CONFIRMATIONS,
    GAPS,
    Json,
    Row,
    by_way,
    clean,
    confirmations_of,
    gaps_of,
    leaves,
    plural,
    recorded,
    recruitment,
    rows,
)
from trialmatch.terminal.page import grid, heading, shorten, verdict_text

_INDENT = 3

#: Verdicts that say it all.
_PLAIN = {"eligible": "everything is met", "undetermined": "the record prints no criteria"}

_ANSWERS = "What a person has confirmed goes into a file for --attestations: see trialmatch match --help."


def match_page(document: Json, width: int, studied: int) -> Iterator[RenderableType]:
    """A match document; ``studied`` is how many studies were matched, ineligible ones included."""
    yield from header(document)
    found = document["matches"]
    if not found:
        yield ""
        yield no_match(studied)
    if len(found) > 1:
        yield ""
        yield overview(found, width)
    for match in found:
        yield ""
        yield from one_match(match, width)
    if any(confirmations_of(match) for match in found):
        yield ""
        yield Text(_ANSWERS, style="dim")


def no_match(studied: int) -> Text:
    """What is said where nothing is left."""
    if not studied:
        return Text("There is no active study to match against. trialmatch studies list shows what is loaded.")
    which = "The one study rules" if studied == 1 else f"All {studied} studies rule"
    return Text(f"No match today: {which} the patient out. --all shows them, with the reasons.")


def header(document: Json) -> Iterator[RenderableType]:
    """Who, when, and from how much."""
    yield Text.assemble((clean(document["patient"]), "bold"), f", as of {document['asOf']}")
    there, none = recorded(document)
    line = Text("Records: " + (", ".join(there) or "none but the patient"))
    if there and none:
        line.append(f"; no {_listed(none)}", style="dim")
    yield line
    partial = [source for source in document["sources"] if source["state"] != "complete"]
    if partial:
        yield _warning(partial, len(document["sources"]))


def _listed(words: Sequence[str], last: str = "or") -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} {last} {words[-1]}"


def _warning(partial: Sequence[Json], of: int) -> Text:
    def said(source: Json) -> str:
        return ": ".join(clean(source[name]) for name in ("state", "detail") if source[name])

    if len(partial) == of and len({said(source) for source in partial}) == 1:
        words = f"every type of record ({said(partial[0])})"
    else:
        words = "; ".join(f"{source['type']} ({said(source)})" for source in partial)
    return Text(f"! INCOMPLETE  {words}. What hangs on it is unknown, not absent.", style="bold yellow")


def overview(matches: Sequence[Json], width: int) -> Text:
    """One line a match."""
    first = max(len(clean(match["study"]["id"])) for match in matches)
    return Text("\n").join(in_line(match, first, width) for match in matches)


def in_line(match: Json, first: int, width: int) -> Text:
    """Rank, verdict, study (in ``first`` columns) and what stands between."""
    line = Text(f"{match['rank']:>3}  ").append_text(verdict_text(match["verdict"]))
    line.append(" " * (20 - line.cell_len))
    line.append(f" {clean(match['study']['id']):{first}}  ")
    return line.append(shorten(clean(_in_short(match)), max(width - line.cell_len, 10)), style="dim")


def _in_short(match: Json) -> str:
    """What stands between a patient and a study, in a few words."""
    if match["verdict"] in _PLAIN:
        return _PLAIN[match["verdict"]]
    if match["deceased"]:
        return "the patient is deceased"
    decisive = [one for one in match["unmet"] if one["decisive"]]
    decisive = [one for one in decisive if one["basis"] != "no-record"] or decisive
    if decisive:
        return f"{_opening(match)}not met: {', '.join(one['linkId'] for one in decisive)}"
    gaps, confirm = gaps_of(match), confirmations_of(match)
    said = [plural(len(gaps), "data gap")] if gaps else []
    said += [f"{plural(len(confirm), 'point')} to confirm"] if confirm else []
    return ", ".join(said) or match["why"].split(". ")[0]


def _opening(match: Json) -> str:
    """From when the patient may qualify; results that grow too old to count promise nothing."""
    ahead = match["mayQualifyFrom"]
    if ahead is None or all(one["basis"] == "stale" for one in ahead["because"]):
        return ""
    return f"may qualify from {ahead['date']}; "


@dataclass(frozen=True)
class _View:
    """A match and how it is shown: its leaves by linkId, its cohorts' names, the page's width."""

    match: Json
    width: int

    @cached_property
    def leaves(self) -> dict[str, Json]:
        return {leaf["linkId"]: leaf for leaf in leaves(self.match["items"])}

    def cohort(self, item: Json) -> str:
        """The id of the cohort that an item is about, where there are several."""
        cohort = item.get("cohort")
        return f"[{clean(cohort)}] " if cohort and len(self.match["cohorts"]) > 1 else ""

    def room(self, first: int) -> int:
        """The width that is left beside a first column."""
        return self.width - _INDENT - first - 6


def one_match(match: Json, width: int) -> Iterator[RenderableType]:
    """One study: heading, why, cohorts, unmet, missing, to confirm, counts."""
    view, study = _View(match, width), match["study"]
    score = "" if match["score"] is None else f", score {match['score']:.2f}"
    right = verdict_text(match["verdict"], capital=True).append(score, style="not bold")
    yield heading(f"{match['rank']}  {clean(study['id'])}", right, width)
    yield _indented(Text(clean(study["title"]), style="bold"))
    if study["url"]:
        yield _indented(Text(clean(study["url"]), style="dim"))
    if state := recruitment(study["recruitment"]):
        yield _indented(Text(f"Recruitment: {state}", style="yellow"))
    yield _indented(Text(clean(match["why"])))
    yield from _cohorts(match)
    if not match["items"]:
        return
    for section in (_unmet, _missing, _confirm, _conflicts):
        yield from section(view)
    yield ""
    yield _indented(Text(counts_words(match), style="dim"))


def _cohorts(match: Json) -> Iterator[RenderableType]:
    """Each cohort that is not lost by name, the lost ones together."""
    if not match["cohorts"]:
        return
    yield ""
    lost = [cohort for cohort in match["cohorts"] if cohort["verdict"] == "ineligible"]
    lines = [(cohort["verdict"], _cohort_words(cohort)) for cohort in match["cohorts"] if cohort not in lost]
    if lost:
        lines.append(("ineligible", f"cohorts {_listed([clean(cohort['id']) for cohort in lost], 'and')}"))
    yield grid(((verdict_text(verdict), Text(words)) for verdict, words in lines), _INDENT - 2, 15)


def _cohort_words(cohort: Json) -> str:
    identity, name = clean(cohort["id"]), clean(cohort["name"])
    return f"cohort {identity}" + (f": {name}" if name != identity else "")


def _indented(content: RenderableType, more: int = 0) -> Padding:
    return Padding(content, (0, 0, 0, _INDENT + more))


def _title(title: str, rest: str, style: str) -> Padding:
    return _indented(Text.assemble((title, style), f"  {rest}" if rest else ""))


def _unmet(view: _View) -> Iterator[RenderableType]:
    decisive = {one["linkId"] for one in view.match["unmet"] if one["decisive"]}
    if not decisive:
        return
    found = rows(view.match["items"], decisive)
    yield ""
    yield _title("UNMET", f"{plural(len(found), 'criterion', 'criteria')} not met", "bold red")
    first = _first_column(row.link_id for row in found)
    room = view.room(first)
    lines = []
    for row in found:
        body = Text(shorten(view.cohort(row.item) + row.text, room))
        for leaf in row.leaves:
            name = "" if leaf is row.item else f"{clean(leaf['linkId'])}  "
            body.append(f"\n{name}{clean(leaf['reason'])}", style="red")
            body.append(_evidence(leaf), style="dim")
        lines.append((Text(row.link_id, style="bold"), body))
    yield grid(lines, _INDENT, first)


def _evidence(leaf: Json) -> str:
    """The records a leaf rests on, newest two."""
    facts = leaf.get("evidence", [])
    if not facts:
        return ""
    shown = [" ".join(part for part in (fact["date"], clean(fact["reference"])) if part) for fact in facts[:2]]
    more = f" and {len(facts) - 2} more" if len(facts) > 2 else ""
    return f"\n{', '.join(shown)}{more}"


def _missing(view: _View) -> Iterator[RenderableType]:
    gaps = gaps_of(view.match)
    if not gaps:
        return
    yield ""
    yield _title("MISSING", f"{plural(len(gaps), 'gap')} in the data, and what would settle each", "bold yellow")
    kept: dict[tuple[str, str, str], list[Json]] = {}
    for gap in gaps:
        reason = _gap_reason(gap["basis"], view.leaves[gap["linkId"]])
        kept.setdefault((gap["basis"], clean(gap["need"]), reason), []).append(gap)
    first = _first_column((", ".join(clean(one["linkId"]) for one in same) for same in kept.values()), most=20)
    for basis, title in GAPS.items():
        lines = []
        for (of, need, reason), same in kept.items():
            if of == basis:
                body = Text(view.cohort(same[0]) + need)
                if reason:
                    fits = body.cell_len + len(reason) + 3 <= view.room(first)
                    body.append(f" – {reason}" if fits else f"\n{reason}", style="dim")
                lines.append((Text(", ".join(clean(one["linkId"]) for one in same)), body))
        if lines:
            yield _indented(Text(title, style="italic"))
            yield grid(lines, _INDENT, first)


def _gap_reason(basis: str, leaf: Json) -> str:
    """Why data are missing, as far as the heading does not say so already."""
    reason, facts = clean(leaf["reason"]), leaf.get("evidence", [])
    if basis == "missing-data" and reason.startswith("no result of"):
        return ""
    if basis == "stale" and len(facts) == 1 and facts[0]["date"]:
        return f"last of {clean(facts[0]['date'])}"
    return reason


def _confirm(view: _View) -> Iterator[RenderableType]:
    points = confirmations_of(view.match)
    if not points:
        return
    found = rows(view.match["items"], {one["linkId"] for one in points})
    yield ""
    said = f"{plural(len(points), 'point')} a person must confirm, in {plural(len(found), 'criterion', 'criteria')}"
    yield _title("TO CONFIRM", said, "bold cyan")
    grouped = by_way(found)
    first = _first_column(row.link_id for row in found)
    room = view.room(first)
    for name, mine in grouped.items():
        if mine:
            option = " (--infusion)" if name == "date" else ""
            yield _indented(Text(CONFIRMATIONS[name] + option, style="italic"))
            yield grid([(Text(row.link_id), _point(row, view.cohort(row.item), room)) for row in mine], _INDENT, first)


def _point(row: Row, prefix: str, room: int) -> Text:
    parts = f"  {row.parts}" if row.parts else ""
    text = Text(shorten(prefix + row.text, max(room - len(parts), 20)))
    return text.append(parts, style="dim")


def _conflicts(view: _View) -> Iterator[RenderableType]:
    """A person's answers that the record contradicts: the record decides, and the contradiction is shown."""
    found = [leaf for leaf in view.leaves.values() if leaf.get("conflict")]
    if found:
        yield ""
        yield _title("CONFLICT", "a person's answer and the record disagree; the record counts", "bold magenta")
        lines = [(Text(clean(leaf["linkId"])), Text(clean(leaf["conflict"]))) for leaf in found]
        yield grid(lines, _INDENT, _first_column(leaf["linkId"] for leaf in found))


def counts_words(match: Json) -> str:
    """How many leaves came out how."""
    counts = match["counts"]
    bases = [(leaf["basis"], leaf["status"]) for leaf in leaves(match["items"])]
    attested = bases.count(("attested", "met"))
    decisive = sum(one["decisive"] for one in match["unmet"])
    idle, masked = counts["unmet"] - decisive, counts["unknown"] - counts["blocking"]
    said = [f"{counts['met']} met" + (f" ({attested} attested)" if attested else "")]
    if decisive:
        said.append(f"{decisive} unmet that {'decides' if decisive == 1 else 'decide'}")
    if idle:
        said.append(f"{idle} unmet that {'does' if idle == 1 else 'do'} not decide")
    if counts["blocking"]:
        said.append(f"{counts['blocking']} open")
    if masked:
        said.append(f"{masked} unknown that {'does' if masked == 1 else 'do'} not matter")
    return f"Of {plural(len(bases), 'single criterion', 'single criteria')}: {', '.join(said)}."


def _first_column(names: Iterable[str], most: int = 16) -> int:
    lengths = [len(clean(name)) for name in names]
    return max(4, min(most, max(lengths, default=4)))
