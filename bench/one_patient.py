"""One patient of about fifty resources, from bytes to verdicts, against 1, 5 and 1,000 studies.

usage: python bench/one_patient.py [--profile]

Prints the median of many warm runs and its ratio to orjson parsing the same bytes in the same run.
"""

from __future__ import annotations

import cProfile
import statistics
import sys
import time
from collections.abc import Callable
from datetime import date
from pathlib import Path

import orjson

sys.path.insert(0, str(Path(__file__).parent))

from material import patient, study
from trialmatch.config import Settings
from trialmatch.fhir.study import studies as study_files
from trialmatch.fhir.study.studies import Definition
from trialmatch.terminology import mappings
from trialmatch.usecases.match import Engine, Question, verdicts_from_bundle


def median(action: Callable[[], object], seconds: float = 3.0) -> float:
    """The median duration of ``action`` in ms over at least 20 warm runs."""
    for _ in range(3):
        action()
    times: list[float] = []
    until = time.perf_counter() + seconds
    while time.perf_counter() < until or len(times) < 20:
        start = time.perf_counter()
        action()
        times.append((time.perf_counter() - start) * 1000)
    return statistics.median(times)


def main() -> None:
    """Measure and print."""
    settings = Settings.read({})
    terminology = mappings.load(settings)
    content = orjson.dumps(patient())
    resources = len(patient()["entry"])
    floor = median(lambda: orjson.loads(content), 1.0)
    print(f"one patient: {resources} resources, {len(content) / 1024:.0f} KiB; orjson.loads {floor:.3f} ms (= 1)")
    question = Question(date(2026, 3, 1))
    for number in (1, 5, 1000):
        definitions = [Definition("bench", one) for position in range(number) for one in study(position)]
        engine = Engine(settings, terminology, study_files.load(definitions, terminology, settings))
        found = verdicts_from_bundle(engine, content, "p", question)
        counts = {
            verdict: sum(one.verdict == verdict for one in found)
            for verdict in dict.fromkeys(one.verdict for one in found)
        }
        taken = median(lambda engine=engine: verdicts_from_bundle(engine, content, "p", question))  # type: ignore[misc]
        leaves = len(engine.studies.program.leaves)
        print(f"{number:5} studies, {leaves:5} distinct leaves: {taken:8.2f} ms  × {taken / floor:6.1f}   {counts}")
        if "--profile" in sys.argv and number == 1000:
            profile = cProfile.Profile()
            profile.runcall(
                lambda engine=engine: [verdicts_from_bundle(engine, content, "p", question) for _ in range(10)]
            )  # type: ignore[misc]
            profile.create_stats()
            import pstats

            pstats.Stats(profile).sort_stats("tottime").print_stats(28)


if __name__ == "__main__":
    main()
