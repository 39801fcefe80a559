import pandas as pd
import pytest

from grn.data.preprocessing.perturbations import read_perturbations


def test_the_log_shows_what_was_understood(caplog: pytest.LogCaptureFixture) -> None:
    labels = [f"G{number}_1" for number in range(30) for _ in range(30 - number)] + ["NT"] * 3
    genes, obs = [f"G{number}" for number in range(20)], pd.DataFrame({"guide": labels})
    with caplog.at_level("INFO"):
        read_perturbations(obs, "guide", genes, kind="knock-down")
    said = caplog.records[0].getMessage().splitlines()
    assert said[0] == "perturbations by obs column guide, kinds given:"
    assert [line.split() for line in said[1:4]] == [
        ["perturbation", "cells", "measured", "labels"],
        ["control", "3", "NT"],
        ["G0", "knock-down", "30", "yes", "G0_1"],
    ]
    assert len(said) == 15
    assert said[-1].split() == ["…", "19", "more", "190", "9", "yes"]
