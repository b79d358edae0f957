"""Business identifiers by which records name their patients, and the Patients who bear them.

A record may name its patient by reference, by business identifier, or by both, and then not always the same one: it is
about each of them (records.is_about).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from duckdb import DuckDBPyConnection

from trialmatch.prescreen.closer import Identifier
from trialmatch.prescreen.columns import SYSTEM, VALUE


class Bearers:
    """The tables ``claimed``, of identifiers that records name, and ``bearer``, of Patients who bear one of them."""

    def __init__(self, base: DuckDBPyConnection) -> None:
        self.base = base
        base.execute("CREATE TABLE claimed (system VARCHAR, value VARCHAR)")
        base.execute("CREATE TABLE bearer (id VARCHAR, system VARCHAR, value VARCHAR, claim UBIGINT)")

    def claimed(self, rows: str) -> None:
        """Identifiers that records name: the ``system`` and ``value`` of a table, where it has both."""
        self.base.execute(
            f"INSERT INTO claimed SELECT DISTINCT system, value FROM {rows} "
            "WHERE system IS NOT NULL AND value IS NOT NULL"
        )

    def add_claimed(self, identifiers: Iterable[Identifier]) -> None:
        """Identifiers that records name which were found in a closer look."""
        told = list(identifiers)
        self.base.execute(
            "INSERT INTO claimed SELECT unnest(?::VARCHAR[]), unnest(?::VARCHAR[])",
            [[system for system, _ in told], [value for _, value in told]],
        )

    def asked(self) -> bool:
        """Whether there is any identifier whose bearer is to be found."""
        return bool(self.base.execute("SELECT 1 FROM claimed LIMIT 1").fetchall())

    def read(self, patients: str) -> None:
        """Find bearers among the rows of ``resourceType``, ``id`` and ``identifier`` (JSON) of a file."""
        self._add(f"""
            SELECT id, {SYSTEM} AS system, {VALUE} AS value
            FROM (SELECT id, unnest(CASE WHEN json_type(identifier) = 'ARRAY' THEN identifier->'$[*]' END) AS identifier
                  FROM {patients} WHERE resourceType = 'Patient' AND id IS NOT NULL)""")

    def add(self, patients: Sequence[tuple[Identifier, str]]) -> None:
        """Find bearers among Patients (by id) and their identifiers."""
        self._add(
            "SELECT unnest(?::VARCHAR[]) AS id, unnest(?::VARCHAR[]) AS system, unnest(?::VARCHAR[]) AS value",
            [
                [identity for _, identity in patients],
                [system for (system, _), _ in patients],
                [value for (_, value), _ in patients],
            ],
        )

    def _add(self, rows: str, values: Sequence[object] = ()) -> None:
        self.base.execute(
            "INSERT INTO bearer SELECT DISTINCT id, system, value, hash(system, value) "
            f"FROM ({rows}) SEMI JOIN claimed USING (system, value)",
            values,
        )

    def of(self, identifiers: Iterable[Identifier]) -> list[tuple[Identifier, str]]:
        """Who bears some identifiers, as ids of Patients."""
        told = list(identifiers)
        return self._found(
            "(SELECT unnest(?::VARCHAR[]) AS system, unnest(?::VARCHAR[]) AS value) USING (system, value)",
            [[system for system, _ in told], [value for _, value in told]],
        )

    def borne(self, ids: Iterable[str]) -> list[tuple[Identifier, str]]:
        """Which identifiers some Patients bear."""
        return self._found("(SELECT unnest(?::VARCHAR[]) AS id) USING (id)", [list(ids)])

    def _found(self, asked: str, values: Sequence[object]) -> list[tuple[Identifier, str]]:
        rows = f"SELECT DISTINCT system, value, id FROM bearer SEMI JOIN {asked} ORDER BY ALL"
        return [((system, value), identity) for system, value, identity in self.base.execute(rows, values).fetchall()]
