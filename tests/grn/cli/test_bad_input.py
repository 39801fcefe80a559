"""The command line on what users get wrong: exit code 2, the fix in one message, nothing written.

Beside test_main.py, which holds what works and the other exit codes.
"""

import gzip
from collections.abc import Callable
from pathlib import Path

import anndata
import numpy as np
import pytest

from tests.helpers import FAST, changed, refuses, tfs_of, written

Cli = Callable[..., tuple[int, str, str]]
Change = Callable[[anndata.AnnData], None]


def _set(row: int, column: int, value: float) -> Change:
    def change(adata: anndata.AnnData) -> None:
        adata.X[row, column] = value

    return change


def _scaled(adata: anndata.AnnData) -> None:
    adata.layers["counts"] = adata.X.copy()
    adata.X -= adata.X.mean(axis=0)


def _twice(axis: str) -> Change:
    def change(adata: anndata.AnnData) -> None:
        names = getattr(adata, f"{axis}_names").tolist()
        setattr(adata, f"{axis}_names", [names[1], *names[1:]])

    return change


def _constant(adata: anndata.AnnData) -> None:
    adata.X[:, 4:] = 1


VALUES: dict[str, tuple[Change, tuple[str, ...]]] = {
    "NaN": (_set(3, 2, np.nan), ("1 value(s) are NaN", "TF03", "fill in or drop")),
    "infinite": (_set(3, 2, np.inf), ("NaN or infinite", "TF03")),
    "negative": (_set(3, 2, -1.0), ("1 value(s) are negative", "log-normalised", "--layer")),
    "scaled": (_scaled, ("negative", "scaled", "--layer", "counts")),
    "cell names": (_twice("obs"), ("cell name(s) occur more than once", "rename")),
    "constant genes": (_constant, ("only 4 of 16 genes vary", "at least 5")),
}


@pytest.mark.parametrize("problem", VALUES)
@pytest.mark.filterwarnings("ignore:.*names are not unique")
def test_values_that_are_no_expression(
    infer: Cli, files: dict[str, Path], tmp_path: Path, problem: str
) -> None:
    change, message = VALUES[problem]
    changed(files, change)
    before = written(tmp_path)
    refuses(infer(), *message)
    assert written(tmp_path) == before


@pytest.mark.parametrize(
    ("shape", "message"), [((19, 16), "got 19 cells × 16 genes"), ((60, 4), "got 60 cells × 4")]
)
def test_too_few_cells_or_genes(
    infer: Cli, files: dict[str, Path], tmp_path: Path, shape: tuple[int, int], message: str
) -> None:
    anndata.read_h5ad(files["cells"])[: shape[0], : shape[1]].copy().write_h5ad(files["cells"])
    refuses(infer(), message, "at least 20 cells and 5 genes")
    assert not (tmp_path / "out").exists()


def table(rows: int = 30, text: str = "") -> bytes:
    header = "cell," + ",".join(f"G{i}" for i in range(8))
    body = [f"c{i}," + ",".join(str((i * j) % 7) for j in range(8)) for i in range(rows)]
    if text:
        body[4] = body[4].rsplit(",", 1)[0] + f",{text}"
    return "\n".join([header, *body, ""]).encode()


BROKEN: dict[str, tuple[str, bytes | None, tuple[str, ...]]] = {
    "missing": ("x.h5ad", None, ("no such file", "Check the path")),
    "empty h5ad": ("x.h5ad", b"", ("is empty", "write or download it again")),
    "empty table": ("x.csv", b"", ("is empty",)),
    "no hdf5": ("x.h5ad", b"not a file of this kind" * 9, ("cannot read", "truncated")),
    "cut gzip": ("x.csv.gz", gzip.compress(table())[:-40], ("cannot read", "truncated")),
    "prose": ("x.csv", b"Dear all\nplease find attached\n", ("text where a number belongs",)),
    "header only": ("x.csv", table(0), ("no rows",)),
    "text": ("x.csv", table(text="high"), ("text where a number belongs", "'high'", "'G7'")),
    "unknown format": ("x.docx", b"x", ("unknown format", "Supported")),
}


@pytest.mark.parametrize("problem", BROKEN)
def test_files_that_hold_no_cells(infer: Cli, tmp_path: Path, problem: str) -> None:
    name, content, message = BROKEN[problem]
    if content is not None:
        (tmp_path / name).write_bytes(content)
    refuses(infer(cells=name, tfs=None), *message)
    assert not (tmp_path / "out").exists()


def test_a_truncated_h5ad(infer: Cli, files: dict[str, Path], tmp_path: Path) -> None:
    whole = files["cells"].read_bytes()
    files["cells"].write_bytes(whole[: len(whole) // 2])
    refuses(infer(), "cannot read", "truncated")
    assert not (tmp_path / "out").exists()


TF_LISTS: dict[str, tuple[bytes | None, tuple[str, ...]]] = {
    "missing": (None, ("no TF list at", "one name per line")),
    "empty": (b"", ("holds no names", "one per line")),
    "Ensembl": (b"ENSG00000181449\nENSG00000136997\n", ("Ensembl ids", "convert")),
    "species": (b"SOX2\nKLF4\nMYC\nGATA1\n", ("GATA1, KLF4, MYC", "G001", "same species")),
    "two": (b"TF01\nTF02\nSOX2\n", ("Only 2 of the 3 TFs", "at least 3")),
    "binary": (bytes(range(256)), ("not a text file", "one name per line")),
}


@pytest.mark.parametrize("problem", TF_LISTS)
def test_tf_lists_that_name_no_regulators(infer: Cli, tmp_path: Path, problem: str) -> None:
    content, message = TF_LISTS[problem]
    if content is not None:
        (tmp_path / "mine.txt").write_bytes(content)
    refuses(infer(tfs="mine.txt"), *message)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--layer", "raw"], ("no layer 'raw'", "Existing layers")),
        (["--threads", "0"], ("--threads is 0", "at least 1")),
        (["--seed=-1"], ("seed", "-1")),
        (["--checkpoint", "none.ckpt"], ("no checkpoint at none.ckpt",)),
        (["--set", "trainer.max_step=3"], ("trainer.max_step",)),
        (["--set", "seed=seven"], ("seed", "seven", "int")),
        (["--set", "modle=x"], ("modle",)),
        (["--set", "model=square"], ("square", "spherical")),
        (["--set", "nonsense"], ("nonsense",)),
        (["--train", "--set", "objective.least_noise=0"], ("least_noise=0", "expected")),
        (["--train", "--set", "+trainer.colour=red"], ("colour",)),
        (
            ["--train", "--set", "trainer.val_check_interval=99"],
            ("Lower trainer.val_check_interval",),
        ),
    ],
    ids=lambda value: value[-1] if isinstance(value, list) else "",
)
def test_settings_that_do_not_fit(
    infer: Cli, tmp_path: Path, arguments: list[str], message: tuple[str, ...]
) -> None:
    refuses(infer(*arguments), *message)
    assert not (tmp_path / "out").exists()


def test_cuda_where_there_is_none(infer: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    refuses(infer("--device", "cuda"), "no CUDA device", "--device cpu")


def test_outputs_that_cannot_be_written(infer: Cli, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine")
    refuses(infer(output="file"), "is a file", "choose another output")
    refuses(infer(output="file/below"), "cannot write to", "Choose a folder")
    assert (tmp_path / "file").read_text() == "mine"


def test_a_result_is_not_overwritten_unasked(infer: Cli, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out/edges.tsv").write_text("mine")
    refuses(infer(), "already holds a result", "--overwrite")
    assert (tmp_path / "out/edges.tsv").read_text() == "mine"
    assert infer("--overwrite")[0] == 0
    assert (tmp_path / "out/edges.tsv").read_text() != "mine"


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("modle=x", ("modle",)),
        ("trainer.max_step=3", ("trainer.max_step",)),
        ("seed=seven", ("seed", "seven")),
        ("experiment=mine", ("mine", "mdc_string")),
        ("data.cells=none.h5ad", ("no such file", "none.h5ad")),
        ("data.tfs=none.txt", ("no TF list at", "one name per line")),
        ("data.truth=none.csv", ("no truth file at", "source, target")),
        ("data.truth=strangers.csv", ("No TF of the truth occurs", "SOX2", "same species")),
        ("data.truth=empty.csv", ("empty.csv",)),
        ("hydra.run.dir=strangers.csv/run", ("strangers.csv", "Choose")),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_train_refuses_what_infer_refuses(
    cli: Cli, files: dict[str, Path], tmp_path: Path, override: str, message: tuple[str, ...]
) -> None:
    (tmp_path / "strangers.csv").write_text("source,target\nSOX2,NANOG\nSOX2,KLF4\n")
    (tmp_path / "empty.csv").touch()
    before = written(tmp_path)
    result = cli(
        "train",
        "data=file",
        f"data.cells={files['cells']}",
        "logger=none",
        "hydra.run.dir=run",
        *FAST,
        override,
    )
    refuses(result, *message)
    assert written(tmp_path) == before


def test_evaluate_refuses_what_it_cannot_read(
    cli: Cli, files: dict[str, Path], tmp_path: Path
) -> None:
    (tmp_path / "edges.tsv").write_text("source\ttarget\tweight\nTF01\tG001\t1\n")
    (tmp_path / "other.csv").write_text("source,target\nSOX2,NANOG\n")
    (tmp_path / "prose.csv").write_text("Dear all\nplease find attached\n")

    def judged(edges: str, truth: object, *more: str) -> tuple[int, str, str]:
        return cli("evaluate", edges, "--truth", truth, "--json", "m.json", *more)

    refuses(judged("none.tsv", files["truth"]), "none.tsv", "no such file")
    refuses(judged("edges.tsv", "none.csv"), "none.csv", "no such file")
    refuses(judged("edges.tsv", "prose.csv"), "prose.csv", "Expected a header")
    refuses(judged("edges.tsv", "other.csv"), "No TF of the truth occurs", "same species")
    refuses(judged("edges.tsv", files["truth"], "--cells", "none.h5ad"), "none.h5ad")
    assert not (tmp_path / "m.json").exists()
    result = cli("evaluate", "edges.tsv", "--truth", files["truth"], "--json", "no/m.json")
    refuses(result, "no/m.json", "folder you may write to")


def test_regulators_by_species_need_their_list(
    infer: Cli, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, files: dict[str, Path]
) -> None:
    lists = tmp_path / "data" / "tf_lists"
    lists.mkdir(parents=True)
    monkeypatch.setenv("GRN_DATA", str(tmp_path / "data"))
    refuses(infer(tfs="fly"), "fly TF list is not at", "one name per line")
    refuses(infer(tfs="human"), "None of the 1430 TFs is a gene of the data")
    (lists / "human.txt").write_text("\n".join(tfs_of(anndata.read_h5ad(files["cells"]))))
    assert infer(tfs="human")[0] == 0
