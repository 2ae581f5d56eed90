"""Bills out of the ordinary: more than so many times the mean of the months before (abnormal_bills.yaml), so that the customer is told.

The months before are those of the account's own documents, by the beginning of their periods: invoices less credit notes. Of a month
without any it is what was imported as its baseline; a month in which the account was billed here and got neither is a month of nothing. An
account without any month before has nothing to compare with. After months of nothing a bill is out of the ordinary above the setting
`abnormal_bill_floor_micros`. So is the bill of a period all that has been billed for it: by the run, by runs made again, between runs, less
credit notes. Asked again about a run, nothing is added; what was told or dismissed is a row of its own.
"""

from __future__ import annotations

import datetime as dt
import functools
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import msgspec
import numpy as np
import sqlalchemy as sa

from billing.allocations.items import chunks, voided
from billing.charges.lines import Int64s
from billing.charges.periods import MONTHS_PER_YEAR
from billing.invoicing.drafts import CREDIT_NOTE
from billing.runs import states
from billing.store import bulk, commit_points, settings, tables
from rating.errors import UserError

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pyarrow as pa

    from billing.closed_months import Who
    from billing.store.home import Home

FILE: Final = Path(__file__).parent / "abnormal_bills.yaml"
KIND: Final = "abnormal_bill"
OPEN, TOLD, DISMISSED = "open", "told", "dismissed"
_SHORTEST_CYCLE: Final = dt.timedelta(days=28)
NO_LIMIT: Final = 2**63 - 1
_KEY: Final = ("account_key", "subscription_key", "limit_id", "period_from")


class Rule(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """More than `factor` times the mean of `months` months."""

    factor: int
    months: int


class Alarm(msgspec.Struct, frozen=True):
    """One alarm. Amounts are micro-units with tax; `limit_micros` is what was exceeded. `state`: open, told or dismissed."""

    alarm_id: int
    kind: str
    account_id: str
    period_from: str
    currency: str
    reached_micros: int
    limit_micros: int
    run_id: int | None
    state: str
    note: str


class Bills(NamedTuple):
    """What a run and others before it billed of its periods, with tax, by account key (ascending).

    `month`: number of the one in which the period begins.
    `first_month`: of the account's first day that is billed here.
    """

    account_key: Int64s
    period_from: list[str]
    month: Int64s
    first_month: Int64s
    total_micros: Int64s


@functools.cache
def rule() -> Rule:
    """The rule as it stands in its file."""
    return msgspec.yaml.decode(FILE.read_bytes(), type=Rule)


def limits(before_micros: Int64s, months: Int64s, factor: int, floor_micros: int) -> Int64s:
    """What a bill may come to: `factor` times the mean of so many months before, rounded down; no end where there are none.

    Where they come to nothing: `floor_micros`. A bill of whole minor units is above the exact product where it is above this one, and the
    other way round.
    """
    product = factor * np.maximum(before_micros, 0).astype(object)
    pairs = zip(product, months.tolist(), strict=True)
    return np.array([NO_LIMIT if not count else int(each) // count if each else floor_micros for each, count in pairs], np.int64)


def raise_alarms(home: Home, run_id: int, who: Who) -> int:
    """Add an alarm for every bill of a run that is out of the ordinary. Returns how many are new."""
    with home.begin() as connection:
        bills = _bills(connection, run_id)
        limit = limits(*_before(connection, run_id, bills), rule().factor, settings.integer(connection, "abnormal_bill_floor_micros"))
        above = np.flatnonzero(bills.total_micros > limit).tolist()
        known = _known(connection, bills.account_key[above].tolist())
        new = [place for place in above if (int(bills.account_key[place]), 0, 0, bills.period_from[place]) not in known]
        if not new:
            return 0
        seq = home.next_commit_seq(connection, "alarm", who.now_us)
        common = {
            "kind": KIND,
            "subscription_key": 0,
            "limit_id": 0,
            "action": "tell",
            "run_id": run_id,
            "at_us": who.now_us,
            "commit_seq": seq,
        }
        keys, totals = bills.account_key.tolist(), bills.total_micros.tolist()
        figures = [(keys[place], bills.period_from[place], totals[place], int(limit[place])) for place in new]
        names = ("account_key", "period_from", "reached_micros", "limit_micros")
        rows = [{**common, **dict(zip(names, each, strict=True))} for each in figures]
        connection.execute(tables.limit_alarms.insert(), rows)
        commit_points.reached("alarm.before_commit")
    commit_points.reached("alarm.committed")
    return len(new)


def list_all(home: Home, *, only_open: bool = False) -> list[Alarm]:
    """All alarms, oldest first."""
    alarm, account, decision = tables.limit_alarms.c, tables.accounts.c, tables.alarm_decisions
    with home.connect() as connection:
        said = {row.alarm_id: row for row in connection.execute(sa.select(decision).order_by(decision.c.decision_id))}
        columns = (alarm.alarm_id, alarm.kind, account.account_id, alarm.period_from, account.currency, alarm.reached_micros)
        query = sa.select(*columns, alarm.limit_micros, alarm.run_id).join_from(tables.limit_alarms, tables.accounts)
        found = [Alarm(*row, *_said(said.get(row.alarm_id))) for row in connection.execute(query.order_by(alarm.alarm_id))]
    return [each for each in found if each.state == OPEN or not only_open]


def decide(home: Home, alarm_id: int, kind: str, note: str, who: Who) -> bool:
    """Say that the customer was told, or that the alarm is dismissed; False where the last word was the same.

    Raises UserError where there is no such alarm, or a dismissal says not why.
    """
    assert kind in {TOLD, DISMISSED}, kind
    if kind == DISMISSED and not note.strip():
        raise UserError("dismissing an alarm needs a reason", "say why with --note", exit_status=2)
    decision, alarm = tables.alarm_decisions, tables.limit_alarms.c
    with home.begin() as connection:
        if connection.execute(sa.select(alarm.alarm_id).where(alarm.alarm_id == alarm_id)).first() is None:
            raise UserError(f"there is no alarm {alarm_id}", "`ratewright bill alarms list` shows all", exit_status=2)
        last = sa.select(decision).where(decision.c.alarm_id == alarm_id).order_by(decision.c.decision_id.desc())
        if _said(connection.execute(last).first()) == (kind, note):
            return False
        seq = home.next_commit_seq(connection, "alarm", who.now_us)
        by = {"by_name": who.by_name, "by_uid": who.by_uid, "at_us": who.now_us, "commit_seq": seq}
        connection.execute(decision.insert().values(alarm_id=alarm_id, kind=kind, note=note, **by))
        commit_points.reached("alarm.before_commit")
    commit_points.reached("alarm.committed")
    return True


def _said(row: Any) -> tuple[str, str]:  # noqa: ANN401 -- a row of the database
    return (OPEN, "") if row is None else (row.kind, row.note)


def _bills(connection: sa.Connection, run_id: int) -> Bills:
    """What a run of the cycle billed each account, with what was billed of the same periods before it."""
    invoice, account, run = tables.invoices.c, tables.accounts.c, states.find(connection, run_id)
    total = sa.cast(sa.func.sum(invoice.total_micros), tables.INT64).label("total_micros")
    first_day = sa.func.min(sa.func.coalesce(account.billed_through, account.opened_on)).label("first_day")
    query = sa.select(invoice.account_key, sa.func.min(invoice.period_from).label("period_from"), total, first_day)
    query = query.join_from(tables.invoices, tables.accounts, account.account_key == invoice.account_key)
    query = query.where(_counted()).group_by(invoice.account_key).order_by(invoice.account_key)
    rows = bulk.read(connection, query.where(invoice.run_id == run_id if run.kind == states.CYCLE else sa.false()))
    bills = Bills(
        rows["account_key"].to_numpy(),
        [str(each) for each in rows["period_from"].to_pylist()],
        _months(rows["period_from"]),
        _months(rows["first_day"]),
        rows["total_micros"].to_numpy(),
    )
    if run.kind != states.CYCLE:
        return bills
    own = sa.select(invoice.account_key).where(invoice.run_id == run_id)
    interim = sa.select(tables.bill_runs.c.run_id).where(tables.bill_runs.c.kind == states.THRESHOLD)
    is_interim = invoice.run_id.in_(interim)
    ended = (dt.date.fromisoformat(run.bill_date) - _SHORTEST_CYCLE).isoformat()
    others = query.add_columns(sa.func.max(sa.case((is_interim, 1), else_=0)).label("is_interim"))
    others = others.group_by(invoice.period_from).order_by(invoice.period_from)
    others = others.where(invoice.run_id < run_id, invoice.period_to > ended, invoice.period_to <= run.bill_date)
    return _with(bills, bulk.read(connection, others.where(is_interim | invoice.account_key.in_(own))))


def _counted() -> sa.ColumnElement[bool]:
    """Documents that say what a customer was billed: invoices and credit notes that stand."""
    invoice = tables.invoices.c
    kind = invoice.document_type
    return (kind.is_(None) | (kind == CREDIT_NOTE)) & invoice.invoice_key.not_in(voided())


def _with(bills: Bills, others: pa.Table) -> Bills:
    """The bills, with what was billed of the same periods before; few have any.

    What was billed between runs is a bill of its own where the run had nothing left.
    """
    at = {key: place for place, key in enumerate(bills.account_key.tolist())}
    total_micros, alone = bills.total_micros.copy(), dict[int, int]()
    names = ("account_key", "period_from", "total_micros", "is_interim")
    for row, (key, first, total, is_interim) in enumerate(zip(*(others[name].to_pylist() for name in names), strict=True)):
        place = at.get(key)
        if place is None and is_interim:
            alone[key] = row  # that of the latest period
        elif place is not None and str(first) >= bills.period_from[place]:
            total_micros[place] += total
    more = others.take(np.array(list(alone.values()), np.int64))
    account_key = np.concatenate([bills.account_key, more["account_key"].to_numpy()])
    order = np.argsort(account_key)
    period_from = [*bills.period_from, *map(str, more["period_from"].to_pylist())]
    return Bills(
        account_key[order],
        [period_from[place] for place in order.tolist()],
        np.concatenate([bills.month, _months(more["period_from"])])[order],
        np.concatenate([bills.first_month, _months(more["first_day"])])[order],
        np.concatenate([total_micros, more["total_micros"].to_numpy()])[order],
    )


def _before(connection: sa.Connection, run_id: int, bills: Bills) -> tuple[Int64s, Int64s]:
    """Of each bill the sum of the months before it, and how many of them are known: by documents, as they were imported, or as nothing."""
    invoice, baseline, months = tables.invoices.c, tables.baselines.c, rule().months
    if not bills.period_from:
        return np.zeros(0, np.int64), np.zeros(0, np.int64)
    first = int(bills.month.min()) - months
    since = f"{first // MONTHS_PER_YEAR:04}-{first % MONTHS_PER_YEAR + 1:02}"
    earlier = sa.select(invoice.account_key, invoice.period_from.label("month"), invoice.total_micros.label("amount_micros"))
    earlier = earlier.where(invoice.run_id < run_id, _counted(), invoice.period_from >= since)
    imported = sa.select(baseline.account_key, baseline.month, baseline.amount_micros).where(baseline.month >= since)
    sums = np.zeros((len(bills.month), months), np.int64)
    known = np.zeros(sums.shape, np.bool_)
    for query in (earlier, imported):
        rows = bulk.read(connection, query)
        place, age = _places(rows, bills)
        fits = (place >= 0) & (age >= 1) & (age <= months)
        at = (place[fits], age[fits] - 1)
        fresh = ~known[at]  # what documents say comes before what was imported
        np.add.at(sums, (at[0][fresh], at[1][fresh]), rows["amount_micros"].to_numpy()[fits][fresh])
        known[at] = True
    known |= bills.month[:, None] - np.arange(1, months + 1) >= bills.first_month[:, None]
    return sums.sum(axis=1), known.sum(axis=1).astype(np.int64)


def _places(rows: pa.Table, bills: Bills) -> tuple[Int64s, Int64s]:
    """The bill of each row's account, -1 for none, and how many months the row is older."""
    keys = rows["account_key"].to_numpy()
    place = np.minimum(np.searchsorted(bills.account_key, keys), len(bills.account_key) - 1)
    own = bills.account_key[place] == keys
    return np.where(own, place, -1), bills.month[place] - _months(rows["month"])


def _months(texts: pa.ChunkedArray[Any]) -> Int64s:
    """Numbers of months from dates (or months) as text; a run has few different ones."""
    encoded: Any = texts.combine_chunks().dictionary_encode() if len(texts) else None
    if encoded is None:
        return np.zeros(0, np.int64)
    numbers = [int(text[:4]) * MONTHS_PER_YEAR + int(text[5:7]) - 1 for text in encoded.dictionary.to_pylist()]
    found: Int64s = np.array(numbers, np.int64)[encoded.indices.to_numpy()]
    return found


def _known(connection: sa.Connection, account_keys: Sequence[int]) -> set[tuple[Any, ...]]:
    alarm = tables.limit_alarms.c
    query = sa.select(*(alarm[name] for name in _KEY)).where(alarm.kind == KIND)
    return {tuple(row) for chunk in chunks(account_keys) for row in connection.execute(query.where(alarm.account_key.in_(chunk or ())))}
