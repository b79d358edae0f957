"""What executors do, done in this process: a survey in pieces, what goes to and fro, and what they refuse."""

from __future__ import annotations

import dataclasses
import gc
import pickle
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest
from trialmatch.errors import BadInput, UsageError
from trialmatch.prescreen import engine as prescreen
from trialmatch.prescreen import inputs
from trialmatch.prescreen.engine import Order
from trialmatch.prescreen.inputs import Input
from trialmatch.prescreen.spark import survey as spark_survey
from trialmatch.prescreen.spark import tasks as spark_tasks
from trialmatch.prescreen.spark.survey import Spread
from trialmatch.prescreen.survey import Survey
from trialmatch.prescreen.workers import Shared, Workers
from trialmatch.usecases.match import Engine

from tests.prescreen.hospital import AS_OF
from tests.spark.hospital import alike, generated


@pytest.fixture(autouse=True)
def _collector() -> Iterator[None]:
    """An executor settles its garbage collector for good; here it is as before afterwards."""
    before = gc.get_threshold()
    yield
    gc.set_threshold(*before)
    gc.unfreeze()


class _Pieces(Workers):
    """Workers of this process, with the survey that executors make."""

    def survey(self, scratch: Path, size: int) -> Survey:
        return Spread(self, scratch, 200)


def _in_pieces(engine: Engine, source: Path, out: Path) -> None:
    order = Order(source, out, AS_OF)
    made = lambda own, folder: _Pieces(own, 1)  # noqa: E731
    prescreen.run(order, engine.studies, engine.terminology, engine.settings, workers=made)


def test_a_survey_in_pieces(engine: Engine, hospital: Path, local: Path, tmp_path: Path) -> None:
    _in_pieces(engine, hospital, tmp_path / "out")
    alike(local, tmp_path / "out")


def test_pieces_that_end_inside_lines(engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of 700 bytes: most hold one or two lines, some none."""
    hospital = generated(tmp_path / "in", 40)
    monkeypatch.setattr(inputs, "RANGE", 700)
    monkeypatch.setattr(spark_survey, "RANGE", 700)
    monkeypatch.setattr(spark_survey, "_PIECE", 700)
    monkeypatch.setattr(spark_survey, "_RECORDS", 100)  # records that are there again are looked for in shares, too
    monkeypatch.setattr(spark_survey, "_PIECES", 20)
    whole = Order(hospital, tmp_path / "whole", AS_OF)
    prescreen.run(whole, engine.studies, engine.terminology, engine.settings)
    _in_pieces(engine, hospital, tmp_path / "pieces")
    alike(tmp_path / "whole", tmp_path / "pieces")


def test_the_work_sent_to_an_executor(engine: Engine, tmp_path: Path) -> None:
    """Studies and mappings survive the way: judged there as here (the tests on a cluster compare all bytes)."""
    own = Shared(engine.studies.studies, engine.terminology, engine.settings, AS_OF)
    units = engine.terminology.knowledge.units
    assert units.is_ucum("furlong") is False and "_registry" in vars(units)  # pint's, which cannot be sent
    spark_tasks.leave(tmp_path / "shared.pickle", own)
    served = spark_tasks.serve(str(tmp_path / "shared.pickle"), pickle.dumps(_day))
    assert spark_tasks.told(served(pickle.dumps("item"))) == ("item", AS_OF)


def _day(item: str) -> tuple[str, date]:
    from trialmatch.prescreen.workers import shared

    return item, shared().as_of


def _refuses(item: Path) -> None:
    raise BadInput(str(item), "no NDJSON", "NDJSON of FHIR")


def test_an_error_of_ours_comes_back_as_it_is(engine: Engine, tmp_path: Path) -> None:
    own = Shared((), engine.terminology, engine.settings, AS_OF)
    spark_tasks.leave(tmp_path / "shared.pickle", own)
    served = spark_tasks.serve(str(tmp_path / "shared.pickle"), pickle.dumps(_refuses))
    result = served(pickle.dumps(Path("a.ndjson")))
    with pytest.raises(BadInput, match=r"^a\.ndjson: no NDJSON; expected NDJSON of FHIR$"):
        spark_tasks.told(result)


def _refused(path: Path) -> str:
    served = spark_tasks.serve(str(path), pickle.dumps(_day))
    result = served(pickle.dumps("item"))
    with pytest.raises(UsageError) as caught:
        spark_tasks.told(result)
    return str(caught.value)


def test_a_work_folder_that_is_not_shared(tmp_path: Path) -> None:
    words = _refused(tmp_path / "tonight" / ".prescreen" / "shared.pickle")
    assert words.startswith(f"--out {tmp_path / 'tonight'}: ")
    assert words.endswith("cannot read it; expected a folder that all machines share")


def test_another_environment(engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """DuckDB's hashes may differ from version to version."""
    path = tmp_path / "shared.pickle"
    with monkeypatch.context() as patch:
        patch.setattr(spark_tasks.duckdb, "__version__", "0.1")
        spark_tasks.leave(path, Shared((), engine.terminology, engine.settings, AS_OF))
    words = _refused(path)
    assert "has duckdb " in words and "the driver 0.1; expected the same environment" in words


def test_an_input_that_another_machine_does_not_see(tmp_path: Path) -> None:
    """It would pass for a file that broke off, and everything in it for unknown."""
    path = tmp_path / "Patient.ndjson"
    path.write_bytes(b"{}\n")
    file = Input(path, "Patient", 3, 0)
    spark_survey._there(file)
    with pytest.raises(BadInput, match="an executor sees 3 bytes; expected the 4 that the driver sees"):
        spark_survey._there(dataclasses.replace(file, size=4))
    path.unlink()
    with pytest.raises(BadInput, match=r"an executor cannot read it .* expected a folder that all machines share"):
        spark_survey._there(file)
