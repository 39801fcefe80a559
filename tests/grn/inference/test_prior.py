import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from grn.edges.read import read_truth
from grn.errors import InputError
from grn.inference.prior import add_prior, prior_alone, prior_edges, read_prior
from grn.runs.run import run
from tests.helpers import fast_config, file_config

PRIOR = pd.DataFrame({"source": ["TF02", "TF01", "SOX2"], "target": ["TF01", "TF03", "TF01"]})


TFS, GENES = ["TF01", "TF02", "TF03"], ["TF01", "TF02", "TF03", "G1"]


@pytest.fixture
def scores() -> torch.Tensor:
    found = torch.randn(4, 3)
    found[torch.arange(3), torch.arange(3)] = 0
    return found


def test_only_known_edges_are_raised_and_keep_their_sign(scores: torch.Tensor) -> None:
    guided = add_prior(scores, read_truth(PRIOR), TFS, GENES)
    expected = np.zeros((3, 4))
    expected[1, 0] = expected[0, 2] = 1
    raised = (guided.abs() - scores.abs()).T / scores.square().mean().sqrt()
    np.testing.assert_allclose(raised, 8 * expected, atol=1e-5)
    assert torch.equal(guided.sign(), scores.sign())
    assert np.array_equal(prior_alone(PRIOR, TFS, GENES).importance, expected)


def test_known_edges_come_first_in_the_order_that_expression_gives(scores: torch.Tensor) -> None:
    guided = add_prior(scores, read_truth(PRIOR), TFS, GENES).abs().T.numpy()
    known = prior_alone(PRIOR, TFS, GENES).importance == 1
    assert guided[known].min() > guided[~known].max()
    before = scores.abs().T.numpy()
    assert np.array_equal(guided[known].argsort(), before[known].argsort())


def test_a_sign_of_the_prior_stands_and_an_unknown_one_is_found_in_the_cells(
    scores: torch.Tensor,
) -> None:
    # Far stronger than what the prior adds, and of the other sign.
    scores[0, 1], scores[2, 0], scores[3, 2] = 50.0, -2.0, -0.1
    signs = PRIOR.assign(sign=[-1, 0, 1])
    guided = add_prior(scores, signs, TFS, GENES)
    assert guided[0, 1] < -50
    assert guided[2, 0] < -2
    plain = add_prior(scores, PRIOR, TFS, GENES)
    assert torch.equal(guided.abs(), plain.abs())  # signs change no rank
    flipped = guided != plain
    assert flipped.nonzero().tolist() == [[0, 1]]
    positive = add_prior(scores, signs.assign(sign=[1, 1, 1]), TFS, GENES)
    assert positive[0, 1] > 0
    assert positive[2, 0] > 0
    assert positive[3, 2] == scores[3, 2]  # no edge of the prior
    alone = prior_alone(signs, TFS, GENES)
    assert alone.weight is not None
    assert alone.weight[1, 0] == -1
    assert np.count_nonzero(alone.weight) == 1
    assert prior_alone(signs.assign(sign=0), TFS, GENES).weight is None


def test_motifs_are_centred_within_a_tf(scores: torch.Tensor) -> None:
    everywhere = pd.DataFrame({"source": "TF01", "target": ["TF02", "TF03", "G1"]})
    one = pd.DataFrame({"source": ["TF02"], "target": ["G1"]})
    motifs = pd.concat([everywhere, one]).assign(importance=1.0)
    alone = prior_alone(motifs, TFS, GENES)
    assert alone.weight is None
    # One of the three genes beside TF02 itself.
    expected = np.zeros((3, 4))
    expected[1] = -1 / 3, 0, -1 / 3, 2 / 3
    np.testing.assert_allclose(alone.importance, expected, atol=1e-6)
    guided = add_prior(scores, motifs, TFS, GENES)
    factor = np.exp(expected).T
    torch.testing.assert_close(guided, scores * torch.from_numpy(factor).float())
    table = prior_edges(motifs, TFS, GENES)
    assert len(table) == 3 * 3
    assert table.loc[0, ["source", "target"]].tolist() == ["TF02", "G1"]
    assert table["importance"].min() == pytest.approx(-1 / 3)


def test_names_of_the_prior_become_those_of_the_cells(
    caplog: pytest.LogCaptureFixture, tmp_path: Path
) -> None:
    genes = ["Sox2", "Pou5f1", "ENSDARG1", "Gata1"]
    file = tmp_path / "prior.tsv"
    file.write_text("SOX2\tPOU5F1\tActivation\t1\nGATA1\tKLF4\tUnknown\t2\nTAL1\tSOX2\t-\t3\n")
    with caplog.at_level("INFO"):
        found = read_prior(file, genes, aliases={"ENSDARG1": "KLF4"})
    assert found.to_dict("list") == {
        "source": ["Gata1", "Sox2"], "target": ["ENSDARG1", "Pou5f1"], "sign": [0, 1],
    }  # fmt: skip
    assert "2 of 3 edges of the prior are among the genes" in caplog.text
    assert "ignoring case" in caplog.text
    with pytest.raises(InputError, match="No edge of the prior"):
        read_prior(file, ["A", "B", "C"])


@pytest.mark.parametrize(
    ("genes", "species", "taken", "said"),
    [
        (["Sox2", "Pou5f1", "Trp53", "Tmem1", "Gm123"], None, "Pou5f1", "edges of mouse"),
        (["SOX2", "POU5F1", "TP53", "HLA-A", "ZNF12"], None, "NANOG", "edges of human"),
        (["SOX2", "POU5F1", "NANOG"], "mouse", "POU5F1", "edges of mouse (--tfs mouse)"),
        (["Sox2", "Pou5f1", "Nanog"], "human", "Nanog", "edges of human (--tfs human)"),
        (["sox2", "nanog", "si:ch1-1", "si:ch1-2", "zgc:12"], None, "nanog", "no edges of zebra"),
        (["SOX2", "NANOG", "g3", "g4"], "in/tfs.txt", "NANOG", "do not say their species"),
    ],
)
def test_a_named_prior_is_that_of_the_species(
    genes: list[str],
    species: str | None,
    taken: str,
    said: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setenv("GRN_DATA", str(tmp_path))
    (tmp_path / "priors").mkdir()
    (tmp_path / "priors/trrust_human.tsv").write_text("SOX2\tNANOG\tActivation\t1\n")
    (tmp_path / "priors/trrust_mouse.tsv").write_text("Sox2\tPou5f1\tRepression\t1\n")
    wanted = genes if taken in genes else [*genes, taken]
    with caplog.at_level("INFO"):
        found = read_prior("trrust", wanted, species=species)
    assert found["target"].tolist() == [taken]
    assert said in caplog.text


@pytest.mark.parametrize("name", ["collectri", "absent.csv"])
def test_a_prior_that_is_not_there(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GRN_DATA", str(tmp_path))
    hint = "grn data fetch collectri" if name == "collectri" else "collectri, dorothea, trrust"
    with pytest.raises(InputError, match=hint):
        read_prior(name, ["SOX2", "NANOG"])


@pytest.mark.data
@pytest.mark.parametrize("species", ["human", "mouse"])
def test_trrust_is_read_with_its_signs(species: str, shared_data: Path) -> None:
    file = shared_data / "signed" / f"trrust_{species}.tsv"
    raw = pd.read_csv(file, sep="\t", header=None, names=["source", "target", "mode", "ids"])
    raw = raw[raw["source"] != raw["target"]]
    modes = raw.groupby(["source", "target"])["mode"].agg(set)
    found = read_prior(file, {*raw["source"], *raw["target"]})
    signs = found.set_index(["source", "target"])["sign"]
    assert len(signs) == len(modes)
    both = modes.map(lambda mode: {"Activation", "Repression"} <= mode)
    assert both.sum() > 100
    assert (signs[both[both].index] == 0).all()
    for mode, sign in (("Activation", 1), ("Repression", -1)):
        alone = modes.index[modes.map(lambda of, mode=mode: mode in of) & ~both]
        assert (signs[alone] == sign).all()
    assert (signs == 0).sum() == both.sum() + (modes == {"Unknown"}).sum()


def test_a_run_says_that_a_prior_guided_it_and_judges_the_prior(
    tmp_path: Path, files: dict[str, Path]
) -> None:
    settings = (f"prior='{files['truth']}'", f"data.truth='{files['truth']}'")
    result = run(file_config(tmp_path / "run", files, *settings))
    assert result.metrics is not None
    assert result.metrics.loc["prior", "auprc"] == pytest.approx(1)
    assert json.loads((tmp_path / "run/metrics.json").read_text())["regime"] == "prior-guided"


def test_a_prior_of_other_genes_or_beside_a_split_is_refused(
    tmp_path: Path, files: dict[str, Path]
) -> None:
    other = tmp_path / "other.csv"
    other.write_text("source,target\nSOX2,NANOG\n")
    with pytest.raises(InputError, match="No edge of the prior"):
        run(file_config(tmp_path / "run", files, f"prior='{other}'"))
    with pytest.raises(InputError, match="a prior and a split"):
        run(fast_config(tmp_path / "run", f"prior='{other}'", "split=both_seen"))
    assert not (tmp_path / "run").exists()
