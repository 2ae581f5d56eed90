"""The call that a thread answers: its id, and the reason for which it was refused. Its refusal, its log line and its metric agree by it."""

from __future__ import annotations

import contextvars
import re
import secrets
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

HEADER: Final = "x-request-id"
_OURS: Final = re.compile(r"[0-9a-f]{16,32}|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")  # neither holds a number or a name of a customer
_DIGITS_ONLY: Final = re.compile(r"[0-9]+")


class UnderWay:
    """One call. `request_id` is that of the caller where it is a random one (16 to 32 hexadecimal digits, or a UUID), else our own."""

    def __init__(self, call: str, request_id: str) -> None:
        self.call, self.request_id, self.reason = call, request_id, ""


_NOW: Final[contextvars.ContextVar[UnderWay | None]] = contextvars.ContextVar("under_way", default=None)


def request_id_of(metadata: Mapping[str, object]) -> str:
    """The id that the caller has given, or a new one."""
    given = metadata.get(HEADER, "")
    if isinstance(given, str) and _OURS.fullmatch(given) and not _DIGITS_ONLY.fullmatch(given):
        return given
    return secrets.token_hex(8)


def begin(call: UnderWay) -> contextvars.Token[UnderWay | None]:
    """Let a call be the one of this thread; `end` takes what this returns."""
    return _NOW.set(call)


def end(mark: contextvars.Token[UnderWay | None]) -> None:
    """Undo `begin`."""
    _NOW.reset(mark)


def current() -> UnderWay | None:
    """The call of this thread; None outside of one."""
    return _NOW.get()
