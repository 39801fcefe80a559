"""The spellings do not contradict each other."""

import pytest

from grn.edges import words


def test_no_spelling_means_two_things():
    sides = [words.SOURCE, words.TARGET, words.WEIGHT, words.IMPORTANCE, words.LABEL, words.SIGN]
    sides.append(words.MODE)
    spellings = [name for side in sides for name in side]
    assert len(spellings) == len(set(spellings))
    for names in (*sides, words.MAYBE_LABEL, words.MAYBE_SIGN, words.NEITHER, *words.FLAGS):
        assert [words.plain(name) for name in names] == list(names)
    for word in (*words.SIGNS, *words.LABELS):
        assert words.value(word) == word


@pytest.mark.parametrize(
    ("field", "value"),
    [(1.0, "1"), ("+1", "1"), (" -1.00", "-1"), (True, "true"), ("0.5", "0.5"), ("'+'", "+")],
)
def test_values_are_looked_up_as_they_are_meant(field, value):
    assert words.value(field) == value
