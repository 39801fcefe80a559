import gzip
import logging
from collections.abc import Iterable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from grn.errors import InputError
from grn.names.symbols import (
    ALIAS,
    CASE,
    EXACT,
    VERSION,
    are_ensembl,
    match_names,
    read_aliases,
    without_version,
)

ALIASES = {"OCT4": "POU5F1", "OCT3": "POU5F1", "ENSG00000181449.5": "SOX2"}


@pytest.mark.parametrize(
    ("asked", "there", "by"),
    [
        ("SOX2", "SOX2", EXACT),
        ("ENSG00000181449", "ENSG00000181449.17", VERSION),
        ("ENSG00000181449.3", "ENSG00000181449", VERSION),
        ("ENSMUSG00000074637.1", "ENSMUSG00000074637.2", VERSION),
        ("OCT4", "POU5F1", ALIAS),
        ("POU5F1", "OCT4", ALIAS),
        ("OCT3", "OCT4", ALIAS),
        ("SOX2", "ENSG00000181449.17", ALIAS),
        ("ENSG00000181449", "SOX2", ALIAS),
        ("SOX2", "Sox2", CASE),
        ("Oct4", "Pou5f1", CASE),
        ("Sox2", "ENSG00000181449", CASE),
    ],
)
def test_each_rule_matches_what_it_is_for(asked: str, there: str, by: str) -> None:
    match = match_names([asked, "KLF4"], ["MYC", there], ALIASES)
    assert match.by == {by: {asked: there}}
    assert match.matched == {asked: there}
    assert match.unmatched == ["KLF4"]
    assert match.ambiguous == []


@pytest.mark.parametrize(
    ("asked", "there"),
    [
        ("SOX2", "SOX21"),
        ("NKX2.1", "NKX2"),  # a dot is a version suffix in Ensembl ids alone
        ("ENSG00000181449", "ENSMUSG00000181449"),
        ("MYC", ""),
    ],
)
def test_different_names_do_not_match(asked: str, there: str) -> None:
    assert match_names([asked], [there], ALIASES).unmatched == [asked]


def test_an_earlier_rule_wins_and_no_gene_is_given_twice() -> None:
    match = match_names(["sox2", "SOX2", "OCT3", "OCT4"], ["SOX2", "POU5F1"], ALIASES)
    assert match.by == {EXACT: {"SOX2": "SOX2"}}
    assert match.ambiguous == ["sox2", "OCT3", "OCT4"]
    assert match.unmatched == []


def test_a_name_that_fits_two_genes_is_given_neither() -> None:
    match = match_names(["SOX2", "MYC"], ["Sox2", "sox2", "myc"])
    assert match.matched == {"MYC": "myc"}
    assert match.ambiguous == ["SOX2"]
    ids = ["ENSG00000181449.1", "ENSG00000181449.2"]
    assert match_names(["ENSG00000181449"], ids).ambiguous == ["ENSG00000181449"]


def test_aliases_that_differ_in_case_alone_but_not_in_meaning_say_nothing() -> None:
    aliases = {"Cap": "CAP1", "CAP": "BRD4"}
    assert match_names(["Cap", "CAP"], ["CAP1", "BRD4"], aliases).matched == {
        "Cap": "CAP1",
        "CAP": "BRD4",
    }
    assert match_names(["cap"], ["CAP1", "BRD4"], aliases).unmatched == ["cap"]


def test_an_alias_that_is_a_name_of_its_own_stays_itself() -> None:
    # The name of one gene may be an old name of another.
    aliases = {"A": "B", "B": "C"}
    assert match_names(["A"], ["B"], aliases).matched == {"A": "B"}
    assert match_names(["B"], ["C"], aliases).matched == {}


def test_the_report_counts_and_shows_three() -> None:
    asked = ["MYC", "SOX2", "GATA1", "KLF4", "NANOG", "a", "b", "c", "d"]
    match = match_names(asked, ["MYC", "Sox2", "Gata1", "Klf4", "Nanog", "A"])
    assert match.summary() == (
        "1 exactly, 5 ignoring case (A for a, Gata1 for GATA1, Klf4 for KLF4, …); "
        "not among them: b, c, d"
    )
    assert match.report() == {
        "asked": 9,
        "matched": 6,
        "counts": {EXACT: 1, CASE: 5, "ambiguous": 0, "unmatched": 3},
        "examples": {
            EXACT: ["MYC"],
            CASE: ["A for a", "Gata1 for GATA1", "Klf4 for KLF4"],
            "ambiguous": [],
            "unmatched": ["b", "c", "d"],
        },
    }
    assert match_names(["x", "X"], ["x", "y"]).summary() == "1 exactly; ambiguous, so left out: X"
    assert match_names(["z"], ["x"]).summary() == "none; not among them: z"


# Few letters, so that names meet by every rule, and often by more than one.
SYMBOLS = st.text("aAbB", min_size=1, max_size=3)
IDS = st.builds("ENSG{}{}".format, st.integers(1, 3), st.sampled_from(["", ".1", ".2"]))
NAMES = st.lists(SYMBOLS | IDS, max_size=12)
TABLES = st.dictionaries(SYMBOLS | IDS, SYMBOLS | IDS, max_size=4)


@settings(derandomize=True, max_examples=300, deadline=None, database=None)
@given(asked=NAMES, there=NAMES, aliases=TABLES, data=st.data())
def test_matching_is_one_to_one_and_depends_on_the_names_alone(
    asked: list[str], there: list[str], aliases: dict[str, str], data: st.DataObject
) -> None:
    match = match_names(asked, there, aliases)
    found = list(match.matched.values())
    assert len(found) == len(set(found))
    assert set(found) <= set(there)
    assert all(match.matched[name] == name for name in set(asked) & set(there))
    parts = [*match.matched, *match.ambiguous, *match.unmatched]
    assert sorted(parts) == sorted(set(asked))

    def same(other_asked: Iterable[str], other_there: Iterable[str]) -> bool:
        return match_names(other_asked, other_there, aliases).by == match.by

    assert same(data.draw(st.permutations(asked)), data.draw(st.permutations(there)))
    assert same([*asked, "xyz", "ENSG77"], ["yxz", *there, "ENSG88.1"])


def test_two_thousand_names_among_sixty_thousand() -> None:
    genes = [f"Gene{i}" for i in range(60_000)]
    match = match_names([f"GENE{i}" for i in range(0, 60_000, 30)], genes, {"x": "y"})
    assert len(match.by[CASE]) == 2_000
    assert match.matched["GENE30"] == "Gene30"


TABLE = "alias,name\nOCT4,POU5F1\nOCT3,POU5F1\nTP53,TP53\nNA,BORIS\n"


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.csv", TABLE.encode()),
        ("a.tsv", TABLE.replace(",", "\t").encode()),
        ("a.txt", TABLE.replace(",", ";").replace("\n", "\r\n").encode("utf-8-sig")),
        ("a.csv.gz", gzip.compress(TABLE.removeprefix("alias,name\n").encode(), mtime=0)),
        ("a.csv", b'"OCT4|OCT3","POU5F1"\n\nTP53, TP53\nNA,BORIS\nMLL,\n'),
    ],
)
def test_aliases_are_read_from_any_table_of_two_columns(
    tmp_path: Path, name: str, content: bytes
) -> None:
    (tmp_path / name).write_bytes(content)
    assert read_aliases(tmp_path / name) == {
        "OCT4": "POU5F1",
        "OCT3": "POU5F1",
        "TP53": "TP53",
        "NA": "BORIS",
    }


def test_an_alias_of_two_names_is_left_out(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "aliases.csv"
    path.write_text("MLL2,KMT2B\nMLL2,KMT2D\nOCT4,POU5F1\nOCT4,POU5F1\n")
    assert read_aliases(path) == {"OCT4": "POU5F1"}
    assert "1 alias(es) stand for more than one name and are left out: MLL2" in caplog.text
    assert caplog.records[0].levelno == logging.WARNING


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.csv", None, "no alias file at .*a.csv. Expected a CSV or TSV file of two columns"),
        ("a.csv", b"", "cannot be read .*two columns: alias, name"),
        ("a.csv", b"OCT4\nOCT3\n", r"has 1 column\(s\). Expected"),
        ("a.csv", b"a,b,c\nd,e,f\n", r"has 3 column\(s\)"),
        ("a.csv", b"a,b\nc,d,e\n", "cannot be read"),
        ("a.csv", b"alias,name\n", "holds no alias"),
        ("a.csv", b"MLL2,KMT2B\nMLL2,KMT2D\n", "holds no alias of a single name"),
        ("a.csv", bytes(range(256)), "cannot be read"),
        ("a.csv.gz", b"OCT4,POU5F1\n", "cannot be read"),
        ("a.csv.gz", gzip.compress(TABLE.encode(), mtime=0)[:-12], "cannot be read"),
    ],
)
def test_alias_files_that_hold_none(
    tmp_path: Path, name: str, content: bytes | None, message: str
) -> None:
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(InputError, match=message):
        read_aliases(tmp_path / name)


def test_a_folder_is_no_alias_file(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no alias file"):
        read_aliases(tmp_path)


def test_ensembl_ids_are_known_by_most_names() -> None:
    assert are_ensembl(["ENSG00000181449", "ENST00000325404.3", "SOX2"])
    assert not are_ensembl(["ENSG00000181449", "SOX2"])
    assert not are_ensembl(["ENSA"])
    assert without_version("ENSG00000181449.17") == "ENSG00000181449"
    assert without_version("AC012345.1") == "AC012345.1"
