"""The service that does a command: one connection, and the calls of each group of commands."""

from __future__ import annotations

import contextlib
import functools
from typing import TYPE_CHECKING

from server.cli.remote import calling

if TYPE_CHECKING:
    from collections.abc import Iterator

    from server.cli.homes import Place
    from server.cli.remote.agreements import Agreements
    from server.cli.remote.controls import Controls
    from server.cli.remote.corrections import Corrections
    from server.cli.remote.deposits import Deposits
    from server.cli.remote.invoices import Invoices
    from server.cli.remote.ledger import Ledger
    from server.cli.remote.payments import Payments
    from server.client import Connection


class Service:
    """Calls by groups of commands. A group is imported when a command asks for it."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    @property
    def is_practice(self) -> bool:
        """True where the last answer came from a practice home."""
        return self._connection.is_practice

    @functools.cached_property
    def payments(self) -> Payments:
        """`payment record|cash|till|list|import|worklist|refund|reverse|chargeback|events`."""
        from server.cli.remote.payments import Payments

        return Payments(self._connection)

    @functools.cached_property
    def deposits(self) -> Deposits:
        """`payment deposit`."""
        from server.cli.remote.deposits import Deposits

        return Deposits(self._connection)

    @functools.cached_property
    def agreements(self) -> Agreements:
        """`payment promise|instalments`."""
        from server.cli.remote.agreements import Agreements

        return Agreements(self._connection)

    @functools.cached_property
    def ledger(self) -> Ledger:
        """`ledger balance|check|export`."""
        from server.cli.remote.ledger import Ledger

        return Ledger(self._connection)

    @functools.cached_property
    def controls(self) -> Controls:
        """`controls` and its findings."""
        from server.cli.remote.controls import Controls

        return Controls(self._connection)

    @functools.cached_property
    def invoices(self) -> Invoices:
        """`invoice list|show|usage|explain`, `payment statement`, `ledger ageing`."""
        from server.cli.remote.invoices import Invoices

        return Invoices(self._connection)

    @functools.cached_property
    def corrections(self) -> Corrections:
        """`invoice void|reissue|credit`."""
        from server.cli.remote.corrections import Corrections

        return Corrections(self._connection)


@contextlib.contextmanager
def connected(place: Place) -> Iterator[Service]:
    """The service of a place, with its refusals as errors of the command."""
    with calling.connected(place) as connection:
        yield Service(connection)
