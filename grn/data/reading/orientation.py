"""Decides which axis of a matrix holds the genes: by regulators, a word, names or values."""

from collections.abc import Collection, Iterable, Sequence
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import numpy as np

from grn.data.reading.axis_names import Look, look_at
from grn.errors import InputError
from grn.names.symbols import first_of

if TYPE_CHECKING:
    from anndata import AnnData

AxisOrder = Literal["genes × cells", "cells × genes"]
GENES_BY_CELLS: AxisOrder = "genes × cells"
CELLS_BY_GENES: AxisOrder = "cells × genes"
HOW_TO_FORCE = (
    "write `gene` (rows are genes) or `cell` (rows are cells) into the first header field, or "
    "name the regulators with --tfs"
)

# Usual names of the first column, in lower case, without separators.
_GENE_WORDS = {
    "gene", "symbol", "feature", "ensembl", "entrez", "uniprot", "refseq", "flybase", "wormbase",
    "locustag", "locus", "orf", "transcript", "protein", "mirna", "tf", "accession",
    "entrezgene", "ensemblgene", "geneshort",
}  # fmt: skip
_CELL_WORDS = {"cell", "barcode", "sample", "obs", "observation", "spot", "nucleus", "well", "run"}
_ENDINGS = ("names", "name", "ids", "id", "symbols", "symbol", "s", "")

# All thresholds were chosen by hand so that the tables of the tests are told right or refused
# (docs/formats.md); how far each could move was not measured.
_CLEAR_MARGIN = 0.4  # of two likenesses: the names alone decide
_SLIGHT_MARGIN = 0.15  # of two likenesses: a reason, if no other contradicts
_SURE = 0.6  # at least so many names say clearly what they are
_KNOWN = 0.1  # share of accessions and known symbols
_MOST, _FEW = 0.5, 0.1  # shares of barcodes, and of repeated names
_MIN_LISTED = 3  # regulators that an axis has; one or two may be names of cells by accident
_TIMES = 2.0  # how much more the totals of genes differ than those of cells
_DIFFER = 0.5  # the least standard deviation of their logarithms
_GENES_OF_A_GENOME = (5_000, 100_000)  # from yeast's to a plant's with transcripts
_MANY_TIMES = 10  # how much longer a genome is than the other axis, and regulators more


class Orientation(NamedTuple):
    """The layout of the matrix, and the reason for it."""

    layout: AxisOrder
    reason: str
    doubt: bool = False
    """Whether the reason is weak, values or shape alone, so that a warning is due."""


def detect_orientation(
    corner: str,
    row_names: Sequence[str],
    column_names: Sequence[str],
    *,
    tfs: Collection[str] | None = None,
    values: np.ndarray[Any, Any] | None = None,
) -> Orientation | None:
    """Decide which axis holds the genes; None if there is no evidence.

    The evidence, in this order, is: the axis that holds the regulators; the first header field, if
    it is `gene` or `cell` or a similar word; the names, since genes look like accessions or
    symbols, and cells like barcodes, wells or numbered samples; and last, if they agree, small
    differences of the names, totals (those of genes differ more), repeated names (of genes) and
    the shape.

    Parameters
    ----------
    corner
        The header field over the row names, often empty.
    row_names, column_names
        Names along both axes.
    tfs
        Names of regulators, where there is a list of them.
    values
        The matrix, rows × columns.
    """
    layout = layout_by_word(corner)
    if listed := _by_regulators(tfs or (), row_names, column_names):
        if layout not in (None, listed.layout):
            reason = f"{listed.reason}, though the first header field is {corner!r}"
            return listed._replace(reason=reason, doubt=True)
        return listed
    if layout:
        return Orientation(layout, f"the first header field is {corner!r}")
    rows, columns = look_at(row_names), look_at(column_names)
    if (genes := _by_names(rows, columns)) is not None:
        axis, names = ("rows", row_names) if genes == 0 else ("columns", column_names)
        other = column_names if genes == 0 else row_names
        reason = f"the {axis} look like genes ({first_of(names)}), the others like cells"
        return Orientation(_layout(genes), f"{reason} ({first_of(other)})")
    votes = {
        "the names": _slightly(rows, columns),
        "how much the totals differ": None if values is None else _by_totals(values),
        "repeated names": _by_repeats(row_names, column_names),
        "the shape": _by_shape(len(row_names), len(column_names)),
    }
    cast = {what: genes for what, genes in votes.items() if genes is not None}
    if len(set(cast.values())) != 1:
        return None
    genes = next(iter(cast.values()))
    axis = "rows" if genes == 0 else "columns"
    reason = f"{' and '.join(cast)} tell that the {axis} are genes"
    return Orientation(_layout(genes), reason, doubt=True)


def undecided(path: object, row_names: Sequence[str], column_names: Sequence[str]) -> InputError:
    """Return the error for a table whose axis of genes cannot be identified."""
    return InputError(
        f"{path}: cannot tell which axis holds the genes: {len(row_names)} rows "
        f"({first_of(row_names)}) × {len(column_names)} columns ({first_of(column_names)}). Say "
        f"so: {HOW_TO_FORCE}."
    )


def why_transposed(adata: "AnnData", tfs: Collection[str] | None = None) -> str | None:
    """Return the evidence that cells × genes is really genes × cells; None without evidence.

    Parameters
    ----------
    adata
        Cells × genes as a format or a user states; only its names are looked at.
    tfs
        Names of regulators, where there is a list of them: then they alone decide.
    """
    if listed := _by_regulators(tfs or (), adata.obs_names, adata.var_names):
        return listed.reason if listed.layout == GENES_BY_CELLS else None
    cells, genes = look_at(adata.obs_names), look_at(adata.var_names)
    # Made-up names, such as numbered genes, are no reason to doubt what the format states.
    barcodes = genes.barcodes >= _MOST and cells.barcodes <= _FEW and cells.likeness > -_SURE
    known = cells.genes >= 2 * _KNOWN and genes.genes <= _KNOWN / 5 and genes.likeness < 0
    if not barcodes and not known:
        return None
    return (
        f"the names of its cells look like genes ({first_of(adata.obs_names)}), those of its "
        f"genes like cells ({first_of(adata.var_names)})"
    )


def check_axes(adata: "AnnData", tfs: Collection[str] | None = None) -> None:
    """Raise `InputError` for an AnnData that holds genes × cells.

    Parameters
    ----------
    adata, tfs
        As in `why_transposed`.
    """
    if reason := why_transposed(adata, tfs):
        msg = f"the matrix is transposed: {reason}. Expected cells × genes: pass adata.T."
        raise InputError(msg)


def layout_by_word(corner: str) -> AxisOrder | None:
    """Return the kind of the rows by the first header field, if it names one."""
    word = "".join(letter for letter in corner.lower() if letter.isalnum())
    stems = {word.removesuffix(ending) for ending in _ENDINGS}
    stems |= {word.removesuffix(ending) for word in stems for ending in _ENDINGS}
    if stems & _GENE_WORDS:
        return GENES_BY_CELLS
    return CELLS_BY_GENES if stems & _CELL_WORDS else None


def _layout(genes: int) -> AxisOrder:
    return GENES_BY_CELLS if genes == 0 else CELLS_BY_GENES


def _by_regulators(
    tfs: Collection[str], row_names: Iterable[str], column_names: Iterable[str]
) -> Orientation | None:
    """Decide by the axis that has the regulators, if only one has several of them."""
    wanted = {_plain(tf) for tf in tfs}
    rows, columns = (
        len({plain for name in names if (plain := _plain(name)) in wanted})
        for names in (row_names, column_names)
    )
    enough = min(_MIN_LISTED, len(wanted))
    if max(rows, columns) < max(1, enough) or min(rows, columns) * _MANY_TIMES > max(
        rows, columns
    ):
        return None
    axis, layout = ("rows", GENES_BY_CELLS) if rows > columns else ("columns", CELLS_BY_GENES)
    reason = f"{max(rows, columns)} of {len(wanted)} regulators are names of {axis}"
    return Orientation(layout, f"{reason}, {min(rows, columns)} of the others")


def _plain(name: object) -> str:
    """Return a name without case and without the version of an Ensembl id."""
    text = str(name).strip().upper()
    return text.split(".")[0] if text.startswith("ENS") else text


def _by_names(rows: Look, columns: Look) -> int | None:
    """Return the axis of the genes if the names of one axis are clear, else None."""
    for genes, (one, other) in enumerate([(rows, columns), (columns, rows)]):
        if other.barcodes >= _MOST and one.barcodes <= _FEW:
            return genes
        clear = one.likeness - other.likeness >= _CLEAR_MARGIN
        if clear and (one.genes >= _KNOWN or other.likeness <= -_SURE):
            return genes
    return None


def _slightly(rows: Look, columns: Look) -> int | None:
    if abs(rows.likeness - columns.likeness) < _SLIGHT_MARGIN:
        return None
    return 0 if rows.likeness > columns.likeness else 1


def _by_totals(values: np.ndarray[Any, Any]) -> int | None:
    """Return the axis whose totals differ more, in logarithms: expression spans decades."""
    if not values.size or not np.nanmin(values) >= 0:
        return None
    spans = []
    for axis in (1, 0):
        totals = np.nansum(values, axis=axis, dtype=float)
        spans.append(float(np.log(totals[totals > 0]).std()) if (totals > 0).any() else 0.0)
    genes = int(spans[1] > spans[0])
    return genes if spans[genes] >= max(_DIFFER, _TIMES * spans[1 - genes]) else None


def _by_repeats(row_names: Sequence[str], column_names: Sequence[str]) -> int | None:
    """Return the axis that repeats a few names, as symbols of genes are; not labels of cells."""
    shares = [1 - len(set(names)) / max(1, len(names)) for names in (row_names, column_names)]
    if min(shares) > 0 or not 0 < max(shares) <= _FEW:
        return None
    return int(shares[1] > shares[0])


def _by_shape(n_rows: int, n_columns: int) -> int | None:
    """Return the axis as long as a genome, where the other is far shorter."""
    least, most = _GENES_OF_A_GENOME
    larger, smaller = max(n_rows, n_columns), min(n_rows, n_columns)
    if not least <= larger <= most or larger < _MANY_TIMES * smaller:
        return None
    return int(n_columns > n_rows)
