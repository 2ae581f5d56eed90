"""Exemptions from tax and classes that stand for others: by the last day of the period."""

from __future__ import annotations

import datetime as dt

import pytest

from billing.charges.proration import Span
from billing.charges.taxes.exemptions import Taxation, TaxStatus, status_on, taxation


def day(text: str) -> dt.date:
    return dt.date.fromisoformat(text)


def told(start: str, end: str | None, exempt: str = "", **classes: str) -> TaxStatus:
    return TaxStatus(Span(day(start), day(end) if end else None), frozenset(exempt.split()), classes)


CERTIFICATE = told("2026-03-15", "2026-06-15", "*")
REDUCED = told("2026-05-01", None, "", standard="reduced")
KNOWN = {"standard", "reduced", "zero", "other"}


# what was told, last day of the period, class, how it is taxed
@pytest.mark.parametrize(
    ("facts", "last_day", "tax_class", "expected"),
    [
        ([], "2026-03-31", "standard", Taxation("standard", exempt=False)),
        ([CERTIFICATE], "2026-02-28", "standard", Taxation("standard", exempt=False)),
        ([CERTIFICATE], "2026-03-14", "standard", Taxation("standard", exempt=False)),
        ([CERTIFICATE], "2026-03-15", "standard", Taxation("standard", exempt=True)),
        ([CERTIFICATE], "2026-03-31", "standard", Taxation("standard", exempt=True)),  # all of March
        ([CERTIFICATE], "2026-06-14", "standard", Taxation("standard", exempt=True)),
        ([CERTIFICATE], "2026-06-15", "standard", Taxation("standard", exempt=False)),
        ([told("2026-01-01", None, "reduced zero")], "2026-03-31", "standard", Taxation("standard", exempt=False)),
        ([told("2026-01-01", None, "reduced zero")], "2026-03-31", "zero", Taxation("zero", exempt=True)),
        ([CERTIFICATE, REDUCED], "2026-05-31", "standard", Taxation("reduced", exempt=False)),  # the one that begins last decides
        ([CERTIFICATE, REDUCED], "2026-05-31", "other", Taxation("other", exempt=False)),
        ([told("2026-01-01", None, "reduced", standard="reduced")], "2026-05-31", "standard", Taxation("reduced", exempt=True)),
        ([told("2026-01-01", None, "standard", standard="reduced")], "2026-05-31", "standard", Taxation("reduced", exempt=True)),
        ([told("2026-01-01", None, "", standard="elsewhere")], "2026-05-31", "standard", Taxation("standard", exempt=False)),
        ([told("2026-01-01", None, "elsewhere", standard="elsewhere")], "2026-05-31", "standard", Taxation("standard", exempt=False)),
    ],
)
def test_taxation(facts: list[TaxStatus], last_day: str, tax_class: str, expected: Taxation) -> None:
    assert taxation(status_on(facts, day(last_day)), tax_class, KNOWN) == expected


def test_of_two_that_begin_on_one_day_the_one_learned_last_holds() -> None:
    first, last = told("2026-01-01", None, "*"), told("2026-01-01", None)
    assert status_on([first, last], day("2026-05-31")) is last
