"""A corpus in a data folder: few cells and genes under a name of the manifest."""

from collections.abc import Sequence
from pathlib import Path

import anndata
import numpy as np
import pandas as pd

# Of the mouse, whose lists and networks are in capitals; its genes are not.
NAME = "deng_preimplantation"
N_CELLS = 40
TFS = tuple(f"Tf{i}" for i in range(5))
GENES = (*TFS, *(f"Gene{i}" for i in range(9)))


def write_corpus(folder: Path, networks: Sequence[str] = ("NonSpecific", "STRING")) -> Path:
    """Write counts of 40 cells in which a gene varies more the later it comes, and networks.

    Every TF regulates itself and the four genes after it; unknown names are in the networks too.
    """
    generator = np.random.default_rng(0)
    drawn = generator.normal(size=(N_CELLS, len(GENES)))
    drawn = (drawn - drawn.mean(axis=0)) / drawn.std(axis=0)
    rates = np.exp(np.linspace(0.05, 1.0, len(GENES)) * drawn + 5)
    counts = generator.poisson(rates).astype(np.float32)
    names = pd.DataFrame(index=[f"cell{i}" for i in range(N_CELLS)]), pd.DataFrame(index=[*GENES])
    (folder / "corpus").mkdir(parents=True)
    anndata.AnnData(counts, *names).write_h5ad(folder / "corpus" / f"{NAME}.h5ad")
    (folder / "tf_lists").mkdir()
    (folder / "tf_lists/mouse.txt").write_text("\n".join(map(str.upper, TFS)) + "\nABSENT\n")
    after = [(tf, gene) for i, tf in enumerate(TFS) for gene in GENES[i : i + 5]]
    edges = pd.DataFrame([*after, ("Absent", "Tf1"), ("Tf1", "Absent")])
    edges = edges.map(str.upper).set_axis(["source", "target"], axis=1)
    (folder / "networks").mkdir()
    for network in networks:
        edges.to_csv(folder / f"networks/{network}_mouse.csv.gz", index=False)
    return folder
