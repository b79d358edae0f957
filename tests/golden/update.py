"""``python -m tests.golden.update``: renew the wordings of all golden cases, and nothing that was decided.

Cases whose decisions differ are left as they are and named; their statuses are for a person to change.
"""

from __future__ import annotations

import json
import sys

from tests.golden.cases import CASES, decisions, expected_decisions, match, name_of, read, worded


def main() -> int:
    """Renew all; 1 where a case decides otherwise than it should."""
    differ = []
    for case in CASES:
        expected, found = read(case, "expected.json"), match(case)
        if decisions(found) != expected_decisions(expected):
            differ.append(name_of(case))
            continue
        text = json.dumps(worded(expected, found), ensure_ascii=False, indent=1)
        (case / "expected.json").write_text(text + "\n", encoding="utf-8")
    for name in differ:
        print(f"{name}: decides otherwise than expected; run pytest tests/golden", file=sys.stderr)
    return 1 if differ else 0


if __name__ == "__main__":
    raise SystemExit(main())
