"""A standalone cluster of one master and two workers: the same bytes as the local engine, also when a worker dies."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
from trialmatch.demo import hospital_path
from trialmatch.usecases.match import Engine

from tests.prescreen.hospital import AS_OF, screened
from tests.spark.cluster import Cluster
from tests.spark.hospital import alike

pytestmark = pytest.mark.slow


def _prescreen(cluster: Cluster, source: Path, out: Path) -> subprocess.Popen[str]:
    """The command, as a site gives it."""
    command = [sys.executable, "-m", "trialmatch", "prescreen", str(source), "--out", str(out), "--engine", "spark"]
    return subprocess.Popen(
        [*command, "--as-of", AS_OF.isoformat()],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, **cluster.environment},
    )


def test_a_cluster_gives_the_same_bytes(spark_cluster: Cluster, engine: Engine, tmp_path: Path) -> None:
    source = Path(str(hospital_path()))
    run = _prescreen(spark_cluster, source, tmp_path / "spark")
    screened(engine, source, tmp_path / "local")
    _, errors = run.communicate(timeout=300)
    assert run.returncode == 0, errors
    alike(tmp_path / "local", tmp_path / "spark")


def test_a_worker_is_killed_in_the_middle(
    spark_cluster: Cluster, hospital: Path, local: Path, tmp_path: Path
) -> None:
    """Its executor was at work; the other one does that work again. (The last test: nobody starts the worker anew.)"""
    out = tmp_path / "spark"
    run = _prescreen(spark_cluster, hospital, out)
    try:
        records = out / ".prescreen" / "scratch" / "records"
        while run.poll() is None and not (records.is_dir() and len(list(records.glob("*.parquet"))) > 3):
            time.sleep(0.01)
        assert run.poll() is None, run.communicate()
        spark_cluster.kill(1)
        _, errors = run.communicate(timeout=300)
    finally:
        run.kill()
    assert run.returncode == 5, errors  # the hospital has a line that is no JSON
    assert "Lost executor" in errors
    alike(local, out)
