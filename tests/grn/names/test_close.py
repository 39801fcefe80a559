from grn.names.close import did_you_mean


def test_close_names_come_first_whatever_their_case():
    there = ["GATA1", "GATA2", "SPI1", "MYC"]
    assert did_you_mean("Gata1", there) == "Did you mean GATA1 or GATA2?"
    assert did_you_mean("GATA1", there[::-1]) == "Did you mean GATA1 or GATA2?"


def test_without_close_names_some_are_shown():
    said = did_you_mean("ENSG00000102145", ["GATA1", "GATA2", "SPI1", "MYC"])
    assert said == "There are 4 names, among them GATA1, GATA2, MYC, …."
