"""Change one line of the sources at a time, in a copy, and see whether its tests notice.

    python scripts/mutation.py               # all of scripts/mutants.toml
    python scripts/mutation.py blend rows    # those of files whose paths hold one of the words

A mutant that survives is a rule that nothing tests. The exit code is 1 where one does, and 2 where
tests fail without any change, which would tell nothing.
"""

import argparse
import contextlib
import io
import multiprocessing
import os
import shutil
import sys
import tempfile
import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[1]
TABLE = Path(__file__).with_name("mutants.toml")
_COPIED = ("grn", "kernels", "conf", "data", "docs", "scripts", "tests")
_MINUTES = 10
# Loaded once, for every mutant: a process of its own would spend most of its time on them.
_SHARED = ("anndata", "hypothesis", "scanpy", "sklearn.metrics", "torch")


class Mutant(NamedTuple):
    """One change of one line."""

    file: str
    old: str
    new: str
    tests: tuple[str, ...]
    """Files of tests that have to notice."""


def read_mutants(path: Path = TABLE) -> list[Mutant]:
    """Return the mutants of a table."""
    rows = tomllib.loads(path.read_text(encoding="utf-8"))["mutant"]
    return [
        Mutant(row["file"], row["old"], row["new"], tuple(row.get("tests", [mirror(row["file"])])))
        for row in rows
    ]


def mirror(file: str) -> str:
    """Return the tests of a source file: of grn/a/b.py, tests/grn/a/test_b.py."""
    source = Path(file)
    inside = (
        source.parent.relative_to("kernels") if source.parts[0] == "kernels" else source.parent
    )
    return (Path("tests") / inside / f"test_{source.name}").as_posix()


def mutated(source: str, mutant: Mutant) -> str:
    """Return the source with the change.

    Raises
    ------
    ValueError
        The old text does not stand in it exactly once.
    """
    count = source.count(mutant.old)
    if count != 1:
        msg = f"{mutant.file} holds {mutant.old!r} {count} times; expected once."
        raise ValueError(msg)
    return source.replace(mutant.old, mutant.new)


def survives(mutant: Mutant, folder: Path) -> bool:
    """Change the file in a copy of the sources, run its tests, and change it back."""
    path = folder / mutant.file
    source = path.read_text(encoding="utf-8")
    path.write_text(mutated(source, mutant), encoding="utf-8")
    try:
        return passes(mutant.tests, folder)
    finally:
        path.write_text(source, encoding="utf-8")


def passes(tests: Sequence[str], folder: Path) -> bool:
    """Run files of tests in a copy of the sources; what does not end does not pass."""
    process = multiprocessing.get_context("fork").Process(target=_run, args=(tests, folder))
    process.start()
    process.join(60 * _MINUTES)
    if process.is_alive():
        process.kill()
        process.join()
    return process.exitcode == 0


def _run(tests: Sequence[str], folder: Path) -> None:
    import pytest

    os.chdir(folder)
    sys.dont_write_bytecode = True  # a mutant may be as long as the source, and as old
    with contextlib.redirect_stdout(io.StringIO()):
        code = pytest.main(
            ["-x", "-q", "-p", "no:cacheprovider", "-m", "not compile and not slow", *tests]
        )
    sys.exit(int(code))


def copy_sources(folder: Path) -> None:
    """Copy what tests need: sources, settings, documentation and tests."""
    without = shutil.ignore_patterns("__pycache__")
    for name in _COPIED:
        shutil.copytree(ROOT / name, folder / name, ignore=without)
    for name in ("pyproject.toml", "README.md", "train.py"):
        shutil.copy(ROOT / name, folder)


def main(arguments: Sequence[str]) -> int:
    """Print a line per mutant and how many were killed."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("words", nargs="*", help="parts of paths; none: all files")
    words = parser.parse_args(arguments).words
    chosen = [m for m in read_mutants() if not words or any(word in m.file for word in words)]
    os.environ["OMP_NUM_THREADS"] = "1"
    for name in _SHARED:
        with contextlib.suppress(ImportError):
            __import__(name)
    survivors = 0
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        copy_sources(folder)
        for tests in dict.fromkeys(mutant.tests for mutant in chosen):
            if not passes(tests, folder):
                print(f"these fail without any change: {', '.join(tests)}", file=sys.stderr)
                return 2
        for mutant in chosen:
            alive = survives(mutant, folder)
            survivors += alive
            verdict = "SURVIVED" if alive else "killed"
            print(f"{verdict:8}  {mutant.file}: {mutant.old} → {mutant.new}", flush=True)
    print(f"{len(chosen) - survivors} of {len(chosen)} killed")
    return 1 if survivors else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
