"""Hypothesis strategies for inputs that no change of a valid file leads to."""

import gzip
import io
import pickle
from typing import Any

import torch
from fuzz_mutate import Case
from fuzz_seeds import GENES
from hypothesis import strategies as st

_NAMES = st.one_of(
    st.sampled_from(GENES),
    st.sampled_from(
        [
            *GENES, "", " ", "NA", "nan", "1", "007", "a,b", 'a"b', "a\tb", "a|b", "../up", "\0x",
            "=1+1", "<b>", "GATA1-1", "ENSG00000141510.17", "TP53_1", "cell_" + "9" * 5000,
            "x" * 3000, "Ω", "\u2028", "\ud800", "source", "target", "weight", "sign", "label",
            "tf", "gene", "cell", "alias", "name", "peak_id", "gene_short_name", "motif", "#",
            "is_stimulation", "is_inhibition", "mor", "Type", "importance", "1:2",
            "AAACCTGAGAAACCAT-1",
        ]
    ),
    st.text(max_size=8),
)  # fmt: skip
_VALUES = st.one_of(
    st.sampled_from(
        [
            *(
                "0",
                "1",
                "-1",
                "2.5",
                "0.1",
                "1e999",
                "-1e-400",
                "nan",
                "inf",
                "NA",
                "",
                "1,5",
                "+",
            ),
            *("true", "False", "1_000", "0x10", "9" * 400, "9" * 5000, "1;2", "Activation", "1e5"),
        ]
    ),
    st.integers(-3, 10**20).map(str),
    st.floats().map(str),
)
_HEADER = ("source", "target", "weight", "sign", "label")
_SEPARATORS = st.sampled_from([",", "\t", ";", " ", "|", ", ", "\t\t"])
_ENDS = st.sampled_from(["\n", "\r\n", "\r", "\n\n", "\x85", "\u2028"])
_ENCODINGS = st.sampled_from(["utf-8", "utf-8", "utf-8-sig", "utf-16", "utf-16-le", "latin-1"])


@st.composite
def tables(draw: Any, name: str) -> Case:
    """Return a file of lines: some header, names in front, numbers behind, any of them hostile."""
    width = draw(st.integers(1, 5))
    n_names = draw(st.integers(0, min(3, width)))
    header = draw(st.lists(_NAMES, min_size=width, max_size=width))
    if draw(st.booleans()):
        header[: len(_HEADER)] = draw(st.permutations(_HEADER))[: len(header)]
    row = st.tuples(*[_NAMES] * n_names, *[_VALUES] * (width - n_names)).map(list)
    rows = draw(st.lists(row, max_size=5))
    if draw(st.booleans()):
        rows.append(draw(st.lists(_NAMES | _VALUES, max_size=8)))
    quote = draw(st.sampled_from(["", "", '"', "'"]))
    separator, end = draw(_SEPARATORS), draw(_ENDS)
    lines = [separator.join(f"{quote}{field}{quote}" for field in one) for one in [header, *rows]]
    text = draw(st.sampled_from(["", "", "# title\n", "\n\n"])) + end.join(lines) + end
    data = text.encode(draw(_ENCODINGS), "replace")
    return Case({name: gzip.compress(data) if draw(st.integers(0, 9)) == 0 else data}, name)


_OTHERS = st.recursive(
    st.sampled_from([None, True, -1, 0, 3, 2**70, 0.5, float("nan"), "", "x", "${seed}", b"x"])
    | st.builds(torch.zeros, st.lists(st.integers(0, 3), max_size=3).map(tuple))
    | st.sampled_from([torch.tensor([1j]), torch.zeros(4, dtype=torch.int64), torch.nan]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["genes", "tfs", "model", "_target_", "scores"]), inner)
    ),
    max_leaves=5,
)


@st.composite
def stored(draw: Any, valid: bytes, name: str) -> Case:
    """Return a checkpoint that unpickles, with other values at some of its places."""
    content = torch.load(io.BytesIO(valid), weights_only=True)
    for _ in range(draw(st.integers(1, 3))):
        _replaced(content, draw)
    stream = io.BytesIO()
    torch.save(content, stream)
    return Case({name: stream.getvalue()}, name)


def _replaced(content: Any, draw: Any) -> None:
    """Walk down a random path, and replace, remove or add what is there."""
    while isinstance(content, dict) and content:
        key = draw(st.sampled_from(sorted(content, key=str)))
        below = content[key]
        if isinstance(below, dict) and below and draw(st.booleans()):
            content = below
            continue
        action = draw(st.integers(0, 4))
        if action == 0:
            del content[key]
        elif action == 1:
            content[draw(st.sampled_from(["more", "_target_", "logger", "split", "_args_"]))] = (
                draw(_OTHERS)
            )
        elif action == 2 and isinstance(below, list) and below:
            content[key] = draw(st.permutations([*below, draw(_OTHERS)]))
        else:
            content[key] = draw(_OTHERS)
        return


class Executed:
    """An object whose pickle runs a command when it is read."""

    def __init__(self, command: str) -> None:
        self._command = command

    def __reduce__(self) -> tuple[Any, tuple[str]]:
        import os

        return os.system, (self._command,)


@st.composite
def foreign_pickles(draw: Any, name: str) -> Case:
    """Return what other programs pickle, and what attackers do; with torch or without."""
    content = draw(
        _OTHERS
        | st.builds(Executed, st.sampled_from(["exit 7", "touch executed"]))
        | st.sampled_from([{"state_dict": {}, "epoch": 1}, torch.nn.Linear(2, 2), ValueError("x")])
    )
    stream = io.BytesIO()
    if draw(st.booleans()):
        zipped = draw(st.booleans())
        torch.save(content, stream, _use_new_zipfile_serialization=zipped)
        return Case({name: stream.getvalue()}, name)
    return Case({name: pickle.dumps(content, protocol=draw(st.integers(0, 5)))}, name)


_KEYS = (
    "seed", "top", "report", "prior", "model.max_cells", "model.transformer", "optimizer.lr",
    "model.predictor.n_channels", "model.predictor._target_", "trainer.max_steps", "data", "split",
    "data.cells", "data.source._target_", "preprocess.min_cells", "objective",
    "objective._target_",
    "trainer.accelerator", "callbacks.checkpoint", "confidence.bootstraps", "logger", "paths.run",
    "trainer", "hydra.run.dir", "model", "seed.x", "no_such", "data.loader.batch_size",
)  # fmt: skip
_SETTINGS = st.one_of(
    st.sampled_from(
        [
            "", "null", "-1", "0", "1e999", "nan", "true", "[]", "{}", "{a:1}", "[1,2", "1,2",
            "'", '"x', "${seed}", "${no.such}", "${oc.env:HOME}", "${oc.env:NOPE}", "${a", "???",
            "file", "demo", "supervised", "genelink", "../data/file", "/etc/passwd", "os.system",
            "9" * 400, "a b", "é", "\0", "choice(1,2)", "range(1,10**9)", "glob(*)", "x=y", "\\",
            "grn.model", "torch.optim.Adam", "=", "a=b=c", "int(x)", "${.x}", "${oc.decode:'x'}",
        ]
    ),
    st.integers(-3, 10**20).map(str),
    st.floats().map(str),
    st.text(max_size=6),
)  # fmt: skip


@st.composite
def overrides(draw: Any) -> list[str]:
    """Return settings as on a command line, right and wrong ones."""
    one = st.builds(
        lambda mark, key, equals, value: f"{mark}{key}{equals}{value}",
        st.sampled_from(["", "", "", "+", "++", "~"]),
        st.sampled_from(_KEYS) | st.text(max_size=6),
        st.sampled_from(["=", "=", "=", "=", "", "=="]),
        _SETTINGS,
    )
    found: list[str] = draw(st.lists(one, min_size=1, max_size=2))
    return found
