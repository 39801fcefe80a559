import pytest

from grn.benchmark.markdown import label, markdown_table, network_label, spread


def test_a_network_is_named_where_there_are_several() -> None:
    assert network_label("beeline/mDC", "STRING") == "mDC STRING"
    assert network_label("dream4/size10", "gold") == "size10"
    assert network_label("beeline_simulated/GSD_2000_0", "refNetwork") == "GSD_2000_0"


@pytest.mark.parametrize(
    ("mean", "sd", "said"),
    [
        (0.5, 0.25, "0.50 ± 0.25"),
        (0.5, 0.004, "0.50"),  # would be written as 0.00
        (0.5, float("nan"), "0.50"),
        (float("nan"), float("nan"), "–"),
    ],
)
def test_a_spread_is_written_where_there_is_one(mean: float, sd: float, said: str) -> None:
    assert spread(mean, sd, 2) == said


def test_tables_and_names() -> None:
    assert label("closed_form", "method") == "closed form"
    assert label("tf_variance", "control") == "*tf variance*"
    assert markdown_table(["a", "b"], [["x", "1"], ["y", "2"]]) == (
        "| a | b |\n| --- | ---: |\n| x | 1 |\n| y | 2 |"
    )
    names = markdown_table(["a", "b", "c"], [], n_names=2)
    assert names.splitlines()[1] == "| --- | --- | ---: |"
