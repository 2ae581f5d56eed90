"""Amounts by the period that they were billed with, worked out from all documents as alarms did it before lines had that period stored."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pyarrow as pa
import sqlalchemy as sa

from billing.accounts import undone
from billing.allocations.items import chunks
from billing.charges.charge_keys import KEY_FIELDS
from billing.documents import alarms
from billing.store import tables
from billing.store.migrations.versions import r0015_billed_with
from billing.store.voids import VOIDED, voided
from rating.dates import NEVER

if TYPE_CHECKING:
    from collections.abc import Sequence

    from billing.store.home import Home

_CHARGE: Final = tuple(name for name in KEY_FIELDS if name not in {"account_key", "period_to"})  # the end of a period may change
_FOLLOWING: Final = ("discount", "tax")  # kinds of line that charges of any day of a period change


def differing(home: Home) -> list[str]:
    """Lines whose stored period is not that of the rule of before, and months whose amounts, all by lines, are not those of before.

    Of documents that are not void: no alarm counts others.
    """
    line, invoice = tables.invoice_lines.c, tables.invoices.c
    with home.connect() as connection:
        derived = r0015_billed_with.periods(r0015_billed_with.lines(connection, 0, NEVER))
        rows = connection.execute(sa.select(line.invoice_key, line.line_no, line.billed_with).where(line.billed_with.is_not(None)))
        stored = {(row.invoice_key, row.line_no): row.billed_with for row in rows}
        keys = sorted(connection.execute(sa.select(invoice.invoice_key).where(invoice.invoice_key.not_in(voided()))).scalars())
        then, now = (_by_month(found) for found in (_of_lines(connection, keys), alarms._of_lines(connection, keys)))  # noqa: SLF001 -- all of them
    wrong = [
        f"line {each[1]} of document {each[0]}: billed with {stored.get(each)}, by the rule of before with {derived.get(each)}"
        for each in sorted({*stored, *derived})
        if each[0] in keys and stored.get(each) != derived.get(each)
    ]
    return wrong + [
        f"account and month {each}: {now.get(each)}, before {then.get(each)}" for each in {*now, *then} if now.get(each) != then.get(each)
    ]


def _by_month(found: alarms.Amounts) -> dict[tuple[int, int], int]:
    sums: dict[tuple[int, int], int] = {}
    for account_key, day, micros in zip(*(column.tolist() for column in found), strict=True):
        sums[account_key, day] = sums.get((account_key, day), 0) + micros
    return sums


def _of_lines(connection: sa.Connection, invoice_keys: Sequence[int]) -> alarms.Amounts:
    """Billed amounts of documents' lines, each in its period; those billed ahead, in the one before.

    Discounts and tax go with the charges of their document, period and tax class: of those ahead and the others each has its share. Without
    any they go with the charges that were billed ahead.
    """
    rows = [row for chunk in chunks(invoice_keys) for row in connection.execute(_parts(chunk or ()))]
    found = list[tuple[int, str, int]]()
    for row in rows:
        ahead, own = row.ahead_micros, row.micros - row.ahead_micros - row.following_micros
        part, whole = (abs(ahead), abs(ahead) + abs(own)) if ahead or own else (int(row.before is not None), 1)
        ahead += row.following_micros * part // whole
        if ahead:
            found.append((row.account_key, row.before, ahead))
        if row.micros != ahead or not ahead:
            found.append((row.account_key, row.period_from, row.micros - ahead))
    account_key, amount_micros = (np.array([each[column] for each in found], np.int64) for column in (0, 2))
    begins = pa.chunked_array([pa.array([each for _, each, _ in found], pa.string())])
    return alarms.Amounts(account_key, alarms._days(begins), amount_micros)  # noqa: SLF001 -- as alarms do


def _parts(invoice_keys: Sequence[int]) -> sa.Select[Any]:
    """The lines of documents by period and tax class.

    `before`: the beginning of the period before, if anything was billed ahead with it. A fee in advance is ahead, in any document: its
    charge was billed before its period. So are all lines of a re-rating in a period that goes on: only fees in advance were billed of it.
    """
    document, about, line = tables.invoices.alias(), tables.invoices.alias(), tables.invoice_lines.alias()
    ahead = _ahead(invoice_keys).cte("ahead")
    period = (ahead.c.account_key, ahead.c.period_from)
    begun = sa.select(*period, sa.func.max(ahead.c.before).label("before")).group_by(*period).cte("begun")
    is_about = about.c.invoice_key == sa.func.coalesce(document.c.corrects_invoice_key, document.c.invoice_key)
    lines = document.join(line, line.c.invoice_key == document.c.invoice_key).join(about, is_about)
    for known, names in ((begun, ("period_from",)), (ahead, _CHARGE)):
        same = [known.c[name] == line.c[name] for name in names]
        lines = lines.outerjoin(known, sa.and_(known.c.account_key == document.c.account_key, *same))
    is_running = about.c.run_id.in_(alarms._re_ratings()) & (about.c.issued_on < line.c.period_to)  # noqa: SLF001 -- as alarms do
    is_ahead = ahead.c.before.is_not(None) | (begun.c.before.is_not(None) & is_running)
    ahead_micros = sa.case((is_ahead, line.c.amount_micros), else_=0)
    following_micros = sa.case((is_ahead, 0), (line.c.kind.in_(_FOLLOWING), line.c.amount_micros), else_=0)
    sums = {"micros": line.c.amount_micros, "ahead_micros": ahead_micros, "following_micros": following_micros}
    totals = [sa.cast(sa.func.sum(amount), tables.INT64).label(name) for name, amount in sums.items()]
    keys = (document.c.invoice_key, document.c.account_key, line.c.period_from, line.c.tax_class)
    query = sa.select(*keys, sa.func.max(begun.c.before).label("before"), *totals).select_from(lines)
    return query.where(document.c.invoice_key.in_(invoice_keys)).group_by(*keys).order_by(*keys)


def _ahead(invoice_keys: Sequence[int]) -> sa.Select[Any]:
    """alarms.Amounts billed before their period to the accounts of documents, void or not, but not undone.

    `before`: the last period that was billed with it.
    """
    invoice, line, runs = tables.invoices.c, tables.invoice_lines.c, tables.bill_runs.c
    own = sa.select(invoice.account_key).where(invoice.invoice_key.in_(invoice_keys))
    first = sa.select(sa.func.min(line.period_from)).where(line.invoice_key.in_(invoice_keys)).scalar_subquery()
    since = sa.select(runs.run_id).where(runs.bill_date >= first)  # nothing is billed before its period begins
    billed = tables.invoice_lines.alias().c
    periods = sa.select(sa.func.max(billed.period_from)).where(billed.invoice_key == invoice.invoice_key)
    last = sa.case((alarms._over_several(), periods.where(billed.period_from < invoice.period_to).scalar_subquery()))  # noqa: SLF001 -- as alarms do
    before = sa.func.max(sa.func.coalesce(last, invoice.period_from)).label("before")
    charge = (invoice.account_key, *(line[name] for name in _CHARGE))
    query = sa.select(*charge, before).join_from(tables.invoices, tables.invoice_lines).group_by(*charge)
    query = query.where(invoice.invoice_key.not_in(_never_billed()))
    query = query.where(invoice.account_key.in_(own), (invoice.run_id + 0).in_(since))  # + 0: not by the index of runs
    return query.where(line.period_from >= invoice.period_to, line.kind.not_in(_FOLLOWING))


def _never_billed() -> sa.Select[Any]:
    """Documents of runs that were undone."""
    event = tables.invoice_events.c
    return sa.select(event.invoice_key).where(event.kind == VOIDED, event.commit_seq.in_(undone.commits()))
