"""A prescreen on Spark (a master and two workers of one core on this machine) against the local engine, in one run.

usage: python bench/spark.py [PATIENTS ...] [--keep DIR] [--study ID]        (default: 10000; needs the extra spark)

Wall seconds of both commands on the same hospital; of Spark's how much goes by before any work begins (Java, session)
and after; the verdicts; and whether both leave the same bytes. Workers are started beforehand, as on a cluster.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import threading
import time
from pathlib import Path

import orjson

sys.path.insert(0, str(Path(__file__).parent))
sys.path.insert(0, str(Path(__file__).parents[1]))

from hospital import hospital
from prescreen import command, spent
from trialmatch.prescreen.engine import OUTPUTS

from tests.spark.cluster import Cluster, cluster

_WORKERS = 2


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("patients", nargs="*", type=int, default=[10_000])
    parser.add_argument("--keep", type=Path, help="where the hospitals are made, and stay")
    parser.add_argument("--study", default="NCT06892145")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch, cluster(Path(scratch) / "cluster", _WORKERS) as started:
        os.environ.update(started.environment)
        for patients in given.patients or [10_000]:
            folder = (given.keep or Path(scratch)) / f"hospital-{patients}"
            if not folder.exists():
                hospital(folder, patients)
            measure(folder, Path(scratch), given.study, started)


class Watched(threading.Thread):
    """Looks how much CPU the workers' sessions use, executors and their Python included, as long as it runs.

    Linux only: fields of proc_pid_stat(5) are counted from behind the name of the program.
    """

    def __init__(self, started: Cluster) -> None:
        super().__init__(daemon=True)
        self.sessions = {worker.pid for worker in started.workers}
        self.ticks: dict[int, int] = {}
        self.ended = threading.Event()

    def run(self) -> None:
        """Look four times a second."""
        while not self.ended.wait(0.25):
            for stat in Path("/proc").glob("[0-9]*/stat"):
                try:
                    fields = stat.read_text("ascii", "replace").rsplit(")", 1)[1].split()
                except OSError:
                    continue  # it has ended meanwhile
                if int(fields[3]) in self.sessions:
                    self.ticks[int(stat.parent.name)] = int(fields[11]) + int(fields[12])

    def seconds(self) -> float:
        """Seconds of CPU so far."""
        return sum(self.ticks.values()) / os.sysconf("SC_CLK_TCK")


def measure(folder: Path, scratch: Path, study: str, started: Cluster) -> None:
    """One hospital."""
    size = sum(path.stat().st_size for path in folder.iterdir())
    print(f"{folder.name}, {size / 1e6:.0f} MB, {_WORKERS} workers; load of this machine {os.getloadavg()[0]:.1f}")
    outs = {name: scratch / name for name in ("local", "spark")}
    local = spent(command(folder, outs["local"], _WORKERS, "--study", study))
    watched = Watched(started)
    watched.start()
    time.sleep(1)
    before = watched.seconds()
    spark = spent(command(folder, outs["spark"], _WORKERS, "--study", study, "--engine", "spark"))
    watched.ended.set()
    executors = watched.seconds() - before
    working = orjson.loads((outs["spark"] / "run.json").read_bytes())["timing"]["seconds"]
    same = all((outs["local"] / name).read_bytes() == (outs["spark"] / name).read_bytes() for name in OUTPUTS)
    (counts,) = orjson.loads((outs["spark"] / "run.json").read_bytes())["studies"]
    print(f"  local {local.wall:7.2f} s, {local.cpu:.2f} s of CPU, {local.memory} MiB")
    print(f"  spark {spark.wall:7.2f} s (× {spark.wall / local.wall:.2f}), of these {working} s at work")
    print(f"        CPU of the driver's Python {spark.cpu:.2f} s, of executors with their Python {executors:.2f} s")
    verdicts = ", ".join(f"{counts[name]} {name}" for name in ("eligible", "likely", "possible", "ineligible"))
    print(f"  {verdicts}; {'the same bytes' if same else 'THEY DIFFER'}", flush=True)


if __name__ == "__main__":
    main()
