"""Print the reliability table: fault or input × tries × survived. Fails unless all survive.

    python scripts/reliability/table.py                  # everything, under an hour on two cores
    python scripts/reliability/table.py --short          # a few tries of each, as CI runs it
    python scripts/reliability/table.py faults fuzz      # some parts only

Each part is a module beside this one with a function `rows(short)`.
"""

import argparse
import importlib
import sys
import time
from collections.abc import Iterator

from row import Row

PARTS: tuple[str, ...] = (
    "faults",
    "determinism",
    "processes",
    "versions",
    "observability",
    "fuzz",
    "security",
    "load",
)


def measured(parts: list[str], *, short: bool) -> Iterator[tuple[str, Row, float]]:
    """Yield every row with the name of its part and the seconds since the row before."""
    for part in parts:
        started = time.perf_counter()
        for row in importlib.import_module(part).rows(short=short):
            yield part, row, time.perf_counter() - started
            started = time.perf_counter()


def main() -> None:
    """Print rows as they are made, and exit with 1 unless every try survived."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"of {', '.join(PARTS)}")
    parser.add_argument("--short", action="store_true", help="a few tries of each")
    asked = parser.parse_args()
    if unknown := set(asked.parts) - set(PARTS):
        parser.error(f"no part {', '.join(sorted(unknown))}; choose from {', '.join(PARTS)}")
    print("| part | fault or input | tries | survived | figures | seconds |")
    print("| --- | --- | ---: | ---: | --- | ---: |")
    lost = 0
    for part, row, seconds in measured(asked.parts or list(PARTS), short=asked.short):
        lost += row.tries - row.survived
        cells = (part, row.what, row.tries, row.survived, row.figures, f"{seconds:.0f}")
        print("| " + " | ".join(map(str, cells)) + " |", flush=True)
    sys.exit(lost > 0)


if __name__ == "__main__":
    main()
