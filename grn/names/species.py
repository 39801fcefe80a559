"""Of which species some gene names are, and whether they are names of genes at all."""

import re
from collections import Counter
from collections.abc import Collection
from typing import NamedTuple

from grn.names.symbols import ensembl_prefix, listed

_ENSEMBL_SPECIES = {"": "human", "MUS": "mouse", "DAR": "zebrafish", "RNO": "rat"}
# Symbols that one species has and the others have not, in whatever case they are written; of
# mitochondrial genes only the case tells. Mouse's ZFP of three digits are human ZNF.
_TYPICAL = {
    "human": re.compile(
        r"(?i:HLA-.+|LINC0\d+|C(\d+|X|Y)orf\d+.*|ZNF\d+.*|RP11-.+|TP[567]3)|MT-.+"
    ),
    "mouse": re.compile(
        r"(?i:[0-9A-Z]\d{6}[A-Z]\d\dRik\d*|Gm\d{3,}|H2-.+|(A[IUVW]|B[BC])\d{6}|Zfp\d{3}[a-z]?"
        r"|Trp[567]3|Olfr\d+.*|Vmn[12]r\d+.*)|mt-[A-Z].*"
    ),
    "zebrafish": re.compile(r"(?i:si:\w+-.+|zgc:\d+.*|wu:f.+|im:\d{7}|zmp:\d+)|mt-[a-z].*"),
}
# Shares and counts below were chosen by hand. They tell the names of the tests, also of real lists
# and cells, right; where they fail was not measured.
#
# How many times more typical symbols one species needs than the next.
_TYPICAL_RATIO = 3
# One symbol in thousands may be a name by accident; of a short list it says as much as many do.
_TYPICAL_SHARE = 0.1
_FEW = 3
# Of three letters or more: `G1` or `Sp1` say nothing about case.
_WRITTEN = {"human": re.compile(r"[A-Z]{3}[^a-z]*"), "mouse": re.compile(r"[A-Z][a-z]{2}.*")}
_WRITTEN_SHARE = 0.8  # of the symbols whose case says anything
# A word of bases, not a part of a longer word; X is R's, and velocyto adds x. Of a dozen bases and
# more, whatever stands around them.
_BARCODE = re.compile(r"(?<![A-Za-z])X?([ACGTN]{8,}|[ACGT]{6,7})(?![A-WYZa-wyz])|[ACGT]{12,}")
_DOUBLED_SHARE = 0.01  # of a list


class Species(NamedTuple):
    """What some gene names say about their species."""

    name: str | None
    """`human`, `mouse` and the like, or None: they do not say."""
    evidence: str
    """Why, with examples."""
    weak: bool
    """Only their case says so."""


def detect_species(names: Collection[str]) -> Species:
    """Tell the species of genes by their names.

    Ensembl ids say it by their prefix; then symbols that only one species has, such as RIKEN
    clones or HLA genes, since data of mouse are also written in upper case; last, and weakly,
    case: mouse symbols are written Sox2, human ones SOX2 (MGI and HGNC guidelines). Three names
    at least have to say so, or a tenth of a short list; by case, three.
    """
    prefixes = [prefix for name in names if (prefix := ensembl_prefix(name)) is not None]
    if len(prefixes) > len(names) / 2:
        prefix, _ = Counter(prefixes).most_common(1)[0]
        return Species(_ENSEMBL_SPECIES.get(prefix), f"Ensembl ids ENS{prefix}G…", weak=False)
    typical = {
        species: [name for name in names if pattern.fullmatch(name)]
        for species, pattern in _TYPICAL.items()
    }
    *_, next_many, many = sorted(typical, key=lambda species: len(typical[species]))
    n_typical = len(typical[many])
    enough = n_typical >= _FEW or n_typical > _TYPICAL_SHARE * len(names)
    if enough and n_typical > _TYPICAL_RATIO * len(typical[next_many]):
        return Species(many, listed(typical[many]), weak=False)
    written = {
        species: sum(map(bool, map(pattern.fullmatch, names)))
        for species, pattern in _WRITTEN.items()
    }
    usual = max(written, key=lambda species: written[species])
    if written[usual] >= _FEW and written[usual] > _WRITTEN_SHARE * sum(written.values()):
        return Species(usual, "by their case", weak=True)
    return Species(None, "nothing typical of human or mouse", weak=True)


def are_barcodes(names: Collection[str]) -> bool:
    """Say whether most names are barcodes of cells (`is_barcode`)."""
    return sum(map(is_barcode, map(str, names))) > len(names) / 2


def is_barcode(name: str) -> bool:
    """Say whether a name holds the barcode of a cell, as `AAACCTGAGAAACCAT-1` does."""
    return _BARCODE.search(name) is not None


def doubled(asked: Collection[str], genes: Collection[str]) -> list[str]:
    """Return the names that are among the genes only as two copies, a and b, as fish have them.

    A few may be so by accident: then the result is empty.
    """
    there = {gene.upper() for gene in genes}
    found = [name for name in asked if {f"{name.upper()}A", f"{name.upper()}B"} <= there]
    enough = len(found) >= _FEW and len(found) > _DOUBLED_SHARE * len(asked)
    return found if enough else []
