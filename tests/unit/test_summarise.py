"""Tables of networks are put together without changing them."""

import pytest

from summarise import TableError, collect, write


@pytest.fixture
def table(tmp_path):
    """Write a table and return its path."""

    def write_table(name, text):
        path = tmp_path / name
        path.write_text(text)
        return str(path)

    return write_table


def test_rows_keep_their_order_and_every_digit(table, tmp_path):
    first = table("a.csv", "rule,M0,M1,reached\nb,123456789012345678,0.1000000000000000055,True\n")
    second = table("b.csv", "rule,M0,M1,reached\na,1,,False\n")
    output = tmp_path / "energy.csv"
    write(collect([first, second], "some"), str(output))
    assert output.read_text() == (
        "experiment,rule,M0,M1,reached,condition\n"
        "some,b,123456789012345678,0.1000000000000000055,True,a\n"
        "some,a,1,,False,b\n"
    )


def test_tables_of_experiments_are_joined_as_they_are(table):
    tables = [table("a.csv", "experiment,M0\none,1\n"), table("b.csv", "experiment,M0\ntwo,2\n")]
    assert collect(tables).to_csv(index=False) == "experiment,M0\none,1\ntwo,2\n"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "not a table in CSV"),
        ("rule,M0\n", "a table without rows"),
        ('rule,M0\n"x', "not a table in CSV"),
        ("rule,M2\na,1\n", "columns are not those of .*a.csv: M0, M2"),
        ("M0,rule\n1,a\n", "columns are not those of .*a.csv: their order"),
    ],
)
def test_an_unusable_table_is_named_in_one_line(table, text, message):
    good, bad = table("a.csv", "rule,M0\na,1\n"), table("b.csv", text)
    with pytest.raises(TableError, match=f"b.csv: .*{message}") as error:
        collect([good, bad])
    assert "\n" not in str(error.value)


def test_a_missing_table_is_named_in_one_line():
    with pytest.raises(TableError, match="nowhere.csv: No such file"):
        collect(["nowhere.csv"])
