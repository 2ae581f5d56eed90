"""YAML as plain objects: nothing turns silently into something else, and every place has its line."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tariffs.documents import parsing

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("08:00", "08:00"),  # not 28800, base 60
        ("22:30:00", "22:30:00"),
        ("2026-01-01", "2026-01-01"),  # not a date
        ("049", "049"),  # not octal
        ("0x10", "0x10"),
        ("1_000", "1_000"),
        ("49", 49),
        ("0.085", 0.085),
        ('"0.085"', "0.085"),
        ("'1'", "1"),
        ("yes", "yes"),
        ("no", "no"),
        ("true", True),
        ("null", None),
        ("", None),
        ("60/1", "60/1"),
        ("[a, 1]", ["a", 1]),
        (".inf", ".inf"),
    ],
)
def test_scalars(text: str, value: object) -> None:
    parsed = parsing.parse_text(f"field: {text}\n")
    assert parsed.fields == {"field": value}
    assert type(parsed.fields["field"]) is type(value)


def test_lines_of_places() -> None:
    lines = parsing.parse_text("prices:\n  - id: 1\n    name: a\n  - {id: 2,\n     name: b}\n").lines
    assert [lines["prices",], lines["prices", 0, "name"], lines["prices", 1], lines["prices", 1, "name"]] == [1, 3, 4, 5]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "empty"),
        ("# nothing\n", "empty"),
        ("- a\n", "not a set of fields"),
        ("just text", "not a set of fields"),
        ("a: [1\n", "not valid YAML"),
        ("a: *\n", "not valid YAML"),
        ("a: \x07\n", "not valid YAML"),
        ("a: 1\na: 2\n", "twice"),
        ("a: &x [1]\nb: *x\n", "alias"),
        ("a: " + "[" * 40 + "]" * 40, "deep"),
        ("a: " + "[" * 5000 + "]" * 5000, "nest"),
        ("a: 1\n---\nb: 2\n", "not valid YAML"),
        ("? [a, b]\n: 1\n", "name is a list"),
        ('a: !!float "0.09"\n', "tag"),
        ("a: !secret x\n", "tag"),
        ("a: !list [x]\n", "tag"),
    ],
)
def test_refusals(text: str, message: str) -> None:
    findings = parsing.parse_text(text).findings
    assert any(message in finding.message for finding in findings), findings


# text -> line of the mistake, part of its remedy
WHERE = [
    ("a: 1\nb: ü\x07\n", 2, "characters"),
    ("a: 1\nb:\n\tc: 1\n", 3, "spaces instead of tabs"),
    ("a: 1\nb: [*]\n", 2, '"*" in quotes'),
    ("a: 1\nb: 'c\n", 3, "quotes"),
    ("a: 1\n? {b: 1}\n: 2\n", 2, "a word before the colon"),
]


@pytest.mark.parametrize(("text", "line", "remedy"), WHERE)
def test_mistakes_of_yaml_have_their_line(text: str, line: int, remedy: str) -> None:
    parsed = parsing.parse_text(text)
    assert [(parsed.lines[each.place], remedy in each.remedy) for each in parsed.findings] == [(line, True)]


def test_aliases_cannot_blow_up() -> None:
    text = "a0: &a0 [x, x]\n" + "".join(f"a{i}: &a{i} [*a{i - 1}, *a{i - 1}]\n" for i in range(1, 40))
    assert len(parsing.parse_text(text).findings) == 78


def test_not_utf8(tmp_path: Path) -> None:
    path = tmp_path / "latin.yaml"
    path.write_bytes("identity: a\nname: Büro".encode("latin-1"))
    parsed = parsing.parse(path)
    assert ("UTF-8" in parsed.findings[0].message, parsed.lines[()]) == (True, 2)


def test_a_byte_order_mark_is_no_part_of_the_text(tmp_path: Path) -> None:
    path = tmp_path / "mark.yaml"
    path.write_bytes(b"\xef\xbb\xbfidentity: a\n")
    assert parsing.parse(path).fields == {"identity": "a"}
