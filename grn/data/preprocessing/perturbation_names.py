"""Which genes the labels of perturbed cells name: genes, combinations, guides, controls."""

import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import chain, combinations

from grn.data.preprocessing.control_words import is_control, is_unknown
from grn.data.preprocessing.perturbation_kinds import kind_of
from grn.interventions import KNOCK_DOWN
from grn.names.symbols import match_names


@dataclass(frozen=True)
class Reading:
    """What a label says."""

    genes: tuple[str, ...] = ()
    """The perturbed genes in alphabetical order, measured ones by their measured name; none of a
    control."""
    known: bool = True
    """False where the label says that the perturbation of the cell is not known."""
    kind: str | None = None
    """Kind of the perturbation, where the label itself names it (`JUN_KO`)."""

    @property
    def is_control(self) -> bool:
        """Whether the cells are controls."""
        return self.known and not self.genes


CONTROL, UNKNOWN = Reading(), Reading(known=False)

_BETWEEN_GENES = re.compile(r"\s*(?:[+,;|&]|__)\s*")
# Strand, position and promoter of a guide: AAAS_+_53715438.23-P1P2.
_POSITION = re.compile(r"_[+-]_\d+(?:\.\d+)?(?:-P\d+(?:P\d+)?)?(?=$|[|,;+&_])")
_KINDS = r"(?:KO|KD|OE|knock[-_ ]?(?:out|down)|over[-_ ]?expression|CRISPR(?:i|a|ko)?)"
_GUIDE = r"(?:sgRNA|gRNA|guide|shRNA|siRNA|sg|sh|si|g)"
# What follows the name of a gene in that of a guide or of a knock-out.
_ENDS = re.compile(
    rf"(?:[-_ .:][ACGT]{{8,}}|[_ #:]+{_GUIDE}?[-_ ]?\d{{1,5}}[a-c]?"
    rf"|[-.]{_GUIDE}[-_ ]?\d{{1,5}}|[-_]P\d(?:P\d)?|[-_ ]{_KINDS})$",
    re.IGNORECASE,
)
# These may belong to the gene itself (NKX2-5, Rag1): only where that leaves a known gene.
_UNSURE_ENDS = re.compile(r"(?:[-.]\d{1,3}|(?<=[A-Za-z0-9])s?g\d{1,2})$")
_STARTS = re.compile(
    rf"(?:(?:sgRNA|gRNA|guide|shRNA|siRNA|sg|sh|si|{_KINDS})[-_ :]+|(?:sg|sh|si)(?=[A-Z]))"
)
_UNSURE_STARTS = re.compile(r"(?:sg|sh|si)", re.IGNORECASE)
_KIND = re.compile(
    rf"(?<![^-_ +,;|&])(?:(?i:({_KINDS}|shRNA|siRNA)(?![^-_ +,;|&]))|(?:sh|si)(?=[A-Z]))"
)
_A_GENE = re.compile(r"[A-Za-z][A-Za-z0-9.@/()-]{0,39}|\d[A-Za-z0-9]{5,}Rik")
_NO_GENE = re.compile(r"none|nan?|n/a|true|false|yes|no|other|perturbed|(?:un)?treated", re.I)
# No part of a gene's name, where a measured gene stands before: JUN/FOS, JUN(KO).
_AFTER_GENE = re.compile(r"[-. ]*[/(].*")
_MOST_PIECES = 6


def read_names(
    labels: Iterable[str],
    genes: Collection[str],
    *,
    aliases: Mapping[str, str] | None = None,
    control: str | None = None,
) -> dict[str, Reading]:
    """Read which genes are perturbed in the cells of every label.

    A measured gene of exactly this name comes first, so that NKX2-5 is no guide of NKX2. Names
    joined by an underscore are a combination where both are known: measured, or labels of their
    own. What looks like a gene but is not measured is read as such.

    Parameters
    ----------
    labels
        The labels, each once.
    genes
        Measured genes.
    aliases
        Other names of genes, as `grn.names.symbols.match_names` takes them.
    control
        Label of the controls, in addition to the words that are usual.

    Returns
    -------
    The reading of each label that is understood.

    Examples
    --------
    >>> found = read_names(["JUN_1", "FOS+JUN", "ctrl", "12 h"], ["FOS", "JUN"])
    >>> {label: reading.genes for label, reading in found.items()}
    {'JUN_1': ('JUN',), 'FOS+JUN': ('FOS', 'JUN'), 'ctrl': ()}
    """
    labels = list(labels)
    named = {part for label in labels for part in _parts(label)}
    candidates = chain.from_iterable(map(_candidates, named))
    measured = _match(dict.fromkeys(candidates), genes, aliases)
    reader = _Reader(measured, control)
    # A name that stands alone in some label is a gene, though it may not be measured.
    found = [reader.part(part) for part in named]
    alone = {gene: gene for genes in found if genes is not None for gene in genes}
    reader = _Reader({**alone, **measured}, control)
    readings = {label: reader.label(label) for label in labels}
    return {label: reading for label, reading in readings.items() if reading is not None}


def is_called(label: str, name: str) -> bool:
    """Say whether a label, or one of the names that it joins, is a name or a guide of it.

    Examples
    --------
    >>> [is_called(label, "dmso") for label in ("DMSO_1", "JUN+DMSO", "DMSO2", "control")]
    [True, True, False, False]
    """
    wanted = name.strip().lower()
    parts = [label, *_parts(label)]
    return any(wanted == stem.lower() for part in parts for stem in _stems(part))


class _Reader:
    """Reads labels by the names of genes that are known.

    Parameters
    ----------
    known
        What labels may call a gene → its name.
    control
        As in `read_names`.
    """

    def __init__(self, known: Mapping[str, str], control: str | None) -> None:
        self._known = known
        self._control = None if control is None else control.strip().lower()

    def label(self, label: str) -> Reading | None:
        """Return the reading of a whole label, None where it is not understood."""
        if self._is_control(label):
            return CONTROL
        if label in self._known:
            return Reading((self._known[label],))
        if is_unknown(label):
            return UNKNOWN
        genes: set[str] = set()
        for part in _parts(label):
            found = self.part(part)
            if found is None:
                return None
            genes |= found
        if not genes:
            return CONTROL if _parts(label) else None
        kinds = _kinds_in(label)
        if len(kinds) > 1:  # a knock-out of one gene and an activation of another
            return None
        return Reading(tuple(sorted(genes)), kind=next(iter(kinds), None))

    def part(self, part: str) -> frozenset[str] | None:
        """Return the genes that a label without separators names, none for a control."""
        whole = self._whole(part)
        if whole is not None:
            return whole
        bare = _bare(part)
        if _NO_GENE.fullmatch(bare) or kind_of(bare) is not None or is_unknown(bare):
            return None
        for found in (
            self._joined(part, self._whole),
            self._stem(part),
            self._joined(part, self._whole_or_stem),
            self._beside_controls(part),
        ):
            if found is not None:
                return found
        if _AFTER_GENE.sub("", bare) in self._known and _AFTER_GENE.search(bare):
            return None
        return frozenset({bare}) if _A_GENE.fullmatch(bare) else None

    def _is_control(self, text: str) -> bool:
        named = self._control is not None and self._control in map(str.lower, _stems(text))
        return named or is_control(text)

    def _whole(self, text: str) -> frozenset[str] | None:
        if self._is_control(text):
            return frozenset()
        return frozenset({self._known[text]}) if text in self._known else None

    def _stem(self, text: str) -> frozenset[str] | None:
        known = (frozenset({self._known[stem]}) for stem in _stems(text) if stem in self._known)
        return next(known, None)

    def _whole_or_stem(self, text: str) -> frozenset[str] | None:
        whole = self._whole(text)
        return self._stem(text) if whole is None else whole

    def _joined(
        self, text: str, read: Callable[[str], frozenset[str] | None]
    ) -> frozenset[str] | None:
        """Return the genes of names joined by underscores, each of which must be read."""
        for names in _splits(text):
            found = [genes for genes in map(read, names) if genes is not None]
            if len(found) == len(names):
                return frozenset(chain.from_iterable(found))
        return None

    def _beside_controls(self, text: str) -> frozenset[str] | None:
        """Return a gene that is not known, in `A_ctrl` or `ctrl_A`."""
        for names in _splits(text):
            others = [_bare(name) for name in names if not self._is_control(name)]
            if len(others) == 1 and _A_GENE.fullmatch(others[0]):
                return frozenset(others)
        return None


def _match(
    names: Collection[str], genes: Collection[str], aliases: Mapping[str, str] | None
) -> dict[str, str]:
    """Return the measured gene of every name that has one; several names may have the same."""
    match = match_names(names, genes, aliases)
    found = match.matched
    for name in match.ambiguous:  # it may only be that another name was given its gene
        found |= match_names([name], genes, aliases).matched
    return found


def _parts(label: str) -> list[str]:
    """Split a label where it joins names: A+B, A,B, A;B, A|B, A&B, A__B."""
    text = _POSITION.sub("", label.strip())
    return [part for part in _BETWEEN_GENES.split(text) if part]


def _splits(text: str) -> Iterator[list[str]]:
    """Yield the ways to divide a label at underscores, those into few pieces first."""
    pieces = text.split("_")
    if len(pieces) > _MOST_PIECES or not all(pieces):
        return
    for n_cuts in range(1, len(pieces)):
        for cuts in combinations(range(1, len(pieces)), n_cuts):
            ends = zip((0, *cuts), (*cuts, len(pieces)), strict=True)
            yield ["_".join(pieces[start:end]) for start, end in ends]


def _stems(text: str) -> Iterator[str]:
    """Yield what a name may be without marks of a guide, the longest first of each start."""
    starts = [text, *(start.sub("", text, count=1) for start in _starts_of(text))]
    for stem in dict.fromkeys(starts):
        while stem:
            yield stem
            shorter = _ENDS.sub("", stem)
            shorter = _UNSURE_ENDS.sub("", stem) if shorter == stem else shorter
            if shorter == stem:
                break
            stem = shorter


def _starts_of(text: str) -> list[re.Pattern[str]]:
    return [start for start in (_STARTS, _UNSURE_STARTS) if start.match(text)]


def _bare(text: str) -> str:
    """Return a name without what can only be the mark of a guide or of a kind."""
    if _STARTS.match(text):
        text = _STARTS.sub("", text, count=1)
    while (shorter := _ENDS.sub("", text)) != text and shorter:
        text = shorter
    return text


def _candidates(part: str) -> Iterator[str]:
    """Yield what may be the name of a gene in a label without separators."""
    for name in chain([part], *_splits(part)):
        yield from (stem for stem in _stems(name) if not stem.isdigit())
    if _AFTER_GENE.search(part):
        yield _AFTER_GENE.sub("", _bare(part))


def _kinds_in(label: str) -> set[str]:
    """Return the kinds of perturbation that a label names, usually none or one."""
    found = (kind_of(match[1]) if match[1] else KNOCK_DOWN for match in _KIND.finditer(label))
    return {kind for kind in found if kind is not None}
