import numpy as np
import pandas as pd
import pytest

from grn.data.preprocessing.perturbation_kinds import check_kind, find_kinds, kind_of
from grn.errors import InputError

ALL = np.array([False, True, True])


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ("knock-out", "CRISPR CRISPRko CRISPR-cas9 Cas9 KO knockout knock-out Knock_Out"),
        ("knock-down", "CRISPRi knock-down knockdown KD shRNA siRNA RNAi"),
        ("activation", "CRISPRa activation overexpression over-expression OE ORF"),
        (None, "drug control none stimulated JUN"),
    ],
)
def test_words_for_kinds(kind: str | None, words: str) -> None:
    assert {word: kind_of(word) for word in words.split()} == dict.fromkeys(words.split(), kind)


def test_kinds_that_are_given() -> None:
    check_kind(None)
    check_kind("knock-down")
    with pytest.raises(InputError, match="expected knock-out, knock-down, activation"):
        check_kind("CRISPRi")


@pytest.mark.parametrize(
    ("name", "values", "kinds"),
    [
        ("perturbation_type", ["CRISPRi"] * 3, ["knock-down"] * 2),
        ("type", ["wild type", "KO", "KD"], ["knock-out", "knock-down"]),
        (
            "crispr_type",
            pd.Categorical(["none", "CRISPRa", "CRISPRi"]),
            ["activation", "knock-down"],
        ),
        ("modality", [None, "knock-out", "knock-out"], ["knock-out"] * 2),
        ("kind", ["KO", "KO", None], None),  # a perturbed cell without a kind
        ("type", ["control", "KO", "control"], None),
        ("perturbation_type", ["control", "drug", "KO"], None),
        ("perturbation_type", ["control"] * 3, None),
        ("type", [1, 2, 3], None),
        ("state", ["resting", "activation", "activation"], None),
        ("cells", ["KO"] * 3, None),  # nothing says that this column is about kinds
        ("key", ["KO"] * 3, None),  # the labels themselves
    ],
)
def test_kinds_are_found_beside_the_labels(
    name: str, values: object, kinds: list[str] | None
) -> None:
    obs = pd.DataFrame({"key": ["x", "y", "z"]}).assign(
        **{"n_type": [1.0, 2.0, 3.0], name: values}
    )
    found = find_kinds(obs, "key", ALL)
    if kinds is None:
        assert found is None
    else:
        assert found is not None
        assert found[0] == name
        assert found[1][ALL].tolist() == kinds


def test_columns_that_contradict_each_other_are_refused() -> None:
    obs = pd.DataFrame({"key": list("xyz"), "type": ["KO"] * 3, "modality": ["KD", "KO", "KO"]})
    found = find_kinds(obs, "key", ALL)  # they differ in a cell that is not perturbed
    assert found is not None
    with pytest.raises(InputError, match=r"type and modality .* for 1 cells.*--perturbation-kind"):
        find_kinds(obs, "key", np.ones(3, bool))
