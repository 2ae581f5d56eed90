"""Lists and ranges of prefixes in one cell."""

from __future__ import annotations

import pytest

from tariffs.decks_import.prefix_lists import prefixes
from tariffs.documents import limits
from tariffs.language.texts import TextError

# cell, country -> prefixes
CELLS = [
    ("4930", "", "4930"),
    (" 4930 ", "", "4930"),
    ("+4930", "", "4930"),
    ("8610-8613, 86755", "", "8610 8611 8612 8613 86755"),
    ("8610 - 8612;86755", "", "8610 8611 8612 86755"),
    ("8610\u20138611", "", "8610 8611"),
    ("8610-12", "", "8610 8611 8612"),
    ("8619-8621", "", "8619 8620 8621"),
    ("0-2", "", "0 1 2"),
    ("8610-8610", "", "8610"),
    ("86 10", "", "86 10"),
    ("4930,4930", "", "4930 4930"),
    ("30, 40-42", "49", "4930 4940 4941 4942"),
    ("008-010", "1", "1008 1009 1010"),
    ("", "49", "49"),
    ("201", "1", "1201"),
    ("1" * 15, "", "1" * 15),
]


@pytest.mark.parametrize(("cell", "country", "expected"), CELLS)
def test_cells(cell: str, country: str, expected: str) -> None:
    assert " ".join(prefixes(cell, country)) == expected


# cell, country -> part of the message
MISTAKES = [
    ("", "", "no prefix"),
    (" , ", "", "no prefix"),
    ("49x", "", '"49x" is not a prefix'),
    ("8.61E+11", "", "is not a prefix"),
    ("++49", "", "is not a prefix"),
    ("\u0661\u0662", "", "is not a prefix"),
    ("5" * 50, "", "more than 15 digits"),
    ("5" * 14, "49", "more than 15 digits"),
    ("5" * 5_000, "", "more than 15 digits"),
    ("8629-8610", "", "ends before it starts"),
    ("861-8629", "", "ends with more digits"),
    ("8610-", "", "is not a prefix"),
    ("-8610", "", "is not a prefix"),
    ("8610-8620-8630", "", "is not a prefix"),
    ("100000000-999999999", "", "more than 100,000 prefixes"),
    ("1-9," * 20_000, "", "more than 100,000 prefixes"),
]


@pytest.mark.parametrize(("cell", "country", "message"), MISTAKES)
def test_mistakes(cell: str, country: str, message: str) -> None:
    with pytest.raises(TextError) as error:
        prefixes(cell, country)
    assert message in error.value.message
    assert len(error.value.message) < 200


def test_as_many_as_a_cell_may_hold() -> None:
    assert len(prefixes("100000-199999")) == limits.CELL_PREFIXES_MAX
