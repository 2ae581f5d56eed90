"""Legal entities: the issuers of accounts' documents, each with books of its own. The one without a name is always there.

Numbers of documents are a series of prefix, dash and ten digits, one for invoices, one for credit notes and one for opening items (the
invoice prefix and O). No two entities may share one, nor a prefix and the receipts of a till. What was added never changes.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, NamedTuple

import sqlalchemy as sa

from billing.accounts.layouts import ENTITY
from billing.accounts.recording import change
from billing.store import tables
from rating.errors import UserError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from billing.accounts.recording import Asked, Done, Recorder
    from billing.store.home import Home

INVOICES, CREDIT_NOTES = "R", "C"  # prefixes of the entity without a name
OPENING_MARK: Final = "O"  # behind the prefix of invoices: opening items
RECEIPT_SERIES: Final = "receipt "  # and the name of a till: its receipts
ADD: Final = "ratewright accounts entity add"
_PREFIX: Final = re.compile(r"[A-Z](?:[A-Z0-9-]{0,14}[A-Z0-9])?")
_REMEDY: Final = "what was added never changes: its documents have these numbers; add an entity of another name"


class Entity(NamedTuple):
    """A legal entity. `entity` is its name in `accounts.csv`, `name` the one on its documents."""

    entity: str
    name: str
    invoice_prefix: str
    credit_prefix: str


def add(home: Home, entity: Entity, asked: Asked) -> Done:
    """Add an entity. The same again changes nothing.

    Raises UserError for an invalid name or prefix, a prefix that documents or receipts use already, and other data of a known name.
    """
    return change(home, asked, lambda recorder: _add(recorder, entity))


def list_all(home: Home) -> list[Entity]:
    """Every entity that was added, by name."""
    with home.connect() as connection:
        return _stored(connection)


def names(connection: sa.Connection, seq: int | None = None) -> set[str]:
    """The names of entities, as of a commit if one is given; the one without a name is among them."""
    row = tables.legal_entities.c
    query = sa.select(row.entity)
    return {"", *connection.execute(query if seq is None else query.where(row.commit_seq <= seq)).scalars()}


def unknown(entity: str) -> tuple[str, str]:
    """The message about an entity that was never added, and the remedy."""
    return f"no legal entity is called {entity!r}", f"add it with `{ADD} {entity} ...`, or correct the account"


def require_known(connection: sa.Connection, entity: str) -> None:
    """Raises UserError where the entity was never added."""
    if entity not in names(connection):
        raise UserError(unknown(entity)[0], f"`ratewright accounts entity list` shows all; add it with `{ADD} {entity} ...`")


def _add(recorder: Recorder, given: Entity) -> None:
    stored = {each.entity: each for each in _stored(recorder.connection)}
    known = stored.get(given.entity)
    if known is not None:
        for field, old, new in zip(Entity._fields, known, given, strict=True):
            if old != new:
                raise UserError(f"legal entity {given.entity} exists with {field} {old!r}, not {new!r}", _REMEDY)
        recorder.say(f"{given.entity} is there already")
        return
    _require_sense(given)
    _require_free(recorder.connection, given, list(stored.values()))
    recorder.connection.execute(tables.legal_entities.insert().values(**given._asdict(), commit_seq=recorder.seq()))
    first = f"{given.invoice_prefix}-{1:010d}", f"{given.credit_prefix}-{1:010d}"
    recorder.say(f"{given.entity} ({given.name}) numbers its invoices from {first[0]} on, its credit notes from {first[1]} on")


def _require_sense(given: Entity) -> None:
    if not ENTITY.fullmatch(given.entity):
        raise UserError(f"{given.entity!r} is not a name of a legal entity", "use letters, digits, - and _", exit_status=2)
    if not given.name.strip() or not given.name.isprintable():
        raise UserError("a legal entity needs a name on its documents", "give it with --name", exit_status=2)
    for prefix in (given.invoice_prefix, given.credit_prefix):
        if not _PREFIX.fullmatch(prefix):
            raise UserError(f"{prefix!r} is not a prefix", "use at most 16 capital letters, digits and -, such as N or BV-C", exit_status=2)


def _require_free(connection: sa.Connection, given: Entity, stored: Sequence[Entity]) -> None:
    """Raises UserError where one of its three series is in use."""
    owners = dict.fromkeys((*_series(INVOICES, CREDIT_NOTES), OPENING_MARK), "the legal entity without a name")
    for each in stored:
        owners |= dict.fromkeys(_series(each.invoice_prefix, each.credit_prefix), f"legal entity {each.entity}")
    series = tables.number_series.c.series
    tills = connection.execute(sa.select(series).where(series.startswith(RECEIPT_SERIES))).scalars()
    owners |= {till.removeprefix(RECEIPT_SERIES): f"the receipts of till {till.removeprefix(RECEIPT_SERIES)}" for till in tills}
    wanted = _series(given.invoice_prefix, given.credit_prefix)
    for prefix in wanted:
        if prefix in owners:
            raise UserError(f"{prefix} numbers documents of {owners[prefix]}", "give other prefixes", exit_status=2)
    if len(set(wanted)) < len(wanted):
        raise UserError(
            f"{given.entity} would give one number to two documents", "give invoices and credit notes other prefixes", exit_status=2
        )


def _series(invoice_prefix: str, credit_prefix: str) -> tuple[str, ...]:
    return invoice_prefix, credit_prefix, f"{invoice_prefix}{OPENING_MARK}"


def _stored(connection: sa.Connection) -> list[Entity]:
    row = tables.legal_entities.c
    query = sa.select(*(row[name] for name in Entity._fields)).order_by(row.entity)
    return [Entity(*values) for values in connection.execute(query)]
