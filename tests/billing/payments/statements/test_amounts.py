"""Amounts, dates, references and reasons as banks write them, each against a reading of its own."""

from __future__ import annotations

import datetime as dt
import random
from fractions import Fraction
from typing import TYPE_CHECKING

import pytest

from billing.payments.statements import amounts, reasons, references
from billing.payments.statements.records import Reference, ReferenceKind, WrongError
from tariffs.currencies import MINOR_DIGITS

if TYPE_CHECKING:
    from collections.abc import Callable


@pytest.mark.parametrize("point", [".", ","])
def test_every_amount_is_the_fraction_that_its_text_says(point: str) -> None:
    """1,000 random texts of currencies with 0, 2 and 3 decimal places; those that are too fine are refused."""
    rng = random.Random(7)
    refused = 0
    for _ in range(1_000):
        currency = rng.choice(["EUR", "JPY", "KWD"])
        places = "".join(rng.choice("0000005") for _ in range(rng.randrange(6)))
        text = f"{rng.randrange(10 ** rng.randrange(1, 12))}" + (f".{places}" if places or rng.random() < 0.2 else "")
        exact = Fraction(text.removesuffix("."))
        if (exact * 10 ** MINOR_DIGITS[currency]).denominator == 1:
            assert Fraction(amounts.amount(text.replace(".", point), currency, point), 1_000_000) == exact
        else:
            refused += 1
            with pytest.raises(WrongError, match="decimal places"):
                amounts.amount(text.replace(".", point), currency, point)
    assert 50 < refused < 950


# text, the point, micro-units of EUR or nothing
AMOUNTS = """
1250.5          .   1250500000
.5              .   500000
7.              .   7000000
0007.00000000   .   7000000
999999999999.99 .   999999999999990000
7,              ,   7000000
1000000000000   .
7,5             .
7.5             ,
+7              .
-7              .
1e3             .
0x1             .
\uff17          .
1 000           .
.               .
NaN             .
7.5.0           .
"""


@pytest.mark.parametrize("row", AMOUNTS.strip().splitlines())
def test_amounts(row: str) -> None:
    expected = row[20:].strip()
    text, point = row[:16].rstrip(), row[16:20].strip()
    if expected:
        assert amounts.amount(text, "EUR", point) == int(expected)
    else:
        with pytest.raises(WrongError):
            amounts.amount(text, "EUR", point)


DAYS: list[tuple[Callable[[str], dt.date], str, str]] = [
    (amounts.day, "2026-11-30", "2026-11-30"), (amounts.day, "2026-11-30T23:59:59+01:00", "2026-11-30"),
    (amounts.day, "2026-11-30Z", "2026-11-30"),
    (amounts.day, "2026-02-30", ""), (amounts.day, "30.11.2026", ""), (amounts.day, "2026-11-30 x", ""), (amounts.day, "", ""),
    (amounts.short_day, "261130", "2026-11-30"), (amounts.short_day, "800101", "1980-01-01"), (amounts.short_day, "791231", "2079-12-31"),
    (amounts.short_day, "260230", ""), (amounts.short_day, "2611", ""), (amounts.short_day, "26113\uff10", ""),
]  # fmt: skip


@pytest.mark.parametrize(("read", "text", "expected"), DAYS)
def test_days(read: Callable[[str], dt.date], text: str, expected: str) -> None:
    if expected:
        assert read(text) == dt.date.fromisoformat(expected)
    else:
        with pytest.raises(WrongError):
            read(text)


# reference, scheme; kind, whether its check digits are right, what the creditor put into it. RF65: 65 = 98 - 271...0004 271525 mod 97
REFERENCES = [
    ("RF65R0000000004", "SCOR", "rf", True, "R0000000004"),
    ("RF65 R000 0000 004", "", "rf", True, "R0000000004"),
    ("RF66R0000000004", "", "rf", False, "R0000000004"),
    ("R-0000000004", "SCOR", "scor", True, "R0000000004"),
    ("210000000003139471430009017", "QRR", "national", True, "21000000000313947143000901"),
    ("210000000003139471430009018", "QRR", "national", False, "21000000000313947143000901"),
    ("+++000/0000/04243+++", "BBA", "national", False, "42"),
    ("+++000/0000/00404+++", "BBA", "national", True, "4"),
    ("0000000042", "KID", "national", True, "4"),
    ("R-4", "HOUSE", "national", True, "R4"),
]


@pytest.mark.parametrize(("text", "scheme", "kind", "is_sound", "body"), REFERENCES)
def test_references(text: str, scheme: str, kind: str, is_sound: bool, body: str) -> None:  # noqa: FBT001 -- a row of the table
    found = references.classified(text, scheme)
    assert (found.kind, references.is_sound(found), references.body(found)) == (kind, is_sound, body)


def test_references_in_free_text_count_with_good_check_digits_alone() -> None:
    found = references.in_text("for RF65R0000000004, RF66R0000000004 and XRF65R0000000004")
    assert found == [Reference(ReferenceKind.RF, "RF65R0000000004")]


# reason code; what follows; the day after 2026-11-09 on which it may be collected again
REASONS = """
AM04 again 2026-11-14
AC06 again 2026-11-23
ED05 again 2026-11-10
TM01 again 2026-11-10
AC04 mandate_ended
AC13 mandate_ended
AG01 mandate_ended
MD01 mandate_ended
MD07 mandate_ended
SL01 mandate_ended
AC01 desk
AG02 desk
AM05 desk
BE05 desk
CNOR desk
DNOR desk
FF01 desk
FF05 desk
FOCR desk
MD02 desk
MD06 desk
MS02 desk
MS03 desk
RC01 desk
RR01 desk
RR02 desk
RR03 desk
RR04 desk
XX99 desk
"""


def test_what_follows_from_each_reason() -> None:
    rows = []
    for row in REASONS.split("\n"):
        if row:
            reason = reasons.of(row[:4])
            day = reason.day(dt.date(2026, 11, 9))
            rows.append(f"{row[:4]} {reason.follows}{f' {day}' if day else ''}")
    assert "\n".join(rows) == REASONS.strip()
    assert {row[:4] for row in rows} - {"XX99"} == reasons.table().keys()


def test_a_wait_goes_with_again_alone() -> None:
    assert all((each.after_days > 0) == (each.follows is reasons.Follows.AGAIN) for each in reasons.table().values())


def test_a_code_in_a_text_is_a_whole_word() -> None:
    assert [reasons.named_in(text) for text in ("return AC04", "RAC04", "/RTRN/MD06/", "none")] == ["AC04", "", "MD06", ""]
