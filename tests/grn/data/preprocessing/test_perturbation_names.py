import pytest

from grn.data.preprocessing.perturbation_names import CONTROL, UNKNOWN, Reading, read_names

MEASURED = ["JUN", "FOS", "NKX2-5", "HLA-DRA", "TNFRSF1A", "IL2", "WT1", "CTRL", "Sox2", "MYC-1"]
ALIASES = {"AP1": "JUN", "OCT4": "POU5F1"}

GENES = {
    # One gene
    "JUN": "JUN",
    " JUN ": "JUN",
    "jun": "JUN",
    "SOX2": "Sox2",
    "AP1": "JUN",
    "WT1": "WT1",
    "BATF": "BATF",  # not measured
    "OCT4": "OCT4",
    "5830411N06Rik": "5830411N06Rik",
    # Its own name has a hyphen or a digit
    "NKX2-5": "NKX2-5",
    "HLA-DRA": "HLA-DRA",
    "TNFRSF1A": "TNFRSF1A",
    "IL2": "IL2",
    "MYC-1": "MYC-1",
    "NKX2-1": "NKX2-1",  # not measured
    # Several
    "JUN+FOS": "FOS JUN",
    "JUN + FOS": "FOS JUN",
    "JUN_FOS": "FOS JUN",
    "JUN_FOS_IL2": "FOS IL2 JUN",
    "JUN,FOS": "FOS JUN",
    "JUN;FOS": "FOS JUN",
    "JUN|FOS": "FOS JUN",
    "JUN&FOS": "FOS JUN",
    "JUN+BATF": "BATF JUN",
    "JUN_BATF": "BATF JUN",  # BATF is a label of its own
    "JUN__FOS": "FOS JUN",
    "JUN+JUN": "JUN",
    "NKX2-5_HLA-DRA": "HLA-DRA NKX2-5",
    # Beside a control
    "JUN_ctrl": "JUN",
    "ctrl_JUN": "JUN",
    "JUN+ctrl": "JUN",
    "JUN+NT_3": "JUN",
    "ATF3_ctrl": "ATF3",  # not measured
    "JUN_ATF3": "ATF3 JUN",
    "JUN_NegCtrl0__JUN_NegCtrl0": "JUN",
    "JUN_1_NT": "JUN",
    # Guides
    "JUN_1": "JUN",
    "JUN-2": "JUN",
    "JUN.2": "JUN",
    "JUN_g1": "JUN",
    "JUN_sg2": "JUN",
    "JUN-sg3": "JUN",
    "JUN_guide_4": "JUN",
    "JUN #2": "JUN",
    "JUNg1": "JUN",
    "sgJUN": "JUN",
    "sgJUN-2": "JUN",
    "sgJUN_1": "JUN",
    "sg_JUN_1": "JUN",
    "sgRNA-JUN": "JUN",
    "sgJUN_AAACGTGGACTT": "JUN",
    "JUN_AAACGTGGACTTACGTACGT": "JUN",
    "JUN_P1P2": "JUN",
    "JUN_+_53715438.23-P1P2": "JUN",
    "JUN_+_53715438.23-P1P2|JUN_-_53715355.23-P1P2": "JUN",
    "JUN_1|JUN_2": "JUN",
    "JUN_1_FOS_2": "FOS JUN",
    "JUN_1+FOS_2": "FOS JUN",
    "NKX2-5_1": "NKX2-5",
    "sgNKX2-5-2": "NKX2-5",
    "IL2_2": "IL2",
    "HLA-DRA-1": "HLA-DRA",
    "NKX2-1_3": "NKX2-1",
    "KLF4_1": "KLF4",  # not measured
    "SGK1": "SGK1",
    "SIX1_2": "SIX1",
}
OF_A_KIND = {
    "JUN_KO": "knock-out",
    "KO_JUN": "knock-out",
    "JUN knockout": "knock-out",
    "JUN-KD": "knock-down",
    "CRISPRi_JUN": "knock-down",
    "shJUN_2": "knock-down",
    "siJUN": "knock-down",
    "JUN_OE": "activation",
    "JUN_CRISPRa": "activation",
    "JUN_KO+JUN_ko_2": "knock-out",
    "CRISPRi_JUN|shJUN": "knock-down",
}
CONTROLS = ["CTRL", "ctrl", "NT_1", "sgNTC-1", "NT_1|NT_2", "non-targeting_1|non-targeting_2"]
CONTROLS += ["ctrl+NT", "neg_ctrl", "control_control", "DMSO", "dmso_2", "WT"]
NOT_UNDERSTOOD = ["12 h", "none", "3", "KO", "JUN_drug", "A_B", "Perturbed", "True", "+", "10 uM"]
NOT_UNDERSTOOD += ["JUN+12 h", "JUN+unknown", "n/a"]
# Each gene has another kind; a measured gene with more than a guide.
NOT_UNDERSTOOD += [
    "JUN_KO+FOS_OE",
    "CRISPRi_JUN_KO",
    "shJUN+FOS_OE",
    "JUN/FOS",
    "JUN-/-",
    "JUN(KO)",
]

READINGS = {
    **{label: Reading(tuple(genes.split())) for label, genes in GENES.items()},
    **{label: Reading(("JUN",), kind=kind) for label, kind in OF_A_KIND.items()},
    **dict.fromkeys(CONTROLS, CONTROL),
    **dict.fromkeys(["unknown", "Unassigned", "no_guide", "multiplet"], UNKNOWN),
    **dict.fromkeys(NOT_UNDERSTOOD, None),
}


@pytest.fixture(scope="module")
def found() -> dict[str, Reading]:
    return read_names(READINGS, MEASURED, aliases=ALIASES, control="DMSO")


@pytest.mark.parametrize("label", READINGS)
def test_what_labels_say(label: str, found: dict[str, Reading]) -> None:
    assert found.get(label) == READINGS[label]


def test_an_underscore_joins_what_stands_alone_elsewhere() -> None:
    assert read_names(["ATF3_BATF"], MEASURED) == {}
    both = read_names(["ATF3_BATF", "ATF3_1", "BATF"], MEASURED)
    assert both["ATF3_BATF"].genes == ("ATF3", "BATF")


def test_a_measured_gene_is_no_guide_of_another() -> None:
    labels = ["NKX2-5", "NKX2"]
    assert [read.genes for read in read_names(labels, ["NKX2", "NKX2-5"]).values()] == [
        ("NKX2-5",),
        ("NKX2",),
    ]
    assert read_names(["NKX2-5"], ["NKX2"])["NKX2-5"].genes == ("NKX2",)


def test_spellings_of_one_gene_are_one() -> None:
    found = read_names(["Jun_1", "JUN_2", "jun", "AP1"], ["JUN"], aliases=ALIASES)
    assert {read.genes for read in found.values()} == {("JUN",)}
