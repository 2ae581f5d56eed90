"""Dunning: `state = f(open items, policy, date)`, a pure function, and the run that acts when the state has changed.

An item is past due from the day after its due date; `days_past_due` counts from the oldest such item. Credits of the account (overpaid
amounts, invoices with a negative total) settle the oldest items first before anything is looked at. Thresholds are inclusive and the
most severe step that applies is the state. Policies are data (`billing.dunning_policy`). The bar is a fact about the account, written
through `billing.accounts`: the bill cycle never asks for it.
"""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, NamedTuple, TypeVar

import msgspec
import sqlalchemy as sa

from billing.accounts import record_fact
from billing.allocations import Credit, OpenItem, open_items, unallocated
from billing.dunning_policy import CLEAR, POLICY_FOLDER, Action, Policy, load_policies
from billing.store import commit_points, tables
from rating.errors import NotFoundError, UserError
from rating.money import format_micros

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from billing.store.home import Home

_Row = TypeVar("_Row", OpenItem, Credit)


class State(NamedTuple):
    """Where an account stands. Level 0 is clear; then `action` is empty."""

    level: int
    action: str
    oldest_due_on: dt.date | None  # of the items past due
    overdue_micros: int


class Change(msgspec.Struct, frozen=True):
    """A step that a run takes for an account. `action`: remind, bar_outgoing, or clear."""

    account_id: str
    level_before: int
    level: int
    action: str
    oldest_due_on: str | None
    overdue_micros: int
    currency: str


class History(msgspec.Struct, frozen=True):
    """The steps taken for an account, oldest first, and where it stands on a date."""

    account_id: str
    as_of: str
    level: int
    action: str
    oldest_due_on: str | None
    overdue_micros: int
    currency: str
    barred: bool
    steps: tuple[Change, ...]


class _Account(NamedTuple):
    account_key: int
    account_id: str
    currency: str
    policy: str


class _Last(NamedTuple):
    level: int
    action: str


def state(items: Iterable[OpenItem], credit_micros: int, policy: Policy, as_of: dt.date) -> State:
    """Where an account with these open items stands on a date. Pure."""
    late = past_due(items, credit_micros, as_of)
    overdue_micros = sum(item.open_micros for item in late)
    if not late:
        return State(CLEAR, "", None, 0)
    oldest = late[0].due_on
    days = (as_of - oldest).days
    applying = [step for step in policy.steps if days >= step.days_past_due and overdue_micros >= step.amount_min_micros]
    if not applying:
        return State(CLEAR, "", oldest, overdue_micros)
    worst = max(applying, key=lambda step: step.level)
    return State(worst.level, worst.action.value, oldest, overdue_micros)


def preview(home: Home, as_of: dt.date) -> list[Change]:
    """What `run` would do for a date; writes nothing."""
    with home.connect() as connection:
        return [change for _, change in _changes(connection, as_of)]


def run(home: Home, as_of: dt.date, now_us: int) -> list[Change]:
    """Take the step of every account whose state has changed since its last step. Once more on the same date changes nothing.

    Barring and its end are recorded as facts in the same transaction. Raises UserError for a date before that of the last step taken:
    by such a date nothing was past due yet, and the run would clear and unbar whoever owes.
    """
    with home.begin() as connection:
        _require_not_before_last_step(connection, as_of)
        changes = _changes(connection, as_of)
        if not changes:
            return []
        seq = home.next_commit_seq(connection, "dunning", now_us)
        rows = [{"account_key": account_key, **_row(change, as_of), "commit_seq": seq} for account_key, change in changes]
        connection.execute(tables.dunning_steps.insert(), rows)
        barred = _barred(connection)
        for account_key, change in changes:
            _record(connection, account_key, change, as_of, seq, barred=account_key in barred)
        commit_points.reached("dunning.before_commit")
    commit_points.reached("dunning.committed")
    return [change for _, change in changes]


def history(home: Home, account_id: str, as_of: dt.date) -> History:
    """Steps taken for an account so far, and its state on a date."""
    with home.connect() as connection:
        account = next((each for each in _accounts(connection) if each.account_id == account_id), None)
        if account is None:
            raise NotFoundError(f"no account has the id {account_id}", "give the id as it stands in accounts.csv")
        now = _state_of(account, open_items(connection, [account.account_key]), unallocated(connection, [account.account_key]), as_of)
        steps = _steps(connection, account)
        barred = bool(_barred(connection, account.account_key))
    return History(
        account_id,
        as_of.isoformat(),
        now.level,
        now.action,
        now.oldest_due_on.isoformat() if now.oldest_due_on else None,
        now.overdue_micros,
        account.currency,
        barred,
        tuple(steps),
    )


def past_due(items: Iterable[OpenItem], credit_micros: int, as_of: dt.date) -> list[OpenItem]:
    """Items past due after all credit has settled the oldest first, in the order of their due dates."""
    all_items = sorted(items, key=lambda item: (item.due_on, item.number))
    credit = credit_micros - sum(item.open_micros for item in all_items if item.open_micros < 0)
    left = []
    for item in all_items:
        if item.open_micros <= 0:
            continue
        settled = min(credit, item.open_micros)
        credit -= settled
        if settled < item.open_micros and item.due_on < as_of:
            left.append(item._replace(open_micros=item.open_micros - settled))
    return left


def _changes(connection: sa.Connection, as_of: dt.date) -> list[tuple[int, Change]]:
    """Accounts whose state differs from their last step, in the order of account id."""
    items, credits_ = _grouped(open_items(connection)), _grouped(unallocated(connection))
    last = _last_steps(connection)
    policies = load_policies()
    changes = []
    for account in _accounts(connection):
        before = last.get(account.account_key, _Last(CLEAR, ""))
        own = items.get(account.account_key, ())
        if not own and before.level == CLEAR:
            continue
        now = _state_of(account, own, credits_.get(account.account_key, ()), as_of, policies)
        if now.level != before.level:
            changes.append((account.account_key, _change(account, before, now)))
    return changes


def _state_of(
    account: _Account, items: Sequence[OpenItem], credits_: Sequence[Credit], as_of: dt.date, policies: Mapping[str, Policy] | None = None
) -> State:
    known = load_policies() if policies is None else policies
    policy = known.get(account.policy)
    if policy is None:
        raise UserError(
            f"account {account.account_id} has the dunning policy {account.policy}, which does not exist",
            f"known policies: {', '.join(known)}; add {account.policy}.yaml to {POLICY_FOLDER}",
        )
    return state(items, sum(credit.left_micros for credit in credits_), policy, as_of)


def _change(account: _Account, before: _Last, now: State) -> Change:
    oldest = now.oldest_due_on.isoformat() if now.oldest_due_on else None
    return Change(account.account_id, before.level, now.level, now.action or "clear", oldest, now.overdue_micros, account.currency)


def _row(change: Change, as_of: dt.date) -> dict[str, object]:
    return {
        "level": change.level,
        "action": change.action,
        "as_of": as_of.isoformat(),
        "oldest_due_on": change.oldest_due_on,
        "overdue_micros": change.overdue_micros,
    }


def _record(  # noqa: PLR0913 -- what a fact is made of
    connection: sa.Connection, account_key: int, change: Change, as_of: dt.date, seq: int, *, barred: bool
) -> None:
    """The fact that follows from a step: barred from its date on, or no longer barred."""
    wants_bar = change.action == Action.BAR_OUTGOING
    if wants_bar == barred:
        return
    kind = "bar_outgoing" if wants_bar else "unbar"
    detail = f"{format_micros(change.overdue_micros)} {change.currency} past due" if wants_bar else "no longer past due enough to be barred"
    record_fact(connection, account_key, kind, as_of.isoformat(), detail, commit_seq=seq)


def _barred(connection: sa.Connection, account_key: int | None = None) -> set[int]:
    """Accounts, or the one account, for which the fact learned last is a bar."""
    fact = tables.account_facts.c
    query = sa.select(fact.account_key, fact.kind).where(fact.kind.in_(("bar_outgoing", "unbar"))).order_by(fact.fact_id)
    if account_key is not None:
        query = query.where(fact.account_key == account_key)
    last = {row.account_key: row.kind for row in connection.execute(query)}
    return {key for key, kind in last.items() if kind == "bar_outgoing"}


def _require_not_before_last_step(connection: sa.Connection, as_of: dt.date) -> None:
    last = connection.execute(sa.select(sa.func.max(tables.dunning_steps.c.as_of))).scalar_one()
    if last is not None and as_of.isoformat() < last:
        raise UserError(
            f"dunning has taken steps by {last}, which is after {as_of}",
            f"give {last} or a later date; `ratewright dunning preview --date {as_of}` shows what that date would say",
        )


def _steps(connection: sa.Connection, account: _Account) -> list[Change]:
    step = tables.dunning_steps.c
    rows = connection.execute(sa.select(tables.dunning_steps).where(step.account_key == account.account_key).order_by(step.step_id)).all()
    levels = [CLEAR, *(row.level for row in rows)]
    return [
        Change(account.account_id, levels[place], row.level, row.action, row.oldest_due_on, row.overdue_micros, account.currency)
        for place, row in enumerate(rows)
    ]


def _last_steps(connection: sa.Connection) -> dict[int, _Last]:
    step = tables.dunning_steps.c
    rows = connection.execute(sa.select(step.account_key, step.level, step.action).order_by(step.step_id))
    return {row.account_key: _Last(row.level, row.action) for row in rows}


def _accounts(connection: sa.Connection) -> list[_Account]:
    account = tables.accounts.c
    columns = (account.account_key, account.account_id, account.currency, account.dunning_policy)
    return [_Account(*row) for row in connection.execute(sa.select(*columns).order_by(account.account_id))]


def _grouped(rows: Iterable[_Row]) -> dict[int, list[_Row]]:
    grouped: dict[int, list[_Row]] = {}
    for row in rows:
        grouped.setdefault(row.account_key, []).append(row)
    return grouped
