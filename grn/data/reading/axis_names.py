"""Scores how much the names along an axis look like genes or like cells."""

import re
from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

from grn.names.species import is_barcode

# Accessions of genes, transcripts or proteins, in any species.
_ACCESSION = re.compile(
    r"""
    # vertebrates: Ensembl, NCBI, the committees for names, clones; UniProt entries
      (?i:ENS[A-Z]{0,6}[GTPE]\d{11}(\.\d+)?(_PAR_Y)?) | MGP_\w+_[GT]\d{7}
    | [NX][MRPCG]_\d{6,9}(\.\d+)? | LOC\d{3,} | RGD\d{4,} | (GeneID|HGNC|MGI|RGD|SGD|FB|WB):\w+
    | ZDB-GENE-\d{6}-\d+ | XB-GENE(PAGE)?-\d+ | (KIAA|FLJ|MGC)\d{3,} | (?i:C(\d+|[XY])ORF\d+)
    | (si|zgc|wu|im):[\w.-]+ | (RP|CT[ABCD]|XXbac|GS1|LL\w+)\d*-\w+\.\d+ | A[CLPFD]\d{6}\.\d+
    | \w{2,6}_(HUMAN|MOUSE|RAT|YEAST|DROME|CAEEL|ECOLI|ARATH|DANRE|BOVIN|CHICK|XENLA|PIG)
    # fly, worm, yeasts, slime mould
    | FB(gn|tr|pp)\d{7} | C[GR]\d{4,5} | lncRNA:[\w:-]+ | WBGene\d{8}
    | ([A-Z]\d{2,3}[A-Z]\d{1,2}[A-Z]{0,2}|ZK\d{3,4}|[BC]0\d{3})\.\d{1,2}[a-z]?
    | Y[A-P][LR]\d{3}[WC](-[A-Z])? | SP[ABC]P?C?\w+\.\d+c?(\.\d)? | DDB_G\d{7}
    # plants
    | (?i:AT[1-5CM]G\d{5}(\.\d+)?) | (LOC_)?Os\d\dg\d{5,7}(\.\d+)? | Zm\d{5}[a-z]{1,3}\d{6}
    | [A-Z][a-z]{1,6}[._]?(\d{1,2}|[A-Z])[gG]\d{4,}([._]\w+)* | (GRMZM|HORVU|TraesCS)\w+
    | VIT_\w+ | (Potri|Sobic)\.\w+
    # bacteria and parasites: tags that are well known
    | PF3D7_\w+ | TGME49_\w+ | Tb\d+\.\w+\.\w+ | Rv\d{4}[Ac]? | BSU_?\d{5} | JW\d{4} | ECK\d{4}
    | SAOUHSC_\w+ | PA14_\d{5}
    # small RNA, assembled transcripts, simulated networks
    | (?i:([a-z]{3,4}-)?(mir-?|let-|lin-|lsy-)\d+[\w*.-]*) | MIMAT\d{7} | MI\d{7}
    | TRINITY_\w+ | MSTRG\.[\d.]+ | (XLOC|TCONS)_\d+ | CUFF\.[\d.]+ | gene-[A-Z]\S+ | evm\.\S+
    | (?i:(g|gene|tf)[_-]?\d+)
    """,
    re.VERBOSE,
)
# Families of symbols, well known symbols.
_FAMILY = re.compile(
    r"""
      (RP[LS]|ZNF|ZFP|ZSCAN|TMEM|SLC|KRT|COL|CCL|CXCL|CDK|MAPK|FOX|SOX|GATA|HOX|HIST|LINC|
       DNMT|NDUF|PSM|UBE|FAM|CCN|CDC|EIF|HSP|HNRNP|IL|IRF|KLF|LHX|NKX|PAX|POU|SMAD|STAT|TBX|WNT)
       [A-Z]{0,3}\d+[A-Z]*\d*(-\w+)?
    | (MT|HLA|H2)-\w+ | \w+RIK            # mitochondrial, HLA, RIKEN clones
    | ACTB | GAPDH | MALAT1 | B2M | TUBB\w* | ACTG1 | NANOG | MYC | TP53 | TRP53 | JUN | FOS
    """,
    re.VERBOSE | re.IGNORECASE,
)
# Accessions that could also name a cell or sample: UniProt, E. coli's b-numbers, Entrez.
_MAYBE_ACCESSION = re.compile(
    r"[OPQ]\d[A-Z0-9]{3}\d(-\d+)?|[A-NR-Z]\d([A-Z][A-Z0-9]{2}\d){1,2}|b\d{4}|[A-Z]{2,4}_?\d{4,5}c?"
)
# A symbol is one short word; names of cells carry separators, long numbers or barcodes.
_SYMBOL = re.compile(r"[A-Za-z][A-Za-z0-9]{1,9}(-[A-Za-z0-9]{1,4})?(\.\d)?")
_CELL_NAME = re.compile(
    r"""(cell|c|sample|s|spot|barcode|bc|bead|nucleus|well|plate|rep|v|x)[_.-]?\d+([_.-]\w+)?
    | [SED]R[RSX]\d+ | GSM\d+\w* | SAM(N|EA|D)\d+
    | (\w+[_.])?[A-P]\d{1,2}             # wells
    """,
    re.VERBOSE | re.IGNORECASE,
)
_SEVERAL_PARTS = re.compile(r"\w+[_.:-]\w+[_.:-][\w.:-]+")  # plate_time_well and the like
_JOINED = re.compile(r"[|;:]|_+")  # ENSG00000141510.17|TP53, GRCh38___TP53
_SAMPLE = 2000  # names: shares are known to a percent, whatever the length of the axis
_NUMBERED = 0.8  # share of names that differ in their final number only, as those of samples do
_DENSE = 0.5  # of the numbers from first to last, the share that numbered samples have at least
_SPARSE = 0.1  # accessions have at most
_LONGEST_NUMBER = 18  # digits of a number that is counted or of a database
_DIGITS_OF_A_DATABASE = 4  # samples and genes that people number have fewer


class Look(NamedTuple):
    """Shares of the names along an axis that look like genes or cells."""

    likeness: float
    """From −1, if all look like cells, to 1, if all look like genes."""
    genes: float
    """Share of accessions and symbols that only genes have."""
    barcodes: float
    """Share that contains the sequence of a barcode."""


def look_at(names: Sequence[str]) -> Look:
    """Score at most 2000 evenly spaced names."""
    step = max(1, len(names) // _SAMPLE)
    sample = [str(name) for name in names[::step]]
    parts = [_stem_and_number(name) for name in sample]
    stem, how_often = Counter(stem for stem, _ in parts).most_common(1)[0] if parts else ("", 0)
    common = stem if how_often > _NUMBERED * len(sample) else None
    spread = _spread([number for stem, number in parts if stem == common], step)
    scores = [
        _score(name, spread if common is not None and own == common else None)
        for name, (own, _) in zip(sample, parts, strict=True)
    ]
    n = max(1, len(sample))
    return Look(
        sum(scores) / n,
        sum(score == 1.0 for score in scores) / n,
        sum(map(is_barcode, sample)) / n,
    )


def is_gene_like(name: str) -> bool:
    """Return whether a name is an accession or a well-known symbol of a gene."""
    return _score(name, None) == 1.0


def are_alike(name: str, others: Sequence[str]) -> bool:
    """Return whether most names differ only in the number at their end."""
    stem, number = _stem_and_number(name)
    same = [_stem_and_number(other)[0] == stem for other in others]
    return bool(stem and number) and sum(same) > _NUMBERED * len(same)


def _score(name: str, spread: float | None) -> float:
    """Score one name in [−1, 1]; `spread` is that of the numbers where all differ in them only."""
    if _is_gene(name):
        return 1.0
    counted = spread is not None and spread >= _DENSE
    scattered = spread is not None and spread <= _SPARSE
    if is_barcode(name) or _CELL_NAME.fullmatch(name) or counted:
        return -1.0
    if name.isdigit():
        return 0.25 if scattered else -0.5  # Entrez, or chosen cells
    if _MAYBE_ACCESSION.fullmatch(name) or (scattered and _is_long(name)):
        return 0.4
    if spread is not None or _SEVERAL_PARTS.fullmatch(name):
        return -0.5
    return 0.5 if _SYMBOL.fullmatch(name) else 0.0


def _is_gene(name: str) -> bool:
    if _ACCESSION.fullmatch(name) or _FAMILY.fullmatch(name):
        return True
    parts = [part for part in _JOINED.split(name) if part]
    # The parts of the name of a plate or sample are too short to be informative.
    return len(parts) > 1 and any(len(p) > 5 and _ACCESSION.fullmatch(p) for p in parts)


def _is_long(name: str) -> bool:
    """Tell the number of a database, often with leading zeros, from one that was counted."""
    return len(_stem_and_number(name)[1]) >= _DIGITS_OF_A_DATABASE


def _stem_and_number(name: str) -> tuple[str, str]:
    """Return the name without the number at its end, and that number."""
    stem = name.rstrip("0123456789")
    return stem, name[len(stem) :]


def _spread(numbers: list[str], step: int) -> float | None:
    """Return which share of the numbers from first to last is there; None without numbers."""
    values = {int(number) for number in numbers if 0 < len(number) <= _LONGEST_NUMBER}
    if len(values) < 2:
        return None
    return min(1.0, step * len(values) / (max(values) - min(values) + 1))
