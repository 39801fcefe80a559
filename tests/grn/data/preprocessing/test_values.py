import logging

import numpy as np
import pytest

from grn.data.preprocessing.evidence import Evidence
from grn.data.preprocessing.values import Verdict, judge_values, log_values, says_log1p

RNG = np.random.default_rng(0)
COUNTS = RNG.poisson(RNG.lognormal(0, 0.4, (120, 1)) * RNG.lognormal(0.5, 1, 70))
COUNTS = COUNTS.astype(float)
SHARES = COUNTS / COUNTS.sum(axis=1, keepdims=True)
LOGS = np.log1p(1e4 * SHARES)
DEEP = RNG.poisson(RNG.lognormal(0, 1.5, COUNTS.shape)).astype(float)
NOISE = RNG.lognormal(0, 0.3, COUNTS.shape)


def judge(values: np.ndarray, says: bool = False) -> Verdict:
    evidence = Evidence(*values.shape)
    evidence.look(values.astype(np.float32), 0)
    whole = bool((values == np.rint(values)).all())
    largest = float(values.max())
    return judge_values(evidence, is_whole=whole, largest=largest, says_log1p=says)


@pytest.mark.parametrize(
    ("values", "kind", "seen", "is_sure"),
    [
        (COUNTS, "counts", "whole numbers", True),
        (COUNTS / 3, "linear", "multiples", False),
        (DEEP / 10, "linear", "tenth", False),
        (DEEP[:, :9] / 100, "linear", "hundredth", False),
        (COUNTS / 10, "log", "or rounded logarithms", False),
        (SHARES, "linear", "multiples", False),
        (SHARES[:, 20:] * 40, "linear", "multiples", False),
        (SHARES * NOISE / (SHARES * NOISE).sum(1)[:, None] * 90, "linear", "same total", False),
        (COUNTS * NOISE * 60 / COUNTS.max(), "linear", "no logarithm", False),
        (np.expm1(np.log1p(COUNTS)), "linear", "multiples", False),
        (LOGS, "log", "log1p of counts", True),
        (LOGS[:, 20:], "log", "log1p of counts", True),
        (LOGS / np.log(2), "log", "log2", True),
        (LOGS / np.log(10), "log", "log10", True),
        (np.log1p(1e3 * SHARES * NOISE)[:, 20:], "log", "stay below 50", True),
        (np.round(LOGS, 2), "log", "one total", True),
        (np.round(LOGS[:, 20:], 1), "log", "stay below 50", True),
        ((SHARES * NOISE**6)[:, 20:], "log", "rather than", False),
        (np.rint(LOGS), "log", "rounded logarithms", False),
    ],
)
def test_evidence_in_its_order(values, kind, seen, is_sure):
    verdict = judge(values)
    assert (verdict.kind, verdict.is_sure) == (kind, is_sure)
    assert seen in verdict.seen


def test_the_same_values_in_every_cell_tell_nothing():
    """Quantile normalisation gives logarithms one total in every cell."""
    values = np.sort(RNG.normal(6, 1, 70))
    alike = np.array([RNG.permutation(values) for _ in range(60)])
    assert judge(alike).kind == "log"


@pytest.mark.parametrize(
    ("values", "kind", "is_sure"),
    [
        (COUNTS, "counts", False),
        (COUNTS * 20, "counts", True),
        (np.rint(LOGS), "log", False),
        (COUNTS / 3, "linear", False),
        (np.log1p(1e3 * SHARES * NOISE)[:, 20:], "log", True),
    ],
)
def test_the_record_of_the_file_is_weighed(values, kind, is_sure):
    verdict = judge(values, says=True)
    assert (verdict.kind, verdict.is_sure) == (kind, is_sure)
    assert "uns['log1p']" in verdict.seen


@pytest.mark.parametrize(
    ("uns", "expected"),
    [
        ({}, False),
        ({"log1p": {}}, True),
        ({"log1p": {}, "grn_read": {"layer": "counts"}}, False),
        ({"log1p": {}, "grn_read": {"layer": "raw"}}, True),
    ],
)
def test_the_record_is_of_x(uns, expected):
    assert says_log1p(uns) == expected


def test_a_line_says_what_why_and_what_follows(caplog):
    with caplog.at_level(logging.INFO, logger="grn"):
        log_values(Verdict("log", "a"), 100)
        log_values(Verdict("linear", "b", is_sure=False), 100)
    sure, doubt = caplog.records
    assert (sure.levelname, doubt.levelname) == ("INFO", "WARNING")
    assert sure.message == "values are log-normalised already: a; left as they are"
    assert doubt.message.startswith("values are linear: b; normalised to 100 per cell, then log1p")
    assert "preprocess.values=" in doubt.message
