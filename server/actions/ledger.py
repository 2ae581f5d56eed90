"""Acts on the ledger, from what a user gives: a legal entity has to be one that was added."""

from __future__ import annotations

import datetime as dt
from pathlib import PurePath
from typing import TYPE_CHECKING, NamedTuple

from billing.accounts import entities
from billing.payments.writing import require_begun
from billing.persons import Who, anybody
from server.actions.invoices import whole_number
from server.actions.payments import DATE

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from billing.accounting.balances import Earned, Line
    from billing.accounting.gl_export import Export, File, Mapping
    from billing.accounting.write_off import Listed, WriteOff
    from billing.ledger.closed_months import Event, Standing
    from billing.payments.writing import Act
    from billing.persons import Turn
    from billing.store.home import Home


def require_entity(home: Home, entity: str | None) -> None:
    """Raise UserError for a legal entity that was never added: of a mistyped one there is nothing to show, close or export."""
    if entity is not None:
        with home.connect() as connection:
            entities.require_known(connection, entity)


def balances(home: Home, entity: str | None, through: dt.date | None, *, every_customer: bool) -> list[Line]:
    """The trial balance, of one legal entity or all."""
    from billing.accounting.balances import trial_balance

    require_entity(home, entity)
    with home.connect() as connection:
        return trial_balance(connection, entity=entity, through=through, every_customer=every_customer)


def export_to(  # noqa: PLR0913, PLR0917 -- of what, how, where to, and who
    home: Home, mapping: Mapping, month: str, entity: str, target: Path, act: Act, *, detail: bool, overwrite: bool
) -> Export:
    """Write a month for the books of finance into a file, and note it."""
    from billing.accounting import gl_export
    from billing.accounting.month_end import month_of

    require_entity(home, entity)
    return gl_export.export(home, mapping, month_of(month), entity, target, _who(act), detail=detail, overwrite=overwrite)


def export_file(home: Home, mapping: Mapping, month: str, entity: str, *, detail: bool) -> File:
    """The file of a month for the books of finance; nothing is noted."""
    from billing.accounting import gl_export
    from billing.accounting.month_end import month_of

    require_entity(home, entity)
    return gl_export.file_of(home, mapping, month_of(month), entity, detail=detail)


def note_export(home: Home, mapping: Mapping, month: str, entity: str, name: str, act: Act, *, detail: bool) -> Export:  # noqa: PLR0913, PLR0917 -- of what, its name, and who
    """Note that a month goes to the books of finance."""
    from billing.accounting import gl_export
    from billing.accounting.month_end import month_of

    file = export_file(home, mapping, month, entity, detail=detail)
    return gl_export.note(home, file, month_of(month), entity, PurePath(name), _who(act), dry_run=act.dry_run)


def revenue(home: Home, month: str, entity: str | None) -> dict[str, list[Earned]]:
    """Amounts that were posted in a month to each revenue code (`revenue`) and tax class (`tax`), of one legal entity or all."""
    from billing.accounting import balances as postings
    from billing.accounting.month_end import month_of

    wanted = month_of(month)
    require_entity(home, entity)
    with home.connect() as connection:
        return {
            name: postings.earned(connection, kind, wanted.first, wanted.after, entity)
            for name, kind in (("revenue", postings.REVENUE), ("tax", postings.TAX))
        }


def months(home: Home) -> list[Event]:
    """Every decision about months, oldest first."""
    from billing.ledger import closed_months

    with home.connect() as connection:
        return closed_months.events(connection)


def reopen(home: Home, month: str, entity: str, reason: str, act: Act, allow: Callable[[Turn], None] = anybody) -> Standing:  # noqa: PLR0913, PLR0917 -- of what, why, and who
    """Ask for a closed month to be reopened, or agree to it."""
    from billing.accounting.month_end import month_of
    from billing.ledger import closed_months

    text = month_of(month).text
    require_entity(home, entity)
    return closed_months.reopen(home, entity, text, reason, _who(act), allow)


class Lost(NamedTuple):
    """An amount that is written off, or opened again. `amount_micros` None: all that is open."""

    number: str
    on_date: dt.date
    reason: str
    amount_micros: int | None = None
    reference: str = ""


def write_off(  # noqa: PLR0913 -- what, who, and what the caller calls things
    home: Home, lost: Lost, act: Act, allow: Callable[[Turn], None] = anybody, *, currency: str | None = None, day: str = DATE
) -> WriteOff:
    """Write off what is open of an invoice, or a part; or ask for it above the limit. `day`: the caller's name of the date."""
    from billing.accounting import write_off as writing
    from billing.store import settings, tables
    from server.actions.payments import require_currency

    number = whole_number(home, lost.number)
    require_begun(lost.on_date, act.now_us, day)
    require_currency(home, currency, tables.invoices, tables.invoices.c.number == number)
    with home.connect() as connection:
        limit = settings.integer(connection, "write_off_limit_micros")
    return writing.write_off(
        home,
        number,
        lost.on_date,
        lost.reason,
        _who(act),
        amount_micros=lost.amount_micros,
        limit_micros=limit,
        reference=lost.reference,
        dry_run=act.dry_run,
        allow=allow,
    )


def undo_write_off(home: Home, lost: Lost, act: Act, *, day: str = DATE) -> WriteOff:
    """Open again what was written off under an id."""
    from billing.accounting import write_off as writing

    require_begun(lost.on_date, act.now_us, day)
    number = whole_number(home, lost.number)
    return writing.undo(home, number, lost.on_date, lost.reason, _who(act), reference=lost.reference, dry_run=act.dry_run)


def write_offs(home: Home, number: str | None) -> list[Listed]:
    """Every act on write-offs, or on those of one invoice."""
    from billing.accounting import write_off as writing

    return writing.list_all(home, None if number is None else whole_number(home, number))


def _who(act: Act) -> Who:
    return Who(act.by.name, act.by.uid, act.now_us)
