"""Invoices in pages, one invoice, payments: over a socket. Each account owes 10.00 and tax of 6 %, 10.60."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

import grpc
import pytest

from server.client import CallError, Finance, day, finance, micros, money
from tests.server.client.conftest import connect

if TYPE_CHECKING:
    from pathlib import Path

    from tests.server.access.conftest import Guarded

pytestmark = pytest.mark.slow
NAMES = ("anna", "bert", "carl", "dora", "emil")
NUMBERS = [f"R-000000000{place}" for place in range(1, 6)]


@pytest.fixture
def billed(guarded: Guarded) -> Guarded:
    """Five accounts with an invoice each."""
    guarded.world.catch_up()
    for name in NAMES:
        guarded.world.account(name)
        guarded.world.subscription(f"{name}-1", name, "shop/basic", f"{name}-number")
    guarded.world.bill("2025-11-01")
    guarded.now_us = guarded.world.now_us
    return guarded


def test_invoices_come_in_pages(billed: Guarded, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(finance, "PAGE_SIZE", 2)
    with connect(billed, tmp_path, "the-finance") as connection:
        reader = Finance(connection)
        assert [each.number for each in reader.invoices()] == NUMBERS
        assert [each.number for each in reader.invoices(limit=3)] == NUMBERS[:3]
        assert [each.number for each in reader.invoices(where="number = R-0000000004")] == NUMBERS[3:4]
        assert list(reader.invoices(limit=0)) == []
        with pytest.raises(CallError) as refused:
            list(reader.invoices(where="color = red"))
    assert (refused.value.code, refused.value.reason) == (grpc.StatusCode.INVALID_ARGUMENT, "FILTER")


def test_one_invoice_has_its_lines(billed: Guarded, tmp_path: Path) -> None:
    with connect(billed, tmp_path, "the-finance") as connection:
        reader = Finance(connection)
        found = reader.invoice("accounts/bert/invoices/R-0000000002")
        assert [each.amount_micros for each in found.lines] == [10_000_000, 600_000]
        assert (micros(found.total), day(found.issue_date)) == (10_600_000, dt.date(2025, 11, 1))
        with pytest.raises(CallError) as refused:
            reader.invoice("accounts/bert/invoices/R-0000000009")
    assert (refused.value.code, refused.value.reason) == (grpc.StatusCode.NOT_FOUND, "INVOICE_UNKNOWN")


def test_a_payment_counts_once(billed: Guarded, tmp_path: Path) -> None:
    """20.00 pay the invoice of 10.60 and leave 9.40."""
    with connect(billed, tmp_path, "the-finance") as connection:
        reader = Finance(connection)
        tried = reader.record_payment("accounts/anna", "B-1", money(20_000_000), dt.date(2025, 11, 10), validate_only=True)
        assert (micros(tried.credit), list(reader.payments())) == (9_400_000, [])
        first = reader.record_payment("accounts/anna", "B-1", money(20_000_000), dt.date(2025, 11, 10), request_id="4f1c")
        again = reader.record_payment("accounts/anna", "B-1", money(20_000_000), dt.date(2025, 11, 10), request_id="4f1c")
        assert (micros(first.credit), [micros(each.amount) for each in first.settlements], first) == (9_400_000, [10_600_000], again)
        assert [micros(each.amount) for each in reader.payments("accounts/anna")] == [20_000_000]
        assert micros(reader.dunning("accounts/anna", dt.date(2025, 11, 13)).overdue) == 0
