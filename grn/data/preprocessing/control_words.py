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
    r"unperturbed",
    r"nonperturbed",
    r"untransduced",
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

_GUIDE = r"(?:sgrna|grna|guide|sg|g)"
_IS_CONTROL = re.compile(
    rf"{_GUIDE}?(?:"
    rf"(?:{'|'.join(_WORDS)})(?:control|ctrl)?s?(?:{_GUIDE}?#?\d+)?"
    rf"|(?:{'|'.join(_SHORT_WORDS)})(?:control|ctrl)?s?(?:{_GUIDE}#?\d+|#\d+)?"
    r")"
)
_SEQUENCE = re.compile(r"[-_ .:][ACGT]{8,}$")
_BEFORE_NUMBER = re.compile(r"[-_ .:#]+(?=\d+$)")
_SEPARATORS = re.compile(r"[-_ .:]")
_IS_UNKNOWN = re.compile(
    r"unknown|unassigned|undetermined|notassigned|ambiguous|multiplet|doublet|noguides?|unmapped"
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
