"""Usage on documents of re-ratings that may be another account's by now, before a run of the billed account computes its period again.

A document of an account is void, a re-rating has billed the period since, and then a number moves for an earlier day. Charges say that no
bill has the usage, but the re-rating may. A run of the billed account computes the void period again, and takes off what it does not own.
Until then the new owner is put aside. A re-rating keeps no charges by event, so all usage counts that it may have.
"""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec
import numpy as np
import sqlalchemy as sa

from billing.accounts import covering
from billing.runs.settlement.interim_usage import USAGE_KINDS, InterimBill, MovedOn, Owned, moved_on
from billing.store import tables
from billing.store.voids import voided
from rating.dates import NEVER, day_number

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from billing.charges.lines import Int64s
    from billing.runs.contracts.facts import Facts
    from billing.runs.selection.scope import Scope
    from billing.store.home import Home


class ReratedMove(NamedTuple):
    """Usage that a document of a re-rating may have, with the account that was billed and the one that owns it by now."""

    moved: MovedOn
    job_id: int


class _Document(NamedTuple):
    """Usage of one account on valid documents of a re-rating. `planned_seq`: the commit that it was planned as of."""

    job_id: int
    run_id: int
    commit_seq: int
    planned_seq: int
    through: dt.date
    account_key: int
    owned: dict[int, Owned]


def rerated_moves(home: Home, connection: sa.Connection, seq: int, known: Facts, scope: Scope) -> set[ReratedMove]:
    """Such usage as of `seq`; mostly none, and nothing is looked at where no void document has opened an account."""
    opened = _opened(known, scope)
    if not opened:
        return set()
    found = set[ReratedMove]()
    for document in _documents(connection, seq, opened):
        if day_number(document.through) > opened[document.account_key]:
            bills = [_as_bill(document, each) for each in _known_to(document, known, scope)]
            moved = moved_on(home, connection, seq, bills)
            found |= {ReratedMove(each, document.job_id) for every in moved.values() for each in every}
    return found


def _opened(known: Facts, scope: Scope) -> dict[int, int]:
    """By account (key) the day (number) from which void documents opened its rating unit, and no run has covered it since."""
    day, of_unit = scope.reopened_day, np.full(len(known.account_keys), NEVER, np.int64)
    if (day == NEVER).all():
        return {}
    np.minimum.at(of_unit, known.account_unit, day)
    first: Int64s = of_unit[known.account_unit]
    rows = np.flatnonzero(first != NEVER)
    return dict(zip(known.account_keys[rows].tolist(), first[rows].tolist(), strict=True))


def _documents(connection: sa.Connection, seq: int, account_keys: Collection[int]) -> Iterator[_Document]:
    """The usage of these accounts on documents of re-ratings that are valid as of `seq`: one of a run and account."""
    invoice, run, line, job = tables.invoices.c, tables.bill_runs.c, tables.invoice_lines.c, tables.rerate_jobs.c
    owner, account = tables.subscriptions.c, tables.accounts.c
    days = sa.func.min(line.period_from), sa.func.max(line.period_to)
    of = (run.run_id, run.detail, owner.account_key, owner.subscription_key, account.timezone)
    query = sa.select(*of, sa.func.max(invoice.commit_seq), *days).select_from(tables.invoices)
    query = query.join(tables.bill_runs, run.run_id == invoice.run_id).join(tables.invoice_lines, line.invoice_key == invoice.invoice_key)
    query = query.join(tables.subscriptions, owner.subscription_key == line.subscription_key)
    query = query.join(tables.accounts, account.account_key == owner.account_key)
    query = query.where(run.kind == covering.RERATE, line.kind.in_(USAGE_KINDS), invoice.commit_seq <= seq)
    query = query.where(invoice.invoice_key.not_in(voided(as_of=seq))).group_by(*of).order_by(run.run_id, owner.subscription_key)
    found: dict[tuple[int, int], _Document] = {}
    for run_id, detail, key, subscription, timezone, commit_seq, first, last in connection.execute(query).all():
        if key not in account_keys:
            continue
        if (run_id, key) not in found:
            told: dict[str, Any] = msgspec.json.decode(detail or "{}")
            planned = connection.execute(sa.select(job.pinned_seq).where(job.job_id == told["job"])).scalar_one()
            found[run_id, key] = _Document(int(told["job"]), int(run_id), int(commit_seq), int(planned), dt.date.min, int(key), {})
        before = found[run_id, key]
        owned = {**before.owned, int(subscription): Owned(int(key), timezone, dt.date.fromisoformat(first))}
        found[run_id, key] = before._replace(owned=owned, through=max(before.through, dt.date.fromisoformat(last)))
    yield from found.values()


def _known_to(document: _Document, known: Facts, scope: Scope) -> list[int]:
    """Commits by which a document may know usage: that of its planning, and that of the last run of its account or unit before."""
    assert scope.covered_by is not None, "a run was void"
    unit = known.account_unit[known.account_index(np.array([document.account_key], np.int64))[0]]
    classes = {int(each) for each in scope.covered_by.of[known.account_unit == unit]}
    pins = [run.pinned_seq for each in classes for run in scope.covered_by.ever[each] if run.pinned_seq <= document.planned_seq]
    return sorted({document.planned_seq, max(pins, default=document.planned_seq)})


def _as_bill(document: _Document, seq: int) -> InterimBill:
    """The same as a bill of everything that its subscriptions had used in its periods."""
    return InterimBill("", document.run_id, seq, document.commit_seq, document.through, leaves_others=False, owned=document.owned)
