"""Reads tables of TF motifs in promoters, which say what a TF may bind and not what it does."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import pandas as pd

from grn.edges import words
from grn.edges.load import PARQUET, columns_of_parquet, load, read_parquet
from grn.errors import InputError

# CellOracle's base networks: one row per peak and gene, then a column of 0 and 1 for each TF.
_PEAK, _GENE = "peak_id", "gene_short_name"
# A list with one row per TF (or motif that is named after its TF) and gene.
_MOTIF = ("motif", "motif_tf", "motif_name")
_LIST_GENE = (_GENE, *words.TARGET)
_INDEX = "__index_level_0__"  # name of pandas for row names in Parquet
_AT_A_TIME = 64  # columns of TFs: a base network has a thousand, of a hundred thousand peaks


def read_motifs(table: str | Path | pd.DataFrame) -> pd.DataFrame | None:
    """Read a table of motifs, or return None where a table is not one.

    Parameters
    ----------
    table
        A base network as CellOracle writes it (Parquet or text: `peak_id`, `gene_short_name` and
        one column of 0 and 1 per TF), or a list with a column `motif` that holds the TFs and one
        of genes (`gene_short_name`, `target`, `gene`, …).

    Returns
    -------
    `source, target, importance`, sorted, one row per TF and gene: 1 where the motif of the TF is
    in a peak of the gene.

    Raises
    ------
    InputError
        The table cannot be read, holds something other than 0 and 1, or no motif.

    Examples
    --------
    >>> base = pd.DataFrame({"peak_id": ["p", "q"], "gene_short_name": ["A", "A"], "TF": [0, 1]})
    >>> read_motifs(base).to_dict("records")
    [{'source': 'TF', 'target': 'A', 'importance': 1.0}]
    """
    names = _column_names(table)
    plain = {words.plain(name): name for name in reversed(names)}
    where = "table" if isinstance(table, pd.DataFrame) else str(table)
    if _GENE in plain and _PEAK in plain:
        gene, peak = plain[_GENE], plain[_PEAK]
        tfs = [name for name in names if name not in (gene, peak) and name != _INDEX]
        pairs = pd.concat(list(_of_peaks(table, gene, tfs, where)), ignore_index=True)
    elif motif := next((plain[name] for name in _MOTIF if name in plain), None):
        target = next((plain[name] for name in _LIST_GENE if name in plain), None)
        if target is None:
            msg = (
                f"{where}: a list of motifs ({motif}) without a column of genes; found "
                f"{', '.join(names)}. Expected a column gene_short_name, target or gene."
            )
            raise InputError(msg)
        frame, _ = load(table)
        pairs = frame[[motif, target]].astype(str).set_axis(["source", "target"], axis=1)
    else:
        return None
    pairs = pairs[pairs["source"] != pairs["target"]].drop_duplicates()
    if pairs.empty:
        msg = f"{where}: holds no motif of a TF in a peak of another gene. Expected some."
        raise InputError(msg)
    pairs = pairs.sort_values(["source", "target"], ignore_index=True)
    return pairs.assign(importance=1.0)


def _column_names(table: str | Path | pd.DataFrame) -> list[str]:
    """Return the names of the columns, of a Parquet file without reading its values."""
    if not isinstance(table, pd.DataFrame) and _is_parquet(Path(table)):
        return columns_of_parquet(Path(table))
    return list(map(str, load(table)[0].columns))


def _of_peaks(
    table: str | Path | pd.DataFrame, gene: str, tfs: Sequence[str], where: str
) -> Iterator[pd.DataFrame]:
    """Yield the pairs of some TFs after the other, whose matrix would fill the memory."""
    parquet = not isinstance(table, pd.DataFrame) and _is_parquet(Path(table))
    whole = None if parquet else load(table)[0]
    for start in range(0, len(tfs), _AT_A_TIME):
        chosen = list(tfs[start : start + _AT_A_TIME])
        if whole is None:
            frame = read_parquet(Path(table), [gene, *chosen])
        else:
            frame = whole[[gene, *chosen]]
        values = frame[chosen].apply(pd.to_numeric, errors="coerce")
        wrong = ~values.isin([0, 1]).all()
        if wrong.any():
            column = values.columns[wrong][0]
            msg = (
                f"{where}: the column {column!r} holds something other than 0 and 1. Expected "
                "peak_id, gene_short_name and one column of 0 and 1 per TF."
            )
            raise InputError(msg)
        found = values.groupby(frame[gene].astype(str), sort=False).max().stack()
        pairs = (
            found[found == 1].index.to_frame(index=False).set_axis(["target", "source"], axis=1)
        )
        yield pairs[["source", "target"]]


def _is_parquet(path: Path) -> bool:
    if not path.is_file():
        return False
    with path.open("rb") as stream:
        return stream.read(4) == PARQUET
