"""The run of dunning: the step of every account whose state has changed since its last step that counts, and what follows from it.

A bar is a fact about the account, written through `billing.accounts`: the bill cycle never asks for it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple, TypeVar

import msgspec
import sqlalchemy as sa

from billing import clocks
from billing.accounts import record_fact
from billing.allocations import Credit, OpenItem, open_items, unallocated
from billing.catalogue import Operator
from billing.clocks import Dated
from billing.dunning.states import State, Taken, state
from billing.dunning.steps import BAR, COMMIT_KIND, UNBAR, Account, accounts, barred, taken_steps, undone_runs
from billing.dunning_policy import CLEAR, Action, Policy, hash_of, keep, policies
from billing.payments.promises import open_rests
from billing.store import commit_points, requests, tables
from rating.errors import UserError
from rating.money import format_micros

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Iterable, Mapping, Sequence

    from billing.store.home import Home

NOBODY: Final = Operator("", -1)  # who takes steps, where nobody is named
CLEARED: Final = "clear"  # the action of a step to level 0
_Row = TypeVar("_Row", OpenItem, Credit)


class Undone(msgspec.Struct, frozen=True):
    """An undoing of a run: by whom and when, who had asked for it, and why each of them."""

    run_id: int
    as_of: str  # of the run
    by_name: str
    at_us: int
    reason: str
    asked_by: str
    asked_reason: str


class Change(msgspec.Struct, frozen=True):
    """A step for an account. `action`: remind, bar_outgoing, or clear. A step that is only previewed has no run."""

    account_id: str
    level_before: int
    level: int
    action: str
    oldest_due_on: str | None
    overdue_micros: int
    currency: str
    as_of: str
    policy: str  # empty: not known, of steps of before runs had numbers
    policy_hash: str
    run_id: int | None = None
    undone: bool = False
    undoing: Undone | None = None


class Judged(NamedTuple):
    """State of an account, the policy that gives it, and the steps that led there."""

    state: State
    policy: Policy
    taken: list[Taken]


def preview(home: Home, as_of: dt.date) -> list[Change]:
    """Changes that `run` would make for a date; writes nothing."""
    with home.connect() as connection:
        return [change for _, change, _ in _changes(connection, as_of)]


def refusal(home: Home, as_of: dt.date, now_us: int) -> str:
    """Reason why `run` would refuse a date now; empty: it would not."""
    with home.connect() as connection:
        try:
            _require_not_before_last_run(connection, as_of)
            _require_begun(connection, as_of, now_us, _changes(connection, as_of))
        except UserError as error:
            return f"{error.message}; remedy: {error.remedy}"
    return ""


def run(home: Home, as_of: dt.date, now_us: int, *, by: Operator = NOBODY) -> list[Change]:
    """Take the step of every account whose state has changed since its last step. Once more on the same date changes nothing.

    Barring and its end are recorded as facts in the same transaction. Raises UserError for a date before that of the last run that was
    not undone: by such a date nothing was past due yet, and the run would clear and unbar accounts that owe. Raises UserError, too, for a
    date that has not begun on the clocks of all accounts that a step would be taken for.
    """
    with home.begin() as connection:
        _require_not_before_last_run(connection, as_of)
        found = _changes(connection, as_of)
        _require_begun(connection, as_of, now_us, found)
        if not found:
            return []
        seq = home.next_commit_seq(connection, COMMIT_KIND, now_us)
        run_id = _add_run(connection, as_of, by, now_us, seq)
        keep(connection, {hash_of(policy): policy for _, _, policy in found}.values(), now_us, seq)
        connection.execute(tables.dunning_steps.insert(), [_row(account_key, change, seq) for account_key, change, _ in found])
        already = barred(connection)
        for account_key, change, _ in found:
            _record(connection, account_key, change, seq, is_barred=account_key in already)
        taken = [msgspec.structs.replace(change, run_id=run_id) for _, change, _ in found]
        requests.tell(connection, taken)
        commit_points.reached("dunning.before_commit")
    commit_points.reached("dunning.committed")
    return taken


def judge(
    connection: sa.Connection, whom: Sequence[Account], as_of: dt.date, account_keys: Sequence[int] | None = None
) -> dict[int, Judged]:
    """States of accounts on a date, by key; those with nothing open and no step are left out. `account_keys`: theirs, None for all."""
    items, credits_ = _grouped(open_items(connection, account_keys)), _grouped(unallocated(connection, account_keys))
    taken, promised, known = taken_steps(connection, account_keys), open_rests(connection, as_of, account_keys), policies(connection)
    found = {}
    for account in whom:
        key = account.account_key
        if key not in items and key not in taken:
            continue
        policy, steps = _policy_of(account, known), taken.get(key, [])
        credit = sum(each.left_micros for each in credits_.get(key, ()))
        now = state(items.get(key, ()), credit, policy, as_of, taken=steps, promised_micros=promised.get(key, 0))
        found[key] = Judged(now, policy, steps)
    return found


def _changes(connection: sa.Connection, as_of: dt.date) -> list[tuple[int, Change, Policy]]:
    """Accounts whose state differs from their last step, in the order of account id."""
    whom = accounts(connection, as_of)
    judged, hashes = judge(connection, whom, as_of), dict[str, str]()
    changes = []
    for account in whom:
        if account.account_key not in judged:
            continue
        now, policy, taken = judged[account.account_key]
        before = (taken[-1].level, taken[-1].action) if taken else (CLEAR, "")
        if (now.level, now.action) != before:
            if policy.name not in hashes:
                hashes[policy.name] = hash_of(policy)
            oldest = now.oldest_due_on.isoformat() if now.oldest_due_on else None
            action, on = now.action or CLEARED, as_of.isoformat()
            figures = (oldest, now.overdue_micros, account.currency)
            change = Change(account.account_id, before[0], now.level, action, *figures, on, policy.name, hashes[policy.name])
            changes.append((account.account_key, change, policy))
    return changes


def _policy_of(account: Account, known: Mapping[str, Policy]) -> Policy:
    policy = known.get(account.policy)
    if policy is None:
        raise UserError(
            f"account {account.account_id} has the dunning policy {account.policy}, which does not exist",
            f"known policies: {', '.join(known)}; `ratewright dunning policy add FILE` adds {account.policy}",
        )
    return policy


def _require_begun(connection: sa.Connection, as_of: dt.date, now_us: int, found: Sequence[tuple[int, Change, Policy]]) -> None:
    instead = f"`ratewright dunning preview --date {as_of}` shows what it would do"
    clocks.require_begun(connection, Dated("a dunning run", as_of, now_us, instead), lambda: {account_key for account_key, *_ in found})


def _add_run(connection: sa.Connection, as_of: dt.date, by: Operator, now_us: int, seq: int) -> int:
    signed = {"by_name": by.name, "by_uid": by.uid, "at_us": now_us, "commit_seq": seq}
    key = connection.execute(tables.dunning_runs.insert().values(as_of=as_of.isoformat(), **signed)).inserted_primary_key
    assert key is not None
    return int(key[0])


def _row(account_key: int, change: Change, seq: int) -> dict[str, object]:
    return {
        "account_key": account_key,
        "level": change.level,
        "action": change.action,
        "as_of": change.as_of,
        "oldest_due_on": change.oldest_due_on,
        "overdue_micros": change.overdue_micros,
        "policy_hash": change.policy_hash,
        "commit_seq": seq,
    }


def _record(connection: sa.Connection, account_key: int, change: Change, seq: int, *, is_barred: bool) -> None:
    """The fact that follows from a step: barred from its date on, or no longer barred."""
    wants_bar = change.action == Action.BAR_OUTGOING
    if wants_bar == is_barred:
        return
    amount = f"{format_micros(change.overdue_micros)} {change.currency}"
    detail = f"{amount} past due" if wants_bar else "no longer past due enough to be barred"
    record_fact(connection, account_key, BAR if wants_bar else UNBAR, change.as_of, detail, commit_seq=seq)


def _require_not_before_last_run(connection: sa.Connection, as_of: dt.date) -> None:
    run_ = tables.dunning_runs.c
    query = sa.select(run_.run_id, run_.as_of).where(run_.run_id.not_in(undone_runs())).order_by(run_.as_of.desc(), run_.run_id.desc())
    last = connection.execute(query).first()
    if last is not None and as_of.isoformat() < last.as_of:
        raise UserError(
            f"dunning has taken steps by {last.as_of}, which is after {as_of}",
            f"give {last.as_of} or a later date; `ratewright dunning preview --date {as_of}` shows what that date would say; if run "
            f"{last.run_id} was wrong, two people undo it: ratewright dunning undo --run {last.run_id} --reason ...",
        )


def _grouped(rows: Iterable[_Row]) -> dict[int, list[_Row]]:
    grouped: dict[int, list[_Row]] = {}
    for row in rows:
        grouped.setdefault(row.account_key, []).append(row)
    return grouped
