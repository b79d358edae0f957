"""A study as a page: its criteria as printed, each with what is asked for it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from trialmatch.documents import study_document
from trialmatch.eligibility.criteria import Study
from trialmatch.eligibility.dates import Offset
from trialmatch.eligibility.rows import computable, printed_rows
from trialmatch.lines import recruitment
from trialmatch.usecases.match import Engine
from trialmatch.web.pages.match import anchor, parts

Json = dict[str, Any]


def page(study: Study, engine: Engine) -> Json:
    """The variables of the template."""
    document = study_document(study, Offset(*engine.settings.validity_period), engine.terminology.label)
    return {
        "study": document,
        "recruitment": recruitment(document["recruitment"]),
        "sections": list(_sections(study, document)),
        "extents": {row.link_id: computable(row) for row in printed_rows(study)},
        "negated": {item.link_id for item in study.walk() if item.exclude != item.flipped},
        "link": document["url"] if (document["url"] or "").startswith(("https://", "http://")) else None,
        "anchor": lambda item: anchor(study.id, item["linkId"]),
    }


def _sections(study: Study, document: Json) -> Iterator[Json]:
    names = {cohort["id"]: cohort for cohort in document["cohorts"]}
    for items, is_cohort in parts(document["items"], {item.link_id: item for item in study.walk()}):
        first = items[0]
        name = {"id": first["cohort"], "name": first["text"]}
        inside = is_cohort and first["children"]
        yield {
            "kind": first["kind"],
            "cohort": names.get(first["cohort"], name) if is_cohort else None,
            "combination": first if inside and first["combination"] != "all-of" else None,
            "items": first["children"] if inside else items,
        }
