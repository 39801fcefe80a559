import argparse
import io
import shlex
import shutil
import subprocess
from contextlib import redirect_stdout
from pathlib import Path

import pytest

from grn.cli.help import EXAMPLES, HelpFormatter
from grn.cli.main import _parser

COMMANDS = sorted(EXAMPLES)


def subparsers(parser: argparse.ArgumentParser) -> dict[str, argparse.ArgumentParser]:
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            return dict(action.choices)
    return {}


def test_every_command_of_our_own_has_examples_that_its_parser_takes() -> None:
    with_hydra = {"train", "benchmark", "pretrain"}
    assert set(subparsers(_parser(""))) - with_hydra == set(COMMANDS)
    for name, examples in EXAMPLES.items():
        for example in examples:
            program, *arguments = shlex.split(example)
            assert (program, arguments[0]) == ("grn", name)
            _parser(name).parse_args(arguments)


@pytest.mark.parametrize("name", COMMANDS)
def test_help_ends_with_examples_and_states_every_default(name: str) -> None:
    parser = subparsers(_parser(name))[name]
    said = parser.format_help()
    assert said.rstrip().endswith(EXAMPLES[name][-1])
    for action in parser._actions:
        if isinstance(action.default, int | str) and not isinstance(action.default, bool):
            assert f"(default: {action.default}" in " ".join(said.split()) or (
                action.default == argparse.SUPPRESS
            ), action.dest


def test_options_of_infer_stand_in_groups() -> None:
    said = subparsers(_parser("infer"))["infer"].format_help()
    titles = [line[:-1] for line in said.splitlines() if line.endswith(":") and line[0] != " "]
    assert titles == [
        *("options", "input", "labels of cells: columns of adata.obs", "method", "output"),
        *("machine", "examples"),
    ]


def test_paragraphs_are_filled_and_indented_lines_stay() -> None:
    parser = argparse.ArgumentParser(
        epilog="one\ntwo\n\n  three\n  four", formatter_class=HelpFormatter
    )
    parser.add_argument("--zero", type=int, default=0, help="a number")
    parser.add_argument("--own", default="x", help="text (default: that of the run)")
    parser.add_argument("--flag", action="store_true", help="a flag")
    said = parser.format_help()
    assert said.endswith("one two\n\n  three\n  four\n")
    assert "a number (default: 0)" in said
    assert "text (default: that of the run)\n" in said
    assert "a flag\n" in said


def test_bash_completes_commands_options_choices_and_paths(tmp_path: Path) -> None:
    pytest.importorskip("shtab")
    if shutil.which("bash") is None:
        pytest.skip("no bash")
    (tmp_path / "cells.h5ad").touch()
    with pytest.raises(SystemExit), redirect_stdout(io.StringIO()) as printed:
        _parser("").parse_args(["--print-completion", "bash"])
    asked = {
        "grn exp": "export",
        "grn infer --perm": "--permutations",
        "grn infer --device cu": "cuda",
        "grn infer cel": "cells.h5ad",
    }
    ends = (
        f"COMP_WORDS=({line}); COMP_CWORD={line.count(' ')}; COMP_LINE='{line}'; "
        f"COMPREPLY=(); _shtab_grn grn {line.split()[-1]} {line.split()[-2]}; "
        'echo "${COMPREPLY[*]}"'
        for line in asked
    )
    (tmp_path / "run.sh").write_text(printed.getvalue() + "\n" + "\n".join(ends))
    done = subprocess.run(["bash", "run.sh"], cwd=tmp_path, capture_output=True, text=True)
    assert [line.strip() for line in done.stdout.splitlines()] == list(asked.values()), done.stderr
