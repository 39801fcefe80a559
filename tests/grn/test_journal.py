import json
import logging
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from grn.errors import InputError
from grn.journal import JOURNAL, note, open_journal, peak_memory, recorded, stage
from grn.version import VERSION

Cli = Callable[..., tuple[int, str, str]]


def lines(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / JOURNAL).read_text().splitlines()]


def test_what_is_said_before_the_folder_is_known_is_kept(tmp_path: Path) -> None:
    with recorded("infer"):
        with stage("read"):
            note("inputs", n_cells=3)
        assert not (tmp_path / JOURNAL).exists()
        open_journal(tmp_path, anew=False)
        logging.getLogger("grn.somewhere").warning("%d genes were dropped", 2)
        with pytest.warns(UserWarning, match="of a library"):
            warnings.warn("of a library", UserWarning, stacklevel=1)
    found = lines(tmp_path)
    assert [line["event"] for line in found] == ["start", "inputs", "stage", "message", "end"]
    start, inputs, read, message, end = found
    assert start["command"] == "infer"
    assert start["grn"] == VERSION
    assert {"torch", "numpy"} <= set(start["versions"])
    assert inputs["n_cells"] == 3
    assert read["stage"] == "read"
    assert 0 <= read["took"] <= end["seconds"]
    assert message["level"] == "warning"
    assert message["text"] == "2 genes were dropped"
    assert end["exit"] == 0
    assert end["peak_memory_mb"] > 10


def test_warnings_of_libraries_are_recorded_and_still_shown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shown: list[str] = []
    monkeypatch.setattr(warnings, "showwarning", lambda said, *_, **__: shown.append(str(said)))
    with warnings.catch_warnings(), recorded("infer"):
        warnings.simplefilter("always")
        open_journal(tmp_path, anew=False)
        warnings.warn("of a library", UserWarning, stacklevel=1)
    assert shown == ["of a library"]
    (said,) = [line for line in lines(tmp_path) if line["event"] == "message"]
    assert said["text"] == "of a library"
    assert said["logger"] == "UserWarning"


@pytest.mark.parametrize(
    ("error", "code", "has_traceback"),
    [
        (InputError("mend it"), 2, False),
        (KeyboardInterrupt(), 130, False),
        (ZeroDivisionError("ours"), 1, True),
    ],
)
def test_the_end_says_how_it_came(
    tmp_path: Path, error: BaseException, code: int, has_traceback: bool
) -> None:
    with pytest.raises(type(error)), recorded("train"):  # noqa: PT012 - one of the two ends it
        open_journal(tmp_path, anew=False)
        raise error
    end = lines(tmp_path)[-1]
    assert (end["event"], end["exit"]) == ("end", code)
    assert end["error"] == type(error).__name__
    assert ("traceback" in end) == has_traceback
    if has_traceback:
        assert "test_journal.py" in "".join(end["traceback"])


def test_a_resumed_run_is_added_and_one_that_starts_anew_is_not(tmp_path: Path) -> None:
    for anew, n_starts in ((False, 1), (False, 2), (True, 1)):
        with recorded("train"):
            open_journal(tmp_path, anew=anew)
        assert [line["event"] for line in lines(tmp_path)].count("start") == n_starts


def test_without_a_run_nothing_is_recorded(tmp_path: Path) -> None:
    with stage("read"):
        note("inputs")
    open_journal(tmp_path, anew=False)
    assert not (tmp_path / JOURNAL).exists()


def test_a_log_that_cannot_be_written_ends_no_run(tmp_path: Path) -> None:
    with recorded("infer"):
        open_journal(tmp_path / "absent", anew=True)
        note("inputs")
    assert list(tmp_path.iterdir()) == []


def test_half_a_character_is_written_as_such(tmp_path: Path) -> None:
    with recorded("infer"):
        note("inputs", data="before\udce4")
        open_journal(tmp_path, anew=False)
        note("inputs", data="after\udce4é")
    said = [line["data"] for line in lines(tmp_path) if line["event"] == "inputs"]
    assert said == ["before\udce4", "after\udce4é"]


def test_a_malformed_message_of_a_library_ends_no_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(logging, "raiseExceptions", False)
    # The handlers of pytest raise too.
    monkeypatch.setattr(logging.root, "handlers", [])
    with recorded("infer"):
        open_journal(tmp_path, anew=False)
        logging.getLogger("library").warning("%d genes", "many")
    assert [line["event"] for line in lines(tmp_path)] == ["start", "end"]


def test_memory_is_that_of_this_process() -> None:
    import psutil

    now = psutil.Process().memory_info().rss / 1e6
    peak = peak_memory()
    assert peak is not None
    assert peak >= 0.9 * now
    held = bytearray(100_000_000)
    held[::4096] = b"1" * len(held[::4096])
    grown = peak_memory()
    assert grown is not None
    assert grown >= peak
    assert grown >= now + 90


def test_a_training_that_is_not_asked_for_is_no_stage(infer: Cli, tmp_path: Path) -> None:
    assert infer("--bootstraps", 1)[0] == 0
    found = [line["stage"] for line in lines(tmp_path / "out") if line["event"] == "stage"]
    assert "confidence of the edges" in found
    assert not any(stage.startswith("train") for stage in found)


def test_a_run_says_its_stages_its_start_and_its_end(infer: Cli, tmp_path: Path) -> None:
    assert infer("--train", "--bootstraps", 1)[0] == 0
    found = lines(tmp_path / "out")
    assert [line["stage"] for line in found if line["event"] == "stage"] == [
        "read and preprocess the cells",
        "find the network",
        "train the predictor of expression",
        "confidence of the edges",
        "write the result",
    ]
    (network,) = [line for line in found if line["event"] == "network"]
    assert 0 <= network["share_of_closed_form"] <= 1
    assert network["transformer"]["file"] == "of the package"
    (inputs,) = [line for line in found if line["event"] == "inputs"]
    assert (inputs["n_cells"], inputs["n_genes"], inputs["n_tfs"]) == (60, 16, 4)
    took = sum(line["took"] for line in found if line["event"] == "stage")
    end = found[-1]
    assert end["exit"] == 0
    assert 0.3 * end["seconds"] < took <= end["seconds"]
