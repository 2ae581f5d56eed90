"""From numbered to posted: every invoice of a run into the ledger, in chunks of accounts, each chunk one transaction.

A chunk that is posted again finds what it posted before. Credit that an account has left, from payments or from an invoice
with a negative total, is allocated to its open invoices in the same transaction.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
import sqlalchemy as sa

from billing import ledger
from billing.allocations import allocate_credit
from billing.runs.scope import NUMBERED, POSTED
from billing.store import commit_points, tables
from rating.engine import VIRTUAL_SHARDS, shard_of

if TYPE_CHECKING:
    from billing.store.home import Home

CHUNKS: Final = 4  # of the virtual shards
_KEYS_PER_QUERY: Final = 500


def post_run(home: Home, run_id: int, now_us: int) -> None:
    """Post what is not posted of a numbered run, and call it posted. A posted run is left as it is."""
    with home.connect() as connection:
        state = connection.execute(sa.select(tables.bill_runs.c.state).where(tables.bill_runs.c.run_id == run_id)).scalar_one()
        invoice = tables.invoices.c
        rows = connection.execute(sa.select(invoice.invoice_key, invoice.account_key).where(invoice.run_id == run_id)).all()
    if state == POSTED:
        return
    for chunk in _chunks([(row.invoice_key, row.account_key) for row in rows]):
        with home.begin() as connection:
            seq = home.next_commit_seq(connection, "invoice", now_us)
            ledger.post(connection, postings_of(connection, [invoice_key for invoice_key, _ in chunk]), seq)
            allocate_credit(connection, [account_key for _, account_key in chunk], seq)
            commit_points.reached("run.before_posting_commit")
        commit_points.reached("run.chunk_posted")
    with home.begin() as connection:
        move(connection, run_id, NUMBERED, POSTED)
        commit_points.reached("run.before_posted_commit")
    commit_points.reached("run.posted")


def move(connection: sa.Connection, run_id: int, before: str, after: str) -> None:
    """Move a run to its next state. It must be in the state before."""
    runs = tables.bill_runs
    moved = connection.execute(runs.update().where(runs.c.run_id == run_id, runs.c.state == before).values(state=after)).rowcount
    assert moved == 1, f"run {run_id} is not {before}"


def _chunks(invoices: list[tuple[int, int]]) -> list[list[tuple[int, int]]]:
    """(invoice, account) keys, dealt by the virtual shard of the account."""
    shards = shard_of(np.array([account_key for _, account_key in invoices], np.int64)) * CHUNKS // VIRTUAL_SHARDS
    dealt: list[list[tuple[int, int]]] = [[] for _ in range(CHUNKS)]
    for shard, keys in zip(shards.tolist(), invoices, strict=True):
        dealt[shard].append(keys)
    return [chunk for chunk in dealt if chunk]


def postings_of(connection: sa.Connection, invoice_keys: list[int]) -> list[ledger.Posting]:
    """What is posted for some invoices: one posting a line that has an amount: receivable against revenue or tax."""
    line, invoice, account = tables.invoice_lines, tables.invoices, tables.accounts
    query = (
        sa.select(
            invoice.c.number,
            invoice.c.currency,
            invoice.c.issued_on,
            account.c.account_id,
            line.c.line_no,
            line.c.kind,
            line.c.revenue_code,
            line.c.tax_class,
            line.c.amount_micros,
        )
        .join_from(line, invoice)
        .join(account, account.c.account_key == invoice.c.account_key)
    )
    postings = []
    for start in range(0, len(invoice_keys), _KEYS_PER_QUERY):
        keys = invoice_keys[start : start + _KEYS_PER_QUERY]
        for number, currency, issued_on, account_id, line_no, kind, revenue, tax, amount in connection.execute(
            query.where(line.c.invoice_key.in_(keys))
        ):
            entry = ledger.posting(
                number,
                line_no,
                "line",
                debit=ledger.receivable(account_id),
                credit=f"tax:{tax}" if kind == "tax" else f"revenue:{revenue}",
                currency=currency,
                signed_micros=amount,
                posted_on=issued_on,
            )
            if entry is not None:
                postings.append(entry)
    return postings
