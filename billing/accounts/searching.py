"""Search for accounts: an id or the beginning of one, a name or a part of it, a number that a subscription has or had.

Beside these the e-mail address, tax id, electronic address or bank account of the customer. Ids of subscriptions, numbers and what facts
about parties are found by (`billing.accounts.parties.kinds.found_as`) are found by index, also by their beginning; a text is looked for in
the spelling of facts. Names and ids of accounts are searched in one pass over the accounts, in which letters of ASCII match in either
case: a second or so for a million. At most `limit` of each kind come back.
"""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any, Final
from zoneinfo import ZoneInfo

import msgspec
import sqlalchemy as sa

from billing.accounts.parties import kinds, stored
from billing.accounts.parties.view import Party
from billing.store import tables
from rating.dates import day_after, instant_of
from rating.errors import UserError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from billing.accounts.parties.stored import PartyFact
    from billing.store.home import Home

LIMIT_MAX: Final = 1_000
TEXT_MAX: Final = 200
PARTY_KINDS: Final = {"contact": "email", "tax_id": "tax_id", "electronic_address": "electronic_address", "bank_account": "bank_account"}
_LAST: Final = "\U0010ffff"  # after every text with the same beginning, in the order of code points
_ROWS_AT_ONCE: Final = 200  # of the index of facts about parties
_BETWEEN_DIGITS: Final = " -()/."  # what people write into a number
_RANKS: Final = (("account", True), ("name", True), ("account", False), ("name", False), ("name", False))


class Hit(msgspec.Struct, frozen=True):
    """An account that was found. `found_by`: account, name, subscription, number, or one of PARTY_KINDS; `text` is what was found.

    `from_us` and `to_us` are of a number: from when on the subscription has it, and the instant from which on no more (None: it still has).
    """

    account_id: str
    name: str
    timezone: str
    found_by: str
    text: str
    exact: bool
    subscription_id: str = ""
    from_us: int | None = None
    to_us: int | None = None


class Search(msgspec.Struct, frozen=True):
    """Exact hits come first. `more`: there are others, beyond the limit. `whole`: names and numbers were found as a whole alone."""

    hits: tuple[Hit, ...]
    more: bool
    whole: bool = False


def search(  # noqa: PLR0913 -- what is looked for, and how
    home: Home, text: str, *, on: dt.date | None = None, limit: int = 50, names: bool = True, whole: bool = False
) -> Search:
    """Accounts, subscriptions, numbers, and facts about customers that begin with `text`, or have it in their name.

    `on`: numbers only of subscriptions that had them on that day, on the account's clock, and facts that held then. Without `names` all is
    found by index: ids of accounts as they are written. With `whole` a part of a name, a number or a fact finds nothing.
    Raises UserError as `wanted`.
    """
    looked_for = wanted(text, limit)
    with home.connect() as connection:
        if names:
            accounts = _accounts(connection, looked_for, limit + 1, whole=whole)
        else:
            accounts = _accounts_by_id(connection, looked_for, limit + 1)
        subscriptions = _subscriptions(connection, looked_for, limit + 1)
        numbers, more = _numbers(connection, as_number(looked_for), on, limit, whole=whole)
        parties = _parties(connection, looked_for, on, limit + 1, whole=whole)
    hits = [*accounts[:limit], *subscriptions[:limit], *numbers, *parties[:limit]]
    more = more or any(len(each) > limit for each in (accounts, subscriptions, parties))
    return Search(tuple(sorted(hits, key=lambda each: not each.exact)), more, whole)


def wanted(text: str, limit: int) -> str:
    """The text that is looked for, with single blanks.

    Raises UserError for an empty text, one longer than TEXT_MAX, and a limit below 1 or above LIMIT_MAX.
    """
    found = " ".join(text.split())
    if not found:
        raise UserError("there is nothing to search for", "give a name, an id, a number, or the beginning of one", exit_status=2)
    if len(found) > TEXT_MAX:
        message = f"the text has {len(found):,} characters, and at most {TEXT_MAX} are looked for"
        raise UserError(message, "give a name, an id, a number, or the beginning of one", exit_status=2)
    if not 1 <= limit <= LIMIT_MAX:
        raise UserError(f"--limit: {limit} is not between 1 and {LIMIT_MAX:,}", "narrow the search by a longer text", exit_status=2)
    return found


def as_number(text: str) -> str:
    """A number as usage has it: digits without + and without separators; anything else as it is."""
    digits = text.removeprefix("+").translate(str.maketrans("", "", _BETWEEN_DIGITS))
    return digits if digits.isascii() and digits.isdigit() else text


def _accounts(connection: sa.Connection, text: str, limit: int, *, whole: bool) -> list[Hit]:
    """Accounts by id and by name; with `whole` by no part of a name."""
    account = tables.accounts.c
    is_id, is_name = account.account_id == text, sa.func.lower(account.name) == sa.func.lower(text)
    begins_id = account.account_id.istartswith(text, autoescape=True)
    begins_name = account.name.istartswith(text, autoescape=True)
    has_name = account.name.icontains(text, autoescape=True)
    rank = sa.case((is_id, 0), (is_name, 1), (begins_id, 2), (begins_name, 3), else_=4)
    query = sa.select(account.account_id, account.name, account.timezone, rank.label("rank"))
    query = query.where(begins_id | (is_name if whole else has_name))
    rows = connection.execute(query.order_by(rank, account.account_id).limit(limit))
    return [_account(row, _RANKS[row.rank]) for row in rows]


def _accounts_by_id(connection: sa.Connection, text: str, limit: int) -> list[Hit]:
    account = tables.accounts.c
    query = sa.select(account.account_id, account.name, account.timezone).where(_begins(account.account_id, text))
    rows = connection.execute(query.order_by(account.account_id).limit(limit))
    return [_account(row, ("account", row.account_id == text)) for row in rows]


def _account(row: Any, rank: tuple[str, bool]) -> Hit:  # noqa: ANN401 -- a row of accounts
    found_by, exact = rank
    return Hit(row.account_id, row.name, row.timezone, found_by, row.name if found_by == "name" else row.account_id, exact)


def _begins(column: sa.ColumnElement[str], text: str) -> sa.ColumnElement[bool]:
    """Texts that begin so, by the index of the column: both databases order text by code points."""
    return (column >= text) & (column < text + _LAST)


def _subscriptions(connection: sa.Connection, text: str, limit: int) -> list[Hit]:
    account, subscription = tables.accounts.c, tables.subscriptions.c
    query = sa.select(account.account_id, account.name, account.timezone, subscription.subscription_id)
    query = query.join_from(tables.subscriptions, tables.accounts).where(_begins(subscription.subscription_id, text))
    rows = connection.execute(query.order_by(subscription.subscription_id).limit(limit))
    return [
        Hit(
            account_id=row.account_id,
            name=row.name,
            timezone=row.timezone,
            found_by="subscription",
            text=row.subscription_id,
            exact=row.subscription_id == text,
            subscription_id=row.subscription_id,
        )
        for row in rows
    ]


def _numbers(connection: sa.Connection, text: str, on: dt.date | None, limit: int, *, whole: bool) -> tuple[list[Hit], bool]:
    """Spans of the first `limit` numbers, by number and time; and whether there are more numbers. `whole`: of this one alone."""
    fact, account, subscription = tables.guiding_facts.c, tables.accounts.c, tables.subscriptions.c
    numbers = (
        sa.select(fact.served_id)
        .where(fact.served_id == text if whole else _begins(fact.served_id, text))
        .distinct()
        .order_by(fact.served_id)
        .limit(limit + 1)
    )
    names = connection.execute(numbers).scalars().all()
    query = sa.select(
        account.account_id, account.name, account.timezone, fact.served_id, subscription.subscription_id, fact.from_us, fact.to_us
    )
    query = query.join_from(tables.guiding_facts, tables.subscriptions).join(tables.accounts).where(fact.served_id.in_(names[:limit]))
    found = list(_holding(connection.execute(query.order_by(fact.commit_seq, fact.fact_id))))
    found.sort(key=lambda row: (row.served_id, row.from_us))
    hits = [
        Hit(
            account_id=row.account_id,
            name=row.name,
            timezone=row.timezone,
            found_by="number",
            text=row.served_id,
            exact=row.served_id == text,
            subscription_id=row.subscription_id,
            from_us=row.from_us,
            to_us=row.to_us,
        )
        for row in found
    ]
    return [each for each in hits if on is None or _had_it(each, on)], len(names) > limit


def _parties(connection: sa.Connection, text: str, on: dt.date | None, limit: int, *, whole: bool) -> list[Hit]:
    """The first `limit` customers by what facts about them are found by; `whole`: by all of it.

    Facts that were replaced or retracted are left out. With `on`, so are those that another one of the same kind and name overrides that
    day. They count for nothing: rows of the index are read until there are enough.
    """
    wanted_texts = kinds.search_texts(text)
    hits: dict[Hit, None] = {}
    for each in wanted_texts:
        found: dict[Hit, None] = {}  # a contact of two names, or one of two times, is one hit
        after, is_last = None, False
        at_once = max(limit, _ROWS_AT_ONCE)
        while len(found) < limit and not is_last:
            rows = list(connection.execute(party_query(each, at_once, whole=whole, after=after)))
            is_last = len(rows) < at_once
            found |= dict.fromkeys(_hits(connection, rows, on, wanted_texts))
            after = rows[-1] if rows else None
        hits |= found
    return sorted(hits, key=lambda hit: (not hit.exact, hit.text, hit.account_id))[:limit]


def _hits(connection: sa.Connection, rows: Sequence[Any], on: dt.date | None, wanted_texts: Sequence[str]) -> Iterator[Hit]:
    """Hits for rows of the index, in their order, each where a fact of its account still says so."""
    account = tables.accounts.c
    keys = sorted({row.account_key for row in rows})
    query = sa.select(account.account_key, account.account_id, account.name, account.timezone).where(account.account_key.in_(keys))
    owners = {row.account_key: row for row in connection.execute(query)}
    facts: dict[int, list[PartyFact]] = {}
    for fact in stored.of_accounts(connection, keys):
        facts.setdefault(fact.subject.account_key or 0, []).append(fact)
    held = {key: Party(on, own).facts.values() if on is not None else own for key, own in facts.items()}
    for row in rows:
        owner = owners[row.account_key]
        for fact in held.get(row.account_key, ()):
            if kinds.found_as(fact.detail) == row.found_as:
                yield Hit(owner.account_id, owner.name, owner.timezone, PARTY_KINDS[fact.kind], row.found_as, row.found_as in wanted_texts)


def party_query(text: str, limit: int, *, whole: bool, after: Any = None) -> sa.Select[Any]:  # noqa: ANN401 -- a row of this query
    """The first texts and accounts of facts that are found by a text, in small letters. It is answered by the index of `found_as`.

    `after`: the last row of those that were read before.
    """
    fact = tables.party_facts.c
    query = sa.select(fact.found_as, fact.account_key).where(fact.found_as == text if whole else _begins(fact.found_as, text))
    if after is not None:
        is_later = sa.or_(fact.found_as > after.found_as, fact.account_key > after.account_key)
        query = query.where(fact.found_as >= after.found_as, is_later)
    return query.where(fact.account_key.is_not(None)).distinct().order_by(fact.found_as, fact.account_key).limit(limit)


def _holding(rows: Iterable[Any]) -> Iterable[Any]:
    """The facts that hold. Of facts with one beginning the one learned last does; one that ends where it begins takes the span back."""
    last = {(row.served_id, row.from_us): row for row in rows}
    return (row for row in last.values() if row.to_us is None or row.to_us > row.from_us)


def _had_it(hit: Hit, on: dt.date) -> bool:
    """True where the number was the subscription's at some time of a day, on the clock of its account."""
    zone = ZoneInfo(hit.timezone)
    begin_us, end_us = (instant_of(dt.datetime.combine(day, dt.time(), zone)) for day in (on, day_after(on)))
    assert hit.from_us is not None, "a number is had from some time on"
    return hit.from_us < end_us and (hit.to_us is None or hit.to_us > begin_us)
