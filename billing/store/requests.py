"""Calls that count once: a call with a request id is stored in the first transaction of its effect, and answered again from there.

    call -> find: nothing      -> act; `keep` in the transaction of the first commit; `answered` with the answer
    call -> find: the same     -> its answer, or its commit where the first call was killed before it was answered
    call -> find: other fields -> refused, with the name of the field that differs

Two calls with one id at the same time: both find nothing, and the second one that commits is undone by `keep`.

An act whose result is known within its only transaction stores the answer there (`tell`): it is answered again as it was, also where its
service was killed right behind the commit.

The limits under which a call is answered are stored with it, and its subject: a repeat may be made under other roles.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

import msgspec
import sqlalchemy as sa

from billing import acting
from billing.acting import Terms
from billing.persons import is_of
from billing.store import tables
from rating.errors import UserError

if TYPE_CHECKING:
    from billing.acting import Actor

_TERMS: Final = "(terms)"  # beside the fields of the message, whose names have no such characters
_SUBJECT: Final = "(subject)"
KEPT_US: Final = 48 * 3_600 * 1_000_000  # how long a request is kept at least


class RepeatedError(UserError):
    """Another call with the same request id has its effect already."""


class Kept(NamedTuple):
    """A request whose effect is stored. `answer` is None where the call was not answered yet.

    `terms`: those under which it was made; of an earlier version those that show all. `subject`: such as `account 17`; empty: not known.
    """

    call: str
    fields: dict[str, str]
    nonce: bytes
    commit_seq: int
    answer: bytes | None
    terms: Terms
    subject: str


def keep(connection: sa.Connection, actor: Actor, commit_seq: int, now_us: int) -> None:
    """Store the request of a call with its first commit. Raises RepeatedError where another call has stored it."""
    request = actor.request
    assert request is not None, actor
    before = find(connection, actor.number, request.request_id)
    if before is None:
        _add(connection, actor, commit_seq, now_us)
    elif before.nonce != request.nonce:
        raise RepeatedError(f"request {request.request_id} was made before, by commit {before.commit_seq}", "send it again for its answer")


def find(connection: sa.Connection, number: int, request_id: str) -> Kept | None:
    """The request of an operator that is stored under an id; None where there is none."""
    row = tables.requests.c
    query = sa.select(row.call, row.fields, row.nonce, row.commit_seq, row.answer)
    found = connection.execute(query.where(is_of(row.by_uid, number), row.request_id == request_id)).first()
    if found is None:
        return None
    fields = msgspec.json.decode(found.fields, type=dict[str, str])
    terms, subject = fields.pop(_TERMS, ""), fields.pop(_SUBJECT, "")
    answer = None if found.answer is None else bytes(found.answer)
    shown = msgspec.json.decode(terms, type=Terms) if terms else Terms()
    return Kept(found.call, fields, bytes(found.nonce), found.commit_seq, answer, shown, subject)


def answered(connection: sa.Connection, actor: Actor, answer: bytes, commit_seq: int, now_us: int) -> Kept | None:
    """Store the answer of a call, within a write transaction. One without an effect is stored now, as of the last commit `commit_seq`.

    Returns another call with the same id that was faster, whose answer counts; None where there is none.
    """
    assert actor.request is not None, actor
    before = find(connection, actor.number, actor.request.request_id)
    if before is None:
        _add(connection, actor, commit_seq, now_us)
    elif before.nonce != actor.request.nonce:
        return before
    connection.execute(tables.requests.update().where(_is_of_call(actor)).values(answer=answer, fields=_fields(actor)))
    return None


def tell(connection: sa.Connection, result: object) -> None:
    """Store the answer of this thread's call in the transaction of its commit; nothing where the call makes it of more than `result`."""
    actor = acting.current()
    if actor.request is not None and actor.request.answer_of is not None:
        connection.execute(tables.requests.update().where(_is_of_call(actor)).values(answer=actor.request.answer_of(result)))


def _is_of_call(actor: Actor) -> sa.ColumnElement[bool]:
    """The row of a call that has a commit."""
    request, row = actor.request, tables.requests.c
    assert request is not None, actor
    return is_of(row.by_uid, actor.number) & (row.request_id == request.request_id) & (row.nonce == request.nonce)


def _add(connection: sa.Connection, actor: Actor, commit_seq: int, now_us: int) -> None:
    request = actor.request
    assert request is not None, actor
    connection.execute(
        tables.requests.insert().values(
            by_uid=actor.number,
            request_id=request.request_id,
            nonce=request.nonce,
            call=actor.call,
            fields=_fields(actor),
            commit_seq=commit_seq,
            at_us=now_us,
        )
    )


def _fields(actor: Actor) -> str:
    request = actor.request
    assert request is not None, actor
    known = {_TERMS: msgspec.json.encode(request.terms).decode(), _SUBJECT: actor.subject}
    return msgspec.json.encode(request.fields | known).decode()


def has_old(connection: sa.Connection, now_us: int) -> bool:
    """Return whether a request is older than KEPT_US."""
    return connection.execute(sa.select(tables.requests.c.request_key).where(_is_old(now_us)).limit(1)).first() is not None


def forget_old(connection: sa.Connection, now_us: int) -> int:
    """Delete requests older than KEPT_US, within a write transaction, and return how many there were."""
    return connection.execute(tables.requests.delete().where(_is_old(now_us))).rowcount


def _is_old(now_us: int) -> sa.ColumnElement[bool]:
    return tables.requests.c.at_us < now_us - KEPT_US
