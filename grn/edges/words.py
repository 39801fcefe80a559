"""The words that public tables of edges use, for their columns and in them."""

import re
from collections.abc import Iterable


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split(", "))


# Spellings of the columns, as `plain` returns them; the first that is there is taken. Gene
# symbols stand before `source` and `target`, which are UniProt ids in OmniPath's tables.
SOURCE = _words(
    "source_genesymbol, source, gene1, tf, regulator, transcription_factor, tf_name, "
    "tf_symbol, regulator_name, regulator_symbol, tf_gene, regulator_gene, source_gene, from, "
    "tfs, regulators"
)
TARGET = _words(
    "target_genesymbol, target, gene2, target_gene, target_name, target_symbol, "
    "regulated_gene, regulated, to, gene, gene_name, targets"
)
WEIGHT = _words("weight, edgeweight, edge_weight")
IMPORTANCE = _words("importance")
# The third column of a file without a header, as `plain` returns it: its values say what it is.
THIRD = "third_column"

# A row that is labelled 0 is no edge.
LABEL = _words(
    "label, labels, is_edge, true_edge, is_true, is_true_edge, truth, ground_truth, "
    "groundtruth, gold, gold_standard, y, y_true, is_positive, is_regulated, regulates, "
    "is_interaction"
)
# Names of labels that may also be something else: their values decide.
MAYBE_LABEL = _words(
    "edge, class, true, positive, known, exists, exist, present, response, status, outcome, "
    "interacts, interaction, connected, link, third_column"
)

SIGN = _words("sign, signs")
# decoupler's DoRothEA has `mor`, the mode of regulation: it is a sign whatever its size.
MODE = _words("mor, mode_of_regulation")
# Names of signs that may also be something else, such as OmniPath's `type`.
MAYBE_SIGN = _words(
    "type, mode, effect, regulation, regulation_type, interaction_type, regulatory_effect, "
    "edge_type, direction, action, function, relation, relationship, regulator_function, "
    "interaction, edge, third_column"
)
# Two flags, of which one says + and the other −: OmniPath's first.
FLAGS = (
    ("consensus_stimulation", "consensus_inhibition"),
    ("is_stimulation", "is_inhibition"),
    ("stimulation", "inhibition"),
    ("is_activation", "is_repression"),
    ("activation", "repression"),
    ("is_activator", "is_repressor"),
    ("activator", "repressor"),
    ("is_activation", "is_inhibition"),
    ("activation", "inhibition"),
    ("activator", "inhibitor"),
)
# Flags of OmniPath and evidence of CollecTRI that say nothing of whether there is an edge.
NEITHER = _words("is_directed, consensus_direction, directed, self_loop, sign_decision")

_YES = _words("1, true, t, yes, y, positive, pos, edge")
_NO = _words("0, false, f, no, n, negative, neg, none, no edge, non-edge")
_ACTIVATES = _words(
    "+, 1, activation, activator, activates, activate, activating, act, activated, positive, "
    "pos, up, upregulation, up-regulation, upregulates, up-regulates, upregulated, "
    "stimulation, stimulates, stimulator, induction, induces, inducer, increase, increases, "
    "->, -->, positive regulation, enhances, enhancer, plus"
)
_REPRESSES = _words(
    "-, -1, repression, repressor, represses, repress, repressing, rep, repressed, negative, "
    "neg, down, downregulation, down-regulation, downregulates, down-regulates, "
    "downregulated, inhibition, inhibits, inhibitor, inhibit, inhibitory, silencing, "
    "decrease, decreases, -|, --|, |-, negative regulation, suppression, suppresses, minus, "
    "\u2212, \u2013, \u22121, \u20131, suppressor, silencer"
)
_UNKNOWN = _words(
    "0, ?, nan, na, n/a, none, <na>, ., unknown, undefined, dual, unclear, unspecified, both, "
    "ambiguous, mixed, +-, -+, +/-, -/+, not available, conflict, undetermined, regulation, "
    "regulates, "  # and nothing
)

LABELS = dict.fromkeys(_YES, 1) | dict.fromkeys(_NO, 0)
SIGNS = dict.fromkeys(_ACTIVATES, 1) | dict.fromkeys(_REPRESSES, -1) | dict.fromkeys(_UNKNOWN, 0)
# In a row without a header; of one letter, or these, may be the name of a column too.
_IN_A_ROW = {word for word in (*SIGNS, *LABELS) if len(word) > 1} - {"edge", "positive"}
_IN_A_ROW |= {"+", "-", "?"}


def plain(column: object) -> str:
    """Return the name of a column in lower case, its words joined by `_`."""
    return re.sub(r"[^a-z0-9]+", "_", str(column).lower()).strip("_")


def value(field: object) -> str:
    """Return what stands in a field as it is looked up: `1.0`, `+1` and ` True` are 1 and true."""
    text = " ".join(str(field).strip().strip("\"'").lower().split())
    return re.sub(r"^\+?(-?\d+)(\.0*)?$", r"\1", text)


def is_value(field: str) -> bool:
    """Say whether a field is a number, a sign or a label, so that its line is no header."""
    try:
        float(field)
    except ValueError:
        return value(field) in _IN_A_ROW
    return True


def name_columns(fields: Iterable[object]) -> bool:
    """Say whether these fields are the header of a table of edges."""
    names = {*map(plain, fields)}
    return bool(names & {*SOURCE}) and bool(names & {*TARGET})
