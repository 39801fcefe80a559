from base64 import b64decode

import pytest

from grn import InputError
from grn.report import vendored


def test_libraries_are_there_with_their_licences() -> None:
    graph, table = vendored.graph_script(), b64decode(vendored.table_module()).decode()
    assert "may be distributed under either license" in graph
    assert "DataTables" in table
    assert "export{" in table
    assert "as jQuery" in table
    for text in (graph, vendored.table_style()):
        assert "</script" not in text
        assert "</style" not in text
    vendored.check_report()


def test_a_missing_library_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(vendored, "_GRAPH", ("no_such_package", "vis.js"))
    with pytest.raises(InputError, match=r"pip install no_such_package.*--no-report"):
        vendored.check_report()
