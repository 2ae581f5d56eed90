"""Charges and credits by hand: entered by one person, approved by another where they are beyond the limit, billed by the next run.

Each has the caller's reference, so that a repeat counts once, and a reason code. Beyond the setting `adjustment_limit_micros` it waits. The
limit also holds for the sum of credits (or charges) of 30 days without a second person: of this person, and of the account. Another account
of the operating system gives the same command, and from that commit on it counts. It becomes a line of the period that holds its date. A
date before the first open day of its account would never be billed. It is refused, both at entry and at approval. A date after the closing
of the account is refused at entry; an adjustment entered before the account was closed is of the last period. A date in a period in which
the account is for tests is refused at entry and at approval: nothing of that is invoiced.
"""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import msgspec
import sqlalchemy as sa

from billing import catalogue, late_decisions
from billing.accounts import facts, forecast
from billing.accounts.handovers.known import NAME_ANOTHER, is_taken_back, never_was
from billing.accounts.picture import load
from billing.accounts.still_open import open_from
from billing.charges.adjustments import Entered, needs_approval, problems
from billing.charges.reasons import reason_of, reasons
from billing.documents.trying import transaction
from billing.give_back_limit import Given, columns_of_acts, given_alone
from billing.invoicing import languages
from billing.persons import Turn, anybody, is_of, same_person
from billing.runs.settlement import adjustments
from billing.runs.settlement.adjustments import LIMIT, counting
from billing.store import requests, settings, tables
from rating import identifiers
from rating.dates import last_day
from rating.errors import NotFoundError, UserError
from rating.money import format_micros, minor_step_micros

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from billing.ledger.closed_months import Who
    from billing.store.home import Home
    from rating.model import Catalogue

PENDING: Final = "waits for approval"
WAITING: Final = "waits for a run"
RETRACTED: Final = "retracted"  # its decision was taken back: it is never billed
NEVER: Final = "never billed: its period is closed"  # before a run billed it
NEVER_FOR_TESTS: Final = "never billed: its account is for tests"
_NEVER: Final = {adjustments.PERIOD_CLOSED: NEVER, adjustments.FOR_TESTS: NEVER_FOR_TESTS}
_WRONGLY_CLOSED: Final = "nothing can be charged on it, unless the closing was wrong and `ratewright accounts retract` takes it back"


class AccountClosedError(UserError):
    """An account that is closed, and that no later bill corrects."""


class AccountForTestsError(UserError):
    """An account that is for tests in the period of a day: nothing of that is invoiced."""


class AdjustmentRequest(NamedTuple):
    """A charge (amount above zero) or credit (below) as it is entered; `subscription_id` empty: of the account itself."""

    reference: str
    account_id: str
    on_date: dt.date
    amount_micros: int  # as the catalogue states its prices: with tax where those hold it
    reason_code: str
    text: str
    catalogue: str
    tax_class: str
    subscription_id: str = ""


class Adjustment(msgspec.Struct, frozen=True):
    """One adjustment. `state`: waits for approval, waits for a run, retracted, never billed, or its newest invoice.

    `retracted_by`, `retracted_us`, `retracted_why`: who took the decision on late usage back that it was to bill.
    """

    reference: str
    account_id: str
    subscription_id: str
    on_date: str
    currency: str
    amount_micros: int
    reason_code: str
    text: str
    by_name: str
    approved_by: str | None
    state: str
    existed: bool = False
    catalogue: str = ""
    tax_class: str = ""
    retracted_by: str = ""
    retracted_us: int = 0
    retracted_why: str = ""


def add(home: Home, wanted: AdjustmentRequest, who: Who, *, dry_run: bool = False, allow: Callable[[Turn], None] = anybody) -> Adjustment:
    """Enter an adjustment, or approve the one that waits under this reference. Raises UserError for an adjustment that is not possible.

    `allow` is asked before it is entered, or approved, and raises where this person may not do that.
    """
    done: list[Adjustment] = []
    with transaction(home, dry_run=dry_run) as connection:
        values, existed = _values(home, connection, wanted), False
        before = connection.execute(sa.select(tables.adjustments).where(tables.adjustments.c.reference == wanted.reference)).one_or_none()
        limit = settings.integer(connection, LIMIT)
        if before is None:
            identifiers.require_new(wanted.reference, "adjustment")
            allow(Turn.ASKS)
            _enter(home, connection, wanted, values, who, limit)
        else:
            _require_same(before, values, has_text=bool(wanted.text))
            existed = not _approve(home, connection, before, wanted, who, allow)
        done += [msgspec.structs.replace(each, existed=existed) for each in _stored(home, connection, wanted.reference)]
        requests.tell(connection, done[0])
    return done[0]


def enter(home: Home, connection: sa.Connection, wanted: AdjustmentRequest, who: Who, agreed: Who | None) -> int:
    """Enter an adjustment that counts at once, in the caller's transaction, and return its id. `agreed`: the second person.

    Raises UserError as `add` does, and where the amount needs another person and none has agreed.
    """
    values = require_possible(home, connection, wanted, who)
    within = _is_within(connection, wanted, values["account_key"], who, settings.integer(connection, LIMIT))
    approver = who if agreed is None else agreed
    if not within and same_person(who.by_uid, approver.by_uid):
        raise UserError(f"{format_micros(wanted.amount_micros)} is above the limit of one person", "another person has to agree")
    return _insert(home, connection, wanted, values, who, approver)


def require_possible(home: Home, connection: sa.Connection, wanted: AdjustmentRequest, who: Who) -> dict[str, Any]:
    """The columns of an adjustment that may be entered. Raises UserError as `add` does, and where the reference is taken."""
    values = _values(home, connection, wanted)
    row = tables.adjustments.c
    if connection.execute(sa.select(row.adjustment_id).where(row.reference == wanted.reference)).first() is not None:
        raise UserError(f"adjustment {wanted.reference} exists", "give a new one another reference")
    _require_sense(home, connection, wanted, values, who)
    return values


def need_second(connection: sa.Connection, charges: Sequence[Given], who: Who) -> bool:
    """True where another person has to agree to charges of one command, added up as if all were of the account that has most already."""
    limit, totals = settings.integer(connection, LIMIT), dict[str, int]()
    for each in charges:
        totals[each.currency] = totals.get(each.currency, 0) + each.amount_micros
    alone = _alone(credits_=False)
    return any(needs_approval(totals[each.currency] + given_alone(connection, alone, each, who), limit) for each in charges)


def minor_step(home: Home, identity: str) -> int:
    """Micro-units of the smallest coin of a catalogue."""
    return minor_step_micros(_catalogue(home, identity).minor_digits)


def list_all(home: Home, account_id: str | None = None) -> list[Adjustment]:
    """All adjustments, or those of an account, in the order in which they were entered."""
    with home.connect() as connection:
        found = _stored(home, connection)
    return [each for each in found if account_id is None or each.account_id == account_id]


def _values(home: Home, connection: sa.Connection, wanted: AdjustmentRequest) -> dict[str, Any]:
    """The columns of the adjustment that is wanted. Raises UserError for unknown names."""
    account = tables.accounts.c
    row = connection.execute(sa.select(account.account_key, account.currency).where(account.account_id == wanted.account_id)).one_or_none()
    if row is None:
        raise NotFoundError(f"no account has the id {wanted.account_id}", "`ratewright accounts list` shows all ids")
    subscription_key = _subscription_key(connection, wanted, row.account_key)
    _require_tax_class(home, wanted, row.currency)
    reason = reason_of(wanted.reason_code)
    codes = {"charge_code": reason.charge_code, "revenue_code": reason.revenue_code, "reason_code": reason.code}
    told = {"on_date": wanted.on_date.isoformat(), "amount_micros": wanted.amount_micros, "text": wanted.text}
    keys = {"account_key": row.account_key, "subscription_key": subscription_key}
    return {**keys, **told, **codes, "catalogue": wanted.catalogue, "tax_class": wanted.tax_class}


def language_of_bill(home: Home, connection: sa.Connection, account_key: int, day: dt.date) -> str:
    """The language of an account's own bill to come that can have an adjustment of a day, as agreed now.

    A day after the period of that bill has the language of the day.
    """
    to_come = forecast.next_bill(connection, load(connection, [account_key]).customers[account_key])
    return languages.of_next(home, connection, account_key, day if to_come is None else max(day, to_come.end))


def _subscription_key(connection: sa.Connection, wanted: AdjustmentRequest, account_key: int) -> int:
    if not wanted.subscription_id:
        return 0
    subscription = tables.subscriptions.c
    query = sa.select(subscription.subscription_key).where(subscription.subscription_id == wanted.subscription_id)
    found = connection.execute(query.where(subscription.account_key == account_key)).scalar_one_or_none()
    if found is None:
        raise NotFoundError(
            f"account {wanted.account_id} has no subscription {wanted.subscription_id}",
            f"`ratewright accounts show {wanted.account_id}` shows them",
        )
    return int(found)


def _catalogue(home: Home, identity: str) -> Catalogue:
    """The newest version of a catalogue."""
    found = [each for each in catalogue.in_force(home) if each.identity == identity]
    if not found:
        raise UserError(f"no catalogue {identity} is published", "`ratewright tariffs history` shows all", exit_status=2)
    return max(found, key=lambda each: each.effective_from_us)


def _require_tax_class(home: Home, wanted: AdjustmentRequest, currency: str) -> None:
    known = _catalogue(home, wanted.catalogue)
    if known.currency != currency:
        raise UserError(
            f"catalogue {wanted.catalogue} is in {known.currency}, account {wanted.account_id} in {currency}",
            "name a catalogue in the account's currency",
        )
    names = sorted(each.name for each in known.tax_classes)
    if wanted.tax_class not in names:
        raise UserError(f"catalogue {wanted.catalogue} has no tax class {wanted.tax_class!r}", f"it has {', '.join(names)}", exit_status=2)


def _enter(home: Home, connection: sa.Connection, wanted: AdjustmentRequest, values: dict[str, Any], who: Who, limit_micros: int) -> None:  # noqa: PLR0913, PLR0917 -- what, about what, when and by whom
    _require_sense(home, connection, wanted, values, who)
    _insert(
        home, connection, wanted, values, who, who if _is_within(connection, wanted, values["account_key"], who, limit_micros) else None
    )


def _is_within(connection: sa.Connection, wanted: AdjustmentRequest, account_key: int, who: Who, limit_micros: int) -> bool:
    """True where one person may enter it alone, with the amounts entered so in thirty days."""
    given = Given(account_key, _currency_of(connection, account_key), wanted.amount_micros)
    total = abs(wanted.amount_micros) + given_alone(connection, _alone(credits_=wanted.amount_micros < 0), given, who)
    return not needs_approval(total, limit_micros)


def _require_sense(home: Home, connection: sa.Connection, wanted: AdjustmentRequest, values: dict[str, Any], who: Who) -> None:
    """Raises UserError for an amount or reason that cannot be, a subscription that never was, and a day that no later bill corrects."""
    entered = Entered(wanted.amount_micros, wanted.reason_code, wanted.text, who.by_uid, approved_uid=who.by_uid + 1)  # approval may follow
    wrong = problems(entered, minor_step(home, wanted.catalogue), settings.integer(connection, LIMIT), reasons())
    if wrong:
        raise UserError(f"adjustment {wanted.reference}: {'; '.join(wrong)}", "correct it and give the command again", exit_status=2)
    ends = facts.subscription_facts(connection, kinds=("end",), keys=[values["subscription_key"]])
    if is_taken_back(ends):
        raise UserError(never_was(wanted.subscription_id), NAME_ANOTHER)
    _require_open(connection, wanted, values["account_key"])


def _insert(  # noqa: PLR0913, PLR0917 -- what, and by whom
    home: Home, connection: sa.Connection, wanted: AdjustmentRequest, values: dict[str, Any], who: Who, approver: Who | None
) -> int:
    seq = home.next_commit_seq(connection, "adjustment", who.now_us)
    by = {"by_name": who.by_name, "by_uid": who.by_uid, "at_us": who.now_us, "commit_seq": seq}
    agreed: dict[str, Any] = {"approved_by": None, "approved_uid": None}
    if approver is not None:
        agreed = {"approved_by": approver.by_name, "approved_uid": approver.by_uid}
    added = connection.execute(
        tables.adjustments.insert().values(reference=wanted.reference, **values, **by, **agreed)
    ).inserted_primary_key
    assert added is not None
    return int(added[0])


def _alone(*, credits_: bool) -> sa.Select[Any]:
    """Credits, or charges, that one person entered and no other person approved."""
    row, account = tables.adjustments.c, tables.accounts.c
    columns = columns_of_acts(row.by_uid, row.at_us, row.account_key, account.currency, sa.func.abs(row.amount_micros))
    query = sa.select(*columns).join_from(tables.adjustments, tables.accounts, account.account_key == row.account_key)
    return query.where(is_of(row.approved_uid, row.by_uid), row.amount_micros < 0 if credits_ else row.amount_micros > 0)


def _currency_of(connection: sa.Connection, account_key: int) -> str:
    account = tables.accounts.c
    return str(connection.execute(sa.select(account.currency).where(account.account_key == account_key)).scalar_one())


def _require_same(before: Any, values: dict[str, Any], *, has_text: bool) -> None:  # noqa: ANN401 -- a row of adjustments
    remedy = "give a new one another reference"
    if before.account_key != values["account_key"]:  # nothing is said of an adjustment that may be of another legal entity
        raise UserError(f"{before.reference} cannot be the reference of an adjustment of this account", remedy)
    if before.subscription_key != values["subscription_key"]:
        raise UserError(f"adjustment {before.reference} exists with another subscription", remedy)
    given = {name: value for name, value in values.items() if has_text or name != "text"}  # else its text is of the language of then
    for name, value in given.items():
        if getattr(before, name) != value:
            raise UserError(f"adjustment {before.reference} exists with {name} {getattr(before, name)!r}, not {value!r}", remedy)


def _approve(  # noqa: PLR0913, PLR0917 -- what waits, what is wanted, and by whom
    home: Home,
    connection: sa.Connection,
    before: Any,  # noqa: ANN401 -- a row of adjustments
    wanted: AdjustmentRequest,
    who: Who,
    allow: Callable[[Turn], None],
) -> bool:
    """Let a waiting adjustment count from now on; False where it counts, or the same person asks again."""
    seq = home.head_seq(connection)
    counts = before.adjustment_id in counting(connection, seq)["adjustment_id"].to_pylist()
    if counts or before.approved_by is not None or same_person(before.by_uid, who.by_uid):
        return False
    allow(Turn.AGREES)
    _require_open(connection, wanted, before.account_key, entered=True)
    seq = home.next_commit_seq(connection, "adjustment", who.now_us)
    row = tables.adjustments
    values = {"approved_by": who.by_name, "approved_uid": who.by_uid, "commit_seq": seq}
    connection.execute(row.update().where(row.c.adjustment_id == before.adjustment_id).values(**values))
    return True


def _require_open(connection: sa.Connection, wanted: AdjustmentRequest, account_key: int, *, entered: bool = False) -> None:
    """Raises UserError for a day that no later bill will compute, naming those that are open. `entered`: it is there already."""
    account_id, day = wanted.account_id, wanted.on_date
    picture = load(connection, [account_key])
    first, closed_on = open_from(connection, picture, account_key), picture.customers[account_key].closed_on
    if closed_on is not None and closed_on <= first:
        remedy = "credit one of its invoices" if wanted.amount_micros < 0 else _WRONGLY_CLOSED
        raise AccountClosedError(f"account {account_id} is closed on {closed_on}, and no bill corrects it any more", remedy)
    if day < first:
        raise UserError(f"no bill to come corrects {account_id} before {first}: {day} is too early", f"give {first}, or a later day")
    if closed_on is not None and day >= closed_on and not entered:
        remedy = f"give a day from {first} to {last_day(closed_on)}"
        raise UserError(f"account {account_id} is closed on {closed_on}: {day} is too late", remedy)
    last = day if closed_on is None else min(day, last_day(closed_on))
    if picture.customers[account_key].is_for_tests(last):
        remedy = f"give a day in a period in which it is none: `ratewright accounts show {account_id}` shows its category"
        raise AccountForTestsError(f"account {account_id} is for tests in the period of {day}, and nothing of that is invoiced", remedy)


def _stored(home: Home, connection: sa.Connection, reference: str | None = None) -> list[Adjustment]:
    row, account, subscription = tables.adjustments, tables.accounts.c, tables.subscriptions.c
    columns = (account.account_id, account.currency, subscription.subscription_id)
    query = sa.select(row, *columns).select_from(row).join(tables.accounts, account.account_key == row.c.account_key)
    query = query.outerjoin(tables.subscriptions, subscription.subscription_key == row.c.subscription_key)
    if reference is not None:
        query = query.where(row.c.reference == reference)
    seq = home.head_seq(connection)
    counts = set(counting(connection, seq)["adjustment_id"].to_pylist())
    billed, gone = adjustments.billed(connection), late_decisions.retracted(connection, seq)
    undone = {each.adjustment_id: each for each in late_decisions.undone(connection, seq).values()}
    never = {number: _NEVER[why] for number, why in adjustments.never_billed(connection, seq).items()}
    waits: dict[Any, str] = dict.fromkeys(counts, WAITING) | never
    waits |= {number: each.number for number, each in billed.items() if number in counts} | dict.fromkeys(gone, RETRACTED)
    return [
        Adjustment(
            reference=each.reference,
            account_id=each.account_id,
            subscription_id=each.subscription_id or "",
            on_date=each.on_date,
            currency=each.currency,
            amount_micros=int(each.amount_micros),
            reason_code=each.reason_code,
            text=each.text,
            by_name=each.by_name,
            approved_by=None if same_person(each.approved_uid, each.by_uid) else each.approved_by,
            state=waits.get(each.adjustment_id, PENDING),
            catalogue=each.catalogue,
            tax_class=each.tax_class,
            **_retracted(undone.get(each.adjustment_id)),
        )
        for each in connection.execute(query.order_by(row.c.adjustment_id))
    ]


def _retracted(undone: late_decisions.Undone | None) -> dict[str, Any]:
    if undone is None:
        return {}
    return {"retracted_by": undone.by_name, "retracted_us": undone.at_us, "retracted_why": undone.reason}
