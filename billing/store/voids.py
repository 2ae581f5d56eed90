"""Invoices that were voided, as of a commit and by a day."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import sqlalchemy as sa

from billing import persons
from billing.store.tables import approval_decisions, invoice_events, invoices, run_undos

if TYPE_CHECKING:
    import datetime as dt

VOIDED: Final = "voided"  # kind of an event


def voided(*, as_of: int | None = None, until: dt.date | None = None) -> sa.Select[Any]:
    """A query of their keys: of those voided by commit `as_of`, and as of a day that is not after `until`; None: whenever that was."""
    event = invoice_events.c
    query = sa.select(event.invoice_key).where(event.kind == VOIDED)
    if as_of is not None:
        query = query.where(event.commit_seq <= as_of)
    return query if until is None else query.where(event.on_date <= until.isoformat())


def is_void(invoice_key: sa.ColumnElement[int]) -> sa.ColumnElement[bool]:
    """For a query of a few invoices: whether each was voided, looked up by its key."""
    event = invoice_events.c
    return sa.exists().where(event.invoice_key == invoice_key, event.kind == VOIDED)


def void_commits(as_of: int) -> sa.Subquery:
    """A table of the invoices that are void as of a commit: `invoice_key`, and `void_seq`, the commit that made it so."""
    event = invoice_events.c
    void = sa.select(event.invoice_key, sa.func.min(event.commit_seq).label("void_seq"))
    return void.where(event.kind == VOIDED, event.commit_seq <= as_of).group_by(event.invoice_key).subquery()


def agreed_by() -> sa.ColumnElement[str]:
    """For a query of `invoice_events`: the second person of a void, who agreed to it or to the undoing of its run; empty where none did.

    Of a run that an earlier version undid, the void itself is by that person.
    """
    event, word, undo = invoice_events.c, approval_decisions.c, run_undos.c
    agreed = sa.select(word.by_name).where(word.commit_seq == event.commit_seq, word.kind == "agreed").correlate(invoice_events)
    own = invoices.alias("own").c
    run_id = sa.select(own.run_id).where(own.invoice_key == event.invoice_key).correlate(invoice_events).scalar_subquery()
    undone = sa.select(undo.by_name).where(undo.run_id == run_id, undo.commit_seq == event.commit_seq, undo.kind == "undone")
    undone = undone.where(~persons.is_of(undo.by_uid, event.by_uid))
    return sa.func.coalesce(agreed.scalar_subquery(), undone.correlate(invoice_events).scalar_subquery(), "")
