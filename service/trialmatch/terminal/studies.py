"""Studies on a terminal: what is loaded, and one study's criteria beside what is computed of them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rich.console import RenderableType
from rich.padding import Padding
from rich.text import Text
from rich.tree import Tree

from trialmatch.lines import Json, clean, plural, recruitment

#: Of drafts and retired studies.
_UNMATCHED = "not matched until a person sets its status to active"

_ASKS = {"computed": "computed", "person": "for a person", "text": "only text"}


def studies_page(studies: Sequence[Json], width: int) -> Iterator[RenderableType]:
    """The studies that are loaded, one line each."""
    if not studies:
        yield Text("No study is loaded.")
        return
    first = min(max(len(clean(study["id"])) for study in studies), 30)
    beside = first + len("  active   cohorts  ") + max(len(_size(study)) for study in studies) <= width
    yield Text(f"{'study':{first}}  {'status':8} cohorts{'  criteria' if beside else ''}", style="bold")
    yield Text("─" * width, style="dim")
    for study in studies:
        cohorts = str(len(study["cohorts"]) or "–")
        line = Text.assemble((f"{clean(study['id']):{first}}", "bold"), f"  {clean(study['status']):8} {cohorts:>7}")
        yield line.append(f"  {_size(study)}" if beside else "")
        if study["title"] != study["id"]:
            yield Padding(Text(clean(study["title"]), style="dim"), (0, 0, 0, 2))
        if not beside:
            yield Padding(Text(_size(study)), (0, 0, 0, 2))
        if not study["matched"]:
            yield Padding(Text(f"{clean(study['status'])}: {_UNMATCHED}", style="yellow"), (0, 0, 0, 2))


def _size(study: Json) -> str:
    if not study["eligibilityInRecord"]:
        return "no criteria in record"
    return _rows(study["rows"])


def _rows(counts: Json) -> str:
    computed = f"{counts['computable']} computable, {counts['partly']} partly, {counts['not']} not"
    return f"{plural(sum(counts.values()), 'row')}: {computed}"


def study_page(study: Json, width: int) -> Iterator[RenderableType]:
    """One study: its criteria as printed, and in words what each computes."""
    yield Text.assemble((clean(study["id"]), "bold"), "  ", clean(study["title"]))
    said = [f"status {clean(study['status'])}", recruitment(study["recruitment"]), study["url"] and clean(study["url"])]
    yield Text(", ".join(filter(None, said)), style="dim")
    if not study["matched"]:
        yield Text(f"{clean(study['status'])}: {_UNMATCHED}", style="yellow")
    for cohort in study["cohorts"]:
        yield Text(f"cohort {clean(cohort['id'])}: {clean(cohort['name'])}")
    yield ""
    if not study["items"]:
        yield Text("The record prints no eligibility criteria: the study is undetermined for everybody.")
        return
    if not study["exclusionsInRecord"]:
        yield Text("The record prints no exclusion criteria: nobody can be better than likely.")
        yield ""
    tree = Tree(Text("all of:", style="cyan"), guide_style="dim")
    for item in study["items"]:
        _grow(tree, item, None)
    yield tree
    yield ""
    yield totals(study)


def totals(study: Json) -> Text:
    """How many printed rows are computed, and what their single criteria ask for."""
    counts = study["leaves"]
    said = ", ".join(f"{counts[name]} {words}" for name, words in _ASKS.items())
    single = f"{plural(sum(counts.values()), 'single criterion', 'single criteria')}: {said}"
    return Text(f"{_rows(study['rows'])}. {single}.")


def _grow(tree: Tree, item: Json, parent: Json | None) -> None:
    branch = tree.add(_label(item, parent))
    for child in item["children"]:
        _grow(branch, child, item)


def _label(item: Json, parent: Json | None) -> Text:
    label = Text.assemble((clean(item["linkId"]), "bold"))
    if parent is None or item["kind"] != parent["kind"]:
        label.append(f" {item['kind']}", style="red" if item["kind"] == "exclusion" else "green")
    if item["cohort"] and (parent is None or item["cohort"] != parent["cohort"]):
        label.append(f" [cohort {clean(item['cohort'])}]", style="magenta")
    label.append(f"  {clean(item['text'])}")
    label.append(f"\n→ {_computed(item)}", style="cyan")
    if item["reading"] != "as-printed" or item.get("readingNote"):
        reading = "note" if item["reading"] == "as-printed" else item["reading"]
        said = clean(item.get("readingNote") or "the printed text had lost something")
        label.append(f"\n{reading}: {said}", style="italic dim")
    return label


def _computed(item: Json) -> str:
    negated = bool(item.get("exclude"))
    if "combination" not in item:
        return f"not: {clean(item['computed'])}" if negated else clean(item["computed"])
    words = {
        "all-of": "not all of:" if negated else "all of:",
        "any-of": "none of:" if negated else "any of:",
        "at-least": f"{'not ' if negated else ''}at least {item.get('threshold')} of:",
        "at-most": f"{'not ' if negated else ''}at most {item.get('threshold')} of:",
    }
    return words[item["combination"]]
