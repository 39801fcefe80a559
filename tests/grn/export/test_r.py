import shutil
import subprocess
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from grn.edges.read import read_edges
from grn.export.r import write_csv

EDGES = pd.DataFrame(
    {
        "source": ["NA", "A,B", 'q"q'],
        "target": ["TRUE", "NA", "1"],
        "weight": [0.5, -0.25, 0.0],
        "importance": [0.5, 0.25, 0.125],
        "fdr": [0.01, np.nan, 1.0],
    }
)
PROGRAM = """
edges <- read.csv("edges.csv", na.strings = "")
stopifnot(identical(sapply(edges, class)[["source"]], "character"))
stopifnot(is.numeric(edges$weight), is.numeric(edges$fdr), sum(is.na(edges$fdr)) == 1)
stopifnot(identical(edges$source, c("NA", "A,B", "q\\"q")), !anyNA(edges$target))
stopifnot(edges$weight == c(0.5, -0.25, 0))
"""


def test_our_own_reader_and_pandas_read_it(tmp_path: Path) -> None:
    write_csv(EDGES, tmp_path / "edges.csv", top=2)
    found = read_edges(tmp_path / "edges.csv")
    assert found[["source", "target"]].to_numpy().tolist() == [["NA", "TRUE"], ["A,B", "NA"]]
    lines = (tmp_path / "edges.csv").read_text().splitlines()
    assert lines[0] == "source,target,weight,importance,fdr"
    assert lines[2] == '"A,B",NA,-0.25,0.25,'


@pytest.mark.skipif(shutil.which("Rscript") is None, reason="R is not installed")
def test_r_reads_names_and_numbers_as_they_are(tmp_path: Path) -> None:
    write_csv(EDGES, tmp_path / "edges.csv")
    (tmp_path / "read.R").write_text(PROGRAM)
    done = subprocess.run(
        ["Rscript", "read.R"], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
