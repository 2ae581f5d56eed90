"""After random histories any invoice that holds can be credited as a whole, and nothing is left of it."""

from __future__ import annotations

import contextlib
import os
import random
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa

from billing.documents import crediting
from billing.store import tables
from billing.store.voids import voided
from rating.errors import UserError
from tests.billing.documents.clerk import CENT, who, wrong
from tests.billing.runs.test_any_order import LAST, Disorder

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.slow
SEEDS = range(int(os.environ.get("RATEWRIGHT_HISTORIES", "4")))


def _standing(history: Disorder) -> list[tuple[int, str, int]]:
    """Invoices that are not void, newest first, with their totals."""
    invoice = tables.invoices.c
    query = sa.select(invoice.invoice_key, invoice.number, invoice.total_micros)
    query = query.where(invoice.document_type.is_(None), invoice.invoice_key.not_in(voided())).order_by(invoice.invoice_key.desc())
    with history.world.home.connect() as connection:
        return [tuple(row) for row in connection.execute(query)]


def _nets(history: Disorder) -> dict[tuple[int, str, str, int], int]:
    """Net of all documents that hold by account, period and tax class."""
    line = tables.invoice_lines.c
    amount = sa.cast(sa.func.sum(line.amount_micros), tables.INT64)
    group = (line.account_key, line.period_from, line.period_to, line.tax_class)
    query = sa.select(*group, amount).where(line.kind != "tax", line.invoice_key.not_in(voided())).group_by(*group)
    with history.world.home.connect() as connection:
        return {tuple(row[:4]): int(row[4]) for row in connection.execute(query)}


@pytest.mark.parametrize("seed", SEEDS)
def test_any_invoice_is_credited_as_a_whole(tmp_path: Path, seed: int) -> None:
    """Newest first, an invoice that charged is credited to the cent: nothing later holds that takes anything off it."""
    with Disorder(tmp_path / "home", random.Random(seed)) as history:
        history.live()
        history.run(LAST)
        for _, number, total in _standing(history):
            if total <= 0:
                continue
            wanted = crediting.CreditRequest(f"all of {number}", number, None, None, "advance", "goodwill")
            note = crediting.credit(history.world.home, wanted, who(history.world))
            assert note.total_micros % CENT == 0
            assert note.total_micros == -total, (seed, number, history.told)
        gave = sum(total for _, _, total in _standing(history) if total < 0)
        assert sum(_nets(history).values()) >= gave, "what is left is what documents gave back"
        assert wrong(history.world) == []


@pytest.mark.parametrize("seed", SEEDS)
def test_older_invoices_come_to_no_more_than_they_charged(tmp_path: Path, seed: int) -> None:
    with Disorder(tmp_path / "home", random.Random(seed)) as history:
        history.live()
        credited: list[str] = []
        for _, number, total in reversed(_standing(history)):
            if total <= 0:
                continue
            wanted = crediting.CreditRequest(f"all of {number}", number, None, None, "outside", "goodwill")
            with contextlib.suppress(UserError):
                note = crediting.credit(history.world.home, wanted, who(history.world))
                assert 0 < -note.total_micros <= total, (seed, number, history.told)
                credited.append(number)
        assert len(credited) > len(_standing(history)) // 2
        assert wrong(history.world) == []
