import pytest

from grn.data.preprocessing.control_words import is_control, is_unknown

CONTROLS = (
    "control", "Control", "ctrl", "CTRL", "NT", "nt_1", "NT-12", "NTg4", "NT_sg3", "sgNT-1", "NTC",
    "ntc_2", "non-targeting", "non-targeting_00025", "Non-Targeting Control", "nontargeting_3",
    "nontargeting", "non target", "neg", "neg_ctrl", "NegCtrl0", "negative control", "safe_12",
    "safe-targeting", "safe-targeting-7", "safe harbour", "scramble", "scrambled_2", "unperturbed",
    "wt", "WT", "wild type", "wild-type", "Wildtype", "sgCtrl", "control_AAACGTGGACTT",
    "sgAAVS1-2", "sgGFP", "LacZ_1", "ONE_NON-GENE_SITE_12", "NO_SITE_4", " control ",
    "siCtrl", "shGFP_2", "shSCR", "siNC-1", "sh-Luc", "siNT_2", "mock", "DMSO", "vehicle",
    "parental", "empty_vector", "untransfected", "CTRL00698_1",
)  # fmt: skip
GENES = (
    "WT1", "NT3", "NT5E", "NTF3", "SAFB", "NEGR1", "CTRC", "CTRB1", "NTCP", "JUN", "JUN_ctrl",
    "control_JUN", "SCRIB", "GFPT1", "", "_",
    "Scr", "NC", "LUC7L", "siJUN", "shNT5E", "MOCOS",
)  # fmt: skip


@pytest.mark.parametrize("label", CONTROLS)
def test_labels_of_controls(label: str) -> None:
    assert is_control(label)


@pytest.mark.parametrize("label", GENES)
def test_names_of_genes_are_no_controls(label: str) -> None:
    assert not is_control(label)


@pytest.mark.parametrize(
    ("label", "unknown"),
    [
        ("unknown", True),
        ("Unassigned", True),
        ("no guide", True),
        ("multiplet", True),
        ("multiple", True),
        ("Doublets", True),
        ("NT", False),
        ("none", False),
        ("JUN", False),
    ],
)
def test_labels_of_cells_about_which_nothing_is_known(label: str, unknown: bool) -> None:
    assert is_unknown(label) is unknown
