"""``python -m benchmarks.conformance FILE``: a line a case, and how many passed at the end."""

import sys
from pathlib import Path

from benchmarks.conformance.replay import replay
from benchmarks.conformance.spelling import cases_in


def main(arguments: list[str]) -> int:
    if len(arguments) != 1:
        print("usage: python -m benchmarks.conformance FILE", file=sys.stderr)
        return 2
    cases = cases_in(Path(arguments[0]).read_text(encoding="utf-8"))
    outcomes = [replay(case) for case in cases]
    for outcome in outcomes:
        print(outcome.line())
    passed = sum(outcome.ok for outcome in outcomes)
    print(f"{passed} passed, {len(outcomes) - passed} failed")
    return 0 if passed == len(outcomes) else 1


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
