"""Recognises the species of gene names, and names that are cell barcodes instead."""

import re
from collections import Counter
from collections.abc import Collection
from typing import NamedTuple

from grn.names.symbols import ensembl_prefix, listed

_ENSEMBL_SPECIES = {"": "human", "MUS": "mouse", "DAR": "zebrafish", "RNO": "rat"}
# Symbols that only one of the species has, in whatever case they are written. Mitochondrial genes
# differ in case alone. Mouse genes named ZFP with three digits are named ZNF in human.
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
# The shares and counts below were chosen by hand. With them the names in the tests, which include
# real lists and cells, are recognised correctly; where they fail was not measured.
#
# One species needs this many times as many typical symbols as the next one.
_TYPICAL_RATIO = 3
# A single typical symbol among thousands may be an accident, so at least _FEW are required; in a
# short list this share of all names suffices.
_TYPICAL_SHARE = 0.1
_FEW = 3
# Only symbols of three letters or more are used: the case of `G1` or `Sp1` is not informative.
_WRITTEN = {"human": re.compile(r"[A-Z]{3}[^a-z]*"), "mouse": re.compile(r"[A-Z][a-z]{2}.*")}
_WRITTEN_SHARE = 0.8  # of the symbols whose case is informative
# A barcode is a word of bases; R puts an X before it, and velocyto an x behind it. Twelve bases or
# more are a barcode even within a longer word.
_BARCODE = re.compile(r"(?<![A-Za-z])X?([ACGTN]{8,}|[ACGT]{6,7})(?![A-WYZa-wyz])|[ACGT]{12,}")
_DOUBLED_SHARE = 0.01  # of the names of a list


class Species(NamedTuple):
    """Species of some gene names, and the evidence for it."""

    name: str | None
    """`human`, `mouse`, `zebrafish` or `rat`; None if the names do not show it."""
    evidence: str
    """Reason, with examples."""
    weak: bool
    """Whether only the case of the names is evidence."""


def detect_species(names: Collection[str]) -> Species:
    """Recognise the species of genes by their names.

    The prefix of Ensembl ids decides first. Symbols that only one species has come next, such as
    RIKEN clones or HLA genes; they do not depend on case, which matters because mouse symbols are
    sometimes written in upper case. At least three such symbols are needed, or a tenth of a short
    list. Case comes last and is weak evidence: mouse symbols are written Sox2, human ones SOX2
    (MGI and HGNC guidelines); at least three symbols have to agree.
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
    """Return whether most names contain a cell barcode (`is_barcode`)."""
    return sum(map(is_barcode, map(str, names))) > len(names) / 2


def is_barcode(name: str) -> bool:
    """Return whether a name contains a cell barcode, as `AAACCTGAGAAACCAT-1` does."""
    return _BARCODE.search(name) is not None


def doubled(asked: Collection[str], genes: Collection[str]) -> list[str]:
    """Return the names for which the genes hold two copies, named a and b, as in fish.

    The result is empty if there are only a few, which may be an accident.
    """
    there = {gene.upper() for gene in genes}
    found = [name for name in asked if {f"{name.upper()}A", f"{name.upper()}B"} <= there]
    enough = len(found) >= _FEW and len(found) > _DOUBLED_SHARE * len(asked)
    return found if enough else []
