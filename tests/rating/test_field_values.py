"""Messages about a value that its field does not take: never a word of the parser, and the right form with it."""

from __future__ import annotations

import datetime as dt
import enum
from typing import Any

import msgspec
import pytest

from rating.field_values import misfits


class Side(enum.StrEnum):
    """Two words."""

    LEFT = "left"
    RIGHT = "right"


class Inner(msgspec.Struct, forbid_unknown_fields=True):
    """A set of fields."""

    name: str
    sizes: tuple[int, ...] = ()


# value, type, what is told
CASES: list[tuple[object, Any, list[str]]] = [
    ("Zweck", tuple[str, ...], ["""f: 'Zweck' is a text, and a list of texts is wanted; write it as `f: ["Zweck"]`"""]),
    (49, str, ['f: 49 is a whole number, and a text is wanted; write it as `f: "49"`']),
    ("5", int, ["f: '5' is a text, and a whole number is wanted; write it as `f: 5`"]),
    (["x"], str, ['f: ["x"] is a list, and a text is wanted; write it as `f: "x"`']),
    (None, str, ['f: is empty, and a text is wanted; write it as `f: "..."`']),
    (dt.date(2026, 2, 1), str, ["f: '2026-02-01' is a date, and a text is wanted; write it as `f: \"2026-02-01\"`"]),
    ("up", Side, ["f: 'up' is none of left, right; use left or right"]),
    ("maybe", bool, ["f: 'maybe' is a text, and true or false is wanted; write it as `f: true`"]),
    ([1, "x"], tuple[int, int], ["f[1]: 'x' is a text, and a whole number is wanted; write it as `1`"]),
    ([1], tuple[int, int], ["f: [1] is a list, and a list of 2 whole numbers is wanted; write it as `f: [1, 1]`"]),
    ({"a": 1}, dict[str, str], ['f.a: 1 is a whole number, and a text is wanted; write it as `a: "1"`']),
    ("x", Inner | None, ["""f: 'x' is a text, and a set of name, sizes is wanted; write it as `f: {name: "..."}`"""]),
    (
        [{"name": "a"}, {"nam": "b", "sizes": [1, "x"]}],
        list[Inner],
        [
            "f[1].nam: unknown field; use name, sizes",
            'f[1].name: missing; give it, such as `name: "..."`',
            "f[1].sizes[1]: 'x' is a text, and a whole number is wanted; write it as `1`",
        ],
    ),
    ([{"name": "a"}], list[Inner], []),
]


@pytest.mark.parametrize(("value", "kind", "told"), CASES, ids=[str(case[0])[:30] for case in CASES])
def test_what_does_not_fit(value: object, kind: Any, told: list[str]) -> None:  # noqa: ANN401 -- a type
    found = [f"{each.place}: {each.message}; {each.remedy}" for each in misfits(value, kind, "f")]
    assert found == told


def test_keys_of_json_are_quoted() -> None:
    assert [each.remedy for each in misfits({"name": 1}, Inner, "f", '"{}"')] == ['write it as `"name": "1"`']


def test_a_long_value_is_cut() -> None:
    assert len(next(misfits("x" * 10_000, int, "f")).message) < 150
