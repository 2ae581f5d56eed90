"""The start of a run: its conditions and its row. An unfinished run of the same date goes on; any other blocks a new one."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import msgspec
import numpy as np
import sqlalchemy as sa

from billing.allocations.items import chunks
from billing.collection import gate
from billing.ledger import closed_months
from billing.runs import states
from billing.runs.contracts import facts
from billing.runs.dates import begun
from billing.runs.states import By, Run
from billing.store import bulk, commit_points, settings, tables
from rating.dates import utc_time
from rating.errors import UserError

if TYPE_CHECKING:
    from billing.store.home import Home

REQUIRED: Final = "required"  # what the setting `approval` says where a list needs one
YEARS_AHEAD_MAX: Final = 3  # a bill date further ahead is a slip of the pen: it would bill fees of years to come
FIRST_DATE: Final = dt.date(2000, 1, 1)
LAST_DATE: Final = dt.date(2099, 12, 31)


class Order(NamedTuple):
    """The options of a run."""

    by: By = By()
    accounts: frozenset[str] | None = None  # only these account ids, and those of their rating units
    trial: bool = False  # stop when computed
    resume: bool = False  # only go on with a run that is there
    everything: bool = False  # compute all open periods, changed since or not
    wait: bool = False  # for another run to end
    kind: str = states.CYCLE
    issued_on: dt.date | None = None  # the date of its invoices; None: the bill date
    ahead: str = ""  # why it is made before its date has begun; another person has to approve it then


def require_date(bill_date: dt.date, now_us: int) -> None:
    """Raises UserError for a date that cannot be meant, before anything is stored for it."""
    this_year = utc_time(now_us).year
    last = min(LAST_DATE, dt.date(this_year + YEARS_AHEAD_MAX, 12, 31))
    if not FIRST_DATE <= bill_date <= last:
        raise UserError(
            f"the bill date {bill_date} is not between {FIRST_DATE} and {last}",
            "give the date on which the period to bill has ended, such as 2025-11-01",
            exit_status=2,
        )


def begin(home: Home, bill_date: dt.date, now_us: int, order: Order) -> Run:
    """The unfinished run of this date, or a new one with its row. Raises UserError where a condition is not met."""
    with home.begin() as connection:
        current = unfinished(home, connection, bill_date, now_us, order)
        if current is not None:
            return current
        seq = home.next_commit_seq(connection, "run", now_us)
        require_begun(connection, bill_date, now_us, order, seq)
        keys = require_books_open(connection, bill_date, order, seq)
        gate.require_complete(connection, bill_date)
        current = _insert(connection, bill_date, seq, now_us, order)
        if keys is not None:
            bulk.insert(connection, tables.run_accounts, {"run_id": [current.run_id] * len(keys), "account_key": keys})
    commit_points.reached("run.started")
    return current


def unfinished(home: Home, connection: sa.Connection, bill_date: dt.date, now_us: int, order: Order) -> Run | None:
    """The run of this date that is not finished and goes on; None: a new one may begin. Raises UserError where neither may be."""
    home.require_clock(connection, now_us)
    current = states.unfinished(connection)
    if current is not None:
        _require_same(connection, current, bill_date, order)
        return current._replace(resumed=True)
    if order.resume:
        raise UserError(f"no bill run of {bill_date} is unfinished", "`ratewright bill list` shows all runs")
    return None


def require_begun(connection: sa.Connection, bill_date: dt.date, now_us: int, order: Order, seq: int) -> None:
    """Raises UserError where the dates of a new run have not begun for all accounts that it touches, and no reason is given."""
    begun.require_begun(connection, begun.RunDates(bill_date, order.issued_on, order.accounts, order.ahead), now_us, seq)


def require_books_open(connection: sa.Connection, bill_date: dt.date, order: Order, seq: int) -> list[int] | None:
    """The keys of the accounts of a new run, None for all. Raises UserError for an unknown one, and where their books are closed."""
    keys = _account_keys(connection, order.accounts, seq)
    _require_open(connection, (order.issued_on or bill_date).isoformat(), keys)
    return keys


def may_number(connection: sa.Connection, current: Run, wanted: Order, now_us: int) -> bool:
    """Return whether the frozen list may get its numbers.

    Raises UserError for an explicit `resume` of a list that is not approved, and where its dates have not begun and it gives no reason.
    """
    if not current.ahead:
        _require_still_begun(connection, current, now_us)
    if wanted.resume:
        require_approved(connection, current)
    return not waits_for_approval(connection, current)


def require_approved(connection: sa.Connection, current: Run) -> None:
    """Raises UserError for a run that waits for approval; checked again by the transaction that numbers it."""
    if waits_for_approval(connection, current):
        raise UserError(
            f"bill run {current.run_id} of {current.bill_date} waits for approval",
            f"look at it with `ratewright bill trial --run {current.run_id}`; then another person than who started it: "
            f"ratewright bill approve --run {current.run_id}",
        )


def waits_for_approval(connection: sa.Connection, current: Run | None, ahead: str = "") -> bool:
    """Return whether a run, None for a new one (`ahead` for that reason), needs an approval that it has not got.

    It does by the rule at its start or by the one of now, and always where it is ahead of its date.
    """
    is_ahead = bool(ahead if current is None else current.ahead)
    moments = (None,) if current is None else (None, current.pinned_seq)
    needed = is_ahead or settings.strictest(connection, "approval", moments) == REQUIRED
    return needed and (current is None or states.approved_by(connection, current.run_id) is None)


def require_still_open(connection: sa.Connection, current: Run) -> None:
    """Raises UserError where the month that a run was begun in has been closed since, as when a new one begins."""
    _require_open(connection, current.issued_on or current.bill_date, _named(connection, current) if current.restricted else None)


def _require_still_begun(connection: sa.Connection, current: Run, now_us: int) -> None:
    """Raises UserError where the dates of a run have not begun, because its clock was ahead or it began before this guard existed."""
    issued_on = dt.date.fromisoformat(current.issued_on) if current.issued_on else None
    only = _ids(connection, current) if current.restricted else None
    bill_date = dt.date.fromisoformat(current.bill_date)
    try:
        begun.require_begun(connection, begun.RunDates(bill_date, issued_on, only, ""), now_us, current.pinned_seq)
    except UserError as error:
        forget = f"ratewright bill abandon --date {current.bill_date} gives up the run, which has numbered nothing"
        raise UserError(error.message, f"{error.remedy}; {forget}") from error


def only_accounts(home: Home, current: Run) -> frozenset[str] | None:
    """The account ids of a restricted run; None for one of all accounts."""
    if not current.restricted:
        return None
    with home.connect() as connection:
        return _ids(connection, current)


def _insert(connection: sa.Connection, bill_date: dt.date, seq: int, now_us: int, order: Order) -> Run:
    runs, restricted = tables.bill_runs, order.accounts is not None
    issued_on = None if order.issued_on is None else order.issued_on.isoformat()
    detail = {name: text for name, text in ((states.ISSUED_ON, issued_on), (states.AHEAD, order.ahead)) if text}
    values: dict[str, Any] = {
        "bill_date": bill_date.isoformat(),
        "pinned_seq": seq,
        "state": states.COMPUTING,
        "started_us": now_us,
        "commit_seq": seq,
        "kind": order.kind,
        "detail": msgspec.json.encode(detail).decode() if detail else None,
        "restricted": int(restricted) or None,
    }
    key = connection.execute(runs.insert().values(**values)).inserted_primary_key
    assert key is not None
    states.note_step(connection, int(key[0]), states.COMPUTING, now_us, order.by)
    whole = (int(key[0]), bill_date.isoformat(), seq, states.COMPUTING, order.kind, order.by, restricted)
    return Run(*whole, issued_on=issued_on, ahead=order.ahead)


def _require_open(connection: sa.Connection, day: str, account_keys: list[int] | None) -> None:
    """The books of all that invoices of a day may be posted to have to be open."""
    closed_months.require_open(connection, {(entity, day[:7]) for entity in _entities(connection, account_keys)})


def _entities(connection: sa.Connection, account_keys: list[int] | None) -> set[str]:
    """Legal entities whose books a run of these accounts may post to; of all accounts (None) always with the one that has no name."""
    account = tables.accounts.c
    query = sa.select(sa.func.coalesce(account.legal_entity, "")).distinct()
    if account_keys is None:
        return {"", *connection.execute(query).scalars()}
    lots = chunks(account_keys)
    return {entity for lot in lots for entity in connection.execute(query.where(account.account_key.in_(lot or ()))).scalars()}


def _named(connection: sa.Connection, current: Run) -> list[int]:
    """The keys of the accounts of a restricted run."""
    row = tables.run_accounts.c
    return list(connection.execute(sa.select(row.account_key).where(row.run_id == current.run_id)).scalars())


def _ids(connection: sa.Connection, current: Run) -> frozenset[str]:
    """The ids of the accounts of a restricted run."""
    named, account = tables.run_accounts, tables.accounts
    query = sa.select(account.c.account_id).join_from(named, account, named.c.account_key == account.c.account_key)
    return frozenset(connection.execute(query.where(named.c.run_id == current.run_id)).scalars())


def _require_same(connection: sa.Connection, current: Run, bill_date: dt.date, order: Order) -> None:
    """The run that is there must be the one that is wanted."""
    if current.bill_date != bill_date.isoformat() or current.kind != order.kind:
        forget = f"; or abandon it: ratewright bill abandon --date {current.bill_date}" if current.state != states.NUMBERED else ""
        raise UserError(
            f"the bill run of {current.bill_date} is not finished",
            f"finish it first: ratewright bill run --date {current.bill_date}{forget}",
        )
    if order.trial and current.state == states.NUMBERED:
        raise UserError(f"the bill run of {bill_date} has numbered its invoices", f"finish it: ratewright bill run --date {bill_date}")
    if order.ahead not in {"", current.ahead}:
        how = f"ahead: {current.ahead}" if current.ahead else "without --ahead"
        raise UserError(
            f"the bill run of {bill_date} that is not finished was begun {how}",
            f"go on with it: ratewright bill run --date {bill_date} --resume; or abandon it: ratewright bill abandon --date {bill_date}",
        )
    if order.accounts is None:
        return  # goes on with what the run was asked for
    if set(_named(connection, current)) != set(_account_keys(connection, order.accounts, current.pinned_seq) or ()):
        raise UserError(
            f"the bill run of {bill_date} that is not finished is for other accounts",
            f"finish it first: ratewright bill run --date {bill_date} --resume",
        )


def _account_keys(connection: sa.Connection, account_ids: frozenset[str] | None, seq: int) -> list[int] | None:
    """Keys of named accounts and of all accounts of their rating units as of `seq`. Raises UserError when one is not known."""
    if account_ids is None:
        return None
    account = tables.accounts.c
    known = {row.account_id: row.account_key for row in connection.execute(sa.select(account.account_id, account.account_key))}
    unknown = sorted(account_ids - known.keys())
    if unknown or not account_ids:
        what = f"no account has the id {unknown[0]}" if unknown else "no account is named"
        raise UserError(what, "`ratewright accounts list` shows all ids; give them as --accounts a,b or --accounts @file", exit_status=2)
    everybody = facts.load(connection, seq)
    named = np.isin(everybody.account_keys, [known[each] for each in account_ids])
    in_units = np.isin(everybody.account_unit, everybody.account_unit[named])
    keys: list[int] = np.sort(everybody.account_keys[in_units]).tolist()
    return keys
