"""Fetches BEELINE's experimental sets from Zenodo, cuts them by its rule, and writes our layout.

The rule is that of Pratapa et al., Nature Methods 2020 (10.1038/s41592-019-0690-6) and of its
`generateExpInputs.py`: of the genes whose expression varies significantly (p < 0.01 after
Bonferroni's correction), all TFs and the 500 others of largest variance; networks keep the edges
between these genes, without self-loops and repeats.
"""

from collections.abc import Collection
from pathlib import Path

import numpy as np
import pandas as pd

from grn.data.datasets.catalogue import read_fetchables
from grn.data.datasets.fetch import fetch_from_record
from grn.data.datasets.root import cache_folder
from grn.data.datasets.tf_lists import read_tf_list
from grn.data.datasets.unpack import find_unpacked, new_folder, scratch_folder, unpack
from grn.data.reading.read import read_cells
from grn.errors import InputError

COLLECTION = "beeline_zenodo"
N_OTHERS = 500
P_VALUE = 0.01
# ChIP-seq of the cell type, by data set.
_CHIP = {
    "hESC": "human/hESC-ChIP-seq",
    "hHep": "human/HepG2-ChIP-seq",
    "mDC": "mouse/mDC-ChIP-seq",
    "mESC": "mouse/mESC-ChIP-seq",
    "mHSC-E": "mouse/mHSC-ChIP-seq",
    "mHSC-GM": "mouse/mHSC-ChIP-seq",
    "mHSC-L": "mouse/mHSC-ChIP-seq",
}


def fetch_beeline() -> Path:
    """Write the seven data sets to the cache unless they are there; return their folder.

    Raises
    ------
    InputError
        The record cannot be downloaded, is damaged, or has an unexpected layout.
    """
    goal = cache_folder() / COLLECTION
    missing = [name for name in _CHIP if not (goal / name / "expression.h5ad").exists()]
    if not missing:
        return goal
    record = read_fetchables()["beeline"]
    archives = [fetch_from_record(record, name) for name in record.files]
    with scratch_folder(goal.parent) as scratch:
        for archive in archives:
            unpack(archive, scratch / archive.stem, _is_needed)
        for name in missing:
            with new_folder(goal / name) as folder:
                convert(scratch, name, folder)
    return goal


def convert(unpacked: Path, name: str, folder: Path) -> None:
    """Cut one data set and write it in our layout.

    Parameters
    ----------
    unpacked
        Folder below which both archives of the record lie.
    name
        Data set, as the record calls it.
    folder
        Receives `expression.h5ad` (cells × genes, float32, sparse), `tfs.txt` and
        `edges_<NETWORK>.csv`.

    Raises
    ------
    InputError
        A file is missing or of another form.
    """
    import anndata
    import scipy.sparse as sp

    species = _CHIP[name].split("/")[0]
    ordering = find_unpacked(unpacked, f"{name}/GeneOrdering.csv")
    adata = read_cells(find_unpacked(unpacked, f"{name}/ExpressionData.csv").parent)
    listed = read_tf_list(find_unpacked(unpacked, f"{species}-tfs.csv"))
    variation = _read(ordering, ["VGAMpValue", "Variance"], index=0)
    tfs, others = choose_genes(variation, adata.var_names, listed)
    adata = adata[:, adata.var_names.isin({*tfs, *others})]
    anndata.AnnData(
        sp.csr_matrix(adata.X, dtype=np.float32),
        obs=pd.DataFrame(index=adata.obs_names),
        var=pd.DataFrame(index=adata.var_names),
    ).write_h5ad(folder / "expression.h5ad")
    (folder / "tfs.txt").write_text("\n".join(tfs) + "\n", encoding="utf-8")
    for network, file in _networks(name, species).items():
        path = find_unpacked(unpacked, f"{file}-network.csv")
        edges = cut_network(_read(path, ["Gene1", "Gene2"]), adata.var_names)
        edges.to_csv(folder / f"edges_{network}.csv", index=False)


def choose_genes(
    variation: pd.DataFrame, genes: Collection[str], listed: Collection[str]
) -> tuple[list[str], list[str]]:
    """Choose significantly varying TFs and the `N_OTHERS` most varying other genes.

    Names match whatever their case, as in the paper's counts: the record's TF lists and networks
    are in upper case, the genes of some data sets are not.

    Parameters
    ----------
    variation
        One row per gene: `VGAMpValue`, the p-value of its variation, and `Variance`.
    genes
        Genes of the matrix; the names of the result are spelt as here.
    listed
        Every TF of the species.

    Returns
    -------
    TFs in alphabetical order, and the others by falling variance.
    """
    spelling = {gene.upper(): gene for gene in genes}
    variation = variation.set_axis(variation.index.astype(str).str.upper())
    variation = variation[variation.index.isin(spelling) & ~variation.index.duplicated()]
    varies = variation["VGAMpValue"] < P_VALUE / len(variation)
    is_tf = variation.index.isin([name.upper() for name in listed])
    others = variation[varies & ~is_tf].sort_values("Variance", ascending=False, kind="stable")
    return (
        sorted(spelling[name] for name in variation.index[varies & is_tf]),
        [spelling[name] for name in others.index[:N_OTHERS]],
    )


def cut_network(network: pd.DataFrame, genes: Collection[str]) -> pd.DataFrame:
    """Return the edges between genes of the matrix: `source, target`, each once, no self-loops.

    Parameters
    ----------
    network
        BEELINE's columns `Gene1, Gene2`.
    genes
        Genes to keep; names match whatever their case and are spelt as here.
    """
    spelling = {gene.upper(): gene for gene in genes}
    edges = pd.DataFrame(
        {
            "source": network["Gene1"].astype(str).str.upper().map(spelling),
            "target": network["Gene2"].astype(str).str.upper().map(spelling),
        }
    ).dropna()
    edges = edges[edges["source"] != edges["target"]].drop_duplicates()
    return edges.sort_values(["source", "target"], ignore_index=True)


def _networks(name: str, species: str) -> dict[str, str]:
    """Return the record's files of known networks of a data set, by our names of the networks."""
    files = {
        "STRING": f"{species}/STRING",
        "NonSpecific": f"{species}/Non-Specific-ChIP-seq",
        "ChIP": _CHIP[name],
    }
    return files | ({"LOFGOF": "mouse/mESC-lofgof"} if name == "mESC" else {})


def _is_needed(member: str) -> bool:
    """Return whether a member of the archives is needed; simulated cells are not."""
    is_cells = member.endswith(("/ExpressionData.csv", "/GeneOrdering.csv"))
    return (is_cells and "/scRNA-Seq/" in member) or member.endswith(("-tfs.csv", "-network.csv"))


def _read(path: Path, columns: list[str], index: int | None = None) -> pd.DataFrame:
    """Read these columns of a table of the record."""
    try:
        return pd.read_csv(path, index_col=index)[columns]
    except (KeyError, ValueError) as error:
        msg = (
            f"{path.name} of the record has not the columns {', '.join(columns)} ({error}); it is "
            "of another form than expected."
        )
        raise InputError(msg) from error
