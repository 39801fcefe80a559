import pandas as pd
import pytest

from grn.benchmark.interventional_summary import summarise_interventional

VALUES = {"spherical": 4.0, "without_labels": 2.0, "mean_difference": 1.6, "random": 1.0}
SCREENS = [
    ("interventional/random/{seed}-1", "30 cells, 50 %"),
    ("interventional/random/{seed}-2", "30 cells, 50 %"),
    ("interventional/HSC", "30 cells, 50 %"),
    ("interventional/GSD", "30 cells, 50 %"),
    ("interventional/DREAM4/size100_1", "knock-outs"),
]


@pytest.fixture
def results() -> pd.DataFrame:
    """Two seeds of everything; ratios rise with the seed, half of ten pairs have the right way."""
    rows = [
        {
            "method": method,
            "kind": "method" if method == "spherical" else "control",
            "dataset": dataset.format(seed=seed),
            "network": network,
            "seed": seed,
            "metric": metric,
            "value": _value(metric, ratio + seed, dataset),
            "n_one_way": 10,
        }
        for method, ratio in VALUES.items()
        for dataset, network in SCREENS
        for seed in (0, 1)
        for metric in ("auprc", "auprc_ratio", "direction_accuracy", "sign_accuracy")
    ]
    return pd.DataFrame(rows)


def _value(metric: str, ratio: float, dataset: str) -> float:
    if metric == "auprc_ratio":
        return 2 * ratio if dataset.endswith("GSD") else ratio
    return 0.9 if metric == "sign_accuracy" else 0.5


def _tables(said: str) -> dict[str, list[str]]:
    """Return the lines of the table under every heading."""
    parts = [part.splitlines() for part in said.split("\n#### ")[1:]]
    return {part[0]: [line for line in part if line.startswith("|")] for part in parts}


def test_every_source_has_its_tables(results: pd.DataFrame) -> None:
    tables = _tables(summarise_interventional(results))
    assert list(tables) == [
        *(f"{metric}, DREAM4" for metric in ("AUPRC", "AUPRC ratio", "Direction accuracy")),
        *(
            f"{metric}, {source}"
            for source in ("random networks", "Boolean models")
            for metric in ("AUPRC ratio", "Direction accuracy", "Sign accuracy")
        ),
    ]


def test_ratios_have_means_spread_and_what_ours_has_of_the_others(results: pd.DataFrame) -> None:
    table = _tables(summarise_interventional(results))["AUPRC ratio, random networks"]
    assert table[0] == "| method | 30 cells, 50 % |"
    assert table[2] == "| spherical | 4.50 ± 0.71 |"
    assert table[3] == "| *without labels* | 2.50 ± 0.71 |"
    # Seeds: 4 / 1.6 = 2.5 and 5 / 2.6 = 1.923; 4 / 2 and 5 / 3.
    assert table[6] == "| spherical / mean difference | 2.21 ± 0.41 |"
    assert table[7] == "| spherical / without labels | 1.83 ± 0.24 |"


def test_boolean_models_have_a_column_each_and_one_together(results: pd.DataFrame) -> None:
    tables = _tables(summarise_interventional(results))
    assert tables["AUPRC ratio, Boolean models"][0] == "| method | HSC | GSD | geometric mean |"
    assert (
        tables["AUPRC ratio, Boolean models"][2]
        == "| spherical | 4.50 ± 0.71 | 9.00 ± 1.41 | 6.36 ± 1.00 |"
    )
    assert tables["Sign accuracy, Boolean models"][2] == "| spherical | 0.90 |"


def test_seeds_add_pairs_only_where_they_have_networks_of_their_own(
    results: pd.DataFrame,
) -> None:
    tables = _tables(summarise_interventional(results))
    counts = {
        name: tables[f"Direction accuracy, {name}"][-1] for name in ("DREAM4", "random networks")
    }
    assert counts == {"DREAM4": "| pairs | 10 |", "random networks": "| pairs | 40 |"}
    assert tables["Direction accuracy, Boolean models"][-1] == "| pairs | 20 |"
    assert tables["Direction accuracy, DREAM4"][2] == "| spherical | 0.50 [0.24, 0.76] |"
    assert not any("random" in line for line in tables["Direction accuracy, DREAM4"])


def test_what_was_not_run_is_left_out(results: pd.DataFrame) -> None:
    some = results[(results["method"] != "spherical") & results["dataset"].str.contains("HSC")]
    said = summarise_interventional(some)
    assert "DREAM4," not in said
    assert "spherical /" not in said
    assert "| *mean difference* |" in said
