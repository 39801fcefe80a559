"""Every command that the README and docs/ show is one that the command line takes."""

import argparse
import re
import shlex
from collections.abc import Iterator
from itertools import product
from pathlib import Path

import pytest
from hydra import compose, initialize_config_dir
from hydra.core.override_parser.overrides_parser import OverridesParser

from grn.cli.main import _WITH_HYDRA, _parser
from grn.config import config_folder, register

ROOT = Path(__file__).resolve().parents[1]
PAGES = [
    *sorted((ROOT / "docs").glob("*.md")),
    *(ROOT / name for name in ("README.md", "CHANGELOG.md", "data/README.md")),
]
# Flags of Hydra itself; the first has a value.
_OF_HYDRA = re.compile(r" (--cfg \w+|-m|--multirun|--help|--info \w+)(?= |$)")
_COMMAND = re.compile(r"^ *(?:\$ )?(?:\S*bin/)?(?:grn|python train\.py)(?= |$)")


def _lines(text: str) -> Iterator[str]:
    """Yield the commands of code blocks, fenced or indented, each in one line."""
    joined = re.sub(r" *\\\n *", " ", text)
    fenced = False
    for line in joined.splitlines():
        if line.lstrip().startswith("```"):
            fenced = not fenced
        elif (fenced or line.startswith("    ")) and _COMMAND.match(line):
            yield line.strip()


def _shown() -> Iterator[tuple[str, list[str]]]:
    """Yield every command with its page, as the words that the shell would pass."""
    for page in PAGES:
        for line in _lines(page.read_text(encoding="utf-8")):
            yield page.name, _words(line)


def _words(line: str) -> list[str]:
    line = re.sub(r"^(?:\$ )?(?:\S*bin/)?", "", line)
    line = re.sub(r"^python train\.py", "grn train", line)
    return shlex.split(_OF_HYDRA.sub("", line), comments=True)[1:]


# Each once, with the last page that shows it.
COMMANDS = sorted(
    (page, words) for words, page in {tuple(w): page for page, w in _shown()}.items()
)


def check(words: tuple[str, ...]) -> None:
    """Parse a command as `grn` would, without running it; an error of the parser ends the test."""
    name, *rest = words
    if name not in _WITH_HYDRA:
        _parser(name).parse_args(list(words))
        return
    register()
    with initialize_config_dir(config_folder(), version_base="1.3"):
        for overrides in product(*(_values(override) for override in rest)):
            compose(name, list(overrides))


def _values(text: str) -> list[str]:
    """Return the overrides that a sweep goes through, or the one that is no sweep."""
    override = OverridesParser.create().parse_override(text)
    if not override.is_sweep_override():
        return [text]
    key = override.get_key_element()
    return [f"{key}={value}" for value in override.sweep_string_iterator()]


@pytest.mark.parametrize(
    ("page", "words"), COMMANDS, ids=[f"{page}-{' '.join(words)}" for page, words in COMMANDS]
)
def test_a_command_is_one_that_the_command_line_takes(page: str, words: tuple[str, ...]) -> None:
    try:
        check(words)
    except SystemExit as end:
        pytest.fail(f"{page}: argparse refuses this command ({end})")


def test_there_are_commands_of_every_kind() -> None:
    first = {words[0] for _, words in COMMANDS}
    assert {"infer", "evaluate", "compare", "show", "knockout", "train", "benchmark"} <= first
    assert len(COMMANDS) > 60


@pytest.mark.parametrize("words", [("infer", "cells", "--tf-list", "x"), ("shows", "run")])
def test_a_command_that_does_not_exist_is_found(words: tuple[str, ...]) -> None:
    with pytest.raises(SystemExit):
        check(words)


def test_a_setting_that_does_not_exist_is_found() -> None:
    with pytest.raises(Exception, match="n_cell"):
        check(("train", "data=simulated", "data.n_cell=3"))
    check(("train", "data=simulated", "seed=0,1"))


def _mentioned() -> Iterator[tuple[str, str]]:
    """Yield what the text mentions between backticks: a command, or a part of one."""
    for page in PAGES:
        for span in re.findall(r"`(grn [a-z][^`]*)`", page.read_text(encoding="utf-8")):
            yield page.name, span


@pytest.mark.parametrize(("page", "span"), sorted(set(_mentioned())))
def test_what_the_text_mentions_exists(page: str, span: str) -> None:
    _, name, *rest = span.split()
    if name in _WITH_HYDRA:
        return
    commands = _subcommands(name)
    assert name in commands, f"{page}: {span}"
    asked = {word.partition("=")[0] for word in rest if word.startswith("--")}
    assert asked <= _options(commands[name]), f"{page}: {span}"


def _subcommands(name: str) -> dict[str, argparse.ArgumentParser]:
    (action,) = (
        action
        for action in _parser(name)._actions
        if isinstance(action, argparse._SubParsersAction)
    )
    return dict(action.choices)


def _options(parser: argparse.ArgumentParser) -> set[str]:
    """Return the options of a parser and of those below it."""
    found = set(parser._option_string_actions) | {"--debug"}
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for below in action.choices.values():
                found |= _options(below)
    return found
