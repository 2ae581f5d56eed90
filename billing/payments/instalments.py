"""Instalment plans: what is open of an account in dated parts. Due dates of the parts take the place of the invoices' own.

`billing.allocations.open_items` gives one item a part, so payments settle the earliest part first and dunning counts its days from there.
Of two plans of one invoice the later one holds; a plan is ended by one that puts everything back to the invoices' own dates. Amounts are
micro-units; equal parts differ by one minor unit at most, the first ones are the larger.
"""

from __future__ import annotations

import calendar
import datetime as dt
from typing import TYPE_CHECKING, Final, NamedTuple

import sqlalchemy as sa

from billing.allocations import open_items
from billing.allocations.settling import store_rows
from billing.payments.writing import (
    Account,
    Act,
    Writing,
    account_of,
    minor_places,
    require_id,
    require_not_before,
    require_sensible,
    writing,
)
from billing.store import requests, tables
from billing.store.pages import in_pages
from rating import identifiers
from rating.errors import NotFoundError, UserError
from rating.money import format_micros, minor_step_micros

if TYPE_CHECKING:
    from collections.abc import Sequence

    from billing.store.home import Home

RUNNING, BEHIND, FINISHED, REPLACED = "running", "behind", "finished", "replaced"
ENDED: Final = "/ended"  # what the id of the plan that ends another one has behind it
PARTS_MAX: Final = 120
_PARTS: Final = f"--part DATE=AMOUNT, or --parts (1 to {PARTS_MAX}) and --first"


class PlanRequest(NamedTuple):
    """A plan as it is asked for: `parts` dated amounts, or `equal` ones of the same amount, a month apart from `first_on`."""

    plan_id: str
    account_id: str
    agreed_on: dt.date
    numbers: tuple[str, ...] = ()  # invoices; none: all that are open
    parts: tuple[tuple[dt.date, int], ...] = ()
    equal: int = 0  # how many
    first_on: dt.date | None = None
    note: str = ""


class Part(NamedTuple):
    """One part of a plan for one invoice, and what of it is open."""

    part_no: int
    due_on: str
    number: str
    amount_micros: int
    open_micros: int


class Plan(NamedTuple):
    """A plan and its state on a date."""

    plan_id: str
    account_id: str
    currency: str
    agreed_on: str
    note: str
    state: str
    open_micros: int
    parts: tuple[Part, ...]
    existed: bool = False
    by_name: str = ""


class _Agreement(NamedTuple):
    """The head of a plan that is stored: an agreement with an account, or the end of one."""

    plan_id: str
    account: Account
    agreed_on: dt.date
    note: str


class _Share(NamedTuple):
    """The part of an invoice in one part of a plan, and its due date."""

    part_no: int
    invoice_key: int
    amount_micros: int
    due_on: dt.date


def split(items: Sequence[tuple[int, int]], parts: Sequence[int]) -> list[tuple[int, int, int]]:
    """Parts laid over invoices (key, open amount), both in order, as (part number from 1, invoice, amount). Pure; the sums are equal."""
    assert sum(amount for _, amount in items) == sum(parts), "parts do not add up to what is open"
    made = []
    left = [list(item) for item in items]
    for part_no, amount in enumerate(parts, start=1):
        rest = amount
        while rest:
            take = min(rest, left[0][1])
            made.append((part_no, left[0][0], take))
            rest -= take
            left[0][1] -= take
            if left[0][1] == 0:
                left.pop(0)
    return made


def equal_parts(amount_micros: int, count: int, step_micros: int) -> list[int]:
    """An amount in `count` parts of whole steps that differ by one step at most, the larger ones first. Pure."""
    steps, odd = divmod(amount_micros, step_micros)
    share, larger = divmod(steps, count)
    parts = [(share + (place < larger)) * step_micros for place in range(count)]
    parts[0] += odd
    return parts


def month_after(day: dt.date, months: int) -> dt.date:
    """The same day of a later month, the last one where the month is shorter. Pure."""
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    return dt.date(year, month + 1, min(day.day, calendar.monthrange(year, month + 1)[1]))


def agree(home: Home, wanted: PlanRequest, act: Act) -> Plan:
    """Agree on a plan. The same id and the same request again return what was agreed.

    Raises UserError for an unknown account or invoice, invoices with nothing open, and the same id with other data. Parts raise it that are
    of both kinds or none, or do not add up to what is open. Dates raise it that do not grow or lie before the agreement.
    """
    require_id(wanted.plan_id, "plan")
    if wanted.plan_id.endswith(ENDED):
        raise UserError(f"the id {wanted.plan_id} is kept for the end of a plan", "give the plan another id", exit_status=2)
    if wanted.parts and (wanted.equal or wanted.first_on):
        raise UserError("a plan has parts of its own or equal ones, not both", f"give {_PARTS}", exit_status=2)
    with writing(home, act) as work:
        account = account_of(work.connection, wanted.account_id)
        if _known(work, wanted.plan_id, account, wanted.agreed_on, wanted.note):
            plan = read(work.connection, wanted.agreed_on, wanted.plan_id)
            _require_same_parts(work, account, plan, wanted)
            return plan._replace(existed=True)
        identifiers.require_new(wanted.plan_id, "plan")
        require_sensible(wanted.agreed_on, f"plan {wanted.plan_id}")
        items = _chosen(work, account, wanted.numbers)
        dated = _dated(work, wanted, account, sum(amount for _, amount in items))
        shares = [
            _Share(part_no, invoice_key, amount, due_on=dated[part_no - 1][0])
            for part_no, invoice_key, amount in split(items, [amount for _, amount in dated])
        ]
        _store(work, _Agreement(wanted.plan_id, account, wanted.agreed_on, wanted.note), shares)
        agreed = read(work.connection, wanted.agreed_on, wanted.plan_id)
        requests.tell(work.connection, agreed)
        return agreed


def end(home: Home, plan_id: str, ended_on: dt.date, note: str, act: Act) -> Plan:
    """End a plan: its invoices are due on their own dates again, also for amounts that are opened again later. Once more changes nothing.

    Raises UserError for an unknown plan, one that is finished or that another plan has replaced, and a date before the agreement.
    """
    with writing(home, act) as work:
        plan = read(work.connection, ended_on, plan_id)
        account = account_of(work.connection, plan.account_id)
        if _known(work, plan_id + ENDED, account, ended_on, note):
            return read(work.connection, ended_on, plan_id + ENDED)._replace(existed=True)
        if plan.state in {FINISHED, REPLACED}:
            raise UserError(f"plan {plan_id} is {plan.state}", "`ratewright payment instalments list` shows all plans and their states")
        require_not_before(ended_on, plan.agreed_on, f"the end of plan {plan_id}", "it was agreed")
        _store(work, _Agreement(plan_id + ENDED, account, ended_on, note), _put_back(work.connection, plan_id))
        ended = read(work.connection, ended_on, plan_id + ENDED)
        requests.tell(work.connection, ended)
        return ended


def list_plans(home: Home, as_of: dt.date, account_id: str | None = None, *, after: str = "", limit: int | None = None) -> list[Plan]:
    """Plans in the order in which they were agreed, with their states on a date, beginning after the plan `after`."""
    plan, account = tables.instalment_plans.c, tables.accounts.c
    query = sa.select(plan.plan_id).join_from(tables.instalment_plans, tables.accounts)
    if account_id is not None:
        query = query.where(account.account_id == account_id)
    with home.connect() as connection:
        ids = connection.execute(in_pages(query, (plan.commit_seq, plan.plan_id), plan.plan_id, after, limit)).scalars().all()
        return [read(connection, as_of, plan_id) for plan_id in ids]


def _put_back(connection: sa.Connection, plan_id: str) -> list[_Share]:
    """Amount that a plan laid over each invoice that it still holds, as one part that is due on the invoice's own date."""
    part, invoice = tables.instalments.c, tables.invoices.c
    amount = sa.cast(sa.func.sum(part.amount_micros), tables.INT64)
    query = sa.select(invoice.invoice_key, invoice.due_on, amount).join_from(tables.instalments, tables.invoices)
    query = query.where(part.plan_id == plan_id).group_by(invoice.invoice_key, invoice.due_on).order_by(invoice.due_on, invoice.invoice_key)
    rows = connection.execute(query).all()
    holding = _holding(connection, [key for key, _, _ in rows])
    return [_Share(1, key, int(micros), dt.date.fromisoformat(due_on)) for key, due_on, micros in rows if holding[key] == plan_id]


def _known(work: Writing, plan_id: str, account: Account, on: dt.date, note: str) -> bool:
    """Return whether a plan is stored. Raises UserError when it is stored with other data."""
    plan = tables.instalment_plans.c
    row = work.connection.execute(sa.select(tables.instalment_plans).where(plan.plan_id == plan_id)).first()
    if row is None:
        return False
    fields = [
        ("account", row.account_key, account.account_key),
        ("date", row.agreed_on, on.isoformat()),
        ("note", row.note, note),
    ]
    for name, old, new in fields:
        if old != new:
            remedy = "what was ended stays so" if plan_id.endswith(ENDED) else "give a new plan its own id; an agreed plan never changes"
            what = f"the end of plan {plan_id.removesuffix(ENDED)}" if plan_id.endswith(ENDED) else f"plan {plan_id}"
            raise UserError(f"{what} exists with another {name}", remedy)
    return True


def _require_same_parts(work: Writing, account: Account, plan: Plan, wanted: PlanRequest) -> None:
    """Raises UserError unless dates, amounts and invoices are as agreed. A request without invoices means those that were open then."""
    stored: dict[str, int] = {}
    for part in plan.parts:
        stored[part.due_on] = stored.get(part.due_on, 0) + part.amount_micros
    given = _asked(work, wanted, account, sum(stored.values()))  # the parts add up to what was open then
    same = {due_on.isoformat(): amount for due_on, amount in given} == stored
    numbers = {part.number for part in plan.parts}
    for name, is_same in (("parts", same), ("invoices", not wanted.numbers or set(wanted.numbers) == numbers)):
        if not is_same:
            raise UserError(f"plan {plan.plan_id} exists with other {name}", "give a new plan its own id; an agreed plan never changes")


def _open_amounts(work: Writing, account: Account) -> list[tuple[int, int]]:
    """Invoices of the account and what of them is open, oldest first."""
    amounts: dict[int, int] = {}
    for item in open_items(work.connection, [account.account_key]):
        if item.open_micros > 0:
            amounts[item.invoice_key] = amounts.get(item.invoice_key, 0) + item.open_micros
    return list(amounts.items())


def _chosen(work: Writing, account: Account, numbers: Sequence[str]) -> list[tuple[int, int]]:
    """The invoices that the plan is for."""
    invoice = tables.invoices.c
    query = sa.select(invoice.number, invoice.invoice_key).where(invoice.account_key == account.account_key)
    key_of = {row.number: row.invoice_key for row in work.connection.execute(query)}
    for number in numbers:
        if number not in key_of:
            raise NotFoundError(
                f"account {account.account_id} has no invoice {number}",
                f"`ratewright invoice list --account {account.account_id}` shows them",
            )
    wanted = {key_of[number] for number in numbers}
    found = [(key, amount) for key, amount in _open_amounts(work, account) if not numbers or key in wanted]
    missing = wanted - {key for key, _ in found}
    if missing or not found:
        name = next((number for number in numbers if key_of[number] in missing), "")
        what = f"invoice {name} has nothing open" if name else f"account {account.account_id} has nothing open"
        raise UserError(what, "a plan is for what is open; `ratewright payment statement` shows it")
    return found


def _dated(work: Writing, wanted: PlanRequest, account: Account, open_micros: int) -> list[tuple[dt.date, int]]:
    """The parts as (due date, amount), checked."""
    step, dated = _step_micros(work, account), _asked(work, wanted, account, open_micros)
    dates = [due_on for due_on, _ in dated]
    if dates != sorted(set(dates)) or dates[0] < wanted.agreed_on:
        raise UserError("the dates of the parts do not grow from the day of the agreement on", "give each part a later date", exit_status=2)
    wrong = [amount for _, amount in dated if amount <= 0 or amount % step]
    if wrong:
        raise UserError(f"a part of {format_micros(wrong[0])} {account.currency} is not possible", "give fewer parts or whole amounts")
    total = sum(amount for _, amount in dated)
    if total != open_micros:
        raise UserError(
            f"the parts are {format_micros(total)} {account.currency}, what is open is {format_micros(open_micros)}",
            "give parts that add up to it, or name the invoices with --invoice",
        )
    return dated


def _asked(work: Writing, wanted: PlanRequest, account: Account, open_micros: int) -> list[tuple[dt.date, int]]:
    """The parts as they are asked for, as (due date, amount): each as it was given, or equal ones of what is open."""
    if wanted.parts:
        return list(wanted.parts)
    if not 1 <= wanted.equal <= PARTS_MAX or wanted.first_on is None:
        raise UserError("a plan needs parts", f"give {_PARTS}", exit_status=2)
    amounts = equal_parts(open_micros, wanted.equal, _step_micros(work, account))
    return [(month_after(wanted.first_on, place), amount) for place, amount in enumerate(amounts)]


def _step_micros(work: Writing, account: Account) -> int:
    return minor_step_micros(minor_places(work.home, account.currency))


def _store(work: Writing, plan: _Agreement, shares: Sequence[_Share]) -> None:
    head = {
        "plan_id": plan.plan_id,
        "account_key": plan.account.account_key,
        "agreed_on": plan.agreed_on.isoformat(),
        "note": plan.note,
    }
    work.connection.execute(tables.instalment_plans.insert().values(**head, **work.signed))
    names = ("plan_id", "part_no", "invoice_key", "amount_micros", "due_on")
    rows = [(plan.plan_id, each.part_no, each.invoice_key, each.amount_micros, each.due_on.isoformat()) for each in shares]
    store_rows(work.connection, tables.instalments, names, rows)


def read(connection: sa.Connection, as_of: dt.date, plan_id: str) -> Plan:
    """A plan with what is open of each part. Raises NotFoundError."""
    plan, account, part, invoice = tables.instalment_plans.c, tables.accounts.c, tables.instalments.c, tables.invoices.c
    columns = (account.account_id, account.currency, plan.agreed_on, plan.note, plan.account_key, plan.by_name)
    head = connection.execute(
        sa.select(*columns).join_from(tables.instalment_plans, tables.accounts).where(plan.plan_id == plan_id)
    ).first()
    if head is None:
        raise NotFoundError(f"no plan has the id {plan_id}", "`ratewright payment instalments list` shows all of them")
    query = sa.select(part.part_no, part.due_on, invoice.number, part.amount_micros, part.invoice_key)
    query = query.join_from(tables.instalments, tables.invoices).where(part.plan_id == plan_id)
    rows = connection.execute(query.order_by(part.part_no, invoice.number)).all()
    holding = _holding(connection, [row.invoice_key for row in rows])
    left = {
        (item.invoice_key, item.part_no): item.open_micros
        for item in open_items(connection, [head.account_key])
        if holding.get(item.invoice_key) == plan_id
    }
    parts = tuple(Part(*row[:4], left.get((row.invoice_key, row.part_no), 0)) for row in rows)
    is_held = any(holding.get(row.invoice_key) == plan_id for row in rows)
    stands = _state(parts, as_of.isoformat(), is_held)
    return Plan(plan_id, *head[:4], stands, sum(part.open_micros for part in parts), parts, by_name=head.by_name)


def _state(parts: Sequence[Part], as_of: str, is_held: bool) -> str:  # noqa: FBT001 -- one of three plain facts
    if not is_held:
        return REPLACED
    left = [part for part in parts if part.open_micros]
    if not left:
        return FINISHED
    return BEHIND if any(part.due_on < as_of for part in left) else RUNNING


def _holding(connection: sa.Connection, invoice_keys: Sequence[int]) -> dict[int, str]:
    """The plan that holds for each of these invoices: the latest one."""
    plan, part = tables.instalment_plans.c, tables.instalments.c
    query = sa.select(part.invoice_key, plan.plan_id).join_from(tables.instalments, tables.instalment_plans)
    rows = connection.execute(query.where(part.invoice_key.in_(invoice_keys)).order_by(plan.commit_seq))
    return {row.invoice_key: row.plan_id for row in rows}
