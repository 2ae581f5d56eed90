"""The doing of a command where it is asked for: in a home folder by this process, or by a service."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from rating.errors import UserError

if TYPE_CHECKING:
    from collections.abc import Callable

    from billing.store.home import Home
    from server.cli.homes import Place, ServicePlace
    from server.cli.practice import Opened
    from server.cli.remote.service import Service

Answer = TypeVar("Answer")


def done_at(
    at: Place, here: Callable[[Home], Answer], there: Callable[[Service], Answer], *, opening: Callable[[], Home] | None = None
) -> tuple[Opened, Answer]:
    """The answer of a command, and where it comes from: `here` works in the home folder, `there` asks the service.

    `opening`: how the home is opened, where it may have to be made.
    """
    if at.server is None:
        from billing.store.home import Home

        with Home.open(at.home) if opening is None else opening() as home:
            return home, here(home)
    from server.cli.remote.service import connected

    try:
        with connected(at) as service:
            return service, there(service)
    except UserError as error:
        from server.cli import by_service

        by_service.complete(error, at)
        raise


def done_by(by: ServicePlace | Place, here: Callable[[], Answer], there: Callable[[Service], Answer]) -> Answer:
    """The answer of a command that may need no home: `here` makes it by itself, `there` asks the service."""
    if by.server is None:
        return here()
    from server.cli.remote.service import connected

    with connected(by.place) as service:
        return there(service)


def refuse_served(server: str | None, option: str, remedy: str = "") -> None:
    """Raise UserError for an option that no call serves, where a service is named. Commands of the remedy go to that service."""
    if server is not None:
        otherwise = "leave it out, or give the command on the machine that holds the home"
        from server.cli.by_service import with_option

        raise UserError(f"{option} is not served", with_option(remedy, f" --server {server}") or otherwise, exit_status=2)
