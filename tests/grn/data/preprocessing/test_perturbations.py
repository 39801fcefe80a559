from pathlib import Path
from typing import Any

import anndata
import numpy as np
import pandas as pd
import pytest

from grn.data.preprocessing.perturbations import Perturbations, read_perturbations
from grn.errors import InputError

GENES = ["FOS", "JUN", "IL2"]


def read(labels: object, genes: list[str] = GENES, **further: Any) -> Perturbations:
    columns = {name: further.pop(name) for name in list(further) if name.endswith("type")}
    obs = pd.DataFrame({"guide": labels, **columns})
    obs.index = [f"c{number}" for number in range(len(obs))]
    return read_perturbations(obs, "guide", genes, **further)


def groups(found: Perturbations, genes: list[str] = GENES) -> list[list[float] | None]:
    """Return the doses of every cell, None of one in no group."""
    arrays = found.interventions(genes)
    assert arrays is not None
    return [arrays.dose[group].tolist() if group >= 0 else None for group in arrays.group]


def test_guides_of_a_gene_are_one_perturbation() -> None:
    found = read(["NT_1", "JUN_1", "NT_2", "sgJUN-2", "JUN+FOS", "unknown"], kind="activation")
    zero, jun = [0, 0, 0], [0, 1, 0]
    assert groups(found) == [zero, jun, zero, jun, [1, 1, 0], None]
    assert found.table["n_cells"].to_dict() == {
        "control": 2,
        "JUN activation": 2,
        "FOS+JUN activation": 1,
        "unknown": 1,
    }
    assert found.table.loc["JUN activation", "labels"] == ["JUN_1", "sgJUN-2"]
    assert (found.measured, found.unmeasured) == (["FOS", "JUN"], [])


def test_order_of_the_genes_is_that_asked_for() -> None:
    found = read(["NT", "FOS"], kind="knock-out")
    assert groups(found, ["X", "FOS"]) == [[0, 0], [0, -1]]


def test_one_gene_may_be_perturbed_in_several_ways() -> None:
    found = read(["WT", "JUN", "JUN", "FOS"], type=["wild type", "knock-out", "KD", "knock-out"])
    assert groups(found) == [[0, 0, 0], [0, -1, 0], [0, -0.5, 0], [-1, 0, 0]]
    assert found.kinds_from == "column type"
    by_label = read(["WT", "JUN_KO", "JUN_KD", "FOS"], perturbation_type=["CRISPRa"] * 4)
    assert groups(by_label) == [[0, 0, 0], [0, -1, 0], [0, -0.5, 0], [1, 0, 0]]


def test_what_is_given_beats_what_is_found(caplog: pytest.LogCaptureFixture) -> None:
    found = read(["WT", "JUN_KO", "FOS"], type=["KD"] * 3, kind="activation")
    assert groups(found) == [[0, 0, 0], [0, 1, 0], [1, 0, 0]]
    assert found.kinds_from == "given"
    assert "assumed" not in caplog.text


def test_an_assumed_kind_is_warned_of(caplog: pytest.LogCaptureFixture) -> None:
    assert groups(read(["WT", "JUN"])) == [[0, 0, 0], [0, -1, 0]]
    (record,) = [one for one in caplog.records if one.levelname == "WARNING"]
    assert "knock-outs are assumed. The signs of edges depend on it" in record.getMessage()
    assert "--perturbation-kind knock-down or activation" in record.getMessage()
    caplog.clear()
    labels = read(["WT", "JUN_KO"])
    assert labels.kinds_from == "labels"
    assert not [one for one in caplog.records if one.levelname == "WARNING"]


def test_the_control_may_have_any_name(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level("INFO"):
        found = read(["DMSO_1", "JUN", "ctrl"], control="dmso", kind="knock-out")
        assert groups(found) == [[0, 0, 0], [0, -1, 0], [0, 0, 0]]
        assert "no cell is a control" not in caplog.text
        without = read(["FOS", "JUN"], kind="knock-out")
    assert groups(without) == [[-1, 0, 0], [0, -1, 0]]
    assert "each perturbation is compared with the median over all" in caplog.text


def test_labels_that_contradict_the_given_kind_are_warned_of(
    caplog: pytest.LogCaptureFixture,
) -> None:
    found = read(["NT", "JUN_KO", "JUN_1", "FOS_OE"], kind="activation")
    assert groups(found) == [[0, 0, 0], [0, 1, 0], [0, 1, 0], [1, 0, 0]]
    assert "labels of guide say another kind for 1 of them" in caplog.text
    caplog.clear()
    read(["NT", "JUN_KO"], kind="knock-out")
    assert "another kind" not in caplog.text


def test_genes_that_are_not_measured_are_named(caplog: pytest.LogCaptureFixture) -> None:
    labels = ["NT", "JUN", "BATF", "BATF+JUN", "ATF3_1"]
    with caplog.at_level("INFO"):
        found = read(labels, kind="knock-out")
    assert groups(found) == [[0, 0, 0], [0, -1, 0], None, None, None]
    assert "2 of 3 perturbed genes are not among the measured genes: ATF3, BATF" in caplog.text
    assert [one.levelname for one in caplog.records] == ["INFO", "INFO"]


def test_labels_of_unmeasured_genes_alone_are_warned_of(caplog: pytest.LogCaptureFixture) -> None:
    found = read(["NT", "BATF"], kind="knock-out")
    assert found.interventions(GENES) is None
    assert "none of the 1 perturbed genes is among the measured genes" in caplog.text
    assert "Names asked for: BATF; genes: FOS, IL2, JUN" in caplog.text


def test_aliases_name_measured_genes() -> None:
    found = read(["NT", "AP1_1", "JUN"], kind="knock-out", aliases={"AP1": "JUN"})
    assert groups(found) == [[0, 0, 0], [0, -1, 0], [0, -1, 0]]


@pytest.mark.parametrize(
    ("labels", "further", "message"),
    [
        (["NT", "JUN"], {"key": "gide"}, "--perturbations=gide: obs has no such column. Existing"),
        (["NT", None, "JUN"], {}, r'1 of 3 cells have no label.*fillna\("unknown"\)'),
        (["NT", " ", "JUN"], {}, "1 of 3 cells have no label"),
        ([1.0, np.nan], {}, "1 of 2 cells have no label"),
        (pd.Categorical(["NT", None]), {}, r'adata\[adata.obs\["guide"\].notna\(\)\]'),
        ([None, None], {}, "2 of 2 cells have no label"),
        (
            ["12 h", "JUN", "12 h", "48 h"],
            {},
            r"2 of 3 labels are not understood: '12 h' \(2 cells\), '48 h' \(1 cells\) "
            r"\(understood: 'JUN'\)\. Expected a gene \(JUN\).*replace",
        ),
        (["JUN_DRUG", "NT"], {}, r"'JUN_DRUG'.*with \+ between two genes"),
        ([1, 2], {}, "2 of 2 labels are not understood.*understood: none"),
        (["NT", "JUN"], {"control": "DMSO"}, "--control DMSO: no cell has this label in guide"),
        (["control", "JUN"], {"control": "NT"}, "--control NT: no cell has this label in guide"),
        (["JUN", "JUN"], {"kind": "KO"}, "--perturbation-kind is 'KO'; expected knock-out"),
        (["NT", "ctrl"], {}, "all 2 cells are control; expected cells that were perturbed"),
        (["NT", "unknown"], {}, "all 2 cells are control, unknown"),
        (["JUN_1", "JUN_2"], {}, "all 2 cells are JUN knock-out"),
        (["JUN_1", "unknown"], {}, "all 2 cells are (JUN knock-out, unknown|unknown, JUN knock)"),
    ],
)
def test_labels_that_cannot_be_used_are_refused(
    labels: object, further: dict[str, Any], message: str
) -> None:
    key = further.pop("key", "guide")
    with pytest.raises(InputError, match=message):
        read_perturbations(pd.DataFrame({"guide": labels}), key, GENES, **further)


def shared(path: Path) -> tuple[Perturbations, pd.Index]:
    adata = anndata.read_h5ad(path, backed="r")
    found = read_perturbations(adata.obs, "perturbation", adata.var_names)
    adata.file.close()
    return found, adata.var_names


@pytest.mark.data
def test_screens_are_read_as_they_are(shared_data: Path) -> None:
    found, genes = shared(shared_data / "perturbseq/norman_mcfaline.h5ad")
    assert found.kinds_from == "column perturbation_type"
    assert found.table.loc["KLF1+MAP2K6 activation", "n_cells"] == 100
    assert found.table.loc["SGK1 knock-down", "n_cells"] == 300
    assert found.table.loc["SGK1 activation", "n_cells"] == 100
    assert found.table.loc["control", "n_cells"] == 400
    assert found.measured == ["TMSB4X"]
    arrays = found.interventions(genes)
    assert arrays is not None
    assert arrays.dose.sum() == 1

    found, genes = shared(shared_data / "perturbseq/jurkat_stimulation.h5ad")
    assert found.kinds_from == "assumed"
    assert found.measured == ["EGR1", "EGR3", "JUN", "JUND", "NR4A1", "RELA"]
    assert found.table.loc["JUN knock-out", "labels"] == ["JUN_1", "JUN_2"]
    arrays = found.interventions(genes)
    assert arrays is not None
    assert np.bincount(arrays.group + 1)[1] == 200

    found, genes = shared(shared_data / "dream4_perturbed/size100_1/expression.h5ad")
    assert found.kinds_from == "column type"
    arrays = found.interventions(genes)
    assert arrays is not None
    assert arrays.dose.shape == (201, 100)
    assert sorted(np.unique(arrays.dose)) == [-1, -0.5, 0]
    assert np.bincount(arrays.group).tolist() == [1] * 201
    assert (arrays.dose[1:].sum(axis=0) == -1.5).all()
