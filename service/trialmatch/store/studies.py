"""Studies that were added through the service, beside those of the settings."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import func, insert, select

from trialmatch.errors import BadInput, Stale
from trialmatch.store.database import Store
from trialmatch.store.tables import study_additions, study_resources


def add(store: Store, bundle: dict[str, Any], *, by: str, at: datetime, expected: int | None = None) -> int:
    """Keep the resources of a Bundle (or one resource); returns the new revision.

    A resource takes the place of an earlier one with its type and id. Whether they make a study that can be matched,
    beside those that are there, is for the caller to see first: ``expected`` is the revision at which that was seen,
    and Stale says that there is a newer one. BadInput here is only for resources without type or id.
    """
    resources = _resources(bundle)
    # One addition at a time: a lower revision that became visible after a higher one would never be noticed.
    with store.writing(alone="studies") as connection:
        newest = connection.execute(select(_NEWEST)).scalar_one()
        if expected is not None and newest != expected:
            raise Stale("studies have been added since these were read; read them again, then add")
        revision = newest + 1
        connection.execute(insert(study_additions).values(revision=revision, by=by, at=at))
        rows = [
            {"revision": revision, "position": position, "type": one["resourceType"], "id": one["id"], "resource": one}
            for position, one in enumerate(resources)
        ]
        connection.execute(insert(study_resources), rows)
    return revision


def definitions(store: Store) -> list[tuple[str, dict[str, Any]]]:
    """The resources that count, each with a place for messages, in the order in which they were added."""
    row, later = study_resources.c, study_resources.alias()
    replaced = (
        select(1)
        .where(later.c.type == row.type, later.c.id == row.id)
        .where(
            (later.c.revision > row.revision)
            | ((later.c.revision == row.revision) & (later.c.position > row.position))
        )
    )
    query = select(row.revision, row.resource).where(~replaced.exists()).order_by(row.revision, row.position)
    with store.reading() as connection:
        return [(f"added studies (revision {number})", resource) for number, resource in connection.execute(query)]


def revision(store: Store) -> int:
    """A number that grows with every addition; 0 before the first."""
    with store.reading() as connection:
        return int(connection.execute(select(_NEWEST)).scalar_one())


def revisions(store: Store) -> dict[str, int]:
    """The revision at which each ResearchStudy was last added, by its id."""
    row = study_resources.c
    query = select(row.id, func.max(row.revision)).where(row.type == _STUDY).group_by(row.id)
    with store.reading() as connection:
        return {one: int(number) for one, number in connection.execute(query)}


_STUDY = "ResearchStudy"
_NEWEST = func.coalesce(func.max(study_additions.c.revision), 0)


def _resources(bundle: dict[str, Any]) -> list[dict[str, Any]]:
    if bundle.get("resourceType") != "Bundle":
        found = [("", bundle)]
    else:
        entries = enumerate(bundle.get("entry") or ())
        found = [(f"Bundle.entry[{position}].resource", entry.get("resource") or {}) for position, entry in entries]
    if not found:
        raise BadInput("Bundle.entry", "none", "the resources of a study")
    for place, resource in found:
        for name in ("resourceType", "id"):
            if not isinstance(resource.get(name), str):
                raise BadInput(f"{place}.{name}".lstrip("."), "none", "a string")
    return [resource for _, resource in found]
