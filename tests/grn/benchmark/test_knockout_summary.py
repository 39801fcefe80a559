import pandas as pd

from grn.benchmark.knockout_summary import summarise_knockouts


def _rows() -> pd.DataFrame:
    rows = [
        {
            "method": method,
            "kind": kind,
            "dataset": f"knock_outs/{name}",
            "network": learned_from,
            "seed": seed,
            "metric": metric,
            "value": value + 0.1 * seed,
            "n_candidates": 4,
        }
        for method, kind, value in (("knock_out", "method", 0.7), ("correlation", "control", 0.5))
        for name, learned_from, seeds in (
            ("HSC", "control cells", (0, 1)),
            ("HSC", "controls and other knock-outs", (0, 1)),
            ("DREAM4 size100_1", "controls and other knock-outs", (0,)),
        )
        for seed in seeds
        for metric in ("response_sign_accuracy", "response_rank_correlation")
    ]
    return pd.DataFrame(rows)


def test_a_table_per_metric_has_controls_spread_and_counts() -> None:
    said = summarise_knockouts(_rows())
    lines = [line for line in said.splitlines() if line.startswith("|")]
    assert lines[0] == "| method | HSC | HSC, others known | DREAM4 size100_1, others known |"
    assert lines[2] == "| knock out | 0.75 ± 0.07 | 0.75 ± 0.07 | 0.70 |"
    assert lines[3].startswith("| *correlation* | 0.55 ± 0.07 |")
    assert lines[4] == "| knock-outs | 8 | 8 | 4 |"
    assert len(lines) == 10
