"""Calls that write: each has one effect, however often it is sent, and can be tried.

    request_id      a repeat of the same call is answered from what is stored; with other fields it is refused
    validate_only   everything is done and refused as it would be, and nothing is stored

Who acts is known when a servicer is called: the gate in front of it has set `billing.acting`.

Refuses: INVALID_ARGUMENT: REQUEST_ID, REQUEST_ID_REUSED (metadata `field` names what differs), MALFORMED_REQUEST; NOT_FOUND: NOT_FOUND;
PERMISSION_DENIED: REPEAT_NOT_ALLOWED (see `server.grpc.repeats`); FAILED_PRECONDITION: REFUSED; ABORTED: ETAG_MISMATCH; UNAVAILABLE:
HOME_BUSY (try again later). Those of NOT_FOUND and REFUSED carry the `remedy` that the command line would print.
"""

from __future__ import annotations

import hashlib
import logging
import secrets
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final, NamedTuple, TypeVar

import grpc

from billing import acting
from billing.acting import Request
from billing.catalogue import Operator
from billing.payments.writing import Act
from billing.store import requests
from billing.store.home import Home
from rating.errors import BusyError, ChangedError, NotFoundError, ProblemsError, StoreError, UnusableBatchError, UserError
from server.grpc import entrance, repeats
from server.grpc.refusals import Refusal, answering, invalid, not_found

if TYPE_CHECKING:
    from google.protobuf.message import Message

_log = logging.getLogger(__name__)
REQUEST_ID_CHARACTERS_MAX: Final = 128
NONCE_BYTES: Final = 16
_WRONG_CALL: Final = 2  # exit status of a command that was called with values that cannot be
_APART: Final = frozenset({"request_id", "validate_only"})

Answer = TypeVar("Answer", bound="Message")


class Door(NamedTuple):
    """The home behind a service, and its clock."""

    home: Home
    clock_us: Callable[[], int]


def actor() -> Operator:
    """The operator of this call, as billing knows persons."""
    found = acting.current()
    return Operator(found.name, found.number, found.via.value)


def write(  # noqa: PLR0913, PLR0917 -- a call, what it does, and how it is answered again
    door: Door,
    request: Any,  # noqa: ANN401 -- a message with `request_id`, and `validate_only` where it can be tried
    context: grpc.ServicerContext,
    answer_type: type[Answer],
    act: Callable[[Act], Answer],
    recover: Callable[[int], Answer],
    answer_of: Callable[[Any], Answer] | None = None,
) -> Answer:
    """Do what a call asks for, once, and answer it.

    `act` does it by functions of billing, which commit by themselves. `recover` gives the answer of a commit whose call was killed before
    it was answered: it reads what that commit has made, as of then. `answer_of` makes the answer of the result that the function of billing
    hands to `requests.tell`: it is stored with the commit, and `recover` serves calls of an earlier version alone.
    """
    with answering(context), translated():
        return _write(door, request, answer_type, act, recover, answer_of)
    raise AssertionError("the call was ended above")


def read(context: grpc.ServicerContext, find: Callable[[], Answer]) -> Answer:
    """Answer a call that reads; errors of billing become refusals."""
    with answering(context), translated():
        return find()
    raise AssertionError("the call was ended above")


class translated:  # noqa: N801 -- used as a function
    """Turns errors that a user can mend into the refusals of a call."""

    def __enter__(self) -> None:
        """Begin."""

    def __exit__(self, _kind: object, error: BaseException | None, _trace: object) -> None:
        """Raise the refusal of an error."""
        if isinstance(error, UserError) and not isinstance(error, StoreError | UnusableBatchError):
            raise refusal_of(error) from error


def refusal_of(error: UserError) -> Refusal:
    """The refusal of an error that a user can mend."""
    metadata = {"remedy": error.remedy}
    if isinstance(error, ProblemsError):
        places = ((f"{each.file}: {each.path}", each.message) for each in error.problems)
        return Refusal(grpc.StatusCode.INVALID_ARGUMENT, "MALFORMED_REQUEST", error.message, metadata, places)
    if isinstance(error, BusyError):  # its text names the process and the folder, which are for the shell
        message = "other work that is done by one at a time is under way in this home; try again when it has ended"
        return Refusal(grpc.StatusCode.UNAVAILABLE, "HOME_BUSY", message)
    if isinstance(error, ChangedError):
        return Refusal(grpc.StatusCode.ABORTED, "ETAG_MISMATCH", error.message, metadata)
    if isinstance(error, NotFoundError):
        return not_found("NOT_FOUND", error.message, metadata)
    if error.exit_status == _WRONG_CALL:
        return invalid("MALFORMED_REQUEST", error.message, metadata)
    return Refusal(grpc.StatusCode.FAILED_PRECONDITION, "REFUSED", error.message, metadata)


def _write(  # noqa: PLR0913, PLR0917 -- as `write`
    door: Door,
    request: Any,  # noqa: ANN401 -- as in `write`
    answer_type: type[Answer],
    act: Callable[[Act], Answer],
    recover: Callable[[int], Answer],
    answer_of: Callable[[Any], Answer] | None,
) -> Answer:
    actor = acting.current()
    is_trial = getattr(request, "validate_only", False)  # what cannot be tried has no such field
    if is_trial or not request.request_id:
        return act(Act(_operator(actor), door.clock_us(), dry_run=is_trial))
    if len(request.request_id) > REQUEST_ID_CHARACTERS_MAX or "\0" in request.request_id:
        message = f"request_id is longer than {REQUEST_ID_CHARACTERS_MAX} characters, or has a NUL character"
        raise invalid("REQUEST_ID", message, {"field": "request_id"})
    fields = digests(request)
    if (before := _before(door.home, actor, request.request_id)) is not None:
        return _repeated(door.home, before, actor, fields, answer_type, recover)
    stored = None if answer_of is None else lambda result: answer_of(result).SerializeToString(deterministic=True)
    asked = Request(request.request_id, secrets.token_bytes(NONCE_BYTES), fields, entrance.terms(), stored)
    with acting.acting_as(actor._replace(request=asked)):
        try:
            answer = act(Act(_operator(actor), door.clock_us()))
        except UserError as error:
            faster = _before(door.home, actor, request.request_id)
            if faster is None or faster.nonce == asked.nonce:
                raise
            _log.info("a call was made twice at once: %s", error.message)  # the other one had the effect
        else:
            with door.home.begin() as connection:
                data, seq = answer.SerializeToString(deterministic=True), door.home.head_seq(connection)
                faster = requests.answered(connection, acting.current(), data, seq, door.clock_us())
            if faster is None:
                return answer
    return _repeated(door.home, faster, actor, fields, answer_type, recover)  # as a repeat: it acts for no request that counts once


def forget_old(door: Door) -> int:
    """Delete requests that are older than they are kept, and return how many there were. Nothing is written where there is none."""
    now_us = door.clock_us()
    with door.home.connect() as connection:
        if not requests.has_old(connection, now_us):
            return 0
    with door.home.begin() as connection:
        return requests.forget_old(connection, now_us)


def digests(request: Message) -> dict[str, str]:
    """A digest of each field that is set, by name."""
    return {
        field.name: hashlib.blake2b(repr(value).encode(), digest_size=8).hexdigest()
        for field, value in request.ListFields()
        if field.name not in _APART
    }


def _repeated(  # noqa: PLR0913, PLR0917 -- as `write`
    home: Home,
    before: requests.Kept,
    actor: acting.Actor,
    fields: dict[str, str],
    answer_type: type[Answer],
    recover: Callable[[int], Answer],
) -> Answer:
    if before.call != actor.call:
        raise invalid("REQUEST_ID_REUSED", f"this request_id is one of {before.call}", {"field": "request_id"})
    differing = sorted(name for name in before.fields | fields if before.fields.get(name) != fields.get(name))
    if differing:
        message = f"a call with this request_id has another {', '.join(differing)}"
        raise invalid("REQUEST_ID_REUSED", message, {"field": differing[0]})
    repeats.require_terms(home, before)
    if before.answer is None:
        return recover(before.commit_seq)
    return answer_type.FromString(before.answer)


def _before(home: Home, actor: acting.Actor, request_id: str) -> requests.Kept | None:
    with home.connect() as connection:
        return requests.find(connection, actor.number, request_id)


def _operator(actor: acting.Actor) -> Operator:
    return Operator(actor.name, actor.number, actor.via.value)
