"""Acts that wait for a second person beside proposals, each with the command by which another person approves it.

They are charges and credits by hand, write-offs, undoing of bill runs, re-ratings, and reopening of months.
"""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING, NamedTuple

import sqlalchemy as sa

from billing.accounting import write_off
from billing.documents import adjusting
from billing.ledger import closed_months
from billing.store import tables
from rating.money import format_micros

if TYPE_CHECKING:
    from collections.abc import Iterator

    from billing.store.home import Home

ADJUSTMENT, WRITE_OFF = "adjustment", "write_off"
BILL_UNDO, RERATE, REOPEN = "bill_undo", "rerate", "ledger_reopen"


class Waiting(NamedTuple):
    """One of them. `command`: another person gives it. `currency` is empty where there is no one amount."""

    kind: str
    subject: str
    account_id: str
    currency: str
    amount_micros: int
    reason: str
    by_name: str
    command: str


def waiting(home: Home) -> list[Waiting]:
    """All that wait, kind by kind, in the order in which they were asked for."""
    return [*_adjustments(home), *_write_offs(home), *_undoings(home), *_rerates(home), *_reopenings(home)]


def _adjustments(home: Home) -> Iterator[Waiting]:
    for each in adjusting.list_all(home):
        if each.state != adjusting.PENDING:
            continue
        words = ["ratewright", "adjustment", "add", "--reference", each.reference, "--account", each.account_id]
        words += ["--subscription", each.subscription_id] if each.subscription_id else []
        words += ["--date", each.on_date, "--amount", format_micros(each.amount_micros), "--reason-code", each.reason_code]
        words += ["--text", each.text] if each.text else []
        words += ["--catalogue", each.catalogue, "--tax-class", each.tax_class]
        reason = f"{each.reason_code} {each.text}".strip()
        about = (each.account_id, each.currency, each.amount_micros)
        yield Waiting(ADJUSTMENT, each.reference, *about, reason, each.by_name, shlex.join(words))


def _write_offs(home: Home) -> Iterator[Waiting]:
    newest = {(each.number, each.reference): each for each in write_off.list_all(home)}
    asked = [each for each in newest.values() if each.what == write_off.ASKED_FOR]
    invoice, account = tables.invoices.c, tables.accounts.c
    query = sa.select(invoice.number, account.account_id).join_from(tables.invoices, tables.accounts)
    with home.connect() as connection:
        names = dict(connection.execute(query.where(invoice.number.in_([each.number for each in asked]))).all())
    for each in asked:
        words = ["ratewright", "ledger", "write-off", each.number, "--date", each.on_date, "--reason", each.reason]
        words += ["--amount", format_micros(each.amount_micros)]
        words += ["--id", each.reference] if each.reference else []
        about = (names[each.number], each.currency, each.amount_micros)
        yield Waiting(WRITE_OFF, each.number, *about, each.reason, each.by_name, shlex.join(words))


def _undoings(home: Home) -> Iterator[Waiting]:
    with home.connect() as connection:
        if connection.execute(sa.select(tables.run_undos.c.undo_id).limit(1)).first() is None:
            return
    from billing.documents import undoing  # noqa: PLC0415 -- as below

    for each in undoing.proposed(home):
        words = ["ratewright", "bill", "undo", "--run", str(each.run_id), "--reason", each.reason]
        words += ["--accounts", ",".join(each.account_ids)] if each.account_ids is not None else []
        whose = "" if each.account_ids is None else " ".join(each.account_ids)
        yield Waiting(BILL_UNDO, f"run {each.run_id} of {each.bill_date}", whose, "", 0, each.reason, each.by_name, shlex.join(words))


def _rerates(home: Home) -> Iterator[Waiting]:
    with home.connect() as connection:
        if connection.execute(sa.select(tables.rerate_jobs.c.job_id).limit(1)).first() is None:
            return
    from billing.rerate import jobs  # noqa: PLC0415 -- loads kernels, for homes with re-ratings alone

    for each in jobs.jobs(home):
        if each.state != jobs.WAITING:
            continue
        nets = list(each.figures.net_micros.items())
        currency, micros = nets[0] if len(nets) == 1 else ("", 0)
        subject = f"job {each.job_id} of {each.request.plan}"
        yield Waiting(RERATE, subject, "", currency, micros, "", each.by_name, f"ratewright bill rerate-approve {each.job_id}")


def _reopenings(home: Home) -> Iterator[Waiting]:
    with home.connect() as connection:
        newest = {(each.entity, each.month): each for each in closed_months.events(connection)}
    for (entity, month), each in newest.items():
        if each.kind == closed_months.Standing.REOPEN_ASKED:
            words = ["ratewright", "ledger", "reopen", "--month", month, "--reason", each.reason]
            words += ["--entity", entity] if entity else []
            yield Waiting(REOPEN, f"{month} {entity}".rstrip(), "", "", 0, each.reason, each.by_name, shlex.join(words))
