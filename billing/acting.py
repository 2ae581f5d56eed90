"""The one who writes, and the call that asks for it: kept with each commit.

A command acts for the account of the operating system that runs it. The service sets the operator of a call for the time of the call, in
the call's own thread (`acting_as`); other threads of the service act for the service itself.
"""

from __future__ import annotations

import contextlib
import contextvars
import enum
import os
import pwd
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator


class Via(enum.StrEnum):
    """The proof by which an actor is known."""

    OS = "os"  # the account of the operating system that runs a command
    TOKEN = "token"  # noqa: S105 -- a word of the audit trail
    CERTIFICATE = "certificate"
    SERVICE = "service"  # the service for itself, such as one commit with the batches of many streams


class Terms(NamedTuple):
    """Limits of what a call shows: names and numbers are masked; accounts of some legal entities alone, None: of all."""

    is_masked: bool = False
    entities: tuple[str, ...] | None = None


class Request(NamedTuple):
    """A call that is to count once. A repeat has the same id of the same operator, and another `nonce`.

    `answer_of` makes the answer of what the act results in, where that is known within its only transaction (`requests.tell`).
    """

    request_id: str
    nonce: bytes  # random, of this call alone
    fields: dict[str, str]  # a digest of each field of the message
    terms: Terms = Terms()
    answer_of: Callable[[Any], bytes] | None = None


class Actor(NamedTuple):
    """An operator who acts. `number` is the one that `billing.persons` compares; `role` is empty where no role is asked for."""

    name: str
    number: int
    via: Via = Via.OS
    role: str = ""
    call: str = ""  # command, or RPC such as ratewright.v1.PaymentService/RecordPayment
    subject: str = ""  # such as `account 17`: by key, never by a number or a name of a customer
    reason: str = ""
    peer: str = ""
    request: Request | None = None


_CURRENT: Final[contextvars.ContextVar[Actor | None]] = contextvars.ContextVar("actor", default=None)


def current() -> Actor:
    """The actor of this thread: of a call of the service, or the account of the operating system that runs this process."""
    found = _CURRENT.get()
    return of_process() if found is None else found


def of_process(call: str = "") -> Actor:
    """The account of the operating system that runs this process. One without a name in the user database is called by its number."""
    uid = os.getuid()
    try:
        name = pwd.getpwuid(uid).pw_name
    except KeyError:
        name = f"user {uid}"
    return Actor(name, uid, call=call)


@contextlib.contextmanager
def acting_as(actor: Actor) -> Iterator[None]:
    """Let this thread act for `actor` while the block lasts."""
    token = _CURRENT.set(actor)
    try:
        yield
    finally:
        _CURRENT.reset(token)


def set_subject(subject: str) -> None:
    """Name the subject of what this thread does as its present actor, by key: such as `account 17`."""
    _CURRENT.set(current()._replace(subject=subject))


def set_role(role: str, terms: Terms) -> None:
    """Set the role in which this thread does what it does as its present actor, with the limits of what its call may show."""
    now = current()
    request = None if now.request is None else now.request._replace(terms=terms)
    _CURRENT.set(now._replace(role=role, request=request))
