"""The `grn` command: train, infer, evaluate. The only entry that Hydra has."""

import argparse
import json
import logging
import os
import sys
import traceback
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from grn import __version__
from grn.errors import InputError

if TYPE_CHECKING:
    import pandas as pd
    from omegaconf import DictConfig

DONE, OUR_BUG, USER_CAN_FIX, INTERRUPTED = 0, 1, 2, 130

_TRAIN_HELP = "train, read out, judge and log, configured by Hydra overrides (key=value)"
_SHOWN = {
    "auprc": "AUPRC",
    "auprc_ratio": "ratio",
    "auroc": "AUROC",
    "early_precision_ratio": "EPR",
    "per_tf_auroc": "per-TF AUROC",
    "sign_accuracy": "sign acc.",
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code: 0 done, 2 the user can fix it, 1 our bug, 130."""
    # Threads that spin while they wait slow a machine that is shared by more than they help.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    arguments = list(sys.argv[1:] if arguments is None else arguments)
    debug = "--debug" in arguments
    arguments = [argument for argument in arguments if argument != "--debug"]
    logging.basicConfig(level=logging.INFO, format="%(message)s", force=True)
    try:
        if arguments[:1] == ["train"]:
            return _train(arguments[1:])
        options = _parser().parse_args(arguments)
        return int(options.command(options))
    except KeyboardInterrupt:
        print("interrupted; the same command goes on from the last checkpoint", file=sys.stderr)
        return INTERRUPTED
    except Exception as error:  # noqa: BLE001 - the exit code says whose problem it is
        fixable = _is_fixable(error)
        if debug or not fixable:
            traceback.print_exc()
        if fixable:
            print(f"grn: {_message(error)}", file=sys.stderr)
            return USER_CAN_FIX
        print(
            "grn: this is a bug of ours; please report it with the lines above.", file=sys.stderr
        )
        return OUR_BUG


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="grn",
        description="Signed gene regulatory networks from single-cell data.",
        epilog="Exit codes: 0 done, 1 a bug of ours, 2 something you can fix, 130 interrupted.",
    )
    parser.add_argument("--version", action="version", version=f"grn {__version__}")
    parser.add_argument("--debug", action="store_true", help="show the traceback of an error")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    commands.add_parser("train", help=_TRAIN_HELP)
    infer = commands.add_parser("infer", help="infer a ranked, signed TF→target list from cells")
    infer.set_defaults(command=_infer)
    infer.add_argument(
        "cells",
        metavar="CELLS",
        help=".h5ad, .zarr, 10x (.h5, folder), .csv/.tsv[.gz], BEELINE folder",
    )
    infer.add_argument(
        "--tfs", metavar="FILE|human|mouse", help="candidate regulators; without it every gene"
    )
    infer.add_argument("--checkpoint", metavar="PATH", help="apply a trained model, do not train")
    infer.add_argument("--output", metavar="DIR", default="grn_output", help="run folder")
    infer.add_argument("--seed", type=int, default=0)
    infer.add_argument("--layer", metavar="NAME", help="key of adata.layers to use instead of X")
    infer.add_argument("--threads", type=int, metavar="N", help="CPU threads")
    infer.add_argument("--device", choices=["cpu", "cuda", "auto"], default="auto")
    infer.add_argument("--overwrite", action="store_true", help="replace an existing result")
    infer.add_argument(
        "--set", nargs="+", action="extend", default=[], metavar="KEY=VALUE", dest="overrides",
        help="any setting of conf/train.yaml, such as trainer.max_steps=600",
    )  # fmt: skip
    evaluate = commands.add_parser("evaluate", help="judge an edge list beside its controls")
    evaluate.set_defaults(command=_evaluate)
    evaluate.add_argument("edges", metavar="EDGES", help="edges.tsv, or another method's list")
    evaluate.add_argument("--truth", metavar="FILE", required=True, help="known edges")
    evaluate.add_argument("--cells", metavar="CELLS", help="adds controls that need expression")
    evaluate.add_argument("--json", metavar="FILE", help="write the metrics here too")
    return parser


def _train(overrides: list[str]) -> int:
    """Hand over to Hydra, which parses overrides, sweeps and launches."""
    import hydra

    from grn.config import CONFIG_NAME, config_folder, register

    register()
    # Errors come to us instead of Hydra's own handler, which always exits with 1.
    os.environ["HYDRA_FULL_ERROR"] = "1"

    begun = False

    def job(config: "DictConfig") -> None:
        from grn.training.run import run
        from grn.training.run_folder import remove_if_empty

        nonlocal begun
        begun = True
        try:
            result = run(config)
        except BaseException:
            remove_if_empty(Path(config.paths.run))
            raise
        _report(result.metrics, result.folder)

    command = sys.argv
    sys.argv = ["grn train", *overrides]
    try:
        hydra.main(version_base="1.3", config_path=config_folder(), config_name=CONFIG_NAME)(job)()
    except OSError as error:
        if begun:
            raise
        # Hydra could not make the run folder.
        msg = f"{error}. Choose a folder you may write to: hydra.run.dir=DIR."
        raise InputError(msg) from error
    finally:
        sys.argv = command
    return DONE


def _infer(options: argparse.Namespace) -> int:
    from grn.config import compose_config

    if options.threads is not None and options.threads < 1:
        msg = f"--threads is {options.threads}; expected at least 1."
        raise InputError(msg)
    accelerator = {"cuda": "gpu"}.get(options.device, options.device)
    files = {"cells": options.cells, "tfs": options.tfs, "layer": options.layer}
    config = compose_config(
        [
            "data=file",
            "paths=folder",
            "logger=none",
            f"seed={options.seed}",
            f"overwrite={options.overwrite}",
            f"trainer.accelerator={accelerator}",
            *options.overrides,
        ]
    )
    # Set here, not by override: a path may hold anything that Hydra's grammar reads otherwise.
    config.data.update(files)
    config.paths.run = str(Path(options.output).resolve())

    import torch

    from grn.training.run import run

    if options.device == "cuda" and not torch.cuda.is_available():
        msg = "--device cuda, but torch sees no CUDA device here. Use --device cpu or auto."
        raise InputError(msg)
    if options.threads is not None:
        torch.set_num_threads(options.threads)
    result = run(config, options.checkpoint)
    _report(result.metrics, result.folder)
    return DONE


def _evaluate(options: argparse.Namespace) -> int:
    from grn.evaluation import evaluate, evaluate_json
    from grn.export.atomic import replacing
    from grn.network import read_edges, read_truth

    edges, truth = read_edges(options.edges), read_truth(options.truth)
    adata = None
    if options.cells is not None:
        from grn.data.preprocess import preprocess
        from grn.data.read import read_cells

        adata = preprocess(read_cells(options.cells))
    metrics = evaluate(edges, truth, adata)
    _report(metrics, None)
    if options.json is not None:
        with replacing(options.json) as temporary:
            temporary.write_text(json.dumps(evaluate_json(metrics), indent=2) + "\n")
    return DONE


def _report(metrics: "pd.DataFrame | None", folder: Path | None) -> None:
    """Print the metrics beside their controls, and where the result is."""
    from rich.console import Console
    from rich.table import Table

    console = Console()
    if metrics is not None:
        table = Table(
            title=f"{int(metrics['n_candidates'].iloc[0])} candidate pairs, density "
            f"{metrics['density'].iloc[0]:.3f}",
            caption="A score means something only above its controls.",
        )
        table.add_column("", no_wrap=True)
        for heading in _SHOWN.values():
            table.add_column(heading, justify="right")
        for method, row in metrics.iterrows():
            # NaN is not equal to itself.
            values = [f"{row[key]:.3f}" if row[key] == row[key] else "–" for key in _SHOWN]
            name = str(method).replace("_", " ")
            table.add_row(name, *values, style="bold" if method == "edges" else None)
        console.print(table)
    if folder is not None:
        console.print(f"{folder}/edges.tsv", soft_wrap=True, highlight=False)


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__


def _is_fixable(error: Exception) -> bool:
    """Say whether the user can fix it: an input error of ours, or a setting that does not fit.

    Hydra wraps whatever a configured constructor raises: what a wrong setting provokes there is
    the user's, anything else is a bug.
    """
    from_settings = ("hydra.", "omegaconf.", "lightning.")
    *_, first = causes = list(_chain(error))
    if any(isinstance(cause, InputError) for cause in causes):
        return True
    if type(first).__module__.startswith(from_settings):
        return True
    wrapped = first is not error and type(error).__module__.startswith("hydra.")
    return wrapped and isinstance(first, TypeError | ValueError | ImportError)


def _message(error: Exception) -> str:
    """Return the readable part: an input error that Hydra wrapped, or what Hydra says."""
    causes = list(_chain(error))
    ours = next((cause for cause in causes if isinstance(cause, InputError)), None)
    if ours is not None:
        return str(ours)
    first_line = (str(causes[-1]).strip() or repr(causes[-1])).splitlines()[0]
    said = str(error).strip()
    return said if first_line in said else f"{said}: {first_line}"
