import pytest

from grn.errors import InputError
from grn.files import replacing


def test_a_failed_write_leaves_the_old_file_and_nothing_else(tmp_path):
    path = tmp_path / "edges.tsv"
    path.write_text("old")

    def fail():
        with replacing(path) as temporary:
            temporary.write_text("half")
            assert path.read_text() == "old"
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert [(file.name, file.read_text()) for file in tmp_path.iterdir()] == [("edges.tsv", "old")]
    with replacing(path) as temporary:
        temporary.write_text("new")
    assert [(file.name, file.read_text()) for file in tmp_path.iterdir()] == [("edges.tsv", "new")]


def test_a_missing_folder_is_the_users_to_fix(tmp_path):
    with (
        pytest.raises(InputError, match="cannot be written"),
        replacing(tmp_path / "absent" / "edges.tsv") as temporary,
    ):
        temporary.write_text("text")
