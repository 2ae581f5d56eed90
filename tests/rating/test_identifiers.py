"""The rule for new ids, as a table."""

from __future__ import annotations

import pytest

from rating import identifiers
from rating.errors import UserError

GOOD = ("A1", "1", "7-b_c.d:e@f", "kunde münchen", "客户-1", "city-bank/4711", "plan 3/ended", "x" * 128)
WRONG = {
    "": "is empty",
    "  ": "is empty",
    "x" * 129: "has 129 characters",
    "a\0b": "cannot be seen",
    "a\tb": "cannot be seen",
    "a\u200bb": "cannot be seen",
    "a\u202eb": "cannot be seen",
    "a\u2067b": "cannot be seen",
    "a\u00a0b": "cannot be seen",
    "a\u3000b": "cannot be seen",
    "a\ue000b": "cannot be seen",
    " a": "a blank at an end",
    "a ": "a blank at an end",
    "a  b": "a blank at an end, or two in a row",
    "mu\u0308ller": "not in normal form",
    "-": "begins with '-'",
    "=1+1": "begins with '='",
    "+49": "begins with '+'",
    "@a": "begins with '@'",
    "_a": "begins with '_'",
}


@pytest.mark.parametrize("identifier", GOOD)
def test_an_id_that_may_be_new(identifier: str) -> None:
    assert identifiers.wrong(identifier) is None


@pytest.mark.parametrize(("identifier", "why"), WRONG.items(), ids=map(ascii, WRONG))
def test_an_id_that_may_not(identifier: str, why: str) -> None:
    found = identifiers.wrong(identifier)
    assert found is not None
    assert why in found[0]
    with pytest.raises(UserError, match="the id of the payment") as caught:
        identifiers.require_new(identifier, "payment")
    assert caught.value.exit_status == 2
