"""`grn infer` on cells of a species without a list, by orthologues; and with a named prior."""

from collections.abc import Callable
from pathlib import Path

import anndata
import pandas as pd
import pytest

from tests.helpers import changed, refuses

Cli = Callable[..., tuple[int, str, str]]
HUMAN = {"TF01": "SOX2", "TF02": "POU5F1", "TF03": "GATA1", "TF04": "TAL1"}


@pytest.fixture
def pig(files: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> pd.DataFrame:
    """Turn `files` into cells of pig with human TFs; return the one-to-one orthologues."""
    data = tmp_path / "data"
    (data / "tf_lists").mkdir(parents=True)
    (data / "priors").mkdir()
    monkeypatch.setenv("GRN_DATA", str(data))
    (data / "tf_lists/human.txt").write_text("\n".join([*HUMAN.values(), "KLF4"]) + "\n")
    genes = anndata.read_h5ad(files["cells"]).var_names
    names = {gene: f"ENSSSCG{i:011d}" for i, gene in enumerate(genes)}

    def rename(adata: anndata.AnnData) -> None:
        adata.var_names = [names[gene] for gene in adata.var_names]

    changed(files, rename)
    symbols = {gene: HUMAN.get(gene, f"{gene}H") for gene in genes}
    (data / "priors/collectri_human.csv").write_text(
        f"source,target,weight\nSOX2,POU5F1,-1\nGATA1,{symbols[genes[-1]]},1\nAP1,JUN,1\n"
    )
    table = pd.DataFrame({"alias": map(names.get, genes), "name": map(symbols.get, genes)})
    table.to_csv(tmp_path / "orthologues.tsv", sep="\t", index=False)
    return table


def test_orthologues_serve_a_species_without_a_list(
    infer: Cli, pig: pd.DataFrame, tmp_path: Path
) -> None:
    refuses(infer(tfs="human"), "Ensembl ids", "--aliases FILE")
    code, _, err = infer("--aliases", "orthologues.tsv", "--prior", "collectri", tfs="human")
    assert code == 0, err
    assert "4 of 5 TFs are among the 16 genes: 4 by alias" in err
    assert "not among them: KLF4" in err
    assert "2 of 3 edges of the prior are among the genes" in err
    edges = pd.read_csv(tmp_path / "out/edges.tsv", sep="\t")
    gene = dict(zip(pig["name"], pig["alias"], strict=True))
    assert set(edges["source"]) == {gene[symbol] for symbol in HUMAN.values()}
    first = edges.head(2).set_index(["source", "target"])["weight"]
    assert first[gene["SOX2"], gene["POU5F1"]] < 0 < first[gene["GATA1"], pig["alias"].iloc[-1]]


def test_an_orthologue_of_two_genes_is_left_out(
    infer: Cli, pig: pd.DataFrame, tmp_path: Path
) -> None:
    twice = pd.concat([pig, pig.iloc[[0]].assign(name="SOX3")])
    twice.to_csv(tmp_path / "orthologues.tsv", sep="\t", index=False)
    code, _, err = infer("--aliases", "orthologues.tsv", tfs="human")
    assert code == 0, err
    assert "stand for more than one name and are left out" in err
    assert "3 of 5 TFs are among the 16 genes" in err


def test_a_prior_that_was_not_fetched_is_refused(infer: Cli, pig: pd.DataFrame) -> None:
    asked = infer("--aliases", "orthologues.tsv", "--prior", "dorothea", tfs="human")
    refuses(asked, "'dorothea' (human) are not on this machine", "grn data fetch dorothea")


def test_the_result_is_said_before_its_activity_is_tried(
    infer: Cli, files: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def label(adata: anndata.AnnData) -> None:
        adata.obs["kind"] = ["a", "b"] * (adata.n_obs // 2) + ["a"] * (adata.n_obs % 2)

    def fail(folder: Path) -> None:
        raise RuntimeError(folder)

    changed(files, label)
    monkeypatch.setattr("grn.tools.of_run.write_activity", fail)
    code, out, err = infer("--groupby", "kind", "--set", "report=true")
    assert code == 1, err
    assert "out/edges.tsv" in out
    page = (tmp_path / "out/RESULT.md").read_text(encoding="utf-8")
    assert "edges_by_group.tsv" in page
    assert "activity.tsv" not in page


def test_a_search_is_refused_as_it_is_many_runs(infer: Cli, tmp_path: Path) -> None:
    refuses(infer("--set", "hparams_search=optuna"), "many runs", "grn train hparams_search")
    assert not (tmp_path / "out").exists()
