"""Acts on accounts, from what a user gives: numbers that change hands, discounts in percent, files that are sent."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Final

import sqlalchemy as sa

from billing.accounts import layouts
from billing.store import tables
from rating.errors import ProblemsError, UserError
from rating.money import MICROS_PER_UNIT, MoneyError, parse_micros

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Mapping, Sequence

    from billing.accounts.importing.whole import ImportReport
    from billing.accounts.recording import Asked, Done
    from billing.payments.writing import Act
    from billing.store.home import Home
    from rating.errors import Problem

QUARANTINE_DAYS: Final = 90
_ALL: Final = 100 * MICROS_PER_UNIT  # per cent
_JSON: Final = ".json"


def give_number(home: Home, asked: Asked, number: str, subscription: str, since: int | dt.date, quarantine_days: int) -> Done:  # noqa: PLR0913, PLR0917 -- one argument a part of what is recorded
    """Give a number to a subscription. Interim bills of other accounts that have usage of it are named."""
    from billing.accounts import numbers

    done = numbers.give(home, asked, number, subscription, since, quarantine_days)
    return _with_interim_bills(home, done, number, subscription, since, given=True)


def take_number(home: Home, asked: Asked, number: str, subscription: str, since: int | dt.date) -> Done:
    """Take a number from a subscription. Interim bills that have usage of it are named."""
    from billing.accounts import numbers

    return _with_interim_bills(home, numbers.take(home, asked, number, subscription, since), number, subscription, since, given=False)


def percent_ppm(text: str, option: str) -> int:
    """Parts per million of a percentage above 0 and up to 100, with at most four places."""
    try:
        micros = parse_micros(text)
    except MoneyError:
        micros = -1
    if micros < 0 or micros % 100:
        raise UserError(f"{option}: {text!r} is not a percentage", "write it as 12.5, with at most four places", exit_status=2)
    if not 0 < micros <= _ALL:
        raise UserError(f"{option}: {text} % is not above 0 and at most 100 %", "write it as 12.5", exit_status=2)
    return micros // 100


def import_sent(home: Home, files: Mapping[str, bytes], act: Act, spool: Path) -> tuple[ImportReport | None, Sequence[Problem]]:
    """Import files that were sent, by their names: what was imported, or, where it is only tried, every mistake.

    The files lie in a folder below `spool` meanwhile.
    """
    from billing.accounts.importing.whole import import_files

    _require_names(files)
    with tempfile.TemporaryDirectory(dir=spool) as folder:
        for name, content in files.items():
            (Path(folder) / name).write_bytes(content)
        only = next(iter(files))
        source = Path(folder) / only if only.endswith(_JSON) else Path(folder)
        try:
            return import_files(home, source, act.now_us, by=act.by, dry_run=act.dry_run), ()
        except ProblemsError as error:
            if not act.dry_run:
                raise
            return None, error.problems


def owner_of(home: Home, subscription_id: str) -> str | None:
    """The id of the account that has a subscription; None where there is no such subscription."""
    account, subscription = tables.accounts, tables.subscriptions
    query = sa.select(account.c.account_id).join_from(account, subscription).where(subscription.c.subscription_id == subscription_id)
    with home.connect() as connection:
        return connection.execute(query).scalar_one_or_none()


def owner_before(home: Home, subscription_id: str) -> str | None:
    """The id of the account that had a subscription before it was handed over; None where it was not."""
    account, before, subscription = tables.accounts.c, tables.subscriptions.alias(), tables.subscriptions.c
    query = sa.select(account.account_id).join_from(tables.accounts, before, before.c.account_key == account.account_key)
    query = query.join(tables.subscriptions, subscription.transferred_from == before.c.subscription_key)
    with home.connect() as connection:
        return connection.execute(query.where(subscription.subscription_id == subscription_id)).scalar_one_or_none()


def unknown_subscription(home: Home, subscription_id: str) -> UserError:
    """The error that no subscription has this id."""
    from billing.accounts import lookup

    with home.connect() as connection:
        return lookup.unknown_subscription(connection, subscription_id)


def currency_of(home: Home, account_id: str) -> str | None:
    """The currency of an account; None where there is no such account."""
    account = tables.accounts.c
    with home.connect() as connection:
        return connection.execute(sa.select(account.currency).where(account.account_id == account_id)).scalar_one_or_none()


def _require_names(files: Mapping[str, bytes]) -> None:
    """Raises UserError for files that no import has."""
    known = [each.file for each in layouts.LAYOUTS]
    documents = [name for name in files if name.endswith(_JSON)]
    unknown = [name for name in files if name not in known and name not in documents]
    wrong = [name for name in documents if not name.isprintable() or "/" in name or len(name.encode("utf-8", "surrogatepass")) > 255]  # noqa: PLR2004 -- of a file's name
    if not files or unknown or wrong or (documents and len(files) > 1):
        what = f"there is no file {(unknown + wrong)[0]!r}" if unknown or wrong else "there is no file, or a document beside others"
        raise UserError(what, f"send {', '.join(known)}; or one document such as accounts.json", exit_status=2)


def _with_interim_bills(home: Home, done: Done, number: str, subscription: str, since: int | dt.date, *, given: bool) -> Done:  # noqa: PLR0913 -- as it was asked for
    """The result, with the interim bills that have usage of the number."""
    from billing.enquiries.interim_number import in_words, on_interim_bills

    found = on_interim_bills(home, number, subscription, since, given=given)
    return done._replace(said=(*done.said, *in_words(found, number)))
