import pandas as pd
import pytest

from grn.errors import InputError
from grn.plotting.tables import check_table


def test_tables_that_cannot_be_drawn_are_refused():
    table = pd.DataFrame({"gene": ["a"], "response": [1.0]})
    check_table(table, ("gene", "response"), "maker", 1)
    with pytest.raises(InputError, match=r"columns gene, response; expected .* maker returns"):
        check_table(table, ("gene", "z"), "maker", 1)
    with pytest.raises(InputError, match="a table of 0 rows"):
        check_table(table.head(0), ("gene",), "maker", 1)
    with pytest.raises(InputError, match="the number to draw is 0"):
        check_table(table, ("gene",), "maker", 0)
