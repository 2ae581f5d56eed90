"""The doing of a command where it is asked for: in a home folder by this process, or by a service."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

    from billing.store.home import Home
    from server.cli.homes import Place
    from server.cli.practice import Opened
    from server.cli.remote.service import Service

Answer = TypeVar("Answer")


def done_at(at: Place, here: Callable[[Home], Answer], there: Callable[[Service], Answer]) -> tuple[Opened, Answer]:
    """The answer of a command, and where it comes from: `here` works in the home folder, `there` asks the service."""
    if at.server is None:
        from billing.store.home import Home

        with Home.open(at.home) as home:
            return home, here(home)
    from server.cli.remote.service import connected

    with connected(at) as service:
        return service, there(service)
