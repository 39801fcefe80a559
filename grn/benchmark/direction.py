"""Summarises the accuracy of directions over the networks of a collection, with intervals."""

import math
from typing import NamedTuple

import pandas as pd
from scipy.stats import binomtest

from grn.benchmark.judge import RANDOM
from grn.benchmark.markdown import label, markdown_table, number

_CHANCE = 0.5
_DIGITS = 3
_KEYS = ["method", "collection"]
_NOTE = (
    "All networks of a collection together, with 95 % intervals (Wilson); `symmetric`: 0.5 in "
    "every network. Pairs are taken for independent, which those of one TF are not, nor the same "
    "pair in several data sets: an interval may be too narrow. One in twenty excludes chance by "
    "accident."
)


class Share(NamedTuple):
    """A share of some pairs, with its 95 % interval."""

    mean: float
    low: float
    high: float
    n: int


def share_of(right: float, n: int) -> Share:
    """Return the share of the pairs that are right, with Wilson's interval (1927).

    Parameters
    ----------
    right
        How many are. A tie is half of one, and a mean over seeds any part: a count between two
        whole numbers has the lower end of the one below and the upper end of the one above. For
        what lies between wrong and right that is wide enough, as its variance is less than that
        of pairs that are one or the other.
    n
        Pairs, at least 1.
    """
    right = round(right, 6)  # a sum of shares misses a whole number by rounding
    low, high = (
        binomtest(count, n).proportion_ci(method="wilson")
        for count in (math.floor(right), math.ceil(right))
    )
    return Share(right / n, float(low.low), float(high.high), n)


def pool_directions(values: pd.DataFrame) -> pd.DataFrame:
    """Count the pairs of each collection whose direction a method gets right.

    Seeds do not add pairs: counts are means over seeds.

    Parameters
    ----------
    values
        Rows of `grn.benchmark.run.Outcome` with the direction accuracy, of one regime.

    Returns
    -------
    Index `method, collection`; columns `right`, `n`, and `symmetric`, which marks 0.5 in every
    network with every seed. Networks without such pairs and the random ranking are left out.
    """
    values = values[values["value"].notna() & (values["method"] != RANDOM)]
    values = values.assign(
        collection=values["dataset"].str.split("/").str[0],
        right=values["value"] * values["n_one_way"],
        symmetric=values["value"] == _CHANCE,
    )
    by_network = values.groupby([*_KEYS, "dataset", "network"], sort=False).agg(
        right=("right", "mean"), n=("n_one_way", "first"), symmetric=("symmetric", "all")
    )
    by_collection = by_network.groupby(_KEYS, sort=False)
    return by_collection.agg({"right": "sum", "n": "sum", "symmetric": "all"})


def summarise_directions(values: pd.DataFrame, ranked: pd.DataFrame) -> list[str]:
    """Write a table of methods × collections, and which intervals exclude chance, as Markdown.

    Parameters
    ----------
    values
        As in `pool_directions`.
    ranked
        From `grn.benchmark.summary.overview`; its order is that of the rows.
    """
    pooled = pool_directions(values)
    if pooled.empty:
        return []
    shares = {
        key: None if row.symmetric else share_of(row.right, row.n)
        for key, row in zip(pooled.index, pooled.itertuples(index=False), strict=True)
    }
    collections = list(dict.fromkeys(collection for _, collection in shares))
    rows, told = [], []
    for name, kind in ranked["kind"].items():
        found = {c: shares[name, c] for c in collections if (name, c) in shares}
        if found:
            cells = [_cell(found[c]) if c in found else "–" for c in collections]
            rows.append([label(str(name), kind), *cells])
        for collection, share in found.items():
            if share is not None and _excludes(share):
                side = "above" if share.mean > _CHANCE else "below"
                told.append(f"{label(str(name), kind)} on {collection} ({side})")
    said = f"excluded by {', '.join(told)}, and by no other" if told else "excluded by none"
    return [_NOTE, markdown_table(["pooled", *collections], rows), f"Chance, 0.5, is {said}."]


def _excludes(share: Share) -> bool:
    """Return whether the rounded interval excludes chance."""
    return round(share.low, _DIGITS) > _CHANCE or round(share.high, _DIGITS) < _CHANCE


def _cell(share: Share | None) -> str:
    if share is None:
        return "symmetric"
    mean, low, high = (number(value, _DIGITS) for value in share[:3])
    return f"{mean} [{low}, {high}], n = {share.n}"
