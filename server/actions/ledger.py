"""Acts on the ledger, from what a user gives: a legal entity has to be one that was added."""

from __future__ import annotations

from pathlib import PurePath
from typing import TYPE_CHECKING

from billing.accounts import entities
from billing.persons import Who

if TYPE_CHECKING:
    import datetime as dt
    from pathlib import Path

    from billing.accounting.balances import Line
    from billing.accounting.gl_export import Export, File, Mapping
    from billing.payments.writing import Act
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


def _who(act: Act) -> Who:
    return Who(act.by.name, act.by.uid, act.now_us)
