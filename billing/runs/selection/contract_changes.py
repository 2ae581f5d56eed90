"""Accounts touched by facts, documents and decisions that were committed since they were looked at, and from which day on.

An edge of a span bills on the day before it (the last day of a plan, of a subscription), so facts touch from the day before their date.
In doubt more is touched than need be: what is computed again without cause makes no line.
"""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import sqlalchemy as sa

from billing.accounts.facts import RETRACTION
from billing.charges.lines import Int64s
from billing.runs.contracts.agreements import RELATIONS
from billing.runs.contracts.columns import index_of
from billing.runs.contracts.fact_columns import coded, days, integers
from billing.runs.selection.coverage import CYCLE
from billing.store import bulk, tables
from rating.dates import DAY_US, LONG_AGO_DAY, NEVER, NEVER_DAY, day_number

if TYPE_CHECKING:
    from billing.runs.selection.change_marks import Touches

_WITHOUT_EFFECT: Final = ("bar_outgoing", "unbar")
_SHIFTS_BILL_DATES: Final = ("bill_day", "closed")
_OPENING: Final = "opening"


class _Moved(NamedTuple):
    """Numbers with new guiding facts, each with the first day that these change, and their last commit; and all facts about the numbers."""

    ids: list[str]
    day: Int64s
    commit: Int64s
    number: Int64s  # of each fact, its place in `ids`
    subscription: Int64s  # key


def collect(connection: sa.Connection, touches: Touches) -> None:
    """Touch accounts by everything but tariffs and usage."""
    _account_facts(connection, touches)
    _subscription_facts(connection, touches)
    _contracts(connection, touches)
    _guiding(connection, touches)
    _adjustments(connection, touches)
    _documents(connection, touches)
    _pending(connection, touches)
    _settings(connection, touches)


def numbers_that_moved(connection: sa.Connection, touches: Touches) -> tuple[pa.Array[Any], int] | None:
    """Served ids with new guiding facts about a time that was looked at, and the first such instant. None where there are none."""
    moved = _moved(connection, touches)
    latest = int(touches.fresh_day[touches.fresh_day < NEVER_DAY].max(initial=LONG_AGO_DAY))
    early = np.flatnonzero(moved.day < latest)
    if not early.size:
        return None
    return pa.array([moved.ids[place] for place in early.tolist()], pa.string()), int(moved.day[early].min()) * DAY_US


def _new(connection: sa.Connection, touches: Touches, table: sa.Table, *columns: sa.ColumnElement[Any]) -> pa.Table:
    """Rows that were committed since any account was looked at."""
    commit = table.c.commit_seq
    query = sa.select(*columns, commit.label("commit_seq"))
    return bulk.read(connection, query.where(commit > touches.least_seq, commit <= touches.seq))


def _account_facts(connection: sa.Connection, touches: Touches) -> None:
    fact = tables.account_facts.c
    table = _new(connection, touches, tables.account_facts, fact.account_key, fact.from_date, fact.kind)
    touching: Any = pc.invert(pc.is_in(table["kind"], pa.array(_WITHOUT_EFFECT)))
    table = table.filter(touching)
    touches.accounts(
        touches.facts.account_index(integers(table["account_key"])), days(table["from_date"]) - 1, integers(table["commit_seq"])
    )
    shifting = sa.select(fact.account_key).where(fact.commit_seq <= touches.seq, fact.kind.in_(_SHIFTS_BILL_DATES)).distinct()
    keys = integers(bulk.read(connection, shifting)["account_key"])  # which runs looked at these cannot be told by their bill dates
    touches.accounts(touches.facts.account_index(keys), LONG_AGO_DAY, NEVER)
    _payers(connection, touches, tables.account_facts, fact.account_key)


def _subscription_facts(connection: sa.Connection, touches: Touches) -> None:
    fact = tables.subscription_facts.c
    table = _new(connection, touches, tables.subscription_facts, fact.subscription_key, fact.from_date, fact.kind)
    if not table.num_rows:
        return
    keys, commits = integers(table["subscription_key"]), integers(table["commit_seq"])
    touches.accounts(touches.owner_index(keys), days(table["from_date"]) - 1, commits)
    ended: Any = pc.is_in(table["kind"], pa.array(["end", "no_end", RETRACTION]))
    rows = ended.to_numpy()
    subjects, place = np.unique(keys[rows], return_inverse=True)
    earliest = _earliest_ends(connection, touches, subjects)
    touches.accounts(touches.owner_index(keys[rows]), earliest[place] - 1, commits[rows])
    _owners_before(connection, touches, keys[rows], commits[rows])
    _payers(connection, touches, tables.subscription_facts, fact.subscription_key)


def _owners_before(connection: sa.Connection, touches: Touches, keys: Int64s, commits: Int64s) -> None:
    """Touch the owners before of these subscriptions from their own ends on: whether a fee is due for these depends on the handover."""
    row = tables.subscriptions.c
    query = sa.select(row.subscription_key, row.transferred_from)
    table = bulk.read(connection, query.where(row.transferred_from.is_not(None), row.commit_seq <= touches.seq))
    order = np.argsort(integers(table["subscription_key"]), kind="stable")
    place = index_of(integers(table["subscription_key"])[order], keys)
    before = integers(table["transferred_from"])[order][place[place >= 0]]
    subjects, of = np.unique(before, return_inverse=True)
    earliest = _earliest_ends(connection, touches, subjects)
    touches.accounts(touches.owner_index(before), earliest[of] - 1, commits[place >= 0])


def _earliest_ends(connection: sa.Connection, touches: Touches, keys: Int64s) -> Int64s:
    """The earliest end that was ever recorded of subscriptions (keys, ascending): an end that is undone brings back what came after it."""
    fact, subscription = tables.subscription_facts.c, tables.subscriptions.c
    told = sa.select(fact.subscription_key, fact.from_date.label("day")).where(fact.commit_seq <= touches.seq, fact.kind == "end")
    imported = sa.select(subscription.subscription_key, subscription.to_date.label("day")).where(subscription.to_date.is_not(None))
    earliest = np.full(len(keys), NEVER_DAY, np.int64)
    for query in (told, imported) if len(keys) else ():
        table = bulk.read(connection, query)
        place = index_of(keys, integers(table["subscription_key"]))
        np.minimum.at(earliest, place[place >= 0], days(table["day"])[place >= 0])
    return earliest


def _payers(connection: sa.Connection, touches: Touches, table: sa.Table, key: sa.Column[int]) -> None:
    """Accounts that pay, or ever paid, for one that a new fact of that kind is about: what it moves is moved from them, or to them."""
    new = table.c.commit_seq > touches.least_seq, table.c.commit_seq <= touches.seq
    changed = sa.select(key, sa.func.min(table.c.from_date), sa.func.max(table.c.commit_seq))
    changed = changed.where(*new, table.c.kind.in_((*RELATIONS, RETRACTION))).group_by(key)
    since = {subject: (day_number(dt.date.fromisoformat(day)) - 1, commit) for subject, day, commit in connection.execute(changed)}
    if not since:
        return
    query = sa.select(key, table.c.kind, table.c.detail).where(table.c.commit_seq <= touches.seq, table.c.kind.in_(tuple(RELATIONS)))
    told = [(subject, msgspec.json.decode(detail).get(RELATIONS[kind], "")) for subject, kind, detail in connection.execute(query)]
    told = [each for each in told if each[0] in since]
    index_of_id = {account_id: index for index, account_id in enumerate(touches.facts.account_ids.to_pylist())} if told else {}
    for subject, account_id in told:
        touches.accounts(np.array([index_of_id.get(account_id, -1)], np.int64), *since[subject])


def _contracts(connection: sa.Connection, touches: Touches) -> None:
    """Touch accounts by new subscriptions, and by new facts about plans."""
    for table in (tables.subscriptions, tables.plan_facts):
        found = _new(connection, touches, table, table.c.subscription_key, table.c.from_date)
        owners = touches.owner_index(integers(found["subscription_key"]))
        touches.accounts(owners, days(found["from_date"]) - 1, integers(found["commit_seq"]))
        if table is tables.subscriptions:
            _owners_before(connection, touches, integers(found["subscription_key"]), integers(found["commit_seq"]))


def _guiding(connection: sa.Connection, touches: Touches) -> None:
    """Touch every account that ever had a number with new guiding facts, from the first day on that these change."""
    moved = _moved(connection, touches)
    touches.accounts(touches.owner_index(moved.subscription), moved.day[moved.number], moved.commit[moved.number])


def _moved(connection: sa.Connection, touches: Touches) -> _Moved:
    """Numbers with new guiding facts."""
    fact = tables.guiding_facts.c
    told = sa.select(fact.served_id).where(fact.commit_seq > touches.least_seq, fact.commit_seq <= touches.seq)
    columns = (fact.served_id, fact.from_us, fact.to_us, fact.subscription_key, fact.commit_seq)
    table = bulk.read(connection, sa.select(*columns).where(fact.commit_seq <= touches.seq, fact.served_id.in_(told)))
    number, ids = coded(table["served_id"])
    from_us, subscription, commit = (integers(table[name]) for name in ("from_us", "subscription_key", "commit_seq"))
    order = np.lexsort((commit, from_us, number))
    number, from_us, subscription, commit = number[order], from_us[order], subscription[order], commit[order]
    to_us = integers(table["to_us"], NEVER)[order]
    changed_us = from_us.copy()
    again = np.flatnonzero((number[1:] == number[:-1]) & (from_us[1:] == from_us[:-1]) & (subscription[1:] == subscription[:-1])) + 1
    changed_us[again] = np.minimum(to_us[again - 1], to_us[again])  # the same owner once more: only the end moves
    is_new = commit > touches.least_seq
    day, latest = np.full(len(ids), NEVER_DAY, np.int64), np.zeros(len(ids), np.int64)
    np.minimum.at(day, number[is_new], np.minimum(changed_us[is_new] // DAY_US - 1, NEVER_DAY))
    np.maximum.at(latest, number[is_new], commit[is_new])
    return _Moved(ids, day, latest, number, subscription)


def _adjustments(connection: sa.Connection, touches: Touches) -> None:
    column = tables.adjustments.c
    table = _new(connection, touches, tables.adjustments, column.account_key, column.on_date)
    touches.accounts(touches.facts.account_index(integers(table["account_key"])), days(table["on_date"]), integers(table["commit_seq"]))


def _documents(connection: sa.Connection, touches: Touches) -> None:
    """Touch accounts by voided bills, and by bills made beside the cycle: both change what a period still has to bill.

    Allowances that an opening brought in touch their accounts from all days on.
    """
    invoice, line, event, run = tables.invoices, tables.invoice_lines, tables.invoice_events, tables.bill_runs
    found = sa.select(invoice.c.account_key, line.c.subscription_key, sa.func.min(line.c.period_from))
    lines = line.join(invoice, line.c.invoice_key == invoice.c.invoice_key)
    voided = found.add_columns(sa.func.max(event.c.commit_seq)).select_from(lines.join(event, event.c.invoice_key == invoice.c.invoice_key))
    other = found.add_columns(sa.func.max(invoice.c.commit_seq)).select_from(lines)
    beside = sa.select(run.c.run_id).where(run.c.kind != CYCLE)
    least, seq = touches.least_seq, touches.seq
    for query in (
        voided.where(event.c.commit_seq > least, event.c.commit_seq <= seq),
        other.where(invoice.c.commit_seq > least, invoice.c.commit_seq <= seq, invoice.c.run_id.in_(beside)),
    ):
        rows = connection.execute(query.group_by(invoice.c.account_key, line.c.subscription_key)).all()
        if rows:
            account, subscription, commit = (np.array([row[place] for row in rows], np.int64) for place in (0, 1, 3))
            day = np.array([day_number(dt.date.fromisoformat(row[2])) for row in rows], np.int64)
            for owners in (touches.facts.account_index(account), touches.owner_index(subscription)):
                touches.accounts(owners, day, commit)
    left = tables.carried_allowances
    opened = sa.select(left.c.account_key, sa.func.max(run.c.commit_seq)).join_from(left, run, left.c.run_id == run.c.run_id)
    opened = opened.where(run.c.kind == _OPENING, run.c.commit_seq > least, run.c.commit_seq <= seq).group_by(left.c.account_key)
    for key, commit in connection.execute(opened):
        touches.accounts(touches.facts.account_index(np.array([key], np.int64)), LONG_AGO_DAY, commit)


def _pending(connection: sa.Connection, touches: Touches) -> None:
    """Touch accounts whose last run left out usage that was on another bill: it may be off that bill by now."""
    period = tables.pending_periods.c
    table = _new(connection, touches, tables.pending_periods, period.account_key, period.period_from)
    touches.accounts(touches.facts.account_index(integers(table["account_key"])), days(table["period_from"]), integers(table["commit_seq"]))


def _settings(connection: sa.Connection, touches: Touches) -> None:
    """A setting that decides what may be computed: what was too old may be open now."""
    setting = tables.billing_settings.c
    changed = sa.select(sa.func.max(setting.commit_seq)).where(setting.name == "reopen_periods_max", setting.commit_seq <= touches.seq)
    commit = connection.execute(changed).scalar_one()
    if commit is not None:
        touches.everybody(commit)
