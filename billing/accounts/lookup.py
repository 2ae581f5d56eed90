"""Accounts one by one, for display: an account with its unit, every fact in words, as known as of a sequence number."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec
import sqlalchemy as sa

from billing.accounts import picture
from billing.accounts.facts import DUNNING_KINDS
from billing.accounts.handovers.known import is_taken_back_of
from billing.accounts.wording import in_words
from billing.store import tables
from rating import identifiers
from rating.dates import day_after
from rating.errors import NotFoundError, UserError

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Iterable, Mapping

    from billing.accounts.facts import Fact
    from billing.accounts.picture import Contract, Customer, Picture, Relation
    from billing.store.home import Home


class AccountLine(msgspec.Struct, frozen=True):
    """One account and the number of its subscriptions; those whose handover was taken back are not counted."""

    account_id: str
    name: str
    currency: str
    timezone: str
    bill_day: int
    language: str
    opened_on: str
    billed_through: str | None
    dunning_policy: str
    payment_days: int
    legal_entity: str | None
    category: str | None
    subscriptions: int


class NumberLine(msgspec.Struct, frozen=True):
    """A number that a subscription has or had, in microseconds UTC; no end: for good."""

    served_id: str
    from_us: int
    to_us: int | None


class FactLine(msgspec.Struct, frozen=True):
    """A fact that holds. `about` is the account or the subscription; `says` is the fact in words.

    `by_name`: the person who recorded it. For a bar and its end, `dunning_run` is the run behind it, `dunning_level` the level from then on
    (0: clear). `dunning_undone`: it follows from undoing that run; then `by_name` is the person who gave that command. None for another
    fact, and where no run is known.

    `replaced_by`: the number of the fact that holds in its place: an end that moved to another day or was undone; None for what holds.
    """

    fact_id: int
    about: str
    kind: str
    from_date: str
    to_date: str | None
    says: str
    detail: str
    by_name: str
    commit_seq: int
    dunning_run: int | None = None
    dunning_level: int | None = None
    dunning_undone: bool = False
    replaced_by: int | None = None


class PlanLine(msgspec.Struct, frozen=True):
    """A plan from a date on."""

    from_date: str
    plan: str


class SubscriptionLine(msgspec.Struct, frozen=True):
    """One subscription with the plan and the numbers of the day, every plan, and the spans of every number it has had."""

    subscription_id: str
    plan: str
    from_date: str
    to_date: str | None
    numbers: list[str]
    plans: list[PlanLine]
    spans: list[NumberLine]
    transferred_from: str | None  # the subscription of the owner before
    transferred_from_account: str | None = None


class ComingLine(msgspec.Struct, frozen=True):
    """A thing that holds only after the day: a fact, a plan or a subscription. `about` is the account or the subscription.

    What this account takes over from another one is among them, about that one. `to_date`: the first day without it, where one is known.
    """

    from_date: str
    about: str
    says: str
    to_date: str | None = None


class OpeningLine(msgspec.Struct, frozen=True):
    """An open item of the system before."""

    reference: str
    issued_on: str
    due_on: str
    amount_micros: int


class AccountDetail(msgspec.Struct, frozen=True):
    """All of one account."""

    account: AccountLine
    as_of: str  # the date that `plan`, `category_now`, `unit` and other fields of a day are of
    bill_day_now: int
    category_now: str
    language_now: str  # of a bill of that date
    payment_days_now: int
    closed_on: str | None
    unit: list[str]  # accounts that are billed with it, itself left out
    relations: list[str]  # who takes over what from whom, in words
    subscriptions: list[SubscriptionLine]
    facts: list[FactLine]  # about the account and its subscriptions, by date
    opening_items: list[OpeningLine]
    baselines: dict[str, int]  # month -> total in micro-units
    coming: list[ComingLine] = []  # what begins after `as_of`, by date


_ACCOUNT = tables.accounts.c
_SUBSCRIPTION = tables.subscriptions.c
_COUNT = (
    sa.select(sa.func.count())
    .select_from(tables.subscriptions)
    .where(_SUBSCRIPTION.account_key == _ACCOUNT.account_key, ~is_taken_back_of(_SUBSCRIPTION.subscription_key))
    .scalar_subquery()
)
_LINE: sa.Select[Any] = sa.select(*(_ACCOUNT[name] for name in AccountLine.__struct_fields__[:-1]), _COUNT)


def count_accounts(home: Home) -> int:
    """The number of accounts."""
    with home.connect() as connection:
        return int(connection.execute(sa.select(sa.func.count()).select_from(tables.accounts)).scalar_one())


def list_accounts(home: Home, limit: int | None = None) -> list[AccountLine]:
    """Accounts by id."""
    with home.connect() as connection:
        return [AccountLine(*row) for row in connection.execute(_LINE.order_by(_ACCOUNT.account_id).limit(limit))]


def page_of_accounts(home: Home, after: str, limit: int, *, number: str | None = None) -> list[AccountLine]:
    """Accounts whose ids come after `after`, by id; with `number` those alone that have, or had, it."""
    query = _LINE.where(_ACCOUNT.account_id > after).order_by(_ACCOUNT.account_id).limit(limit)
    if number is not None:
        number_row = tables.guiding_facts.c
        owners = sa.select(_SUBSCRIPTION.account_key).join_from(
            tables.guiding_facts, tables.subscriptions, number_row.subscription_key == _SUBSCRIPTION.subscription_key
        )
        query = query.where(_ACCOUNT.account_key.in_(owners.where(number_row.served_id == number)))
    with home.connect() as connection:
        return [AccountLine(*row) for row in connection.execute(query)]


def key_of(home: Home, account_id: str) -> int:
    """The key of one account. Raises NotFoundError when there is no such account."""
    with home.connect() as connection:
        key = picture.account_keys(connection, [account_id]).get(account_id)
    if key is None:
        raise NotFoundError(f"no account has the id {account_id}", "give the id as in accounts.csv")
    return key


def legal_entity_of(home: Home, account_id: str) -> str | None:
    """The legal entity whose invoices an account gets; None for the one without a name, and where there is no such account."""
    account = tables.accounts.c
    with home.connect() as connection:
        return connection.execute(sa.select(account.legal_entity).where(account.account_id == account_id)).scalar()


def legal_entity_of_key(home: Home, account_key: int) -> str | None:
    """The same of an account that is known by its key."""
    account = tables.accounts.c
    with home.connect() as connection:
        return connection.execute(sa.select(account.legal_entity).where(account.account_key == account_key)).scalar()


def show_account(home: Home, account_id: str, as_of: dt.date | None = None) -> AccountDetail:
    """All of the account `account_id`, its state that of the date `as_of` (None: of its last change; at the earliest its opening).

    Raises UserError: unknown.
    """
    with home.connect() as connection:
        key = picture.account_keys(connection, [account_id]).get(account_id)
        if key is None:
            raise unknown_account(connection, account_id)
        found = picture.load(connection, [key])
        customer = found.customers[key]
        day = max(as_of or _newest_day(customer), customer.opened_on)
        line = AccountLine(*connection.execute(_LINE.where(_ACCOUNT.account_key == key)).one())
        return AccountDetail(
            account=line,
            as_of=day.isoformat(),
            bill_day_now=[bill_day for from_date, bill_day in customer.bill_days if from_date <= day][-1],
            category_now=customer.category_on(day),
            language_now=customer.language_on(day),
            payment_days_now=customer.payment_days_on(day),
            closed_on=_iso(customer.closed_on),
            unit=sorted(each.account_id for each in found.customers.values() if each.key != key),
            relations=_relations(found, day),
            subscriptions=_subscriptions(connection, customer, day),
            facts=_facts(connection, customer),
            opening_items=_opening(connection, key),
            baselines=_baselines(connection, key),
            coming=_coming(found, customer, day),
        )


def timezone_of(home: Home, account_id: str) -> str:
    """The time zone of one account. Raises NotFoundError when there is no such account."""
    with home.connect() as connection:
        zone = connection.execute(sa.select(_ACCOUNT.timezone).where(_ACCOUNT.account_id == account_id)).scalar_one_or_none()
    if zone is None:
        raise NotFoundError(f"no account has the id {account_id}", "give the id as in accounts.csv")
    return str(zone)


def unknown_account(connection: sa.Connection, account_id: str) -> NotFoundError:
    """The error that no account has this id."""
    ids = connection.execute(sa.select(_ACCOUNT.account_id)).scalars()
    return NotFoundError(f"account {account_id} is unknown", _close(account_id, ids) or "`ratewright accounts list` shows the ids")


def unknown_subscription(connection: sa.Connection, subscription_id: str) -> UserError:
    """The error that no subscription has this id."""
    ids = connection.execute(sa.select(_SUBSCRIPTION.subscription_id)).scalars()
    remedy = _close(subscription_id, ids) or "`ratewright accounts show` lists the subscriptions of an account"
    return UserError(f"subscription {subscription_id} is unknown", remedy)


def _close(name: str, ids: Iterable[str]) -> str | None:
    if len(name) > identifiers.CHARS_MAX:  # no id is so long, and it would be compared with each of them
        return None
    close = difflib.get_close_matches(name, list(ids), n=1)
    return f"did you mean {close[0]}?" if close else None


def _newest_day(customer: Customer) -> dt.date:
    """The last date that has any data."""
    days = [customer.opened_on, *(fact.from_date for fact in customer.facts)]
    for contract in customer.contracts:
        days += [contract.from_date, *(day for day, _ in contract.plans), *(fact.from_date for fact in contract.facts)]
    return max(days)


def _relations(found: Picture, day: dt.date) -> list[str]:
    return sorted(
        f"{_member(found, each)}: {in_words(each.fact.kind, each.fact.detail, '')}"
        for each in found.relations
        if each.fact.holds_on(day) and each.root is not None
    )


def _subscriptions(connection: sa.Connection, customer: Customer, day: dt.date) -> list[SubscriptionLine]:
    spans = _spans(connection, [contract.key for contract in customer.contracts])
    former = [contract.transferred_from for contract in customer.contracts if contract.transferred_from is not None]
    query = sa.select(_SUBSCRIPTION.subscription_key, _SUBSCRIPTION.subscription_id, _ACCOUNT.account_id)
    query = query.join_from(tables.subscriptions, tables.accounts, _ACCOUNT.account_key == _SUBSCRIPTION.account_key)
    rows = connection.execute(query.where(_SUBSCRIPTION.subscription_key.in_(former)))
    names = {row[0]: (str(row[1]), str(row[2])) for row in rows}
    return [
        _subscription(customer, each, spans.get(each.key, []), names.get(each.transferred_from or 0, (None, None)), day)
        for each in customer.contracts
    ]


def _subscription(
    customer: Customer, contract: Contract, spans: list[NumberLine], former: tuple[str | None, str | None], day: dt.date
) -> SubscriptionLine:
    begin_us, end_us = customer.midnight_us(day), customer.midnight_us(day_after(day))
    on_day = [span.served_id for span in spans if span.from_us < end_us and (span.to_us is None or span.to_us > begin_us)]
    return SubscriptionLine(
        contract.subscription_id,
        contract.plan_on(day),
        contract.from_date.isoformat(),
        _iso(contract.to_date),
        list(dict.fromkeys(on_day)),
        [PlanLine(from_date.isoformat(), plan) for from_date, plan in contract.plans],
        spans,
        *former,
    )


def _spans(connection: sa.Connection, keys: list[int]) -> dict[int, list[NumberLine]]:
    """Spans of numbers by subscription, by time and number. Of facts with one beginning the one learned last holds."""
    fact = tables.guiding_facts.c
    numbers = sa.select(fact.served_id).where(fact.subscription_key.in_(keys))
    query = sa.select(fact.served_id, fact.from_us, fact.to_us, fact.subscription_key).where(fact.served_id.in_(numbers))
    last = {(row[0], row[1]): row for row in connection.execute(query.order_by(fact.commit_seq, fact.fact_id))}
    spans: dict[int, list[NumberLine]] = {}
    for served_id, from_us, to_us, key in sorted(last.values(), key=lambda row: (row[1], row[0])):
        if to_us is None or to_us > from_us:
            spans.setdefault(key, []).append(NumberLine(served_id, from_us, to_us))
    return spans


def _facts(connection: sa.Connection, customer: Customer) -> list[FactLine]:
    every: list[tuple[str, Fact, Fact | None]] = [(customer.account_id, fact, None) for fact in customer.facts]
    every += [(each.subscription_id, fact, each.holds_instead(fact)) for each in customer.contracts for fact in each.facts]
    dunned = _dunned(connection, customer.key) if any(fact.kind in DUNNING_KINDS for _, fact, _ in every) else {}
    return [
        _replaced(_fact(about, fact, customer.currency, dunned), instead)
        for about, fact, instead in sorted(every, key=lambda told: (told[1].from_date, told[1].commit_seq))
    ]


def _replaced(line: FactLine, instead: Fact | None) -> FactLine:
    """A line marked where another fact holds in its place."""
    if instead is None:
        return line
    now = f"moved: it ends on {instead.from_date}" if instead.kind == "end" else "taken back: it has no end"
    says = f"{line.says}; no longer holds since fact {instead.fact_id}, {now}"
    return msgspec.structs.replace(line, says=says, replaced_by=instead.fact_id)


class _Dunned(NamedTuple):
    """An act of dunning on an account in one commit: a run or its undoing, its person, and the level from then on."""

    run_id: int
    by_name: str
    level: int
    undone: bool


def _dunned(connection: sa.Connection, key: int) -> dict[int, _Dunned]:
    """By commit, the runs of dunning that took a step for an account, and the undoings of these."""
    run, step, decision = tables.dunning_runs.c, tables.dunning_steps.c, tables.dunning_decisions.c
    taken = sa.select(run.run_id, run.by_name, step.level, step.commit_seq)
    taken = taken.join_from(tables.dunning_steps, tables.dunning_runs, run.commit_seq == step.commit_seq)
    steps = connection.execute(taken.where(step.account_key == key).order_by(step.step_id)).all()
    undone = sa.select(decision.run_id, decision.by_name, decision.commit_seq).where(decision.kind == "undone")
    undos = connection.execute(undone.where(decision.run_id.in_([each.run_id for each in steps])).order_by(decision.commit_seq)).all()
    found = {each.commit_seq: _Dunned(each.run_id, each.by_name, each.level, undone=False) for each in steps}
    gone: set[int] = set()
    for undo in undos:
        gone.add(undo.run_id)
        levels = [each.level for each in steps if each.run_id not in gone and each.commit_seq < undo.commit_seq]
        found[undo.commit_seq] = _Dunned(undo.run_id, undo.by_name, levels[-1] if levels else 0, undone=True)
    return found


def _coming(found: Picture, customer: Customer, day: dt.date) -> list[ComingLine]:
    every = [(customer.account_id, fact) for fact in customer.facts]
    every += [(each.subscription_id, fact) for each in customer.contracts for fact in each.facts if _may_come(each, fact)]
    every += [(_member(found, each), each.fact) for each in found.relations if customer.key == each.root != each.member]
    told = [
        ComingLine(fact.from_date.isoformat(), about, in_words(fact.kind, fact.detail, customer.currency), _iso(fact.to_date))
        for about, fact in every
    ]
    told += [
        ComingLine(from_date.isoformat(), each.subscription_id, f"plan {plan}")
        for each in customer.contracts
        for from_date, plan in (() if each.is_taken_back else each.plans)
    ]
    coming = [each for each in told if each.from_date > day.isoformat()]
    return sorted(coming, key=lambda each: (each.from_date, each.about, each.says))


def _member(found: Picture, relation: Relation) -> str:
    """The id of the account or subscription that another account takes something over from."""
    if relation.subscription is None:
        return found.customers[relation.member].account_id
    return found.contract(relation.subscription).subscription_id


def _may_come(contract: Contract, fact: Fact) -> bool:
    """Return whether anything happens on the day of a fact: nothing where an end was moved from it, or undone."""
    return fact.kind != "no_end" and contract.holds_instead(fact) is None


def _fact(about: str, fact: Fact, currency: str, dunned: Mapping[int, _Dunned]) -> FactLine:
    detail = fact.detail if isinstance(fact.detail, str) else msgspec.json.encode(fact.detail).decode()
    says = in_words(fact.kind, fact.detail, currency)
    dates = (fact.from_date.isoformat(), _iso(fact.to_date))
    told = (fact.fact_id, about, fact.kind, *dates, says, detail)
    step = dunned.get(fact.commit_seq) if fact.kind in DUNNING_KINDS else None
    if step is None:
        return FactLine(*told, fact.by_name, fact.commit_seq)
    return FactLine(*told, step.by_name, fact.commit_seq, step.run_id, step.level, step.undone)


def _opening(connection: sa.Connection, key: int) -> list[OpeningLine]:
    item = tables.opening_items.c
    query = sa.select(item.reference, item.issued_on, item.due_on, item.amount_micros).where(item.account_key == key)
    return [OpeningLine(*row) for row in connection.execute(query.order_by(item.due_on, item.reference))]


def _baselines(connection: sa.Connection, key: int) -> dict[str, int]:
    month = tables.baselines.c
    query = sa.select(month.month, month.amount_micros).where(month.account_key == key).order_by(month.month)
    return {row[0]: row[1] for row in connection.execute(query)}


def _iso(day: dt.date | None) -> str | None:
    return day.isoformat() if day else None
