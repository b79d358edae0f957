"""Prescreening runs as jobs: created by a request, carried out by one worker, followed by whoever asks.

A worker takes a run with :func:`claim` and says with every :func:`update` that it is alive. A run whose worker has not
been heard of for a while is taken over by another one; the old one, should it wake up, is told so (Stale).
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal, get_args

from sqlalchemy import Row, func, insert, or_, select
from sqlalchemy import update as sql_update

from trialmatch.errors import Stale
from trialmatch.store.database import Store
from trialmatch.store.tables import runs

State = Literal["queued", "running", "done", "failed", "cancelled"]

#: How long the worker of a run may be silent before the run is taken over.
SILENCE = timedelta(minutes=2)


@dataclass(frozen=True)
class Run:
    """A run: what was asked (``request``), how far it is (``progress``), who asked (``by``), when it began and changed.

    ``holder`` is known to the worker that carries it out.
    """

    id: str
    state: State
    request: dict[str, Any]
    progress: dict[str, Any]
    by: str
    created: datetime
    updated: datetime
    holder: str | None = None

    @property
    def ended(self) -> bool:
        """Whether nothing more will happen to it."""
        return self.state not in ("queued", "running")


def create(store: Store, request: dict[str, Any], *, by: str, at: datetime, run_id: str | None = None) -> Run:
    """A new run, queued, with an id of its own if none is given."""
    run = Run(run_id or uuid.uuid4().hex, "queued", request, {}, by, at, at)
    values = {"id": run.id, "state": run.state, "request": request, "progress": {}, "by": by}
    with store.writing() as connection:
        connection.execute(insert(runs).values(**values, created=at, updated=at))
    return run


def get(store: Store, run_id: str) -> Run | None:
    """A run by its id; None where there is none."""
    with store.reading() as connection:
        row = connection.execute(select(runs).where(runs.c.id == run_id)).first()
    return None if row is None else _run(row)


def listed(store: Store, *, limit: int = 100) -> list[Run]:
    """The newest runs first, whoever asked for them."""
    query = select(runs).order_by(runs.c.created.desc(), runs.c.id).limit(limit)
    with store.reading() as connection:
        return [_run(row) for row in connection.execute(query)]


def claim(store: Store, *, at: datetime, most: int | None = None) -> Run | None:
    """The oldest run that nobody carries out, now held by the caller; None where there is none.

    None also where ``most`` runs are carried out already.
    """
    abandoned = (runs.c.state == "running") & (runs.c.updated < at - SILENCE)
    carried = (runs.c.state == "running") & (runs.c.updated >= at - SILENCE)
    waiting = (
        select(runs).where(or_(runs.c.state == "queued", abandoned)).order_by(runs.c.created, runs.c.id).limit(1)
    )
    with store.reading() as connection:
        if connection.execute(waiting).first() is None:
            return None  # nearly always, and nobody who writes had to wait
    holder = uuid.uuid4().hex
    with store.writing(alone="claim") as connection:
        row = connection.execute(waiting.with_for_update(skip_locked=True)).first()
        under_way = connection.execute(select(func.count()).where(carried)).scalar_one()
        if row is None or (most is not None and under_way >= most):
            return None
        taken = sql_update(runs).where(runs.c.id == row.id).values(state="running", holder=holder, updated=at)
        return _run(connection.execute(taken.returning(*runs.c)).one())


def update(
    store: Store, run: Run, *, at: datetime, state: State | None = None, progress: dict[str, Any] | None = None
) -> Run:
    """Say how far a run is, or that it has ended.

    Raises Stale where it has ended meanwhile (it was cancelled) or another worker has taken it over.
    """
    assert state is None or state in get_args(State)
    values: dict[str, Any] = {"updated": at}
    values |= {} if state is None else {"state": state}
    values |= {} if progress is None else {"progress": progress}
    mine = runs.c.holder.is_(None) if run.holder is None else runs.c.holder == run.holder
    statement = sql_update(runs).where(runs.c.id == run.id, runs.c.state.in_(("queued", "running")), mine)
    with store.writing(lasting=state is not None) as connection:
        row = connection.execute(statement.values(**values).returning(*runs.c)).first()
    if row is None:
        raise Stale(f"run {run.id} has ended, or another worker carries it out")
    return _run(row)


def cancel(store: Store, run_id: str, *, at: datetime) -> bool:
    """End a run before it is done; its worker learns it at its next :func:`update`. False where it had ended."""
    statement = sql_update(runs).where(runs.c.id == run_id, runs.c.state.in_(("queued", "running")))
    with store.writing() as connection:
        return connection.execute(statement.values(state="cancelled", updated=at)).rowcount == 1


def _run(row: Row[Any]) -> Run:
    return Run(**row._mapping)
