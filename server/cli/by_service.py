"""The option that a command for another person needs where persons act by the service alone: the setting `access` is `server`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from billing.store.home import Home
    from server.cli.homes import Place
    from server.cli.remote.service import Service

_ANY_ADDRESS: Final = "HOST:PORT"  # a home does not know where it is served


def option(access: str, at: Place) -> str:
    """The option, with a space before it; empty where that person may give the command in a shell. `access`: the value of the setting."""
    from billing.store import settings

    return f" --server {at.server or _ANY_ADDRESS}" if access == settings.SERVER else ""


def option_here(home: Home, at: Place) -> str:
    """The same in a home."""
    from billing.store import settings

    with home.connect() as connection:
        return option(settings.text(connection, settings.ACCESS), at)


def option_there(service: Service, at: Place) -> str:
    """The same by a service."""
    from billing.store import settings

    return option(next(each.value for each in service.settings.list_all() if each.name == settings.ACCESS), at)
