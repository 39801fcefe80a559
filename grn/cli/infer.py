"""`grn infer`: cells in, a ranked, signed TF→target list out."""

import argparse
import logging
from pathlib import Path
from typing import Any

from grn.cli.interruption import how_to_go_on
from grn.cli.table import report
from grn.errors import InputError

logger = logging.getLogger(__name__)

# Options that are keys of conf/data/file.yaml, by the same names.
_OF_DATA = (
    *("cells", "tfs", "layer", "gene_column", "aliases", "groupby", "batch"),
    *("perturbations", "control", "perturbation_kind"),
)


def add_parser(commands: Any) -> None:
    """Add the subcommand to the parser's `commands`."""
    infer = commands.add_parser(
        "infer",
        help="infer a ranked, signed TF→target list from cells",
        description="Find the network of some cells. The run folder holds edges.tsv (every TF × "
        "gene pair, best first), RESULT.md (what each file is) and files for other tools.",
        epilog="Seconds to minutes on a CPU, depending on genes and TFs; each bootstrap, "
        "permutation and group of cells takes about as long again.",
    )
    infer.set_defaults(command=_infer)
    _add_input(infer.add_argument_group("input"))
    _add_labels(infer.add_argument_group("labels of cells: columns of adata.obs"))
    _add_method(infer.add_argument_group("method"))
    _add_output(infer.add_argument_group("output"))
    machine = infer.add_argument_group("machine")
    machine.add_argument("--threads", type=int, metavar="N", help="CPU threads (default: all)")
    machine.add_argument(
        "--device", choices=["cpu", "cuda", "auto"], default="auto", help="auto: cuda if present"
    )


def _add_input(group: Any) -> None:
    """Add the cells and the names of their genes."""
    group.add_argument(
        "cells",
        metavar="CELLS",
        help=".h5ad, .zarr, .loom, 10x (.h5, folder), .csv/.tsv/.txt[.gz], BEELINE folder",
    )
    group.add_argument(
        "--tfs", metavar="FILE|SPECIES",
        help="candidate regulators: a file, or human, mouse, fly, fish, rat or yeast (default: "
        "every gene)",
    )  # fmt: skip
    group.add_argument(
        "--layer", metavar="NAME",
        help="key of adata.layers to use; raw: adata.raw.X (default: adata.X)",
    )  # fmt: skip
    group.add_argument(
        "--gene-column", metavar="NAME",
        help="column of adata.var with the gene names to use (default: adata.var_names)",
    )  # fmt: skip
    group.add_argument(
        "--aliases", metavar="FILE", help="other names of genes: two columns, alias and name"
    )
    group.add_argument(
        "--prior", metavar="FILE|NAME",
        help="known edges that rank first, or motifs: a file, or collectri, dorothea or trrust "
        "once fetched (grn data fetch NAME)",
    )  # fmt: skip


def _add_labels(group: Any) -> None:
    """Add what columns of adata.obs say of the cells."""
    group.add_argument(
        "--groupby", metavar="KEY",
        help="column such as cell_type: also a network for each of its groups",
    )  # fmt: skip
    group.add_argument(
        "--batch", metavar="KEY",
        help="column such as donor: expression is centred within its batches",
    )  # fmt: skip
    group.add_argument(
        "--perturbations", metavar="KEY",
        help="column that says which genes are perturbed in which cells",
    )  # fmt: skip
    group.add_argument(
        "--control", metavar="NAME",
        help="label of the controls in it, beside control, NT, non-targeting, ...",
    )  # fmt: skip
    group.add_argument(
        "--perturbation-kind", choices=["knock-out", "knock-down", "activation"],
        help="how genes were perturbed (default: what another column of adata.obs says)",
    )  # fmt: skip


def _add_method(group: Any) -> None:
    """Add what is computed beside the network, and settings."""
    group.add_argument(
        "--bootstraps", type=int, default=0, metavar="N",
        help="networks of N bootstraps of the cells: adds the column stability",
    )  # fmt: skip
    group.add_argument(
        "--permutations", type=int, default=0, metavar="N",
        help="networks of N sets of independent genes: adds p_value and fdr",
    )  # fmt: skip
    group.add_argument(
        "--train", action=argparse.BooleanOptionalAction, default=False,
        help="also train a predictor of every gene's expression; the edges do not depend on it "
        "(default: no)",
    )  # fmt: skip
    group.add_argument(
        "--checkpoint", metavar="PATH",
        help="use its settings, and for the same cells its network",
    )  # fmt: skip
    group.add_argument("--seed", type=int, default=0, help="seed of all random numbers")
    group.add_argument(
        "--set", nargs="+", action="extend", default=[], metavar="KEY=VALUE", dest="overrides",
        help="any setting of conf/train.yaml, such as model.max_cells=5000",
    )  # fmt: skip


def _add_output(group: Any) -> None:
    """Add where the result goes and how much of it."""
    group.add_argument("--output", metavar="DIR", default="grn_output", help="run folder")
    group.add_argument(
        "--top", type=int, metavar="N",
        help="only the N best edges in edges.tsv and adjacencies.tsv (default: every pair)",
    )  # fmt: skip
    group.add_argument(
        "--report", action=argparse.BooleanOptionalAction, default=True,
        help="write report.html, the result as a page for the browser (default: yes)",
    )  # fmt: skip
    group.add_argument("--overwrite", action="store_true", help="replace an existing result")


def _infer(options: argparse.Namespace) -> None:
    from grn.data.reading.formats import find_format

    find_format(Path(options.cells), options.gene_column)  # before seconds of loading libraries
    from grn.config import compose_config, import_from

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
            f"report={options.report}",
            f"top={'null' if options.top is None else options.top}",
            f"trainer.accelerator={accelerator}",
            f"confidence.bootstraps={options.bootstraps}",
            f"confidence.permutations={options.permutations}",
            *options.overrides,
        ]
    )
    import_from(Path.cwd(), config)
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
    if config.report and config.data.groupby is not None:
        _add_activity(result.folder)  # last: the result is complete without it


def _add_activity(folder: Path) -> None:
    """Add the activity of regulators in the groups to the report, where that can be had."""
    from grn.report import write_report
    from grn.tools.of_run import write_activity

    try:
        write_activity(folder)
    except InputError as error:
        logger.info("the report has no activity of regulators: %s", error)
        return
    write_report(folder)
