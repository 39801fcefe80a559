import numpy as np
import pandas as pd

from grn.benchmark.guided_summary import summarise_guided
from grn.benchmark.run import COLUMNS

BY_REGIME = {
    ("one/x", "a", "supervised/unseen_tf"): {
        "spherical": [0.7, 0.8],
        "pearson": [0.5, 0.5],
        "closed_form": [0.55, 0.57],
        "untrained": [0.5, 0.52],
        "target_mean": [0.6, 0.6],
        "degree": [0.65, 0.67],
        "walk": [0.61, 0.61],
        "random": [0.5, 0.5],
    },
    ("one/x", "a", "supervised/unseen_tf/matched"): {
        "spherical": [0.6, np.nan],
        "pearson": [np.nan, np.nan],
        "degree": [0.5, 0.5],
        "random": [0.5, 0.5],
    },
    ("two/y", "gold", "prior_guided/a"): {"prior": [0.9, 0.9], "random": [0.5, 0.5]},
}


def results() -> pd.DataFrame:
    rows = [
        [method, "control", *network, seed, metric, value * factor, 0.1, 1000, 8, 1.5]
        for network, methods in BY_REGIME.items()
        for method, values in methods.items()
        for seed, value in enumerate(values)
        for metric, factor in (("auroc", 1), ("auprc", 0.5), ("auprc_ratio", 10), ("other", 99))
    ]
    return pd.DataFrame(rows, columns=list(COLUMNS))


def test_a_row_per_network_and_regime_and_ours_comes_last() -> None:
    lines = summarise_guided(results()).splitlines()
    titles = [line for line in lines if line.startswith("#")]
    assert titles == [
        *("## Known edges", "### AUROC, known edges", "### AUPRC, known edges"),
        "### AUPRC ratio, known edges",
    ]
    start = lines.index("### AUROC, known edges")
    assert lines[start + 2] == (
        "| network | known | *degree* | *walk* | *prior* | *pearson* | *closed form* "
        "| *untrained* | *random* | **spherical** |"
    )
    assert lines[start + 4 : start + 7] == [
        "| x a | unseen_tf | 0.660 ± 0.014 | 0.610 | – | 0.500 | 0.560 ± 0.014 "
        "| 0.510 ± 0.014 | 0.500 | 0.750 ± 0.071 |",
        "| x a | unseen_tf/matched | 0.500 | – | – | – | – | – | 0.500 | 0.600 |",
        "| y | prior_guided/a | – | – | 0.900 | – | – | – | 0.500 | – |",
    ]
    assert "| y | prior_guided/a | – | – | 9.000 | – | – | – | 5.000 | – |" in lines


def test_what_the_numbers_mean_is_said() -> None:
    text = summarise_guided(results())
    assert "not above *degree* and *walk* has learnt nothing about regulation" in text
    assert "`matched`: test edges" in text
    assert "2 seeds" in text
    one = results()
    assert "one seed" in summarise_guided(one[one["seed"] == 0])
