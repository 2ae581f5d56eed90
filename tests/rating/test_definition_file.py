"""Files that people write: no key of theirs stands twice."""

from __future__ import annotations

import msgspec
import pytest

from rating import definition_file


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("a: 1\nb: 2\na: 3\n", "the key a is there twice, in lines 1 and 3"),
        ("a:\n  - b: 1\n    c: 2\n    b: 3\n", "the key b is there twice, in lines 2 and 4"),
        ('a: {"x": 1, x: 2}\n', "the key x is there twice, in lines 1 and 1"),
        ('{"a": 1, "a": 2}', "the key a is there twice, in lines 1 and 1"),
    ],
)
def test_a_key_that_stands_twice_is_refused(text: str, told: str) -> None:
    with pytest.raises(msgspec.DecodeError) as error:
        definition_file.decode(text.encode())
    assert str(error.value) == told


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("a: 1\nb: {a: 2}\n", {"a": 1, "b": {"a": 2}}),
        ("base: &b {a: 1}\nother: *b\n", {"base": {"a": 1}, "other": {"a": 1}}),
        ("", None),
    ],
)
def test_other_files_are_read_as_before(text: str, value: object) -> None:
    assert definition_file.decode(text.encode()) == value
