from grn.data.reading.axis_names import look_at


def test_numbers_of_any_length_are_names() -> None:
    long = ["cell_" + "9" * 5000, "cell_" + "8" * 5000]  # Python refuses to make ints of them
    assert look_at(long).likeness < 0
    assert look_at(["cell_1", "cell_2", "cell_3", *long]).likeness < 0
