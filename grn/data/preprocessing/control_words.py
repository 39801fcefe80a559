"""How people label cells that are controls, or of which they do not know the perturbation."""

import re

# Words are compared in lower case, without spaces, hyphens, underscores and dots.
_WORDS = (
    r"control",
    r"ctrl",
    r"ntc",
    r"non?target(?:ing|ed)?",
    r"neg(?:ative)?(?:control|ctrl)",
    r"safetarget(?:ing|ed)?",
    r"safeharbou?r",
    r"scrambled?",
    r"(?:un|non)(?:perturbed|transduced|transfected|infected)",
    r"mock",
    r"emptyvector",
    r"parental",
    r"vehicle",
    r"dmso",
    r"wildtype",
    r"intergenic",
    r"nosite",
    r"onenongenesite",
    r"aavs1",
    r"rosa26",
    r"lacz",
    r"e?gfp",
    r"luciferase",
)
# A number after one of these needs a separator or a g: WT1 is a gene, NT3 a name of one.
_SHORT_WORDS = ("nt", "wt", "neg", "negative", "safe")

# These mean a control after the mark of a small RNA only: Scr is a gene of the fly.
_WORDS_OF_RNA = ("scr", "luc", "nc")

_GUIDE = r"(?:sgrna|grna|guide|sg|g)"
_RNA = r"(?:shrna|sirna|sh|si)"
# A number, and that of the guide after it: NegCtrl0, CTRL00698_1.
_NUMBER = rf"(?:{_GUIDE}?#?\d+(?:#\d+)?)"
_NUMBER_APART = rf"(?:{_GUIDE}#?\d+|#\d+)"
_IS_CONTROL = re.compile(
    rf"(?:{_GUIDE}|{_RNA})?(?:{'|'.join(_WORDS)})(?:control|ctrl)?s?{_NUMBER}?"
    rf"|(?:{_GUIDE}|{_RNA})?(?:{'|'.join(_SHORT_WORDS)})(?:control|ctrl)?s?{_NUMBER_APART}?"
    rf"|{_RNA}(?:{'|'.join(_WORDS_OF_RNA)})s?{_NUMBER}?"
)
_SEQUENCE = re.compile(r"[-_ .:][ACGT]{8,}$")
_BEFORE_NUMBER = re.compile(r"[-_ .:#]+(?=\d+$)")
_SEPARATORS = re.compile(r"[-_ .:]")
_IS_UNKNOWN = re.compile(
    r"unknown|unassigned|undetermined|notassigned|ambiguous|multiplets?|multiple|doublets?|noguides?"
    r"|unmapped"
)


def is_control(label: str) -> bool:
    """Say whether a label is one of those of controls.

    Examples
    --------
    >>> [is_control(label) for label in ("NT_3", "sgNTC-1", "Wild type", "WT1", "JUN")]
    [True, True, True, False, False]
    """
    text = _BEFORE_NUMBER.sub("#", _SEQUENCE.sub("", label.strip()))
    return _IS_CONTROL.fullmatch(_SEPARATORS.sub("", text).lower()) is not None


def is_unknown(label: str) -> bool:
    """Say whether a label says that the perturbation of the cell is not known."""
    return _IS_UNKNOWN.fullmatch(_SEPARATORS.sub("", label.strip()).lower()) is not None
