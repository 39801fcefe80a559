"""The help of every subcommand: defaults, paragraphs and examples."""

import argparse
import textwrap
from collections.abc import Iterator

EXAMPLES = {
    "infer": (
        "grn infer cells.h5ad --tfs human --output result",
        "grn infer cells.h5ad --tfs tfs.txt --groupby cell_type --output types",
        "grn infer filtered_matrix/ --tfs mouse --bootstraps 20 --permutations 1 --output sure",
        "grn infer screen.h5ad --tfs human --perturbations guide --output screen",
    ),
    "export": (
        "grn export result --to cx2",
        "grn export result --to celloracle --top 20000",
        'grn export types --to gmt --group "T cells" --output t_cells.gmt',
    ),
    "show": ("grn show result --gene GATA1", "grn show result --tf SPI1 --top 20"),
    "report": ("grn report result",),
    "evaluate": (
        "grn evaluate result --truth known_edges.csv",
        "grn evaluate result --cells held_out.h5ad --halves",
    ),
    "compare": ("grn compare types Treg --reference Tconv --output differences.tsv",),
    "knockout": ("grn knockout result GATA1", "grn knockout types SPI1 CEBPA --group Monocytes"),
    "simulate": (
        "grn simulate GSD --cells 2000 --output gsd",
        "grn simulate random --tfs 10 --targets 90 --depth 5 --output counts",
    ),
    "data": ("grn data list", "grn data fetch tf_lists"),
    "doctor": ("grn doctor",),
}
"""Commands that work as they stand, with files of such names, by subcommand."""


class HelpFormatter(argparse.HelpFormatter):
    """Shows the defaults of options, and keeps indented lines of a text as they are."""

    def _get_help_string(self, action: argparse.Action) -> str | None:
        said = action.help or ""
        without = action.default is None or action.default in ([], argparse.SUPPRESS)
        flag = isinstance(action.default, bool)
        if flag or without or not action.option_strings or "(default" in said:
            return said
        return f"{said} (default: %(default)s)".strip()

    def _fill_text(self, text: str, width: int, indent: str) -> str:
        paragraphs = [
            textwrap.indent(part, indent)
            if part.startswith("  ")
            else textwrap.fill(" ".join(part.split()), width, initial_indent=indent)
            for part in text.split("\n\n")
        ]
        return "\n\n".join(paragraphs)


def complete_help(parser: argparse.ArgumentParser, name: str) -> None:
    """Give a subcommand the formatter above, and its examples at the end.

    Parameters
    ----------
    parser
        Parser of the subcommand, complete otherwise; changed in place.
    name
        Name of the subcommand.
    """
    parser.formatter_class = HelpFormatter
    examples = "\n".join(f"  {example}" for example in EXAMPLES.get(name, ()))
    shown = f"examples:\n\n{examples}" if examples else ""
    parser.epilog = "\n\n".join(part for part in (parser.epilog, shown) if part) or None


def add_completion(parser: argparse.ArgumentParser) -> None:
    """Add `--print-completion SHELL`, where the package shtab is installed.

    Values without a list of choices are completed as paths, as a shell does without us.
    """
    try:
        import shtab
    except ImportError:
        return
    for one in (parser, *_below(parser)):
        for action in one._actions:
            if action.nargs != 0 and action.choices is None:
                action.complete = shtab.FILE  # type: ignore[attr-defined]
    shown = "print what completes commands in this shell, to be sourced by it, and exit"
    shtab.add_argument_to(parser, ["--print-completion"], help=shown)


def _below(parser: argparse.ArgumentParser) -> Iterator[argparse.ArgumentParser]:
    """Yield the parsers of subcommands, and of theirs."""
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for one in action.choices.values():
                yield one
                yield from _below(one)
