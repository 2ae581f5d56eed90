"""Bank files and their mappings: what is read, and every way in which a file is refused whole."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

import pytest

from billing.payments import bank_file, matching
from billing.payments.bank_file import BankLine
from billing.payments.mapping import Mapping, read_mapping
from billing.payments.writing import Account
from rating.errors import ProblemsError, UserError
from rating.money import MoneyError
from tests.billing.payments.desk import units

if TYPE_CHECKING:
    from pathlib import Path

MAPPING = """
name: bank
columns: {id: Id, date: Date, amount: Amount, currency: Currency, payer: Payer, reference: [Text, More]}
delimiter: ";"
date: "%d.%m.%Y"
decimal: ","
thousands: "."
match: {invoice: "R-[0-9]+", account: "A[0-9]+"}
"""
HEAD = "Id;Date;Amount;Currency;Payer;Text;More\n"
GOOD = '1;09.11.2026;1.250,50;CNY;Ann;R-1;please\n2;10.11.2026;7,5;EUR;"B; C";;\n'
TOTALS = "totals: {place: trailer, begins: SUM, count: 2, amount: 3}\n"


def mapping_of(folder: Path, more: str = "", changes: tuple[str, str] = ("", "")) -> Mapping:
    path = folder / "mapping.yaml"
    path.write_text(MAPPING.replace(*changes) + more)
    return read_mapping(path)


def read(folder: Path, text: str, more: str = "", changes: tuple[str, str] = ("", "")) -> bank_file.BankFile:
    path = folder / "bank.csv"
    path.write_bytes(text.encode())
    return bank_file.read_file(path, mapping_of(folder, more, changes))


def test_lines(tmp_path: Path) -> None:
    found = read(tmp_path, HEAD + GOOD)
    assert found.lines == [
        BankLine(2, "bank/1", dt.date(2026, 11, 9), units(1250.5), "CNY", "Ann", "R-1 please"),
        BankLine(3, "bank/2", dt.date(2026, 11, 10), units(7.5), "EUR", "B; C", ""),
    ]
    assert (found.outgoing_lines, found.outgoing_micros) == (0, 0)


def test_a_line_break_in_quotes_and_blank_lines_keep_the_numbers_of_lines(tmp_path: Path) -> None:
    found = read(tmp_path, HEAD + '\n1;09.11.2026;1;CNY;Ann;"R-1\nagain";\n\n2;10.11.2026;2;CNY;;;\n')
    assert [(line.line_no, line.reference) for line in found.lines] == [(3, "R-1\nagain"), (6, "")]


def test_without_ids_a_line_that_stands_twice_is_two_payments_whatever_stands_between(tmp_path: Path) -> None:
    changes = ("id: Id, ", "")
    one, two = "1;09.11.2026;1;CNY;Ann;R-1;\n", "1;09.11.2026;2;CNY;Ann;R-1;\n"
    first = [line.line_id for line in read(tmp_path, HEAD + one + one, changes=changes).lines]
    second = [line.line_id for line in read(tmp_path, HEAD + two + one + two + one, changes=changes).lines]
    assert len(set(first)) == 2
    assert [second[1], second[3]] == first


WORDS = """
name: b
columns: {id: Lines, date: "2", amount: "6.5", sign: Kind}
match: {account: A}
date: "%Y%m%d"
currency: EUR
credit_words: [C]
debit_words: [D]
outgoing: ignore
totals: {place: header, begins: Lines, count: 2, amount: 3}
"""


def test_credit_and_debit_in_words_and_totals_in_the_header(tmp_path: Path) -> None:
    (tmp_path / "mapping.yaml").write_text(WORDS)
    (tmp_path / "f.csv").write_text("Lines,2,6.5,Kind\na,20261109,9.00,C\nb,20261109,2.50,D\n")
    found = bank_file.read_file(tmp_path / "f.csv", read_mapping(tmp_path / "mapping.yaml"))
    assert [(line.line_id, line.amount_micros) for line in found.lines] == [("b/a", units(9))]
    assert (found.outgoing_lines, found.outgoing_micros) == (1, units(-2.5))


# columns of the mapping and of the line of totals, the file; it is cut from A12 and from 1250,50, and the totals agree
CUT = {
    "reference": ("reference: [Text]", "count: 2, amount: 3", "SUM;1;3,00\nDate;Amount;Text\n09.11.2026;3,00;for account A1"),
    "amount": ("reference: [Text]", "count: 2", "SUM;1\nDate;Text;Amount\n09.11.2026;A1;1250"),
}


@pytest.mark.parametrize("name", CUT)
def test_totals_before_the_bookings_do_not_show_that_the_last_line_is_whole(tmp_path: Path, name: str) -> None:
    columns, totals, text = CUT[name]
    words = (
        f"name: b\nheader_lines: 2\ncolumns: {{date: Date, amount: Amount, {columns}}}\ndelimiter: ';'\ndate: '%d.%m.%Y'\ncurrency: EUR\n"
    )
    more = f"decimal: ','\nmatch: {{account: A}}\ntotals: {{place: header, begins: SUM, {totals}}}\n"
    (tmp_path / "mapping.yaml").write_text(words + more)
    (tmp_path / "f.csv").write_text(text)
    with pytest.raises(ProblemsError) as caught:
        bank_file.read_file(tmp_path / "f.csv", read_mapping(tmp_path / "mapping.yaml"))
    assert [(each.path, each.message.partition(",")[0]) for each in caught.value.problems] == [("line 3", "the last line does not end")]
    (tmp_path / "f.csv").write_text(text + "\n")
    assert len(bank_file.read_file(tmp_path / "f.csv", read_mapping(tmp_path / "mapping.yaml")).lines) == 1


def test_the_end_of_the_last_line_is_that_of_the_text(tmp_path: Path) -> None:
    """In UTF-16 a line ends with the bytes 0a 00."""
    (tmp_path / "bank.csv").write_bytes((HEAD + GOOD).encode("utf-16"))
    found = bank_file.read_file(tmp_path / "bank.csv", mapping_of(tmp_path, "encoding: utf-16\n"))
    assert [line.amount_micros for line in found.lines] == [units(1250.5), units(7.5)]
    (tmp_path / "bank.csv").write_bytes((HEAD + GOOD[:-1]).encode("utf-16"))
    with pytest.raises(ProblemsError) as caught:
        bank_file.read_file(tmp_path / "bank.csv", mapping_of(tmp_path, "encoding: utf-16\n"))
    assert [each.path for each in caught.value.problems] == ["line 3"]


def test_columns_by_number(tmp_path: Path) -> None:
    text = (
        WORDS.replace("Lines, date", "'1', date").replace('"6.5", sign: Kind', "'3', sign: '4'").partition("totals")[0]
        + "header_lines: 0\n"
    )
    (tmp_path / "mapping.yaml").write_text(text)
    (tmp_path / "f.csv").write_text("a,20261109,9.00,C\n")
    found = bank_file.read_file(tmp_path / "f.csv", read_mapping(tmp_path / "mapping.yaml"))
    assert [(line.line_no, line.line_id, line.amount_micros) for line in found.lines] == [(1, "b/a", units(9))]


# the lines after the header, further words of the mapping, what is said
REFUSED = {
    "negative": ("1;09.11.2026;-5,00;CNY;;;\n", "", "line 2: the payment is negative: -5.00"),
    "zero": ("1;09.11.2026;0,00;CNY;;;\n", "", "line 2: the amount is zero"),
    "too fine": ("1;09.11.2026;5,001;CNY;;;\n", "", "line 2: 5.001 has more than the 2 decimal places of CNY"),
    "no amount": ("1;09.11.2026;5.00;CNY;;;\n", "", "line 2: '5.00' is not an amount such as 1.234,50"),
    "no date": ("1;9/11/2026;5,00;CNY;;;\n", "", "line 2: '9/11/2026' is not a date such as 30.11.2026"),
    "no currency": ("1;09.11.2026;5,00;XXX;;;\n", "", "line 2: 'XXX' is not a currency of ISO 4217"),
    "two signs": ("1;09.11.2026;+-5,00;CNY;;;\n", "", "line 2: '+-5,00' is not an amount such as 1.234,50"),
    "NUL": ("1;09.11.2026;5,00;CNY;;R-1 \0;\n", "", "line 2: it holds a NUL character"),
    "no id": (";09.11.2026;5,00;CNY;;;\n", "", "line 2: the bank's id is empty or no text"),
    "one id twice": (GOOD + "1;09.11.2026;5,00;CNY;;;\n", "", "line 4: the id 'bank/1' is in line 2 as well"),
    "cut inside a line": (GOOD + "3;11.11.2026;5", "", "line 4: it has 3 columns instead of 7: the file is cut short"),
    "cut inside quotes": (GOOD + '3;11.11.2026;5,00;CNY;"Ann', "", "line 4: a quoted text does not end: the file is cut short"),
    "cut inside the last column": (
        GOOD + "3;11.11.2026;5,00;CNY;Ann;R-1;nothing is mis",
        "",
        "line 4: the last line does not end, and no line of totals behind it shows that it is whole: the file may be cut short",
    ),
    "no trailer": (GOOD, TOTALS, "line 3: the line of totals (SUM) is missing: the file is cut short"),
    "nothing at all": ("", TOTALS, "line 1: the line of totals (SUM) is missing: the file is cut short"),
    "trailer in the middle": ("SUM;1;2\n" + GOOD, TOTALS, "line 2: the line of totals (SUM) comes before the end"),
    "fewer lines": (GOOD + "SUM;3;1.258,00\n", TOTALS, "line 4: its totals say lines 3, its lines 2: it is cut short or changed"),
    "other sum": (GOOD + "SUM;2;1.258,01\n", TOTALS, "line 4: its totals say sum 1.258,01, its lines 1258.00: it is cut short or changed"),
    "no totals in it": (GOOD + "SUM;two;1.258,00\n", TOTALS, "line 4: 'two' holds no lines"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_refused(tmp_path: Path, name: str) -> None:
    text, more, message = REFUSED[name]
    with pytest.raises(ProblemsError) as caught:
        read(tmp_path, HEAD + text, more)
    found = [f"{problem.path}: {problem.message}" for problem in caught.value.problems]
    assert found == [message]
    assert all(problem.remedy and problem.file == str(tmp_path / "bank.csv") for problem in caught.value.problems)


def test_all_mistakes_at_once(tmp_path: Path) -> None:
    with pytest.raises(ProblemsError) as caught:
        read(tmp_path, HEAD + "1;x;5,00;CNY;;;\n2;09.11.2026;x;CNY;;;\n3;09.11.2026;1;CNY;;;\n4;09.11.2026;-1;CNY;;;\n")
    assert [problem.path for problem in caught.value.problems] == ["line 2", "line 3", "line 5"]


def test_a_good_trailer(tmp_path: Path) -> None:
    assert len(read(tmp_path, HEAD + GOOD + "SUM;2;1.258,00;;;;\n", TOTALS).lines) == 2
    assert len(read(tmp_path, HEAD + GOOD + "SUM;2;1.258,00", TOTALS).lines) == 2, "totals that agree end it"


@pytest.mark.parametrize(
    ("text", "message"),
    [(HEAD.replace("Amount", "Betrag") + GOOD, "no column is called 'Amount'"), ("\n\n", "holds no booking"), (HEAD, "holds no booking")],
)
def test_other_files(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(UserError) as caught:
        read(tmp_path, text)
    assert message in " ".join(caught.value.lines())


def test_bytes_that_are_no_text(tmp_path: Path) -> None:
    (tmp_path / "bank.csv").write_bytes(HEAD.encode() + b"1;09.11.2026;1;CNY;M\xfcller;;\n")
    with pytest.raises(UserError, match="is not utf-8"):
        bank_file.read_file(tmp_path / "bank.csv", mapping_of(tmp_path))
    for encoding in ("undefined", "hex", "no-such"):
        with pytest.raises(UserError, match=f"is not {encoding}"):
            bank_file.read_file(tmp_path / "bank.csv", mapping_of(tmp_path, f"encoding: {encoding}\n"))
    found = bank_file.read_file(tmp_path / "bank.csv", mapping_of(tmp_path, "encoding: latin-1\n"))
    assert found.lines[0].payer == "M\u00fcller"


# what a bank writes, with . between thousands and , before decimal places; micro-units, or nothing
AMOUNTS = """
1,50        1500000
1.234,50    1234500000
1234,50     1234500000
-12,30      -12300000
12,30-      -12300000
+7          7000000
1.23,50
+-5,00
--5,00
-5,00-
1,50+-
1.2.3,00
5.00
,50
\uff11,00
12.34.567,00
1,2,3
abc
,
"""


@pytest.mark.parametrize("row", AMOUNTS.strip().splitlines())
def test_amounts(tmp_path: Path, row: str) -> None:
    text, *expected = row.split()
    known = mapping_of(tmp_path)
    if expected:
        assert bank_file.parse_amount(text, known) == int(expected[0])
    else:
        with pytest.raises(MoneyError):
            bank_file.parse_amount(text, known)


# the same without a character between thousands; a point is no decimal comma
PLAIN = """
1250,50     1250500000
1250        1250000000
1.250
12.50
1.234,50
"""


@pytest.mark.parametrize("row", PLAIN.strip().splitlines())
def test_amounts_without_thousands(tmp_path: Path, row: str) -> None:
    text, *expected = row.split()
    known = mapping_of(tmp_path, changes=('thousands: "."\n', ""))
    if expected:
        assert bank_file.parse_amount(text, known) == int(expected[0])
    else:
        with pytest.raises(MoneyError, match="is not an amount such as 1234,50"):
            bank_file.parse_amount(text, known)


# what is changed in the mapping; the place and beginning of what is said
MAPPINGS = [
    (('delimiter: ";"', "delimiter: ;;"), "delimiter: ';;' is not one character"),
    (('thousands: "."', 'thousands: ","'), "thousands: ',' cannot separate digits"),
    (("%d.%m.%Y", "%d.%m"), "date: '%d.%m' does not hold day, month and year"),
    (("currency: Currency, ", ""), "currency: is given twice or not at all"),
    (("R-[0-9]+", "R-[0-9"), "match.invoice: 'R-[0-9' is not a regular expression"),
    (("R-[0-9]+", "[0-9]*"), "match.invoice: '[0-9]*' finds the empty text everywhere"),
    (("name: bank", "name: ' '"), "name: is empty"),
    (("name: bank", 'name: bank\naccount: "DE\\0"'), "account: 'DE\\x00' is not a text of one line"),
    (("date: Date, ", ""), "columns.date: is missing"),
    (("name: bank", "name: bank\nnoun: 1"), "noun: is not a field of a mapping"),
]


@pytest.mark.parametrize("text", ["name: 2026-02-30", "name: !!int abc", "name: !!timestamp x", "name: !!bool 3", "name: ["])
def test_a_mapping_that_is_no_yaml(tmp_path: Path, text: str) -> None:
    """PyYAML says so in several ways."""
    (tmp_path / "mapping.yaml").write_text(text)
    with pytest.raises(ProblemsError) as caught:
        read_mapping(tmp_path / "mapping.yaml")
    assert [each.path for each in caught.value.problems] == ["mapping"]


@pytest.mark.parametrize(("change", "message"), MAPPINGS)
def test_mapping_with_a_mistake(tmp_path: Path, change: tuple[str, str], message: str) -> None:
    with pytest.raises(ProblemsError) as caught:
        mapping_of(tmp_path, changes=change)
    (problem,) = caught.value.problems
    assert f"{problem.path}: {problem.message}".startswith(message)


# a mapping; the places of all its mistakes, and of nothing else
MANY = {
    "fields of other kinds": (
        """
name: x
bogus: 1
date: 5
columns: []
match: {invoice: "("}
""",
        "bogus columns date match.invoice",
    ),
    "a word that is none, and texts that mean nothing": (
        """
name: x
delimiter: ";;"
header_lines: -1
columns: {date: Booked, amount: Amount}
date: "%Q"
currency: EUX
outgoing: maybe
match: {invoice: "("}
""",
        "currency date delimiter header_lines match.invoice outgoing",
    ),
    "what cannot be read is not said to be missing or not to go together": (
        """
name: x
columns: {date: Booked, amount: Amount, currency: 1, sign: Kind}
date: "%Y%m%d"
decimal: 1
thousands: "."
credit_words: C
match: {account: [A]}
totals: {place: middle, counts: 2}
""",
        "columns.currency credit_words decimal match.account totals totals.begins totals.counts totals.place",
    ),
    "nothing that it must have": ("account: a", "columns date match name"),
    "no fields": ("- name: x", "mapping"),
}


@pytest.mark.parametrize("name", MANY)
def test_mapping_with_many_mistakes(tmp_path: Path, name: str) -> None:
    text, places = MANY[name]
    (tmp_path / "mapping.yaml").write_text(text)
    with pytest.raises(ProblemsError) as caught:
        read_mapping(tmp_path / "mapping.yaml")
    assert sorted(each.path for each in caught.value.problems) == places.split()


ANN, BEN, EVA = Account(1, "A1", "CNY", ""), Account(2, "b2", "CNY", ""), Account(3, "A3", "EUR", "")
DAN = Account(4, "A4", "CNY", "north")
INVOICES = {"R-1": ("R-1", ANN), "R-2": ("R-2", ANN), "R-3": ("R-3", BEN), "R-4": ("r-4", EVA)}
ACCOUNTS = {"A1": ANN, "B2": BEN, "A3": EVA, "A4": DAN}

# the reference; what it is matched to
REFERENCES = """
R-1                       | matched A1 R-1
for R-2 and r-1           | matched A1 R-2 R-1
R-1 R-1                   | matched A1 R-1
A1                        | matched A1
account b2, thanks        | matched b2
A1 R-2                    | matched A1 R-2
A1 R-3                    | several_accounts
R-1 R-3                   | several_accounts
R-1 R-9                   | unknown_reference
A9                        | unknown_reference
A9 R-1                    | matched A1 R-1
thank you                 | no_reference
                          | no_reference
R-4                       | other_currency
A3                        | other_currency
A4                        | other_entity
"""


@pytest.mark.parametrize("row", REFERENCES.strip().splitlines())
def test_whose_it_is(tmp_path: Path, row: str) -> None:
    reference, expected = (part.strip() for part in row.split("|"))
    (named,) = matching.named_in([reference], mapping_of(tmp_path, changes=("A[0-9]+", "[AB][0-9]")).match)
    line = BankLine(1, "x", dt.date(2026, 1, 1), units(1), "CNY", "", reference)
    found = matching.matched(named, line, INVOICES, ACCOUNTS)
    told = [found.state, found.account.account_id, *found.numbers] if found.account else [found.state]
    assert " ".join(told) == expected
