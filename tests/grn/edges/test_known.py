"""Labels and signs of known edges, under the names and in the words of public tables."""

import logging

import numpy as np
import pandas as pd
import pytest

from grn.edges.read import read_truth
from grn.errors import InputError

PAIRS = pd.DataFrame({"source": ["A", "A", "B", "C"], "target": ["B", "C", "C", "A"]})


def signs(**columns: list) -> list[int] | None:
    """Signs that are read of the four pairs; None where there are none."""
    truth = read_truth(PAIRS.assign(**columns))
    assert len(truth) == 4
    return truth["sign"].tolist() if "sign" in truth else None


@pytest.mark.parametrize(
    "name", ["label", "Label", "is_edge", "Is Edge", "y_true", "known", "class"]
)
@pytest.mark.parametrize(
    "values",
    [
        [1, 0, 1, 0],
        [1.0, 0.0, 1.0, 0.0],
        [True, False, True, False],
        ["TRUE", "FALSE", "true", "False"],
        ["yes", "no", "Yes", "no "],
        ["positive", "negative", "positive", "negative"],
    ],
)
def test_rows_that_a_label_calls_none_are_dropped(name: str, values: list) -> None:
    truth = read_truth(PAIRS.assign(**{name: values}))
    assert truth.to_numpy().tolist() == [["A", "B"], ["B", "C"]]


def test_label_and_sign_are_both_taken() -> None:
    truth = read_truth(PAIRS.assign(label=[1, 1, 0, 0], sign=["+", "-", "+", "+"]))
    assert truth.to_numpy().tolist() == [["A", "B", 1], ["A", "C", -1]]


@pytest.mark.parametrize(
    ("column", "values", "message"),
    [
        ("label", [1, 0, -1, 1], "'-1' in the column 'label' says neither"),
        ("label", [1, 0, 2, 1], "'2' in the column 'label'"),
        ("is_edge", [0.5, 0, 1, 1], "'0.5' in the column 'is_edge'"),
        ("is_edge", ["1", "0", "", "1"], "'' in the column 'is_edge'"),
        ("label", [0, 0, 0, 0], "no row is an edge"),
        # Under a name that says nothing, it may be labels.
        ("bound", [1, 0, 0, 1], "the column 'bound' holds two values.* call it label"),
        ("ChIP seq", ["True", "False", "False", "True"], "the column 'ChIP seq'"),
        ("effect", [1, 0, 0, 1], "the column 'effect'"),
        ("sign", [1, 0, 0.26, 1], "'0.26' in the column 'sign' is no sign"),
        ("mor", [1, -1, "much", 1], "'much' in the column 'mor'"),
        ("Type", ["+", "-", "maybe", "+"], "'maybe' in the column 'Type'"),
    ],
)
def test_what_may_be_labels_or_is_no_sign_is_refused(
    column: str, values: list, message: str
) -> None:
    with pytest.raises(InputError, match=message):
        read_truth(PAIRS.assign(**{column: values}))


@pytest.mark.parametrize(
    ("columns", "expected"),
    [
        ({"sign": [1, -1, 0, 0]}, [1, -1, 0, 0]),
        ({"mor": [1, -1, 1, -1]}, [1, -1, 1, -1]),
        ({"MOR": ["1.0", "-0.5", "0.25", "0"]}, [1, -1, 1, 0]),
        ({"mor": [1, 1, 1, 1]}, [1, 1, 1, 1]),
        ({"weight": [1, -1, 1, -1]}, [1, -1, 1, -1]),
        ({"weight": [0.33, -0.25, 1, -1]}, [1, -1, 1, -1]),
        ({"weight": ["+", "-", "+", "-"]}, [1, -1, 1, -1]),
        ({"mode": ["Activation", "Repression", "Unknown", "Activation"]}, [1, -1, 0, 1]),
        ({"function": ["activator", "repressor", "dual", "?"]}, [1, -1, 0, 0]),
        ({"interaction": ["positive", "negative", "negative", "positive"]}, [1, -1, -1, 1]),
        ({"label": ["activates", "inhibits", "activates", "unknown"]}, [1, -1, 1, 0]),
        ({"effect": ["positive", "negative", "", "up-regulation"]}, [1, -1, 0, 1]),
        ({"Regulation": ["activates", "inhibits", "represses", "n/a"]}, [1, -1, -1, 0]),
        ({"Type": ["+", "\u2212", "+-", "-"]}, [1, -1, 0, -1]),
        ({"effect": [0.7, -1.2, 3, -4]}, [1, -1, 1, -1]),
        # OmniPath: both flags or neither leave the sign open; the consensus comes first.
        (
            {"is_stimulation": [1, 0, 1, 0], "is_inhibition": [0, 1, 1, 0]},
            [1, -1, 0, 0],
        ),
        (
            {
                "is_directed": [1, 1, 1, 1],
                "type": ["transcriptional"] * 4,
                "is_stimulation": [True, True, True, False],
                "is_inhibition": [True, True, False, False],
                "consensus_stimulation": ["True", "False", "True", "False"],
                "consensus_inhibition": ["False", "True", "False", "False"],
            },
            [1, -1, 1, 0],
        ),
        ({"activator": [1, 0, 0, 1], "repressor": [0, 1, 0, 1]}, [1, -1, 0, 0]),
        # A sign that is called so comes before one that may be.
        (
            {"type": ["a", "b", "c", "d"], "weight": [3, 4, 5, 6], "sign": [1, -1, 0, 1]},
            [1, -1, 0, 1],
        ),
        # No signs: confidences, scores, an unweighted graph, words and evidence.
        ({"weight": [0.26, 0.9, 0.31, 0.5]}, None),
        ({"weight": [1, 1, 1, 1]}, None),
        ({"type": ["transcriptional"] * 4}, None),
        ({"direction": ["ligand", "receptor", "ligand", "receptor"]}, None),
        ({"confidence": ["A", "B", "C", "D"], "PMID": [1, 2, 3, 4]}, None),
        ({"combined_score": [150, 900, 0, 400]}, None),
    ],
)
def test_signs_as_public_tables_write_them(columns: dict, expected: list[int] | None) -> None:
    assert signs(**columns) == expected


def test_zero_is_an_unknown_sign_or_no_edge_as_the_column_says(
    caplog: pytest.LogCaptureFixture,
) -> None:
    assert signs(sign=[1, 0, 0, 1], weight=[0.2, 0.9, 0.4, 0.26]) == [1, 0, 0, 1]
    assert not caplog.text
    assert read_truth(PAIRS.assign(weight=[1, 0, 0, 1])).to_numpy().tolist() == [
        ["A", "B"],
        ["C", "A"],
    ]
    assert "2 rows have weight 0 and are not edges" in caplog.text
    # A few pairs of many: the weight is a sign, which is unknown; a whole matrix: no edge.
    few = pd.DataFrame({"source": list("ABCD"), "target": list("BCDA"), "weight": [1, -1, 0, 1]})
    assert read_truth(few)["sign"].tolist() == [1, -1, 0, 1]
    names = list("ABCD")
    whole = pd.DataFrame([(a, b) for a in names for b in names], columns=["source", "target"])
    whole["weight"] = np.resize([0, 1, 0, -1, 0], 16)
    kept = whole[(whole["weight"] != 0) & (whole["source"] != whole["target"])]
    assert read_truth(whole).to_numpy().tolist() == kept.to_numpy().tolist()


def test_the_log_says_what_was_taken(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        signs(mor=[1, -1, 1, 0])
    assert "signs from 'mor': 2 activations, 1 repressions, 1 unknown" in caplog.text


def test_flags_beside_signs_or_each_other_are_warned_of(caplog: pytest.LogCaptureFixture) -> None:
    assert signs(mor=[1, -1, 1, 1], curated=[1, 0, 0, 1]) == [1, -1, 1, 1]
    assert "the column 'curated' holds two values" in caplog.text
    caplog.clear()
    assert signs(chip=[1, 0, 0, 1], motif=[0, 0, 1, 1]) is None
    assert "'chip', 'motif'" in caplog.text
    caplog.clear()
    assert signs(label=[1, 1, 1, 1], motif=[0, 0, 1, 1]) is None
    assert not caplog.text
