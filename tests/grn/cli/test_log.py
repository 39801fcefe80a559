import logging

import pytest

from grn.cli.log import log_to_stderr


@pytest.mark.parametrize(("rank", "heard"), [("0", "said\nwarning: odd\n"), ("1", "")])
def test_only_the_first_process_of_a_training_speaks(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], rank: str, heard: str
) -> None:
    for name in ("TORCHELASTIC_RUN_ID", "SLURM_NTASKS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("LOCAL_RANK", rank)
    log_to_stderr()
    logging.getLogger("grn.somewhere").info("said")
    logging.getLogger("grn.somewhere").warning("odd")
    assert capsys.readouterr().err == heard
    logging.getLogger("grn.somewhere").error("wrong")
    assert capsys.readouterr().err == "error: wrong\n"


def test_a_name_cannot_command_the_terminal(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("TORCHELASTIC_RUN_ID", "SLURM_NTASKS", "LOCAL_RANK"):
        monkeypatch.delenv(name, raising=False)
    log_to_stderr()
    logging.getLogger("grn.somewhere").warning("gene %s", "\x1b[2JGATA1\x07")
    assert capsys.readouterr().err == "warning: gene \\x1b[2JGATA1\\x07\n"
