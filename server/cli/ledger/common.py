"""Checks and identities that the commands around the ledger share."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

if TYPE_CHECKING:
    from billing.ledger.closed_months import Who
    from billing.store.home import Home

Entity = Annotated[str, Parameter(help="Legal entity; the one without a name if not given.")]
MonthText = Annotated[str, Parameter(name="--month", help="Month, such as 2026-10.")]


def require_entity(home: Home, entity: str | None) -> None:
    """Raise UserError for a legal entity that was never added: of a mistyped one there is nothing to show, close or export."""
    from server.actions import ledger

    ledger.require_entity(home, entity)


def who(home: Home) -> Who:
    """The person at the command line, and the clock."""
    from billing.ledger.closed_months import Who
    from server import clock, operator

    current = operator.current()
    return Who(current.name, current.uid, clock.now_us(home))
