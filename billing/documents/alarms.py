"""Bills out of the ordinary: more than so many times the mean of the months before (abnormal_bills.yaml), so that the customer is told.

The months before are the periods of the account's own invoices, the newest first; where there are too few, the months that were imported
as baselines. An account without any has nothing to compare with. Asked again about a run, nothing is added; what was told or dismissed is
a row of its own.
"""

from __future__ import annotations

import functools
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import msgspec
import sqlalchemy as sa

from billing.allocations.items import chunks, voided
from billing.runs import states
from billing.store import commit_points, tables
from rating.errors import UserError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from billing.closed_months import Who
    from billing.store.home import Home

FILE: Final = Path(__file__).parent / "abnormal_bills.yaml"
KIND: Final = "abnormal_bill"
OPEN, TOLD, DISMISSED = "open", "told", "dismissed"
MONTH: Final = len("2026-10")
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


class Bill(NamedTuple):
    """What a run billed an account, with tax."""

    account_key: int
    period_from: str
    total_micros: int


@functools.cache
def rule() -> Rule:
    """The rule as it stands in its file."""
    return msgspec.yaml.decode(FILE.read_bytes(), type=Rule)


def abnormal(bills: Sequence[Bill], before: Mapping[int, Sequence[int]], by: Rule) -> list[tuple[Bill, int]]:
    """Bills beyond the rule, each with what it exceeds. `before`: totals of the months before by account, at most `by.months`."""
    found = []
    for bill in bills:
        months = before.get(bill.account_key, ())
        if months and bill.total_micros * len(months) > by.factor * max(sum(months), 0):
            found.append((bill, by.factor * max(sum(months), 0) // len(months)))
    return found


def raise_alarms(home: Home, run_id: int, who: Who) -> int:
    """Add an alarm for every bill of a run that is out of the ordinary. Returns how many are new."""
    with home.begin() as connection:
        bills = _bills(connection, run_id)
        if not bills:
            return 0
        found = abnormal(bills, _before(connection, run_id, bills), rule())
        known = _known(connection, [bill.account_key for bill, _ in found])
        new = [(bill, limit) for bill, limit in found if (bill.account_key, 0, 0, bill.period_from) not in known]
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
        rows = [
            {
                **common,
                "account_key": bill.account_key,
                "period_from": bill.period_from,
                "reached_micros": bill.total_micros,
                "limit_micros": limit,
            }
            for bill, limit in new
        ]
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


def _bills(connection: sa.Connection, run_id: int) -> list[Bill]:
    """What a run of the cycle billed each account."""
    invoice = tables.invoices.c
    total = sa.cast(sa.func.sum(invoice.total_micros), tables.INT64)
    query = sa.select(invoice.account_key, sa.func.min(invoice.period_from), total).where(invoice.run_id == run_id)
    query = query.where(invoice.document_type.is_(None), invoice.invoice_key.not_in(voided())).group_by(invoice.account_key)
    if states.find(connection, run_id).kind != states.CYCLE:
        return []
    return [Bill(int(key), first, int(amount)) for key, first, amount in connection.execute(query.order_by(invoice.account_key))]


def _before(connection: sa.Connection, run_id: int, bills: Sequence[Bill]) -> dict[int, list[int]]:
    """By account the totals of the months before its bill, the newest first: as its invoices say, else as they were imported."""
    invoice, baseline = tables.invoices.c, tables.baselines.c
    total = sa.cast(sa.func.sum(invoice.total_micros), tables.INT64)
    earlier = sa.select(invoice.account_key, invoice.period_from, total).where(invoice.run_id < run_id, invoice.document_type.is_(None))
    earlier = earlier.where(invoice.invoice_key.not_in(voided())).group_by(invoice.account_key, invoice.period_from)
    imported = sa.select(baseline.account_key, baseline.month, baseline.amount_micros)
    billed: dict[int, dict[str, int]] = {bill.account_key: {} for bill in bills}
    known: dict[int, dict[str, int]] = {bill.account_key: {} for bill in bills}
    for sums, query, column in ((billed, earlier, invoice.account_key), (known, imported, baseline.account_key)):
        for chunk in chunks([bill.account_key for bill in bills]):
            for key, period, amount in connection.execute(query.where(column.in_(chunk or ()))):
                sums[key][period[:MONTH]] = sums[key].get(period[:MONTH], 0) + int(amount)
    found = {}
    for bill in bills:
        months = {**known[bill.account_key], **billed[bill.account_key]}
        newest = sorted(((month, amount) for month, amount in months.items() if month < bill.period_from[:MONTH]), reverse=True)
        found[bill.account_key] = [amount for _, amount in newest[: rule().months]]
    return found


def _known(connection: sa.Connection, account_keys: Sequence[int]) -> set[tuple[Any, ...]]:
    alarm = tables.limit_alarms.c
    query = sa.select(*(alarm[name] for name in _KEY)).where(alarm.kind == KIND)
    return {tuple(row) for chunk in chunks(account_keys) for row in connection.execute(query.where(alarm.account_key.in_(chunk or ())))}
