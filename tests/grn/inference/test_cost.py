"""The estimate of time and memory: beside runs that were timed, and what is said of it."""

import logging

import numpy as np
import pytest

from grn.config import NO_FOLDER, compose_config
from grn.data.preprocessing.labels import Labels
from grn.inference.cost import estimate_cost, log_cost

# Runs that were timed: docs/benchmarks.md (network_scaling.py), docs/reliability.md
# and docs/afternoons.md. Cells, genes, regulators, networks, tables; seconds; gigabytes.
TIMED = [
    ((400, 500, 200, 1, 1), 2.2, 0.82),
    ((400, 4000, 50, 1, 1), 3.2, 0.98),
    ((384, 10_243, 334, 1, 1), 59, 2.13),
    ((1988, 1431, 498, 5, 5), 97, 2.0),
    ((2000, 15_000, 1000, 1, 1), 482, 7.34),
]


@pytest.mark.parametrize(("sizes", "seconds", "gigabytes"), TIMED)
def test_the_estimate_is_that_of_runs_that_were_timed(
    sizes: tuple[int, int, int, int, int], seconds: float, gigabytes: float
) -> None:
    """Within a factor of three of their time, on machines busy or not, and two of their memory."""
    estimated = estimate_cost(*sizes)
    assert seconds / 3 < estimated.seconds < 3 * seconds
    assert gigabytes / 2 < estimated.gigabytes < 2 * gigabytes


def test_cost_grows_with_everything() -> None:
    least = estimate_cost(500, 1000, 100)
    for larger in (
        estimate_cost(1000, 1000, 100),
        estimate_cost(500, 2000, 100),
        estimate_cost(500, 1000, 200),
        estimate_cost(500, 1000, 100, n_networks=2),
        estimate_cost(500, 1000, 100, n_networks=2, n_tables=2),
    ):
        assert larger.seconds > least.seconds
        assert larger.gigabytes >= least.gigabytes


def said(caplog: pytest.LogCaptureFixture, *sizes: int, **confidence: int) -> str:
    """Return what is logged of cells, genes and regulators."""
    config = compose_config(NO_FOLDER)
    config.confidence.update(confidence)
    caplog.clear()
    with caplog.at_level(logging.INFO, logger="grn"):
        log_cost(config, *sizes, None)
    return caplog.text


def test_a_long_run_is_announced_with_a_faster_way(caplog: pytest.LogCaptureFixture) -> None:
    assert said(caplog, 700, 765, 26) == ""
    text = said(caplog, 50_000, 15_000, 1_000)
    cost = estimate_cost(2000, 15_000, 1_000)  # model.max_cells
    assert f"about {cost.seconds / 60:.0f} minutes on one core" in text
    assert f"{cost.gigabytes:.1f} GB (an estimate)" in text
    assert "preprocess.n_top_genes=2000" in text
    assert "name the regulators (--tfs human)" in said(caplog, 2000, 5000, 5000)
    assert "fewer bootstraps" in said(caplog, 2000, 2000, 400, bootstraps=20)
    assert "a shorter list" in said(caplog, 2000, 4000, 2500)


def test_what_is_named_saves_most_and_is_there(caplog: pytest.LogCaptureFixture) -> None:
    text = said(caplog, 2000, 1600, 1600)
    half = estimate_cost(2000, 1600, 800).seconds / 60
    assert f"name the regulators (--tfs human), which are all genes now: about {half:.1f}" in text
    assert "minutes with 800 of them" in text
    assert "a shorter list" in said(caplog, 2000, 4500, 2600)  # 2000 and the TFs are more genes
    text = said(caplog, 2000, 5000, 400, bootstraps=100)
    alone = estimate_cost(2000, 5000, 400).seconds / 60
    assert f"Faster: fewer bootstraps: about {alone:.1f} minutes without any" in text
    assert "fewer permutations" in said(caplog, 2000, 5000, 400, permutations=10)


def test_where_nothing_can_be_left_out_nothing_is_advised(
    caplog: pytest.LogCaptureFixture,
) -> None:
    text = said(caplog, 2000, 3_000_000, 1)
    assert "Faster: fewer targets" in text
    config = compose_config(NO_FOLDER)
    labels = Labels("cell_type", np.repeat(np.arange(2000), 1000), [f"t{i}" for i in range(2000)])
    with caplog.at_level(logging.INFO, logger="grn"):
        caplog.clear()
        log_cost(config, 2_000_000, 1500, 1, labels)
    assert "minutes on one core" in caplog.text
    assert "Faster" not in caplog.text


def test_groups_and_permutations_count(caplog: pytest.LogCaptureFixture) -> None:
    config = compose_config(NO_FOLDER)
    config.confidence.permutations = 1
    codes = np.repeat([0, 1, 2], [1000, 900, 5])  # the last one is too small for its own
    labels = Labels("cell_type", codes, ["T", "B", "rare"])
    with caplog.at_level(logging.INFO, logger="grn"):
        log_cost(config, 1905, 9000, 800, labels)
    assert "5 network(s) of 800 regulators and 9,000 genes" in caplog.text
