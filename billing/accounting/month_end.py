"""The work of the ledger at the end of a month: it brings accounts to their target balances, and posts only the difference.

    deferred:<code>   invoiced for service days after the month (against revenue:<code>)
    unbilled:<code>   used or due by the end of the month and on no invoice yet (against revenue:<code>)
    provision         the part of past-due receivables that is not expected to come in, by bucket of age (against bad_debt)

Each is one document an entity, month and closing: `deferred:R:2026-10`, and `deferred:R:2026-10:2` where the month was reopened and closed
again. It is posted in the transaction that closes the month (`billing.accounting.closing`). Amounts are micro-units. `targets` are by
(entity, code, currency); provision has code 0.
"""

from __future__ import annotations

import calendar
import datetime as dt
import re
from fractions import Fraction
from typing import TYPE_CHECKING, Final, NamedTuple

import msgspec
import sqlalchemy as sa

from billing import ledger
from billing.accounting import ageing
from billing.accounting.balances import balance_of
from billing.accounting.service_days import Share, to_minor_unit, unearned_sums
from billing.invoicing.billed import OUTSIDE
from billing.store import tables
from billing.store.sums import STORED_MAX, halves, whole
from billing.store.voids import voided
from rating.dates import day_after
from rating.errors import UserError
from rating.model import PPM
from rating.money import format_micros

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from billing.ledger.closed_months import Who

Heading = tuple[str, int, str]  # entity, revenue code, currency
Targets = dict[Heading, int]
PROVISION_PPM: Final = (0, 0, 100_000, 300_000, 600_000)  # by bucket of ageing.BUCKETS; an operator's own figures are a setting
_MONTH: Final = re.compile(r"(20[0-9][0-9])-(0[1-9]|1[0-2])")


class Month(NamedTuple):
    """A calendar month of the books."""

    text: str
    last: dt.date
    after: dt.date

    @property
    def first(self) -> dt.date:
        """Its first day."""
        return self.last.replace(day=1)


class Kind(NamedTuple):
    """The posting of a kind of entry: `account` is brought to its target against `against`; sign +1 where its balance is a credit."""

    name: str
    account: str
    against: str
    sign: int


DEFERRED: Final = Kind("deferred", "deferred:{code}", "revenue:{code}", 1)
UNBILLED: Final = Kind("unbilled", "unbilled:{code}", "revenue:{code}", -1)
PROVISION: Final = Kind("provision", "provision", "bad_debt", 1)
KINDS: Final = (DEFERRED, UNBILLED, PROVISION)


class Moved(msgspec.Struct, frozen=True):
    """The effect of one entry under one heading: the balance of the account, its target, and the difference that is posted."""

    kind: str
    entity: str
    code: int
    currency: str
    held_micros: int
    target_micros: int

    @property
    def moved_micros(self) -> int:
        """The difference."""
        return self.target_micros - self.held_micros


def month_of(text: str) -> Month:
    """A month as people write it, `2026-10`. Raises UserError for anything else."""
    if _MONTH.fullmatch(text) is None:
        raise UserError(f"{text!r} is not a month", "write year and month, such as 2026-10", exit_status=2)
    year, number = int(text[:4]), int(text[5:])
    last = dt.date(year, number, calendar.monthrange(year, number)[1])
    return Month(text, last, day_after(last))


def deferred_targets(connection: sa.Connection, month: Month, ahead: Targets) -> Targets:
    """Invoiced amounts for service days after the month, by heading. `ahead`: of fees and discounts, by their charges.

    Beside them are credits `outside`, which no charge knows: they are spread evenly over the period of the lines that they credit.
    """
    outside = _outside(connection, month)
    sums = {heading: ahead.get(heading, 0) + outside.get(heading, 0) for heading in sorted(ahead.keys() | outside.keys())}
    return {heading: amount for heading, amount in sums.items() if amount}


def provision_targets(connection: sa.Connection, month: Month, shares_ppm: tuple[int, ...] = PROVISION_PPM) -> Targets:
    """The part of each bucket of age at the end of the month that is not expected to come in."""
    targets: Targets = {}
    for each in ageing.aged(ageing.items(connection, month.last), month.last):
        exact = sum(amount * share for amount, share in zip(each.buckets, shares_ppm, strict=True))
        targets[each.entity, 0, each.currency] = targets.get((each.entity, 0, each.currency), 0) + exact
    rounded = {key: to_minor_unit(Fraction(exact, PPM), key[2]) for key, exact in targets.items()}
    return {key: amount for key, amount in sorted(rounded.items()) if amount}


def moves(connection: sa.Connection, kind: Kind, month: Month, entity: str, targets: Mapping[Heading, int]) -> list[Moved]:
    """The postings that are due: every heading of `entity` that has a target or still holds something, and differs."""
    wanted = dict.fromkeys(_held(connection, kind, month), 0) | dict(targets)
    found = []
    for (owner, code, currency), target in sorted(wanted.items()):
        if owner != entity:
            continue
        balance = balance_of(connection, kind.account.format(code=code), entity, currency, month.last)
        moved = Moved(kind.name, entity, code, currency, -kind.sign * balance, target)
        if moved.moved_micros:
            found.append(moved)
    return found


def post(connection: sa.Connection, kind: Kind, month: Month, moved: Sequence[Moved], who: Who, seq: int) -> None:  # noqa: PLR0913, PLR0917 -- what, when, by whom, in which commit
    """Post the differences of an entity (at least one) as one document, in the caller's transaction."""
    entity = moved[0].entity
    document = _next_document(connection, kind, month, entity)
    ledger.post(connection, [posting_of(kind, month, document, each) for each in moved], seq)
    values = {"kind": kind.name, "entity": entity, "month": month.text, "detail": msgspec.json.encode(list(moved)).decode()}
    by = {"by_name": who.by_name, "by_uid": who.by_uid, "at_us": who.now_us, "commit_seq": seq}
    connection.execute(tables.journal_entries.insert().values(document=document, **values, **by))


def posting_of(kind: Kind, month: Month, document: str, moved: Moved) -> ledger.Posting:
    """The posting for one heading of an entry."""
    account, against = (each.format(code=moved.code) for each in (kind.account, kind.against))
    debit, credit = (against, account) if kind.sign > 0 else (account, against)
    if abs(moved.moved_micros) > STORED_MAX:
        what = f"{kind.name} of revenue code {moved.code} moves by {format_micros(moved.moved_micros)} {moved.currency}"
        raise UserError(f"{what}: a posting holds {format_micros(STORED_MAX)} at most", "let its charges have several revenue codes")
    made = ledger.posting(
        document,
        moved.code,
        f"{kind.name} {moved.currency}",
        debit=debit,
        credit=credit,
        currency=moved.currency,
        signed_micros=moved.moved_micros,
        posted_on=month.last.isoformat(),
        entity=moved.entity,
    )
    assert made is not None, moved
    return made


def _outside(connection: sa.Connection, month: Month) -> Targets:
    """Credits `outside` that were issued by the end of the month, for days after it. Void ones hold nothing."""
    line, invoice = tables.invoice_lines.c, tables.invoices.c
    void = voided(until=month.last)
    query = (
        sa.select(
            invoice.legal_entity,
            line.revenue_code,
            invoice.currency,
            line.period_from,
            line.period_to,
            *halves(line.amount_micros),
        )
        .join_from(tables.invoice_lines, tables.invoices)
        .where(line.effect == OUTSIDE, line.kind.in_(("recurring", "discount")), line.period_to > month.after.isoformat())
        .where(invoice.issued_on <= month.last.isoformat(), invoice.invoice_key.not_in(void))
        .group_by(invoice.legal_entity, line.revenue_code, invoice.currency, line.period_from, line.period_to)
    )
    shares = [
        Share(
            (row.legal_entity or "", row.revenue_code, row.currency),
            dt.date.fromisoformat(row.period_from),
            dt.date.fromisoformat(row.period_to),
            whole(*row[-2:]),
        )
        for row in connection.execute(query)
    ]
    return unearned_sums(shares, month.after)


def _next_document(connection: sa.Connection, kind: Kind, month: Month, entity: str) -> str:
    """The id of the entry of a closing: the month's first one has no number."""
    row = tables.journal_entries.c
    same = sa.select(sa.func.count()).where(row.kind == kind.name, row.month == month.text, row.entity == entity)
    before = int(connection.execute(same).scalar_one())
    return f"{kind.name}:{entity}:{month.text}" + (f":{before + 1}" if before else "")


def _held(connection: sa.Connection, kind: Kind, month: Month) -> list[Heading]:
    """Headings that some closing of this month or an earlier one brought to an amount."""
    row = tables.journal_entries.c
    query = sa.select(row.detail).where(row.kind == kind.name, row.month <= month.text)
    held = {
        (each.entity, each.code, each.currency)
        for detail in connection.execute(query).scalars()
        for each in msgspec.json.decode(detail, type=list[Moved])
    }
    return sorted(held)
