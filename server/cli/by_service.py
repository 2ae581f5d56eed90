"""The option that a command for another person needs where persons act by the service alone: the setting `access` is `server`."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from rating.errors import ProblemsError, UserError
from server.cli.counterparts import CALLS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from billing.store.home import Home
    from server.cli.homes import Place
    from server.cli.remote.service import Service

_ANY_ADDRESS: Final = "HOST:PORT"  # a home does not know where it is served
# A text of a person in quotes, as `repr`, `rating.errors.quoted` (cut or not) and `shlex.quote` write it: no command of ours stands in one.
_QUOTED: Final = r"""(?<!\w)(?:'(?:[^'\\]|\\.)*'(?!\w)|"(?:[^"\\]|\\.)*"(?!\w)|['"](?:[^\\]|\\.)*?\.\.\. \([\d,]+ characters\))"""
_COMMAND: Final = re.compile(rf"{_QUOTED}|(?<![\w.:@+-])ratewright ((?>(?:[a-z][a-z-]*(?: (?=[a-z])|))+))(?! --server)", re.DOTALL)


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

    return option(service.settings.value(settings.ACCESS), at)


def for_another(command: str, at: Place) -> str:
    """A command that another person gives, as that person can give it.

    Where the setting cannot be read, it goes to the service that was asked.
    """
    try:
        if at.server is None:
            from billing.store.home import Home

            with Home.open(at.home) as home:
                return command + option_here(home, at)
        from server.cli.remote.service import connected

        with connected(at) as service:
            return command + option_there(service, at)
    except UserError:
        return command if at.server is None else f"{command} --server {at.server}"


def complete(error: UserError, at: Place) -> None:
    """Give the commands of an error the option, where persons act by the service alone: those that have a call.

    They are in its remedy, in the remedy of each mistake, and in its message where a refusal names several things with their remedies.
    """
    problems = error.problems if isinstance(error, ProblemsError) else ()
    error.message, error.remedy, *remedies = in_texts([error.message, error.remedy, *(each.remedy for each in problems)], at)
    if isinstance(error, ProblemsError):
        error.problems = tuple(each._replace(remedy=text) for each, text in zip(problems, remedies, strict=True))


def in_texts(texts: Sequence[str], at: Place) -> list[str]:
    """Texts of a result in which each command with a call has the option, where persons act by the service alone.

    The setting is read only where a text names such a command.
    """
    found = [with_option(text, f" --server {at.server or _ANY_ADDRESS}") for text in texts]
    return found if found != list(texts) and for_another("", at) else list(texts)


def with_option(text: str, option: str) -> str:
    """A text in which each command with a call has the option, behind its words and before what it is given.

    What stands in quotes is text of a person, such as an id: it stays as it is, also where it looks like a command.
    """

    def completed(found: re.Match[str]) -> str:
        if found[1] is None:
            return found[0]
        words = found[1].split()
        known = next((" ".join(words[:count]) for count in range(len(words), 0, -1) if " ".join(words[:count]) in CALLS), "")
        return found[0].replace(f"ratewright {known}", f"ratewright {known}{option}", 1) if known else found[0]

    return _COMMAND.sub(completed, text)
