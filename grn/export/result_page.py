"""Writes RESULT.md, which explains a run folder to whoever opens it."""

from pathlib import Path

import pandas as pd

from grn.files import replacing

_EDGES, _REPORT = "edges.tsv", "report.html"
_FILES = {
    _EDGES: "the network: one line per TF and gene, the most important first",
    "edges_by_group.tsv": "a network for each group of cells, with a column `group`",
    "activity.tsv": "which regulators are active in which groups of cells, by their targets",
    _REPORT: "the result to look at in a browser; it needs no network access",
    "network.h5ad": "the cells with the network in `varp['grn']` (rows regulate columns)",
    "adjacencies.tsv": "the same edges with the column names of arboreto, for `pyscenic ctx`",
    "regulons.gmt": "the 50 best targets of each TF as gene sets: `SPI1(+)` activated, `SPI1(-)` "
    "repressed",
    "network.graphml": "the 1,000 best edges for Cytoscape, Gephi, networkx and igraph",
    "metrics.json": "what was measured, with controls; seed, versions, names that did not match",
    "config.yaml": "every setting of the run",
    "run.jsonl": "log: stages with their seconds and memory, messages, versions",
    "checkpoints": "the network for `grn infer --checkpoint`, and a trained predictor if there is "
    "one",
}
_TITLE_OF_FILES, _TITLE_OF_COLUMNS = "## Files", f"## Columns of {_EDGES}"
_COLUMNS = {
    "source": "regulator (TF).",
    "target": "gene that it regulates.",
    "weight": "attention weight: its sign says activation (+) or repression (−), and the squares "
    "of all weights of a target add up to 1. It compares the regulators of *one* target.",
    "importance": "\\|weight\\| × row_norm, by which the list is sorted. It compares edges of "
    "*different* targets and estimates the probability of the edge.",
    "row_norm": "length of the target's row of scores: how much evidence there is for any "
    "regulator of it. It is the same in all lines of a target.",
    "n_cells_source": "number of cells in which the regulator is detected.",
    "n_cells_target": "number of cells in which the target is detected.",
    "stability": "share of the bootstraps of the cells in which the edge is among the best.",
    "p_value": "how often decoys, regulators with permuted values, give a pair this strong.",
    "fdr": "the p-value after correction for the number of pairs (Benjamini and Hochberg).",
    "part": "part of the known edges that holds the pair: training, validation, test or none.",
    "known": "1 where the pair was a true edge in training.",
}
# In a supervised run the ranking is another one, and nothing has a sign.
_SUPERVISED = {
    "weight": "log odds of an edge; a negative value is an unlikely edge and no repression.",
    "importance": "the log odds minus the smallest of them, by which the list is sorted.",
    "row_norm": "length of the target's row of scores before training on known edges.",
}
_GUIDED = {
    "importance": "\\|weight\\| × row_norm, by which the list is sorted. It is raised for "
    "the edges of the prior, which come before all others.",
}
_MEANINGS = {"supervised": _COLUMNS | _SUPERVISED, "prior-guided": _COLUMNS | _GUIDED}
_LOAD = """\
## How to load it

In Python, with the activity of every TF in every cell ([decoupler](https://decoupler.readthedocs.io)):

```python
import anndata, decoupler, pandas
adata = anndata.read_h5ad("network.h5ad")
edges = pandas.read_csv("edges.tsv", sep="\\t", keep_default_na=False)
decoupler.mt.ulm(adata, edges)                        # adata.obsm["score_ulm"]: cells × TFs
```

In R, as a graph if igraph is installed, and as gene sets for AUCell or fgsea:

```r
edges <- read.delim("edges.tsv", na.strings = "nan")
best <- head(edges, 1000)
regulons <- split(best$target, paste0(best$source, ifelse(best$weight > 0, "(+)", "(-)")))
sort(lengths(regulons), decreasing = TRUE)
if (requireNamespace("igraph")) graph <- igraph::graph_from_data_frame(best)
```

In Cytoscape: File > Import > Network from File > `network.graphml`, then map `sign` to the colour
and arrow of edges; `grn export . --to cx2` writes a file that has colours and positions.

For SCENIC: `pyscenic ctx adjacencies.tsv RANKINGS.feather --annotations_fname MOTIFS.tbl ...`

`grn export --help` lists further formats, CellOracle's among them.
"""


def write_result_page(
    folder: Path,
    edges: pd.DataFrame,
    *,
    top: int | None = None,
    regime: str = "unsupervised",
    report: bool = False,
) -> None:
    """Write RESULT.md: the files, the columns of edges.tsv, where to cut, and how to load.

    Parameters
    ----------
    folder
        Run folder, in which all files but edges.tsv and report.html are written.
    edges
        The complete edge table, best edge first.
    top
        Number of edges in edges.tsv; None: all.
    regime
        `unsupervised`, `prior-guided` or `supervised`.
    report
        Whether a report.html follows.

    Raises
    ------
    InputError
        The folder cannot be written to.
    """
    parts = [
        _summary(edges, top),
        _list_files(folder, {_EDGES, _REPORT} if report else {_EDGES}),
        _explain_columns(edges, regime),
        _say_where_to_cut(edges, regime),
        _LOAD,
    ]
    with replacing(folder / "RESULT.md") as temporary:
        temporary.write_text("\n".join(parts), encoding="utf-8")


def _summary(edges: pd.DataFrame, top: int | None) -> str:
    n_tfs, n_genes = edges["source"].nunique(), edges["target"].nunique()
    kept = len(edges) if top is None else min(top, len(edges))
    listed = "all of them" if kept == len(edges) else f"the {kept:,} best of them"
    return (
        "# Result\n\n"
        f"{n_tfs:,} regulators × {n_genes:,} genes give {len(edges):,} possible edges; `{_EDGES}` "
        f"holds {listed}. The list is a ranking and not a set of true edges: read it from the "
        "top, and cut it as described below.\n"
    )


def update_result_page(folder: Path) -> None:
    """List the files that are in a run folder now in its RESULT.md, if it has one.

    Raises
    ------
    InputError
        The folder cannot be written to.
    """
    path = folder / "RESULT.md"
    if not path.is_file():
        return
    page = path.read_text(encoding="utf-8")
    before, title, rest = page.partition(f"\n{_TITLE_OF_FILES}\n")
    _, next_title, after = rest.partition(f"\n{_TITLE_OF_COLUMNS}\n")
    if title and next_title:  # as written above
        with replacing(path) as temporary:
            listed = f"\n{_list_files(folder, set())}{next_title}"
            temporary.write_text(f"{before}{listed}{after}", encoding="utf-8")


def _list_files(folder: Path, following: set[str]) -> str:
    there = [name for name in _FILES if name in following or (folder / name).exists()]
    rows = [f"| `{name}` | {_FILES[name]} |" for name in there]
    return "\n".join([_TITLE_OF_FILES, "", "| file | what it is |", "| --- | --- |", *rows, ""])


def _explain_columns(edges: pd.DataFrame, regime: str) -> str:
    meanings = _MEANINGS.get(regime, _COLUMNS)
    rows = [f"| `{name}` | {meanings[name]} |" for name in edges if name in meanings]
    return "\n".join([_TITLE_OF_COLUMNS, "", "| column | meaning |", "| --- | --- |", *rows, ""])


def _say_where_to_cut(edges: pd.DataFrame, regime: str) -> str:
    """Return a list of cuts, with the number of edges that each leaves of this network."""
    n_tfs = edges["source"].nunique()
    per_tf = min(10 * n_tfs, len(edges) // 10)
    said = [
        "To look at it: the 50 to 100 best edges.",
        f"For enrichment and graph statistics: ten edges per TF, or a tenth of all where these "
        f"are fewer: the {per_tf:,} best. Show that the conclusion holds at half and at twice as "
        "many.",
        "For the activity of TFs: no cut, since the weights count, or the sets of `regulons.gmt`.",
        'For one TF: its rank list, `edges[edges["source"] == "SPI1"]`; for the rank of an edge '
        'among those of its TF: `edges.groupby("source").cumcount() + 1`.',
    ]
    if regime == "unsupervised":
        likely = int((edges["importance"] >= 0.5).sum())
        said.append(
            f"By importance: {likely:,} edges have at least 0.5, which the model takes for more "
            "likely than not. It learned this on simulated cells; on real cells, trust the order "
            "more than the number."
        )
    if "stability" in edges:
        stable = int((edges["stability"] >= 0.8).sum())
        said.append(f"By stability: {stable:,} edges are among the best in 80 % of bootstraps.")
    if "fdr" in edges:
        found = int((edges["fdr"] < 0.05).sum())
        said.append(
            f"By FDR: {found:,} edges are below 0.05. It says that the two genes are not "
            "independent, which co-expressed genes never are, and not that the edge is direct."
        )
    return "\n".join(["## Where to cut", "", *(f"- {one}" for one in said), ""])
