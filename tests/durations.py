"""How long each test function takes: `-m fast` chooses by it, `make durations` measures it anew.

Loaded as a plugin (`-p tests.durations`), it measures the tests that run and renews their part of
`durations.json`. Processor time is measured, that of child processes included, so that other work
on the machine changes little.
"""

import json
import os
from pathlib import Path

import pytest

TABLE = Path(__file__).with_name("durations.json")
QUICK = 0.2
"""Seconds that all cases of a quick test function may take together."""
QUICK_FILE = 0.9
"""Seconds that the functions of a file may take together. What tests share is set up by whichever
runs first, so a quick test of a slow file may turn out to be slow."""
_LEAST = 0.1
"""Seconds from which a function is listed; one that isn't, such as a new one, is quick."""
_NEVER_QUICK = ("compile", "slow")

Seconds = dict[str, dict[str, float]]
"""By file and by function."""


def recorded(table: Path = TABLE) -> Seconds:
    """Return the seconds that functions took when they were last measured."""
    found: Seconds = json.loads(table.read_text(encoding="utf-8"))
    return found


def is_quick(item: pytest.Item, seconds: Seconds) -> bool:
    """Say whether a test belongs to `-m fast`."""
    if any(item.get_closest_marker(name) for name in _NEVER_QUICK):
        return False
    file, function = place(item.nodeid)
    return holds_quick(file, seconds) and seconds.get(file, {}).get(function, 0.0) <= QUICK


def holds_quick(file: str, seconds: Seconds) -> bool:
    """Say whether a file is looked at for `-m fast`; reading it takes time too."""
    return sum(seconds.get(file, {}).values()) <= QUICK_FILE


def place(nodeid: str) -> tuple[str, str]:
    """Return file and function of a test; its cases are taken together."""
    file, _, name = nodeid.partition("::")
    return file, name.partition("[")[0]


def renewed(old: Seconds, measured: Seconds) -> Seconds:
    """Return the seconds, with those just measured in place of the old ones."""
    kept = {file: found for file, found in old.items() if (TABLE.parents[1] / file).is_file()}
    merged: Seconds = {}
    for file in sorted(kept | measured):
        found = kept.get(file, {}) | measured.get(file, {})
        listed = {name: round(took, 1) for name, took in found.items() if took >= _LEAST}
        if listed:
            merged[file] = dict(sorted(listed.items()))
    return merged


_started = pytest.StashKey[float]()
_measured: Seconds = {}


def _processor_time() -> float:
    spent = os.times()
    return spent.user + spent.system + spent.children_user + spent.children_system


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Start the clock."""
    item.stash[_started] = _processor_time()


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> None:
    """Stop it after the teardown; reports reach the process that writes the table."""
    if call.when == "teardown":
        item.user_properties.append(("seconds", _processor_time() - item.stash[_started]))


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Add up the cases of a function."""
    if report.when == "teardown":
        file, function = place(report.nodeid)
        of_file = _measured.setdefault(file, {})
        of_file[function] = of_file.get(function, 0.0) + dict(report.user_properties)["seconds"]


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say how long the quick functions among those that ran take together."""
    quick = [t for of_file in _measured.values() for t in of_file.values() if t <= QUICK]
    terminalreporter.write_line(f"{len(quick)} quick functions: {sum(quick):.0f} s of processor")


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Renew the table, in the one process that has all reports."""
    if not hasattr(session.config, "workerinput"):
        seconds = renewed(recorded(), _measured)
        TABLE.write_text(json.dumps(seconds, indent=1) + "\n", encoding="utf-8")
