"""Tell from its names whether a text matrix is genes × cells or cells × genes."""

import re
from collections import Counter
from collections.abc import Sequence
from typing import Literal, NamedTuple

Layout = Literal["genes × cells", "cells × genes"]
GENES_BY_CELLS: Layout = "genes × cells"
CELLS_BY_GENES: Layout = "cells × genes"
HOW_TO_FORCE = "to force it, write `gene` (rows are genes) or `cell` into the first header field"

# What people write over the first column, in lower case.
_GENE_HEADERS = {"gene", "genes", "gene_id", "gene_ids", "gene_name", "gene_names", "gene_symbol"}
_GENE_HEADERS |= {"symbol", "symbols", "geneid", "genename", "ensembl", "ensembl_id", "feature"}
_CELL_HEADERS = {"cell", "cells", "cell_id", "cell_ids", "cellid", "cell_name", "barcode"}
_CELL_HEADERS |= {"barcodes", "sample", "samples", "sample_id", "obs", "obs_names"}

_GENE_NAME = re.compile(
    r"""ENS[A-Z]{0,4}G\d{11}(\.\d+)?      # Ensembl, any species
    | (g|gene)[_-]?\d+ | (tf)[_-]?\d+     # simulated networks
    | (RP[LS]|ZNF|ZFP|ZSCAN|TMEM|SLC|KRT|COL|CCL|CXCL|CDK|MAPK|FOX|SOX|GATA|HOX|HIST|LINC|
       DNMT|NDUF|PSM|UBE|FAM|CCN|CDC|EIF|HSP|HNRNP|IL|IRF|KLF|LHX|NKX|PAX|POU|SMAD|STAT|TBX|WNT)
       [A-Z]{0,3}\d+[A-Z]*\d*(-\w+)?      # large gene families
    | (MT|HLA|H2)-\w+ | \w+RIK            # mitochondrial, HLA, RIKEN clones
    | ACTB | GAPDH | MALAT1 | B2M | TUBB\w* | ACTG1 | NANOG | MYC | TP53 | TRP53 | JUN | FOS
    """,
    re.VERBOSE | re.IGNORECASE,
)
# A symbol is one short word; names of cells carry separators, long numbers or barcodes.
_SYMBOL = re.compile(r"[A-Za-z][A-Za-z0-9]{1,9}(-[A-Za-z0-9]{1,4})?(\.\d)?")
_CELL_NAME = re.compile(
    r"""([A-Za-z0-9.]+[_#:-])?[ACGTN]{8,}([-_.]\w+)?   # barcodes, with prefix or lane suffix
    | (cell|c|sample|s|spot|barcode|bc)[_.-]?\d+
    | [SED]RR\d+ | GSM\d+\w* | \d+
    | \w+[_.:-]\w+[_.:-][\w.:-]+                        # plate_time_well and the like
    | (\w+[_.])?[A-P]\d{1,2}                            # wells
    """,
    re.VERBOSE | re.IGNORECASE,
)
_SAMPLE = 2000
_CLEAR_MARGIN = 0.15
_NUMBERED = 0.8  # share of names that differ in their final number only, as those of samples do


class Orientation(NamedTuple):
    """How the matrix lies, and why we think so."""

    layout: Layout
    reason: str


def detect_orientation(
    corner: str, row_names: Sequence[str], column_names: Sequence[str]
) -> Orientation:
    """Decide which axis holds the genes.

    In this order: the first header field, if it says `gene` or `cell` (or a word like these);
    the names: those of genes look like Ensembl ids, known families or short symbols, those of
    cells like barcodes, wells or numbered samples; else rows are cells, as scanpy reads tables.

    Parameters
    ----------
    corner
        The header field over the row names, often empty.
    row_names, column_names
        Names along both axes.
    """
    if layout := _layout_by_word(corner):
        return Orientation(layout, f"the first header field is {corner!r}")
    rows, columns = _gene_likeness(row_names), _gene_likeness(column_names)
    if abs(rows - columns) >= _CLEAR_MARGIN:
        axis = "rows" if rows > columns else "columns"
        names = row_names if rows > columns else column_names
        layout = GENES_BY_CELLS if rows > columns else CELLS_BY_GENES
        return Orientation(layout, f"the {axis} look like genes ({', '.join(names[:3])})")
    return Orientation(
        CELLS_BY_GENES,
        f"the names do not tell, so rows are taken as cells as scanpy does; {HOW_TO_FORCE}",
    )


def says_what_rows_are(corner: str) -> bool:
    """Tell whether the first header field names what the rows are: genes or cells."""
    return _layout_by_word(corner) is not None


def _layout_by_word(corner: str) -> Layout | None:
    word = corner.strip().lower().replace(" ", "_")
    if word in _GENE_HEADERS:
        return GENES_BY_CELLS
    return CELLS_BY_GENES if word in _CELL_HEADERS else None


def _gene_likeness(names: Sequence[str]) -> float:
    """Score in [−1, 1]: share of names that look like genes minus share that look like cells."""
    step = max(1, len(names) // _SAMPLE)
    sample = list(names[::step])
    score = 0.0
    stems = Counter(_stem(name) for name in sample)
    for name in sample:
        if _GENE_NAME.fullmatch(name):
            score += 1.0
        elif _CELL_NAME.fullmatch(name) or stems[_stem(name)] > _NUMBERED * len(sample):
            score -= 1.0
        elif _SYMBOL.fullmatch(name):
            score += 0.5
    return score / max(1, len(sample))


def _stem(name: str) -> str:
    """Return the name without the number at its end."""
    return name.rstrip("0123456789")
