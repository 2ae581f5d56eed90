"""Results as JSON and as plain tables."""

from __future__ import annotations

import datetime as dt
import json

import msgspec
import pytest

from server.cli import output


class Row(msgspec.Struct, frozen=True):
    """A result of a command."""

    day: dt.date
    charge_micros: int


def test_json_keeps_structs_and_big_numbers(capsys: pytest.CaptureFixture[str]) -> None:
    output.print_json({"rows": [Row(dt.date(2025, 3, 31), 10**18 - 1)]})
    assert json.loads(capsys.readouterr().out) == {"rows": [{"day": "2025-03-31", "charge_micros": 10**18 - 1}]}


def test_plain_table_aligns_wide_characters(capsys: pytest.CaptureFixture[str]) -> None:
    output.print_table(["name", "amount"], [["语音", "1.00"], ["voice", "100.00"], [None, 3]], right=["amount"], title="lines")
    assert capsys.readouterr().out == (
        "lines\n"
        "name   amount\n"
        "语音     1.00\n"
        "voice  100.00\n"
        "            3\n"
    )  # fmt: skip


def test_a_table_shows_control_characters_by_their_codes(capsys: pytest.CaptureFixture[str]) -> None:
    output.print_table(("a",), [("陈\x1b[31m\n\udce9é",)])
    assert capsys.readouterr().out == "a\n陈\\x1b[31m\\n\\udce9é\n"


def test_plain_table_never_cuts(capsys: pytest.CaptureFixture[str]) -> None:
    output.print_table(["text"], [["x" * 500]])
    assert "x" * 500 in capsys.readouterr().out


def test_lines_that_others_wrote_show_their_control_characters(capsys: pytest.CaptureFixture[str]) -> None:
    output.print_lines(["a\x1b[2J\u202eb", "基本\u3000一\u00a0二", "two\nlines"])
    assert capsys.readouterr().out == "a\\x1b[2J\\u202eb\n基本\u3000一\u00a0二\ntwo\nlines\n"


@pytest.mark.parametrize(
    ("micros", "currency", "told"),
    [(749_652, "EUR", "0.75"), (-2_505_000, "EUR", "-2.51"), (4_999, "EUR", "0.004999"), (0, "EUR", "0.00"), (905_500_000, "JPY", "906"),
     (1_234_500, "KWD", "1.235")],
)  # fmt: skip
def test_an_estimate_has_the_places_of_its_currency(micros: int, currency: str, told: str) -> None:
    assert output.about(micros, currency) == told
