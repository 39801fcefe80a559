"""The command line on names that do not meet: what is refused, what is warned of, what passes.

Beside test_bad_input.py, which holds what else users get wrong.
"""

from collections.abc import Callable
from pathlib import Path

import anndata
import pandas as pd
import pytest

from tests.helpers import FAST, refuses, written

Cli = Callable[..., tuple[int, str, str]]

SYMBOLS = ["SOX2", "GATA1", "MYC", "KLF4", *(f"ZNF{i}" for i in range(20, 32))]
MOUSE = ["Sox2", "Gata1", "Myc", "Klf4", *(f"Gm{i}" for i in range(1020, 1032))]
UPPER_MOUSE = [name.upper() for name in MOUSE]
IDS = [f"ENSG{i:011d}.{i % 3 + 1}" for i in range(16)]


def name_genes(files: dict[str, Path], names: list[str], **columns: list[str]) -> None:
    adata = anndata.read_h5ad(files["cells"])
    adata.var = pd.DataFrame(columns, index=names)
    adata.write_h5ad(files["cells"])


def list_tfs(files: dict[str, Path], names: list[str]) -> None:
    files["tfs"].write_text("\n".join(names))


def regulators(folder: Path) -> set[str]:
    return set(pd.read_csv(folder / "edges.tsv", sep="\t")["source"])


@pytest.mark.parametrize(
    ("genes", "tfs", "message"),
    [
        (IDS, SYMBOLS[:4], ("GATA1, KLF4, MYC", "ENSG00000000000.1", "--aliases FILE")),
        (SYMBOLS, IDS[:4], ("GATA1, KLF4, MYC", "ENSG00000000000.1", "--aliases FILE")),
        (MOUSE, ["SOX2", "NANOG", "ZNF20"], ("Only 1 of the 3 TFs", "look like human", "mouse")),
        (MOUSE, ["NANOG", "ZNF20"], ("None of the 2 TFs", "NANOG, ZNF20", "of one species")),
        (SYMBOLS, ["Sox2", "sox2", "myc"], ("Only 1 of the 3", "Sox2, sox2: left out")),
        (["Myb", "mYb", *SYMBOLS[1:15]], ["MYB", "MYC"], ("MYB: left out", "at least 3")),
    ],
    ids=["ids in the data", "ids in the list", "mouse", "no match", "twice", "mixed case"],
)
def test_too_few_names_match(
    infer: Cli,
    files: dict[str, Path],
    tmp_path: Path,
    genes: list[str],
    tfs: list[str],
    message: tuple[str, ...],
) -> None:
    name_genes(files, genes)
    list_tfs(files, tfs)
    before = written(tmp_path)
    refuses(infer(), *message)
    assert written(tmp_path) == before


def test_ids_with_symbols_in_a_column(infer: Cli, files: dict[str, Path], tmp_path: Path) -> None:
    name_genes(files, IDS, biotype=["coding"] * 16, symbol=SYMBOLS)
    list_tfs(files, SYMBOLS[:4])
    refuses(infer(), "'symbol' would match 4", "--gene-column symbol", "data.gene_column=symbol")
    refuses(infer("--gene-column", "biotyp"), "biotyp", "symbol")
    refuses(infer("data.gene_column=biotyp"), "biotyp", "symbol")
    assert not (tmp_path / "out").exists()
    code, _, err = infer("--gene-column", "symbol")
    assert code == 0, err
    assert regulators(tmp_path / "out") == set(SYMBOLS[:4])


def test_ids_with_symbols_in_an_alias_file(
    infer: Cli, files: dict[str, Path], tmp_path: Path
) -> None:
    name_genes(files, IDS)
    list_tfs(files, SYMBOLS[:4])
    table = tmp_path / "aliases.csv"
    rows = [f"{i.split('.')[0]},{symbol}" for i, symbol in zip(IDS, SYMBOLS, strict=True)]
    table.write_text("\n".join(["alias,name", *rows]))
    code, _, err = infer("--aliases", table)
    assert code == 0, err
    assert "4 by alias (ENSG00000000000.1 for SOX2" in err
    assert regulators(tmp_path / "out") == set(IDS[:4])


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, ("no alias file at aliases.csv", "alias, name")),
        ("", ("aliases.csv cannot be read", "two columns")),
        ("OCT4\n", ("1 column(s)", "alias, name")),
        ("alias,name\n", ("holds no alias",)),
        ("TF01,TF02\nTF01,TF03\n", ("holds no alias of a single name",)),
    ],
    ids=["missing", "empty", "one column", "header", "ambiguous"],
)
def test_alias_files_that_are_none(
    infer: Cli, tmp_path: Path, content: str | None, message: tuple[str, ...]
) -> None:
    if content is not None:
        (tmp_path / "aliases.csv").write_text(content)
    before = written(tmp_path)
    refuses(infer("--aliases", "aliases.csv"), *message)
    assert written(tmp_path) == before


def test_train_takes_and_refuses_the_same(
    cli: Cli, files: dict[str, Path], tmp_path: Path
) -> None:
    name_genes(files, IDS, symbol=SYMBOLS)
    list_tfs(files, SYMBOLS[:4])
    paths = [f"data.{key}={files[key]}" for key in ("cells", "tfs")]

    def train(*overrides: str) -> tuple[int, str, str]:
        return cli(
            "train", "data=file", *paths, "logger=none", "hydra.run.dir=run", *FAST, *overrides
        )

    refuses(train(), "data.gene_column=symbol")
    refuses(train("data.aliases=none.csv"), "no alias file at none.csv")
    assert not (tmp_path / "run").exists()
    assert train("data.gene_column=symbol")[0] == 0


def test_version_suffixes_on_one_side(infer: Cli, files: dict[str, Path], tmp_path: Path) -> None:
    name_genes(files, IDS)
    list_tfs(files, [name.split(".")[0] for name in IDS[:4]])
    code, _, err = infer()
    assert code == 0, err
    assert "4 without version suffix (ENSG00000000000.1 for ENSG00000000000" in err
    assert regulators(tmp_path / "out") == set(IDS[:4])


@pytest.mark.parametrize(
    ("genes", "tfs", "n_matched", "message"),
    [
        (MOUSE, [*SYMBOLS[:3], "ZNF20"], 3, "The TFs look like human (ZNF20)"),
        (MOUSE, SYMBOLS[:3], 3, "3 ignoring case (Gata1 for GATA1, Myc for MYC, Sox2 for SOX2)"),
        (UPPER_MOUSE, [*SYMBOLS[:4], "ZNF20"], 4, "the genes like mouse (GM1020"),
        (UPPER_MOUSE, MOUSE[:4], 4, "4 ignoring case (GATA1 for Gata1"),
    ],
    ids=["human list", "upper case", "mouse in upper case", "list in mouse's case"],
)
def test_names_of_another_species_are_warned_of(
    infer: Cli,
    files: dict[str, Path],
    tmp_path: Path,
    genes: list[str],
    tfs: list[str],
    n_matched: int,
    message: str,
) -> None:
    name_genes(files, genes)
    list_tfs(files, tfs)
    code, _, err = infer()
    assert code == 0, err
    (warning,) = (line for line in err.splitlines() if "TFs are among" in line)
    assert "--tfs mouse" in warning
    assert message in warning
    assert regulators(tmp_path / "out") == set(genes[:n_matched])


def test_a_list_of_the_same_species_is_no_alarm(
    infer: Cli, files: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name_genes(files, MOUSE)
    lists = tmp_path / "data" / "tf_lists"
    lists.mkdir(parents=True)
    (lists / "mouse.txt").write_text("SOX2\nGATA1\nMYC\nZFP148\nTRP53\n")
    monkeypatch.setenv("GRN_DATA", str(tmp_path / "data"))
    code, _, err = infer(tfs="mouse")
    assert code == 0, err
    (report,) = (line for line in err.splitlines() if "TFs are among" in line)
    assert report.endswith("not among them: TRP53, ZFP148")
    assert regulators(tmp_path / "out") == {"Sox2", "Gata1", "Myc"}
