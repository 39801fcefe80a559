"""`grn infer`: cells in, a ranked, signed TF→target list out."""

import argparse
from pathlib import Path
from typing import Any

from grn.cli.interruption import how_to_go_on
from grn.cli.table import report
from grn.errors import InputError

# Options that are keys of conf/data/file.yaml, by the same names.
_OF_DATA = (
    *("cells", "tfs", "layer", "gene_column", "aliases", "groupby", "batch"),
    *("perturbations", "control", "perturbation_kind"),
)


def add_parser(commands: Any) -> None:
    """Add the subcommand to the parser's `commands`."""
    infer = commands.add_parser("infer", help="infer a ranked, signed TF→target list from cells")
    infer.set_defaults(command=_infer)
    infer.add_argument(
        "cells",
        metavar="CELLS",
        help=".h5ad, .zarr, .loom, 10x (.h5, folder), .csv/.tsv/.txt[.gz], BEELINE folder",
    )
    infer.add_argument(
        "--tfs", metavar="FILE|SPECIES",
        help="candidate regulators: a file, or human, mouse, fly, fish, rat or yeast; without it "
        "every gene",
    )  # fmt: skip
    infer.add_argument(
        "--train", action=argparse.BooleanOptionalAction, default=False,
        help="also train a predictor of every gene's expression; the edges do not depend on it",
    )  # fmt: skip
    infer.add_argument(
        "--checkpoint", metavar="PATH",
        help="use its settings, and for the same cells its network",
    )  # fmt: skip
    infer.add_argument("--output", metavar="DIR", default="grn_output", help="run folder")
    infer.add_argument("--seed", type=int, default=0)
    infer.add_argument(
        "--layer", metavar="NAME", help="key of adata.layers to use instead of X; raw: adata.raw.X"
    )
    infer.add_argument(
        "--gene-column", metavar="NAME", help="column of adata.var with the gene names to use"
    )
    infer.add_argument(
        "--aliases", metavar="FILE", help="other names of genes: two columns, alias and name"
    )
    _add_labels(infer)
    infer.add_argument(
        "--prior", metavar="FILE|NAME",
        help="known edges that rank first, or motifs: a file, or collectri, dorothea or trrust "
        "once fetched (grn data fetch NAME)",
    )  # fmt: skip
    infer.add_argument(
        "--bootstraps", type=int, default=0, metavar="N",
        help="networks of N bootstraps of the cells: adds the column stability",
    )  # fmt: skip
    infer.add_argument(
        "--permutations", type=int, default=0, metavar="N",
        help="networks of N sets of independent genes: adds p_value and fdr",
    )  # fmt: skip
    infer.add_argument(
        "--top", type=int, metavar="N",
        help="only the N best edges in edges.tsv and adjacencies.tsv; without it every pair",
    )  # fmt: skip
    infer.add_argument("--threads", type=int, metavar="N", help="CPU threads")
    infer.add_argument("--device", choices=["cpu", "cuda", "auto"], default="auto")
    infer.add_argument("--overwrite", action="store_true", help="replace an existing result")
    infer.add_argument(
        "--set", nargs="+", action="extend", default=[], metavar="KEY=VALUE", dest="overrides",
        help="any setting of conf/train.yaml, such as model.max_cells=5000",
    )  # fmt: skip


def _add_labels(infer: argparse.ArgumentParser) -> None:
    """Add what columns of adata.obs say of the cells."""
    infer.add_argument(
        "--groupby", metavar="KEY",
        help="column of adata.obs, such as cell_type: also a network for each of its groups",
    )  # fmt: skip
    infer.add_argument(
        "--batch", metavar="KEY",
        help="column of adata.obs, such as donor: expression is centred within its batches",
    )  # fmt: skip
    infer.add_argument(
        "--perturbations", metavar="KEY",
        help="column of adata.obs that says which genes are perturbed in which cells",
    )  # fmt: skip
    infer.add_argument(
        "--control", metavar="NAME",
        help="label of the controls in it, beside control, NT, non-targeting, ...",
    )  # fmt: skip
    infer.add_argument(
        "--perturbation-kind", choices=["knock-out", "knock-down", "activation"],
        help="how genes were perturbed; without it, another column of adata.obs says so",
    )  # fmt: skip


def _infer(options: argparse.Namespace) -> None:
    from grn.data.reading.formats import find_format

    find_format(Path(options.cells), options.gene_column)  # before seconds of loading libraries
    from grn.config import compose_config

    if options.threads is not None and options.threads < 1:
        msg = f"--threads is {options.threads}; expected at least 1."
        raise InputError(msg)
    accelerator = {"cuda": "gpu"}.get(options.device, options.device)
    given = {key: getattr(options, key) for key in _OF_DATA if getattr(options, key) is not None}
    config = compose_config(
        [
            "data=file",
            "paths=folder",
            "logger=none",
            f"seed={options.seed}",
            f"overwrite={options.overwrite}",
            f"top={'null' if options.top is None else options.top}",
            f"trainer.accelerator={accelerator}",
            f"confidence.bootstraps={options.bootstraps}",
            f"confidence.permutations={options.permutations}",
            *options.overrides,
        ]
    )
    # Set here, not by override: a path may hold anything that Hydra's grammar reads otherwise.
    config.data.update(given)
    if options.prior is not None:
        config.prior = options.prior
    config.paths.run = str(Path(options.output).resolve())

    import torch

    from grn.runs.run import run

    if options.device == "cuda" and not torch.cuda.is_available():
        msg = "--device cuda, but torch sees no CUDA device here. Use --device cpu or auto."
        raise InputError(msg)
    if options.threads is not None:
        torch.set_num_threads(options.threads)
    try:
        result = run(config, options.checkpoint, train=options.train)
    except KeyboardInterrupt as stopped:
        without = "--overwrite" if config.overwrite else None
        said = how_to_go_on(Path(config.paths.run), without=without)
        raise KeyboardInterrupt(said) from stopped
    report(result.metrics, result.folder)
