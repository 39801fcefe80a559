import pandas as pd

from grn.benchmark.contexts_summary import summarise_contexts
from grn.benchmark.run import COLUMNS

# By method: the kind, and the values of two seeds with two sets of groups each.
VALUES = {
    "random": ("control", [[1.0, 1.2], [1.0, 1.2]]),
    "pearson_alone": ("control", [[2.0, 2.0], [2.0, 2.0]]),
    "partial_pooling": ("method", [[5.0, 3.0], [6.0, 4.0]]),
}


def results() -> pd.DataFrame:
    rows = [
        [
            *(method, kind, f"contexts/{seed}-{number}", size, "contexts", seed, metric),
            *(value * factor * share, 0.1, 1000, 8, 1.5),
        ]
        for method, (kind, by_seed) in VALUES.items()
        for seed, values in enumerate(by_seed)
        for number, value in enumerate(values)
        for size, share in (("300 cells", 1.0), ("60 cells", 0.5))
        for metric, factor in (
            ("auprc_ratio", 1), ("sign_accuracy", 0.1), ("auroc", 99),
            ("differing_auprc_ratio", 2), ("specific_auprc_ratio", 3),
        )
    ]  # fmt: skip
    return pd.DataFrame(rows, columns=list(COLUMNS))


def test_a_table_per_metric_with_a_column_for_every_size() -> None:
    lines = summarise_contexts(results()).splitlines()
    assert [line for line in lines if line.startswith("#")] == [
        "## Contexts: a network per group",
        "### AUPRC ratio, contexts",
        "### Sign accuracy, contexts",
        "### AUPRC ratio of which group has the edge, contexts",
        "### AUPRC ratio of edges that not all groups have, contexts",
    ]
    start = lines.index("### AUPRC ratio, contexts") + 4
    # Mean over sets, then mean and spread over seeds: 4 and 5, not over the four values.
    assert lines[start : start + 5] == [
        "| method | 300 cells | 60 cells |",
        "| --- | ---: | ---: |",
        "| partial pooling | 4.50 ± 0.71 | 2.25 ± 0.35 |",
        "| *pearson alone* | 2.00 | 1.00 |",
        "| *random* | 1.10 | 0.55 |",
    ]
    assert "| partial pooling | 13.50 ± 2.12 | 6.75 ± 1.06 |" in lines


def test_how_many_seeds_and_sets_is_said() -> None:
    assert "over 2 seeds, each the mean of 2 sets of groups" in summarise_contexts(results())
    one = results()
    one = one[one["seed"] == 0]
    assert "over one seed" in summarise_contexts(one)


def test_a_method_without_a_result_in_a_group_has_a_dash() -> None:
    values = results()
    gone = (values["method"] == "pearson_alone") & (values["network"] == "60 cells")
    assert "| *pearson alone* | 2.00 | – |" in summarise_contexts(values[~gone])
