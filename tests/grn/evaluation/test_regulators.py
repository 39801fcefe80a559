import logging

import anndata as ad
import numpy as np
import pandas as pd
import pytest

from grn.edges.read import read_edges
from grn.errors import InputError
from grn.evaluation.regulators import best_regulators, choose_task, random_regulators


@pytest.fixture
def cells() -> ad.AnnData:
    """Genes A to F in no order; E never varies."""
    values = np.random.default_rng(0).poisson(2.0, (25, 6)).astype(np.float32)
    values[:, 2] = 1
    return ad.AnnData(values, var=pd.DataFrame(index=list("DFECBA")))


@pytest.fixture
def edges() -> pd.DataFrame:
    rows = [
        *(("B", "A", 5.0), ("C", "A", 4.0), ("A", "B", 3.0), ("E", "F", 2.0), ("B", "D", 1.0)),
        *(("C", "E", 0.9), ("A", "G", 0.8), ("C", "D", 0.0)),
    ]
    return read_edges(pd.DataFrame(rows, columns=["source", "target", "weight"]))


def test_targets_and_their_regulators_by_hand(cells, edges, caplog):
    with caplog.at_level(logging.INFO):
        task = choose_task(edges, cells, None, 2, "")
    # Regulators A, B and C vary; F has none of them, E does not vary, G is not measured.
    assert task.genes == ["A", "B", "C", "D"]
    assert task.tf_index.tolist() == [0, 1, 2]
    assert task.targets.tolist() == [0, 1, 3]
    assert task.chosen.tolist() == [[1, 2], [0, -1], [1, -1]]
    assert task.own.tolist() == [0, 1, -1]
    assert task.n_left_out == 3
    said = "3 of 6 targets are judged by 3 regulators; 1 are not measured, 1 do not vary and 1"
    assert said in caplog.text
    assert "every choice is the same" in caplog.text


def test_genes_must_vary_and_be_measured_in_both_sets_of_cells(cells, edges):
    fewer = cells[:, list("FEDCA")].copy()
    task = choose_task(edges, cells, fewer, 1, "")
    assert task.genes == ["A", "C"]
    assert task.chosen.tolist() == [[1]]
    with pytest.raises(InputError, match="group x: no target that varies"):
        choose_task(edges.query("target == 'F'"), cells, None, 1, "group x: ")


def test_names_that_never_meet_are_refused(cells, edges):
    lower = edges.assign(source=edges["source"].str.lower())
    with pytest.raises(InputError, match=r"no regulator of the edges.*case"):
        choose_task(lower, cells, None, 2, "")


def test_values_that_are_no_numbers_are_refused(cells, edges):
    cells.X[3, 0] = np.nan
    with pytest.raises(InputError, match="NaN or infinite"):
        choose_task(edges, cells, None, 2, "")


def test_no_gene_is_its_own_regulator_and_as_many_are_taken(cells, edges):
    task = choose_task(edges, cells, None, 2, "")
    scores = np.array([[9.0, 1.0, 2.0], [3.0, 9.0, 4.0], [1.0, 2.0, 9.0]])
    assert best_regulators(scores, task).tolist() == [[2, 1], [2, -1], [2, -1]]
    generator = np.random.default_rng(0)
    drawn = np.stack([random_regulators(task, generator) for _ in range(300)])
    assert set(drawn[:, 0, 0]) == set(drawn[:, 0, 1]) == {1, 2}
    assert (drawn[:, 1:, 1] == -1).all()
    counts = np.bincount(drawn[:, 2, 0], minlength=3)
    assert counts.min() > 60
