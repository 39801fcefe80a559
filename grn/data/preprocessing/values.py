"""Decides the kind of the values of a matrix; docs/values.md lists the evidence in order."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

import numpy as np

from grn.data.preprocessing.evidence import LARGEST_LOG_VALUE, Evidence

logger = logging.getLogger(__name__)

ValueKind: TypeAlias = Literal["counts", "linear", "log"]
VALUE_KINDS: tuple[ValueKind, ...] = ("counts", "linear", "log")

# Logarithms of one matrix are close together: if the largest value exceeds this many medians, the
# values may be linear. Chosen by hand, and used last; a warning states the decision
# (docs/values.md).
_MEDIANS_TO_LARGEST = 25.0
_MEDIANS_TO_LARGEST_DECIMAL = 20.0
# Whole numbers that include 0 but neither 1 nor 2 are rounded logarithms.
_LEAST_OF_ROUNDED_LOGS = 3.0
_MOST_CELLS = 0.9  # a few cells of counts may lack 1 and 2 too; chosen by hand
OVERRULE = "preprocess.values=counts, linear or log says otherwise"


@dataclass(frozen=True)
class Verdict:
    """Kind of the values, and the reason."""

    kind: ValueKind
    seen: str
    """The decisive evidence, in words."""
    is_sure: bool = True


def judge_values(
    evidence: Evidence, *, is_whole: bool, largest: float, says_log1p: bool
) -> Verdict:
    """Decide by the strongest evidence.

    Parameters
    ----------
    evidence
        Evidence from the sampled cells.
    is_whole, largest
        Whether all values of all cells are whole numbers, and the largest value.
    says_log1p
        Whether the file records that scanpy took the logarithm of this matrix.
    """
    if is_whole:
        return _judge_whole(evidence, largest, says_log1p)
    though = ", though uns['log1p'] says logarithms" if says_log1p else ""
    if largest > LARGEST_LOG_VALUE:
        seen = f"they are fractional and reach {largest:g}, which no logarithm does{though}"
        return Verdict("linear", seen, is_sure=False)
    if evidence.linear.holds_multiples:
        seen = f"in a cell they are whole multiples of one number, as scaled counts are{though}"
        return Verdict("linear", seen, is_sure=False)
    for name, form in evidence.unlogged.items():
        if form.holds_multiples:
            return Verdict("log", f"they are {name} of counts or of scaled counts")
    with_one_total = [n for n, form in evidence.unlogged.items() if form.has_one_total]
    if evidence.linear.has_one_total and not with_one_total:
        return Verdict("linear", f"cells have the same total{though}", is_sure=False)
    if len(with_one_total) == 1 and not evidence.linear.has_one_total:
        return Verdict("log", f"they are {with_one_total[0]} of values of one total per cell")
    if says_log1p:
        return Verdict("log", "uns['log1p'] says so")
    return _judge_shape(evidence, largest)


def _judge_shape(evidence: Evidence, largest: float) -> Verdict:
    """Decide by spread alone: logarithms are close together and linear values are not."""
    median = float(np.median(evidence.medians)) if evidence.medians else 0.0
    is_wide = largest > _MEDIANS_TO_LARGEST * median
    seen = f"they are fractional and stay below {LARGEST_LOG_VALUE:g}"
    if evidence.linear.is_decimal:
        seen = "they are whole multiples of a tenth or a hundredth, as divided counts are"
        if largest > _MEDIANS_TO_LARGEST_DECIMAL * median:
            return Verdict("linear", seen, is_sure=False)
        return Verdict("log", f"{seen}, or rounded logarithms", is_sure=False)
    if is_wide:
        seen += (
            f", but the largest ({largest:.3g}) is {largest / median:.0f} times the median of "
            "those above 0, as for linear values rather than for logarithms"
        )
    return Verdict("log", seen, is_sure=not is_wide)


def _judge_whole(evidence: Evidence, largest: float, says_log1p: bool) -> Verdict:
    """Decide for whole numbers: they are counts, unless they are rounded logarithms."""
    whole = "they are whole numbers"
    if largest > LARGEST_LOG_VALUE:
        record = " (uns['log1p'] was left by another matrix)" if says_log1p else ""
        return Verdict("counts", f"{whole}{record}")
    least = np.asarray(evidence.least)
    above = len(least) and (least >= _LEAST_OF_ROUNDED_LOGS).mean() >= _MOST_CELLS
    record = ", and uns['log1p'] says so" if says_log1p else ""
    if above and evidence.has_zeros and evidence.has_neighbours:
        seen = f"{whole} without a 1 or a 2, as rounded logarithms are{record}"
        return Verdict("log", seen, is_sure=False)
    if evidence.varies_less_than_counts:
        seen = f"{whole} that vary less than counts can, as rounded logarithms do{record}"
        return Verdict("log", seen, is_sure=False)
    if says_log1p:
        seen = f"{whole} from 1 on, though uns['log1p'] says logarithms"
        return Verdict("counts", seen, is_sure=False)
    return Verdict("counts", whole)


def says_log1p(uns: Mapping[str, Any]) -> bool:
    """Return whether `uns` records a logarithm of this matrix, and not of another layer."""
    read = uns.get("grn_read")
    layer = read.get("layer", "X") if isinstance(read, Mapping) else "X"
    return "log1p" in uns and layer in ("X", "raw")


def log_values(verdict: Verdict, target_sum: float) -> None:
    """Log the kind of the values, its evidence and their treatment; as a warning if in doubt."""
    kind = {"counts": "counts", "linear": "linear", "log": "log-normalised already"}[verdict.kind]
    done = "left as they are"
    if verdict.kind != "log":
        done = f"normalised to {target_sum:g} per cell, then log1p"
    doubt = "" if verdict.is_sure else f" ({OVERRULE})"
    level = logging.INFO if verdict.is_sure else logging.WARNING
    logger.log(level, "values are %s: %s; %s%s", kind, verdict.seen, done, doubt)
