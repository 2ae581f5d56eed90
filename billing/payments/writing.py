"""Shared parts of all acts on payments: one transaction that can be a trial, checks of amounts and accounts, comparison with stored data.

A trial (`dry_run`) does everything inside its transaction and undoes it, so that its answer is what the act would say.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import itertools
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import sqlalchemy as sa

from billing import catalogue
from billing.catalogue import Operator
from billing.persons import Who
from billing.store import commit_points, tables
from rating.errors import NotFoundError, UserError
from rating.money import check_micros, format_micros, minor_step_micros
from tariffs.currencies import MINOR_DIGITS

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from billing.store.approvals import Agreement
    from billing.store.home import Home

COMMIT_KIND: Final = "payment"
FIRST_MONEY: Final = dt.date(2000, 1, 1)  # no money is recorded as of an earlier date
_FIRST_ZONE: Final = dt.timezone(dt.timedelta(hours=14))


class Account(NamedTuple):
    """The account that money belongs to. `entity`: the legal entity whose books hold it, empty for the one without a name."""

    account_key: int
    account_id: str
    currency: str
    entity: str


class Act(NamedTuple):
    """The person who acts, and the instant; with `dry_run` the act is tried and undone."""

    by: Operator
    now_us: int
    dry_run: bool = False


def act_of(agreement: Agreement) -> Act:
    """The act of the person who asked for it, now that another one agrees."""
    who = agreement.asked_by
    return Act(Operator(who.by_name, who.by_uid), who.now_us)


class Writing:
    """One write transaction, and the commit number it takes once it stores something."""

    def __init__(self, home: Home, connection: sa.Connection, act: Act) -> None:
        self.home = home
        self.connection = connection
        self.act = act
        self._seq = 0

    @property
    def seq(self) -> int:
        """The number of this commit, taken at the first call."""
        if not self._seq:
            self._seq = self.home.next_commit_seq(self.connection, COMMIT_KIND, self.act.now_us)
        return self._seq

    @property
    def signed(self) -> dict[str, Any]:
        """The person who acts and the commit, as columns of a row."""
        return {"by_name": self.act.by.name, "by_uid": self.act.by.uid, "commit_seq": self.seq}

    @property
    def who(self) -> Who:
        """The person who acts, and the instant."""
        return Who(self.act.by.name, self.act.by.uid, self.act.now_us)

    @property
    def stores(self) -> bool:
        """True if something was stored."""
        return self._seq > 0


@contextlib.contextmanager
def writing(home: Home, act: Act) -> Iterator[Writing]:
    """The one write transaction of an act; undone at its end when it is a trial."""
    with home.begin(dry_run=act.dry_run) as connection:
        work = Writing(home, connection, act)
        yield work
        if work.stores and not act.dry_run:
            commit_points.reached("payment.before_commit")
    if work.stores and not act.dry_run:
        commit_points.reached("payment.committed")


def account_of(connection: sa.Connection, account_id: str) -> Account:
    """An account by its id. Raises NotFoundError."""
    account = tables.accounts.c
    columns = (account.account_key, account.account_id, account.currency, sa.func.coalesce(account.legal_entity, ""))
    row = connection.execute(sa.select(*columns).where(account.account_id == account_id)).first()
    if row is None:
        raise NotFoundError(f"no account has the id {account_id}", "give the id as in accounts.csv")
    return Account(*row)


def account_by_key(connection: sa.Connection, account_key: int) -> Account:
    """An account that is known to exist."""
    account = tables.accounts.c
    columns = (account.account_key, account.account_id, account.currency, sa.func.coalesce(account.legal_entity, ""))
    return Account(*connection.execute(sa.select(*columns).where(account.account_key == account_key)).one())


def require_sensible(on: dt.date, what: str) -> None:
    """Raises UserError for a date before `FIRST_MONEY`: a year that is missing or mistaken."""
    if on < FIRST_MONEY:
        raise UserError(f"{what} is dated {on}, before {FIRST_MONEY}", "give the date on which it happened", exit_status=2)


def require_id(given: str, what: str) -> None:
    """Raises UserError for an empty id: it is what makes something count once."""
    if not given.strip() or not given.isprintable():
        raise UserError(
            f"the id of the {what} is {'empty' if not given.strip() else 'no text of one line'}",
            "give the bank's or your own id of it: it makes it count once",
            exit_status=2,
        )


def require_positive(amount_micros: int, what: str, remedy: str = "give the amount as it was received") -> None:
    """Raises UserError for an amount that is not above zero."""
    if amount_micros <= 0:
        raise UserError(f"{what} of {format_micros(amount_micros)} is not above zero", remedy, exit_status=2)
    check_micros(amount_micros)


def require_currency(given: str | None, account: Account, what: str) -> None:
    """Raises UserError where money is said to be in another currency than the account's."""
    if given not in {None, account.currency}:
        raise UserError(
            f"{what} is in {given}, account {account.account_id} in {account.currency}",
            "record what the bank credited in the account's currency",
        )


def require_minor_units(
    home: Home, amount_micros: int, currency: str, what: str, remedy: str = "give the amount that the bank booked"
) -> None:
    """Raises UserError for a part of a minor unit, which would leave an invoice open for ever.

    Catalogues may state more places than the currency has.
    """
    if amount_micros % minor_step_micros(MINOR_DIGITS.get(currency, 2)) == 0:
        return
    places = minor_places(home, currency)
    if amount_micros % minor_step_micros(places):
        raise UserError(
            f"{what} of {format_micros(amount_micros)} has more than the {places} decimal places of {currency}",
            remedy,
            exit_status=2,
        )


def minor_places(home: Home, currency: str) -> int:
    """The decimal places of a currency here: of the catalogues that charge in it, else its own."""
    places = MINOR_DIGITS.get(currency, 2)
    return max((each.minor_digits for each in catalogue.published(home) if each.currency == currency), default=places)


def require_same(what: str, fields: Iterable[tuple[str, object, object]], remedy: str) -> None:
    """Fields as (name, stored, given): raises UserError that names the first one that differs. A given None is not compared."""
    for name, old, new in fields:
        if new is not None and old != new:
            shown = (format_micros(old), format_micros(new)) if isinstance(old, int) and isinstance(new, int) else (repr(old), repr(new))
            raise UserError(f"{what} exists with {name} {shown[0]}, not {shown[1]}", remedy)


def latest_day(now_us: int) -> dt.date:
    """The date that it is where days begin first: no money can have come, gone or been promised on a later one."""
    return dt.datetime.fromtimestamp(now_us // 1_000_000, _FIRST_ZONE).date()


def require_begun(on: dt.date, now_us: int, option: str = "--date") -> None:
    """Raises UserError for a date that has begun nowhere yet."""
    if on > latest_day(now_us):
        raise UserError(f"{option}: {on} has not begun yet", "give the date on which it happened", exit_status=2)


def require_not_before(on: dt.date, earliest: str, what: str, came: str = "the money came") -> None:
    """Raises UserError where something is said to have happened before what it needs: `came` says what that is, `earliest` when it was."""
    if on.isoformat() < earliest:
        raise UserError(f"{what} is dated {on}, before {came} on {earliest}", "give the date on which it happened", exit_status=2)


def first_day(moves: Iterable[tuple[str, int]], amount_micros: int) -> str:
    """The first day from which on so much is there at the end of every day, of what came and went (below zero) by date. Pure.

    Where less is there in the end (credit waits for a run that is not posted yet), the first one from which on that is.
    """
    of_day: dict[str, int] = {}
    for on, micros in moves:
        of_day[on] = of_day.get(on, 0) + micros
    days = sorted(of_day)
    there = list(itertools.accumulate(of_day[day] for day in days))
    needed = min(amount_micros, there[-1])
    return days[max((place for place, micros in enumerate(there) if micros < needed), default=-1) + 1]
