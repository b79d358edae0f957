"""``--engine spark`` where something that it needs is missing: one line with what to install, exit code 2."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from trialmatch.demo import hospital_path
from trialmatch.errors import UsageError
from trialmatch.prescreen.engine import Order
from trialmatch.prescreen.spark import engine as spark
from trialmatch.usecases.match import Engine

from tests.prescreen.hospital import AS_OF


def _said(engine: Engine, out: Path) -> str:
    order = Order(Path(str(hospital_path())), out, AS_OF)
    with pytest.raises(UsageError) as caught:
        spark.run(order, engine.studies, engine.terminology, engine.settings)
    assert caught.value.exit_code == 2
    assert not out.exists()
    return str(caught.value)


def test_pyspark_is_missing(engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyspark", None)
    words = _said(engine, tmp_path / "out")
    assert words == (
        "--engine spark: pyspark is not installed; expected pip install 'trialmatch[spark]', and Java 17 or newer"
    )


@pytest.mark.parametrize("home", [None, "nowhere"])
def test_java_is_missing(engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, home: str | None) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    if home is None:
        monkeypatch.delenv("JAVA_HOME", raising=False)
    else:
        monkeypatch.setenv("JAVA_HOME", str(tmp_path / home))
    words = _said(engine, tmp_path / "out")
    assert words.startswith("--engine spark: no Java is found by JAVA_HOME or on the PATH; expected pip install ")
