"""What the tests of Spark share: a cluster, and what the local engine makes of the generated hospital."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from trialmatch.usecases.match import Engine

from tests.prescreen.hospital import screened, shipped
from tests.spark.cluster import Cluster, cluster
from tests.spark.hospital import generated


@pytest.fixture(scope="session")
def engine() -> Engine:
    """The shipped studies."""
    return shipped()


@pytest.fixture(scope="session")
def hospital(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The generated hospital."""
    return generated(tmp_path_factory.mktemp("spark-hospital") / "in")


@pytest.fixture(scope="session")
def local(engine: Engine, hospital: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the local engine makes of it."""
    out = tmp_path_factory.mktemp("spark-local") / "out"
    done = screened(engine, hospital, out)
    assert done.summary.run["counts"]["candidates"] > 80  # the comparison is about something
    return out


@pytest.fixture(scope="module")
def spark_cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """A master and two workers."""
    if shutil.which("java") is None:
        assert not os.environ.get("CI"), "no Java is found"
        pytest.skip("no Java is found (Debian, Ubuntu: apt-get install openjdk-17-jre-headless)")
    with cluster(tmp_path_factory.mktemp("spark-cluster")) as started:
        yield started
