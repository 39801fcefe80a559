import numpy as np
import pandas as pd
import pytest

from grn.edges.matrix import edge_table
from grn.edges.read import read_edges
from grn.errors import InputError
from grn.export import edges as module
from grn.export.edges import write_edges


def test_the_bytes_are_what_they_should_be(tmp_path):
    edges = pd.DataFrame(
        {
            "source": ["A", "B", "Ω"],
            "target": ["NA", "A", "A"],
            "weight": np.array([-1 / 3, 1e-12, -0.0], dtype=np.float32),
            "importance": [1 / 3, 123456789.0, np.nan],
            "n": [1, 2, 3],
        }
    )
    write_edges(edges, tmp_path / "edges.tsv")
    assert (tmp_path / "edges.tsv").read_bytes().decode() == (
        "source\ttarget\tweight\timportance\tn\n"
        "A\tNA\t-0.333333\t0.333333\t1\n"
        "B\tA\t1e-12\t1.23457e+08\t2\n"
        "Ω\tA\t0\tnan\t3\n"
    )


def test_a_table_comes_back_as_it_was(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "_ROWS_PER_BLOCK", 10)
    genes = [f"g{i}" for i in range(23)]
    weight = np.random.default_rng(0).normal(size=(5, 23))
    edges = edge_table(weight, np.abs(weight), genes[:5], genes, row_norm=np.arange(23) / 8)
    write_edges(edges, tmp_path / "edges.tsv")
    pd.testing.assert_frame_equal(read_edges(tmp_path / "edges.tsv"), edges, rtol=1e-5)
    pd.testing.assert_frame_equal(pd.read_csv(tmp_path / "edges.tsv", sep="\t"), edges, rtol=1e-5)


@pytest.mark.parametrize("name", ["A\tB", "A\nB", 'A"B'])
def test_a_name_that_would_break_the_file_is_refused(tmp_path, name):
    edges = pd.DataFrame({"source": ["A"], "target": [name], "weight": 1.0, "importance": 1.0})
    with pytest.raises(InputError, match="Rename it"):
        write_edges(edges, tmp_path / "edges.tsv")
    assert not list(tmp_path.iterdir())
