"""Books of dunning: each step against its run and the open items of its day, and the bars against the steps and what was undone.

Both sides are worked out as of the commit of the step. Which level a step had is not judged again: it depends on a policy and on promises;
what was past due, and since when, does not. That the policy whose hash a step keeps is known is looked at.
"""

from __future__ import annotations

import collections
import datetime as dt
import itertools
from typing import TYPE_CHECKING, Any, Final

import sqlalchemy as sa

from billing.allocations import OpenItem, open_items
from billing.allocations.spread import DEPOSIT, PAYMENT
from billing.controls.book import set_book
from billing.dunning import past_due
from billing.dunning.steps import UNDONE
from billing.dunning_policy import Action
from billing.payments.postings import APPLIED, WON
from billing.store import tables

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from billing.controls.book import Book

_BAR_KINDS: Final = ("bar_outgoing", "unbar")


def step_books(connection: sa.Connection) -> Iterator[Book]:
    """Amounts past due at each step, and the facts that followed from it."""
    steps = connection.execute(sa.select(tables.dunning_steps).order_by(tables.dunning_steps.c.step_id)).all()
    taken = [
        (step.step_id, step.as_of, step.action == "clear", step.oldest_due_on, step.overdue_micros, step.policy_hash) for step in steps
    ]
    yield set_book("dunning: steps = open items of their day", taken, list(_follows(connection, steps)))
    fact = tables.account_facts.c
    kept = sa.select(fact.account_key, fact.kind, fact.from_date, fact.commit_seq).where(fact.kind.in_(_BAR_KINDS))
    yield set_book("dunning: bars = steps", [tuple(row) for row in connection.execute(kept)], _bars(steps, _undone(connection)))


def _follows(connection: sa.Connection, steps: Sequence[Any]) -> Iterator[tuple[Any, ...]]:
    """Each step as it follows from its run and what was open before its commit."""
    run, policy = tables.dunning_runs.c, tables.dunning_policies.c
    dates = {row.commit_seq: row.as_of for row in connection.execute(sa.select(run.commit_seq, run.as_of))}
    known = set(connection.execute(sa.select(policy.policy_hash)).scalars())
    for seq, of_commit in itertools.groupby(
        sorted(steps, key=lambda step: (step.commit_seq, step.step_id)), key=lambda step: step.commit_seq
    ):
        own = list(of_commit)
        accounts = sorted({step.account_key for step in own})
        items: dict[int, list[OpenItem]] = collections.defaultdict(list)
        for item in open_items(connection, accounts, before_seq=seq):
            items[item.account_key].append(item)
        credit = _credit(connection, accounts, seq)
        for step in own:
            late = past_due(items[step.account_key], credit[step.account_key], dt.date.fromisoformat(step.as_of))
            oldest = late[0].due_on.isoformat() if late else None
            policy_hash = step.policy_hash if step.policy_hash in known else None
            yield step.step_id, dates.get(seq), step.level == 0, oldest, sum(item.open_micros for item in late), policy_hash


def _credit(connection: sa.Connection, accounts: Sequence[int], seq: int) -> dict[int, int]:
    """Money that had come before a commit and had settled nothing: payments and released deposits, less what went back."""
    payment, event, deposit, moved = tables.payments.c, tables.payment_events.c, tables.deposits.c, tables.deposit_events.c
    settlement, invoice = tables.settlements.c, tables.invoices.c
    back = sa.case((event.kind == WON, event.amount_micros), else_=-event.amount_micros)
    used = settlement.credit_kind.in_([PAYMENT, DEPOSIT])
    signed = (
        sa.select(payment.account_key, payment.amount_micros).where(payment.commit_seq < seq),
        sa.select(payment.account_key, back).join_from(tables.payment_events, tables.payments).where(event.commit_seq < seq),
        sa.select(deposit.account_key, moved.amount_micros)
        .join_from(tables.deposit_events, tables.deposits)
        .where(moved.commit_seq < seq, moved.kind == APPLIED),
        sa.select(invoice.account_key, -settlement.amount_micros)
        .join_from(tables.settlements, tables.invoices)
        .where(settlement.commit_seq < seq, used),
    )
    wanted = set(accounts)
    credit: dict[int, int] = collections.defaultdict(int)
    for query in signed:
        for account_key, amount in connection.execute(query):
            if account_key in wanted:
                credit[account_key] += int(amount)
    return credit


def _undone(connection: sa.Connection) -> list[tuple[int, int, str]]:
    """The commit that undid a run, the run's own, and its date."""
    run, decision = tables.dunning_runs.c, tables.dunning_decisions.c
    query = sa.select(decision.commit_seq, run.commit_seq, run.as_of).join_from(tables.dunning_decisions, tables.dunning_runs)
    return [(int(seq), int(of), as_of) for seq, of, as_of in connection.execute(query.where(decision.kind == UNDONE))]


def _bars(steps: Sequence[Any], undone: Sequence[tuple[int, int, str]]) -> list[tuple[int, str, str, int]]:
    """The facts that follow from the steps and from what was undone, in their order."""
    told: dict[int, list[tuple[int, str]]] = collections.defaultdict(list)  # by account: commit and action of the steps that count
    of_commit: dict[int, list[int]] = collections.defaultdict(list)  # accounts of a run
    bars = []
    acts = [(step.commit_seq, step.step_id, step.as_of, step) for step in steps] + [(seq, 0, as_of, of) for seq, of, as_of in undone]
    for seq, _, as_of, what in sorted(acts, key=lambda act: act[:2]):
        accounts = of_commit[what] if isinstance(what, int) else [what.account_key]
        for account_key in accounts:
            counted = told[account_key]
            was_barred = bool(counted) and counted[-1][1] == Action.BAR_OUTGOING
            if isinstance(what, int):
                told[account_key] = counted = [each for each in counted if each[0] != what]
            else:
                of_commit[seq].append(account_key)
                counted.append((seq, what.action))
            wants_bar = bool(counted) and counted[-1][1] == Action.BAR_OUTGOING
            if wants_bar != was_barred:
                bars.append((account_key, "bar_outgoing" if wants_bar else "unbar", as_of, seq))
    return bars
