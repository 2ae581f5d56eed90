"""A carrier's file and its mapping."""

from __future__ import annotations

import datetime as dt
import gzip
import os
from typing import TYPE_CHECKING

import pytest

from rating.errors import ProblemsError, UserError
from rating.model import QuantityUnit
from tariffs.decks_import import mapping, reading
from tariffs.decks_import.ledger import Defaults, Terms
from tariffs.decks_import.mapping import Action
from tariffs.documents import limits
from tariffs.language.texts import Quantity
from tests.tariffs.decks_import.helpers import DEFAULTS, source

if TYPE_CHECKING:
    from pathlib import Path

PLAIN = "columns: {prefix: p, destination: d, rate: r}\n"


def problems(folder: Path, rows: str, text: str = PLAIN, **options: object) -> list[tuple[str, str]]:
    """What is wrong with a file: place and message."""
    with pytest.raises(ProblemsError) as error:
        source(folder, rows, text, **options)  # type: ignore[arg-type] - handed on as given
    return [(problem.path, problem.message) for problem in error.value.problems]


# mapping, file -> terms of its only row: rate, increments, connect fee
TERMS = [
    (PLAIN, "p,d,r\n49,x,0.05\n", (50_000, (1_000, 1_000), 0)),
    (PLAIN + "rate_per: 1s\n", "p,d,r\n49,x,0.001\n", (60_000, (1_000, 1_000), 0)),
    (PLAIN + "rate_per: 1h\n", "p,d,r\n49,x,6\n", (100_000, (1_000, 1_000), 0)),
    (PLAIN + "increments: 60/1\n", "p,d,r\n49,x,0.05\n", (50_000, (60_000, 1_000), 0)),
    ("columns: {prefix: p, destination: d, rate: r, increments: i}", "p,d,r,i\n49,x,0.05,60/1\n", (50_000, (60_000, 1_000), 0)),
    ("columns: {prefix: p, destination: d, rate: r, increments: i}", "p,d,r,i\n49,x,0.05,\n", (50_000, (1_000, 1_000), 0)),
    ("columns: {prefix: p, destination: d, rate: r, first_increment: a, further_increment: b}", "p,d,r,a,b\n49,x,0.05,6,60\n",
     (50_000, (6_000, 60_000), 0)),
    ("columns: {prefix: p, destination: d, rate: r, first_increment: a, minimum: m}", "p,d,r,a,m\n49,x,0.05,6,30\n",
     (50_000, (30_000, 6_000), 0)),
    ("columns: {prefix: p, destination: d, rate: r, first_increment: a, minimum: m}", "p,d,r,a,m\n49,x,0.05,6,0\n",
     (50_000, (6_000, 6_000), 0)),
    ("columns: {prefix: p, destination: d, rate: r, connect_fee: c}", "p,d,r,c\n49,x,0.05,0.10\n", (50_000, (1_000, 1_000), 100_000)),
    ("columns: {prefix: p, destination: d, rate: r, included: i, currency: c}\ncurrency: EUR", "p,d,r,i,c\n49,x,0.05,0.0,EUR\n",
     (50_000, (1_000, 1_000), 0)),
    ("columns: {prefix: 2, destination: 1, rate: 3}\nheader: false\ndelimiter: ';'\namounts: {decimal: ','}", "x;49;0,05\n",
     (50_000, (1_000, 1_000), 0)),
    ("columns: {prefix: 2, destination: ' D ', rate: R}\nskip_rows: 2\ndelimiter: tab", 'Carrier "\n\nd\tp\tr\n\t\t\nx\t49\t0.05\n',
     (50_000, (1_000, 1_000), 0)),
]  # fmt: skip


@pytest.mark.parametrize(("text", "rows", "terms"), TERMS)
def test_terms(tmp_path: Path, text: str, rows: str, terms: tuple[int, tuple[int, int], int]) -> None:
    [line] = source(tmp_path, rows, text).lines
    assert (line.prefixes, line.destination, line.terms) == (("49",), "x", Terms(*terms))


def test_a_row_with_everything(tmp_path: Path) -> None:
    text = (
        "columns: {prefix: Codes, country: Country, destination: Name, rate: Rate, effective_from: From, action: Change, currency: Cur}\n"
        "date_format: DD/MM/YYYY\ncurrency: USD\nactions: {increase: [Increase, '+'], delete: [Gone], new: [Change], block: [Change]}\n"
    )
    rows = (
        "Country,Codes,Name,Rate,From,Change,Cur,Remark\n"
        '49,"30, 40-42",Germany  Cities,0.01,01/12/2026,INCREASE,USD,hello\n'
        "49,,Germany,0.01,,Change,USD,\n"
        "49,151,,,,gone,USD,\n"
    )  # fmt: skip
    found = source(tmp_path, rows, text)
    cities, germany, mobile = found.lines
    assert cities.prefixes == ("4930", "4940", "4941", "4942")
    assert (cities.number, cities.destination, cities.begins, cities.action) == (2, "Germany Cities", dt.date(2026, 12, 1), Action.INCREASE)
    assert (germany.prefixes, germany.begins, germany.action) == (("49",), None, None), "a word of several actions says only: it counts"
    assert (mobile.prefixes, mobile.terms, mobile.action) == (("49151",), None, Action.DELETE)
    assert found.unread == ("Remark",)


# mapping, file -> place and part of the message
MISTAKES = [
    (PLAIN, "", "document", "no rows"),
    (PLAIN, "p,d,r\n", "document", "no rows"),
    (PLAIN + "skip_rows: 100000000000\n", "p,d,r\n49,x,1\n", "document", "no rows"),
    (PLAIN, "p,d\n49,x\n", "line 1", "there is no column `r` for `rate`"),
    (PLAIN, "p,d,r,R\n49,x,1,2\n", "line 1", "there are several columns `r`"),
    (PLAIN, "p,d,r\n\n49,x\n", "line 3", "2 cells"),
    (PLAIN, "p,d,r\n49,x,\n", "line 2", 'rate: "" is not an amount'),
    (PLAIN, "p,d,r\n49,x,0,05\n", "line 2", "4 cells, and the first row has 3"),
    ("columns: {prefix: 1, destination: 2, rate: 3}\nheader: false", "49,x,1\n50,x,0,05\n", "line 2", "4 cells, and the first row has 3"),
    (PLAIN, 'p,d,r\n49,"x,0.1\n50,y",0.2\n', "line 3", "is one cell over several lines"),
    (PLAIN, 'p,d,r,n\n49,x,0.1,"see\n50,y,0.2,below"\n', "line 3", "is one cell over several lines"),
    (PLAIN, 'p,d,r\n49,x,"0.1\n50,y,0.2"\n', "line 3", "is one cell over several lines"),
    ("columns: {prefix: p, country: c, destination: d, rate: r}", "c,p,d,r\nUS,1808,x,1\n", "line 2", '"US" is not the code of a country'),
    ("columns: {prefix: p, country: c, destination: d, rate: r}", "c,p,d,r\n49,30,x,1\n,40,x,1\n", "line 3", "country: no code"),
    ("columns: {prefix: p, destination: d, rate: r, currency: c}", "p,d,r,c\n49,x,1,EUR\n50,x,1,USD\n", "line 3", '"USD" is not EUR'),
    (PLAIN, "p,d,r\n49,x,015\n", "line 2", 'rate: "015" begins with a needless zero'),
    (PLAIN, "p,d,r\n49,,0.1\n", "line 2", "no destination"),
    (PLAIN, f"p,d,r\n49,{'x' * 201},0.1\n", "line 2", "is not the name of a destination"),
    (PLAIN, "p,d,r\n49,a\x07b,0.1\n", "line 2", "is not the name of a destination"),
    (PLAIN, f"p,d,r\n{'5' * 50},x,0.1\n", "line 2", "prefix: "),
    (PLAIN, "p,d,r\n49,x,0.0000001\n", "document", "finer than six decimals"),
    (PLAIN + "rate_per: 7s\n", "p,d,r\n49,x,0.1\n", "document", "finer than six decimals"),
    (PLAIN, 'p,d,r\n"49,x,0.1\n', "line 2", "not a CSV file"),
    (PLAIN, 'p,d,r\n"a\nb",x,0.1\n', "line 3", "is not a prefix"),
    ("columns: {prefix: p, destination: d, rate: 9}", "p,d,r\n49,x,1\n", "line 1", "there is no column 9"),
    ("columns: {prefix: p, destination: d, rate: r, increments: i}", "p,d,r,i\n49,x,1,0/1\n", "line 2", "is not an increment"),
    ("columns: {prefix: p, destination: d, rate: r, included: i}", "p,d,r,i\n49,x,1,30\n", "line 2", "30 seconds are included"),
    ("columns: {prefix: p, destination: d, rate: r, currency: c}\ncurrency: EUR", "p,d,r,c\n49,x,1,USD\n", "line 2", '"USD" is not EUR'),
    ("columns: {prefix: p, destination: d, rate: r, connect_fee: c}", "p,d,r,c\n49,x,1,0.0000001\n", "line 2", "more than six places"),
    ("columns: {prefix: p, destination: d, rate: r, effective_from: f}", "p,d,r,f\n49,x,1,1.1.26\n", "line 2", "effective_from: "),
    (PLAIN + "actions: {new: [N]}\n", "p,d,r\n49,x,1\n", "actions (line 2)", "no column of them"),
    ("columns: {prefix: p, destination: d, rate: r, action: a}\nactions: {new: [N]}", "p,d,r,a\n49,x,1,Z\n", "line 2", 'action: "Z"'),
]  # fmt: skip


@pytest.mark.parametrize(("text", "rows", "place", "message"), MISTAKES)
def test_mistakes(tmp_path: Path, text: str, rows: str, place: str, message: str) -> None:
    found = problems(tmp_path, rows, text)
    assert [each[0] for each in found] == [place], found
    assert message in found[0][1]


def test_cells_over_several_lines_and_blank_ones_at_the_end(tmp_path: Path) -> None:
    [line] = source(tmp_path, 'p,d,r\n"49,\n50","x\ny",0.1,, \n', PLAIN).lines
    assert (line.prefixes, line.destination) == (("49", "50"), "x y")


def test_all_mistakes_at_once_and_an_end_to_them(tmp_path: Path) -> None:
    assert [place for place, _ in problems(tmp_path, "p,d,r\n49,x,a\n50,x,0.1\nb,x,0.1\n")] == ["line 2", "line 4"]
    assert len(problems(tmp_path, "p,d,r\n" + "49,x,a\n" * 5_000)) == reading.MISTAKES_MAX


def test_what_makes_finer_rates_exact_is_told(tmp_path: Path) -> None:
    with pytest.raises(ProblemsError) as error:
        source(tmp_path, "p,d,r\n49,x,0.0000001\n50,x,0.00000025\n", PLAIN)
    assert "`per: 1200s`" in error.value.problems[0].remedy
    longer = DEFAULTS._replace(per=Quantity(1_200_000, QuantityUnit.MILLISECOND))
    assert [
        line.terms.rate_micros
        for line in source(tmp_path, "p,d,r\n49,x,0.0000001\n50,x,0.00000025\n", PLAIN, defaults=longer).lines
        if line.terms
    ] == [2, 5]


def test_what_the_deck_counts(tmp_path: Path) -> None:
    message = Defaults(Quantity(1, QuantityUnit.MESSAGE))
    [line] = source(tmp_path, "p,d,r\n49,x,0.05\n", f"{PLAIN}rate_per: 1 message\n", defaults=message).lines
    assert line.terms == Terms(50_000, None, 0)
    with pytest.raises(UserError, match="counts other things"):
        source(tmp_path, "p,d,r\n49,x,0.05\n", PLAIN, defaults=message)


def test_currency_of_the_catalogue(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="the deck is in USD, the catalogue in EUR"):
        source(tmp_path, "p,d,r\n49,x,0.05\n", f"{PLAIN}currency: USD\n", currency="EUR")
    text = "columns: {prefix: p, destination: d, rate: r, currency: c}\n"
    assert problems(tmp_path, "p,d,r,c\n49,x,1,USD\n", text, currency="EUR")[0][1] == '"USD" is not EUR'


def test_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "m.yaml").write_text(PLAIN)
    how = mapping.read(tmp_path / "m.yaml")
    data = b"p,d,r\n49,Curacao,0.05\n"
    contents = {
        "a.csv": data,
        "a.csv.gz": gzip.compress(data),
        "bom.csv": b"\xef\xbb\xbf" + data,
    }
    for name, content in contents.items():
        (tmp_path / name).write_bytes(content)
        assert len(reading.read(tmp_path / name, how, DEFAULTS, None).lines) == 1, name
    (tmp_path / "cut.csv.gz").write_bytes(gzip.compress(data)[:-6])
    (tmp_path / "bad.csv.gz").write_bytes(gzip.compress(data)[:12] + b"x" * 20)
    os.mkfifo(tmp_path / "pipe.csv")
    wrong = {"pipe.csv": "no such file", "cut.csv.gz": "damaged", "bad.csv.gz": "damaged", "none.csv": "no such file", ".": "no such file"}
    for name, message in wrong.items():
        with pytest.raises(UserError, match=message):
            reading.read(tmp_path / name, how, DEFAULTS, None)
    monkeypatch.setattr(limits, "CSV_BYTES_MAX", 10)
    for name in contents:
        with pytest.raises(UserError, match="larger than"):
            reading.read(tmp_path / name, how, DEFAULTS, None)


def test_encodings(tmp_path: Path) -> None:
    data = "p,d,r\n599,Curaçao,0.05\n"
    for name, codec in (
        ("latin-1", "latin-1"),
        ("utf-16", "utf-16"),
        ("gb18030", "gb18030"),
        ("windows-1252", "cp1252"),
        ("utf-8", "utf-8"),
    ):
        (tmp_path / "a.csv").write_bytes(data.encode(codec))
        (tmp_path / "m.yaml").write_text(f"{PLAIN}encoding: {name}\n")
        [line] = reading.read(tmp_path / "a.csv", mapping.read(tmp_path / "m.yaml"), DEFAULTS, None).lines
        assert line.destination == "Curaçao", name
    (tmp_path / "a.csv").write_bytes(data.encode("latin-1"))
    with pytest.raises(ProblemsError) as error:
        reading.read(tmp_path / "a.csv", mapping.read(tmp_path / "m.yaml"), DEFAULTS, None)
    assert "cannot be decoded" in error.value.problems[0].message


def test_too_many_rows_or_prefixes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "PREFIXES_MAX", 10)
    for rows in ("".join(f"{n},x,1\n" for n in range(100, 120)), "100-109,x,1\n200-209,x,1\n"):
        assert "more than 10 rows or prefixes" in problems(tmp_path, f"p,d,r\n{rows}")[0][1]


# mapping -> place, part of the message
MAPPINGS = [
    ("", "document", "empty"),
    ("columns: {prefix: p}\n", "columns (line 1)", "field `destination` is missing"),
    ("columns: {prefix: p, destination: d, rate: r, speed: s}\n", "columns.speed (line 1)", "unknown field `speed`"),
    ("columns: {prefix: 0, destination: d, rate: r}\n", "columns.prefix (line 1)", "is not a column"),
    (PLAIN + "header: false\n", "columns.prefix (line 1)", "the file has no header"),
    (PLAIN + "delimiter: x\n", "delimiter (line 2)", "is not a delimiter"),
    (PLAIN + "encoding: ebcdic\n", "encoding (line 2)", "is not an encoding"),
    (PLAIN + "date_format: D.M.Y\n", "date_format (line 2)", "is not a format of dates"),
    (PLAIN + "amounts: {decimal: ',', thousands: ','}\n", "amounts (line 2)", "one mark"),
    (PLAIN + "rate_per: 60\n", "rate_per (line 2)", "must be text"),
    (PLAIN + "rate_per: 0s\n", "rate_per (line 2)", "nothing"),
    (PLAIN + "skip_rows: -1\n", "skip_rows (line 2)", "-1 rows"),
    (PLAIN + "increments: 0s/1\n", "increments (line 2)", "above zero"),
    ("columns: {prefix: p, destination: d, rate: r, action: a}\n", "columns.action (line 1)", "no words"),
    (
        "columns: {prefix: p, destination: d, rate: r, increments: a, first_increment: b}\n",
        "columns.increments (line 1)",
        "single increment",
    ),
]


@pytest.mark.parametrize(("text", "place", "message"), MAPPINGS)
def test_mistakes_in_a_mapping(tmp_path: Path, text: str, place: str, message: str) -> None:
    (tmp_path / "m.yaml").write_text(text)
    with pytest.raises(ProblemsError) as error:
        mapping.read(tmp_path / "m.yaml")
    assert any(problem.path == place and message in problem.message for problem in error.value.problems), error.value.problems


def test_no_mapping(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(UserError, match="no such file"):
        mapping.read(tmp_path / "m.yaml")
    os.mkfifo(tmp_path / "pipe.yaml")
    for path in (tmp_path, tmp_path / "pipe.yaml"):
        with pytest.raises(UserError, match="not an ordinary file"):
            mapping.read(path)
    with pytest.raises(UserError, match="cannot be read"):
        mapping.read(tmp_path / ("m" * 300))
    (tmp_path / "m.yaml").write_text(PLAIN)
    monkeypatch.setattr(limits, "YAML_BYTES_MAX", 5)
    with pytest.raises(UserError, match="larger than"):
        mapping.read(tmp_path / "m.yaml")
