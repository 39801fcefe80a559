import numpy as np
import pandas as pd
import pytest

from grn.benchmark.run import COLUMNS
from grn.benchmark.summary import METRICS, overview, summarise

# Ratios by method: of networks a and b of one data set and c of another; two seeds.
RATIOS = {
    ("good", "method"): ([4.0, 1.0, 2.0], [4.0, 4.0, 0.5]),
    ("fair", "method"): ([2.0, 2.0, 1.0], [2.0, 2.0, 1.0]),
    ("part", "method"): ([9.0, np.nan, 9.0], [9.0, np.nan, 9.0]),
    ("chance", "control"): ([1.0, 1.0, 1.0], [1.0, 1.0, 1.0]),
}
NETWORKS = [("one/x", "a"), ("one/x", "b"), ("two/y", "gold")]


@pytest.fixture
def results() -> pd.DataFrame:
    rows = [
        [
            method,
            kind,
            *network,
            "unsupervised",
            seed,
            metric,
            value,
            0.1,
            1000,
            8,
            1.5,
        ]
        for (method, kind), by_seed in RATIOS.items()
        for seed, values in enumerate(by_seed)
        for network, value in zip(NETWORKS, values, strict=True)
        if not np.isnan(value)
        for metric in ("auprc_ratio", "sign_accuracy")
    ]
    return pd.DataFrame(rows, columns=list(COLUMNS))


def test_ranks_follow_geometric_means_and_controls_have_none(results: pd.DataFrame) -> None:
    ranked = overview(results)
    assert list(ranked.index) == ["good", "fair", "part", "chance"]
    assert ranked["rank"].tolist()[:2] == [1, 2]
    assert ranked["rank"].isna().tolist() == [False, False, True, True]
    assert ranked.loc["good", "mean"] == pytest.approx(2.0)  # ∛8 with either seed
    assert ranked.loc["good", "sd"] == pytest.approx(0)
    assert ranked.loc["fair", "mean"] == pytest.approx(4 ** (1 / 3))
    assert ranked.loc["good", "one"] == pytest.approx((2 + 4) / 2)
    assert ranked.loc["good", "two"] == pytest.approx(1.25)


def test_a_method_without_a_result_somewhere_has_no_mean(results: pd.DataFrame) -> None:
    part = overview(results).loc["part"]
    assert np.isnan(part["mean"])
    assert np.isnan(part["one"])
    assert part["two"] == pytest.approx(9)


def test_time_is_of_one_seed_and_each_data_set_counts_once(results: pd.DataFrame) -> None:
    assert overview(results)["seconds"].tolist() == [3.0] * 4
    partly = results[(results["method"] != "fair") | (results["dataset"] == "one/x")]
    seconds = overview(partly)["seconds"]
    assert np.isnan(seconds["fair"])  # of other data sets than the others' time is
    assert seconds["good"] == 3.0


def with_corpus(results: pd.DataFrame) -> pd.DataFrame:
    """Add ratios of three data sets of the corpus, two of them of one study, for two methods."""
    cells = {"kang_pbmc_ctrl": 2.0, "kang_pbmc_stim": 8.0, "deng_preimplantation": 1.0}
    rows = results[results["method"].isin(["fair", "chance"]) & (results["dataset"] == "two/y")]
    added = [
        rows.assign(dataset=f"corpus/{name}", network="STRING", value=value, seconds=100.0)
        for name, value in cells.items()
    ]
    return pd.concat([results, *added])


def test_the_corpus_is_a_mean_of_studies_and_ranks_nothing(results: pd.DataFrame) -> None:
    ranked, before = overview(with_corpus(results)), overview(results)
    shared = list(before.columns)
    pd.testing.assert_frame_equal(ranked[shared], before)
    assert ranked.loc["fair", "corpus"] == pytest.approx(2)  # √(√(2 · 8) · 1)
    assert np.isnan(ranked.loc["good", "corpus"])
    text = summarise(with_corpus(results), command="c")
    assert "corpus: real cells of 2 studies, 3 networks; mean within each study, then" in text
    assert "Rank, geometric mean and seconds are of the other 3 networks alone." in text
    assert "corpus" not in summarise(results, command="c")


def test_the_corpus_alone_ranks(results: pd.DataFrame) -> None:
    results = with_corpus(results)
    alone = results[results["dataset"].str.startswith("corpus/")]
    ranked = overview(alone)
    assert ranked.loc["fair", ["mean", "corpus", "seconds"]].tolist() == pytest.approx([2, 2, 300])
    assert "Rank, geometric mean" not in summarise(alone, command="c")


def test_a_method_on_the_corpus_alone_stands_without_a_mean(results: pd.DataFrame) -> None:
    results = with_corpus(results)
    failed = (results["method"] == "fair") & ~results["dataset"].str.startswith("corpus/")
    fair = overview(results[~failed]).loc["fair"]
    assert fair[["mean", "rank", "seconds"]].isna().all()
    assert fair["corpus"] == pytest.approx(2)


def test_measured_cells_have_their_per_tf_auroc_beside_the_ratio(results: pd.DataFrame) -> None:
    results = with_corpus(results)
    per_tf = results[results["metric"] == "auprc_ratio"].assign(metric="per_tf_auroc")
    ranked = overview(pd.concat([results, per_tf.assign(value=per_tf["value"] / 10)]))
    names = list(ranked.columns)
    assert names[names.index("corpus") + 1] == "corpus, per-TF AUROC"
    assert "two, per-TF AUROC" not in names  # nobody measured these
    # The arithmetic mean, within the study and over the two: ((0.2 + 0.8) / 2 + 0.1) / 2.
    assert ranked.loc["fair", "corpus, per-TF AUROC"] == pytest.approx(0.3)


def test_the_tables_say_mean_and_spread(results: pd.DataFrame) -> None:
    text = summarise(
        results, command="grn benchmark x=1", skipped=["s (needs t)"], failed=["f: g"]
    )
    lines = text.splitlines()
    assert lines[0] == "    grn benchmark x=1"
    assert "Skipped: s (needs t)." in lines
    assert "**Failed:** f: g" in lines
    assert "| 1 | good | 2.000 | 3.000 | 1.250 | 3.00 |" in lines
    # Seeds 1 and 4: 2.5 ± √4.5; the control is set apart and in italics.
    assert "| good | 4.000 | 2.500 ± 2.121 |" in lines
    assert "| part | 9.000 | – |" in lines
    assert "| *chance* | 1.000 | 1.000 |" in lines
    assert "| two/y/gold | 1,000 | 0.1000 |" in lines
    titles = [line[3:] for line in lines if line.startswith("## ")]
    assert titles == ["Overall", "AUPRC ratio", "Sign accuracy", "Networks"]
    assert set(titles) <= {"Overall", "Networks", *METRICS.values()}


def test_a_network_without_a_number_is_left_out(results: pd.DataFrame) -> None:
    signs = results["metric"] == "sign_accuracy"
    results.loc[signs & (results["dataset"] == "one/x"), "value"] = np.nan
    text = summarise(results, command="c").split("## Sign accuracy")[1].split("## ")[0]
    assert "| two | y |" in text
    assert "x a" not in text
    results.loc[signs, "value"] = np.nan
    assert "## Sign accuracy" not in summarise(results, command="c")


def test_directions_are_pooled_below_their_table(results: pd.DataFrame) -> None:
    directed = results.assign(metric="direction_accuracy", value=0.75)
    text = summarise(pd.concat([results, directed]), command="c")
    section = text.split("## Direction accuracy")[1].split("## ")[0]
    # Networks a and b have 8 such pairs each: 12 of 16.
    assert "| good | 0.750 [0.505, 0.898], n = 16 | 0.750 [0.409, 0.929], n = 8 |" in section
    assert text.count("n = 16") == 3  # `part` has one of the two networks


def test_without_results_the_failures_are_still_told() -> None:
    text = summarise(pd.DataFrame(columns=list(COLUMNS)), command="c", failed=["x: y"])
    assert "x: y" in text
    assert "No results" in text
