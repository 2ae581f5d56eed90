"""Proposals of one person that another one agrees to: kept until that one has decided.

    waits       `propose` stored it; nothing of it counts
    agreed      another person agreed, and the same commit did what was asked for
    refused     anybody gave it up, the one who asked as well

Rows are only ever added. Of one kind and subject one proposal waits at most. The module of a kind says what it means and how it is done:
it calls `propose` in its transaction instead of acting, and `agree` in the transaction in which it acts.
"""

from __future__ import annotations

from typing import Any, Final, NamedTuple

import msgspec
import sqlalchemy as sa

from billing.persons import Who, same_person
from billing.store import tables
from rating.errors import NotFoundError, UserError
from rating.money import format_micros

WAITS: Final = "waits"
AGREED: Final = "agreed"
REFUSED: Final = "refused"
COMMIT_KIND: Final = "approval"
SETTING: Final = "setting"
_LIST: Final = "`ratewright approvals list --all` shows all of them"


class ProposalContent(NamedTuple):
    """Content of a proposal. `payload` is anything that msgspec writes as JSON; it holds all that doing it needs."""

    kind: str
    subject: str
    payload: object
    reason: str
    amount_micros: int = 0
    currency: str | None = None
    account_key: int | None = None


class Approval(NamedTuple):
    """A proposal and its state. `decided_by` and `note` are empty while it waits; instants are microseconds UTC."""

    approval_id: int
    kind: str
    subject: str
    payload: str
    account_id: str
    currency: str
    amount_micros: int
    reason: str
    by_name: str
    by_uid: int
    at_us: int
    commit_seq: int
    state: str
    decided_by: str
    decided_us: int
    note: str


class Agreed(NamedTuple):
    """The proposal that was agreed to, and the result of carrying it out: the answer of the command that asked for it."""

    approval: Approval
    result: Any


class Agreement(NamedTuple):
    """A second person agrees to a proposal: handed to the module that acts, which acts for the person who asked."""

    approval: Approval
    who: Who
    note: str = ""

    @property
    def asked_by(self) -> Who:
        """The person who asked, acting now."""
        return Who(self.approval.by_name, self.approval.by_uid, self.who.now_us)


def propose(connection: sa.Connection, wanted: ProposalContent, who: Who, seq: int) -> Approval:
    """Store a proposal by the commit `seq`, in the caller's transaction. `require_none` has said that none waits."""
    assert wanted.reason.strip() or wanted.kind != SETTING, wanted
    values = {
        "kind": wanted.kind,
        "subject": wanted.subject,
        "payload": encoded(wanted.payload),
        "account_key": wanted.account_key,
        "currency": wanted.currency,
        "amount_micros": wanted.amount_micros,
        "reason": wanted.reason,
    }
    by = {"by_name": who.by_name, "by_uid": who.by_uid, "at_us": who.now_us, "commit_seq": seq}
    added = connection.execute(tables.approvals.insert().values(**values, **by)).inserted_primary_key
    assert added is not None
    return find(connection, int(added[0]))


def require_unchanged(agreement: Agreement, amount_micros: int) -> None:
    """Raises UserError where doing it comes to another amount by now than what was asked for and looked at."""
    asked = agreement.approval
    if asked.amount_micros != amount_micros:
        was, now = (f"{format_micros(each)} {asked.currency}" for each in (asked.amount_micros, amount_micros))
        raise UserError(
            f"proposal {asked.approval_id} was about {was}, and comes to {now} now",
            f"have it refused, and ask again: ratewright approvals refuse {asked.approval_id} --note ...",
        )


def waiting(connection: sa.Connection, kind: str, subject: str) -> Approval | None:
    """The proposal of a kind and subject that waits, if any."""
    row = tables.approvals.c
    query = _query().where(row.kind == kind, row.subject == subject, tables.approval_decisions.c.decision_id.is_(None))
    found = connection.execute(query).first()
    return None if found is None else _of(found)


def require_same(found: Approval, payload: object) -> None:
    """Raises UserError where what waits under this name was asked for with other data."""
    if found.payload != encoded(payload):
        raise UserError(
            f"{found.kind.replace('_', ' ')} {found.subject} waits as proposal {found.approval_id} of {found.by_name}, with other data",
            f"have it refused first: ratewright approvals refuse {found.approval_id} --note ...",
        )


def find(connection: sa.Connection, approval_id: int) -> Approval:
    """One proposal. Raises NotFoundError where there is none of that number."""
    found = connection.execute(_query().where(tables.approvals.c.approval_id == approval_id)).first()
    if found is None:
        raise NotFoundError(f"there is no proposal {approval_id}", _LIST)
    return _of(found)


def of_commit(connection: sa.Connection, commit_seq: int) -> Approval | None:
    """The proposal that a commit stored; None where it stored none."""
    found = connection.execute(_query().where(tables.approvals.c.commit_seq == commit_seq)).first()
    return None if found is None else _of(found)


def list_all(connection: sa.Connection, *, decided: bool = False) -> list[Approval]:
    """Proposals that wait, oldest first; with `decided` all there ever were."""
    query = _query()
    if not decided:
        query = query.where(tables.approval_decisions.c.decision_id.is_(None))
    return [_of(row) for row in connection.execute(query.order_by(tables.approvals.c.approval_id))]


def waiting_at(connection: sa.Connection, seq: int) -> list[Approval]:
    """Proposals that waited as of a commit, oldest first, with what was decided since."""
    row, decision = tables.approvals.c, tables.approval_decisions.c
    open_then = sa.or_(decision.decision_id.is_(None), decision.commit_seq > seq)
    return [_of(each) for each in connection.execute(_query().where(row.commit_seq <= seq, open_then).order_by(row.approval_id))]


def require_may_agree(found: Approval, who: Who) -> None:
    """Raises UserError for what is decided, and where the one who asked for it would agree to it."""
    _require_waits(found)
    if same_person(found.by_uid, who.by_uid):
        raise UserError(
            f"proposal {found.approval_id} was made by {found.by_name}, who cannot agree to it",
            f"another person agrees to it: ratewright approvals agree {found.approval_id}",
        )


def agree(connection: sa.Connection, agreement: Agreement, seq: int) -> None:
    """Add the word of the second person by the commit `seq` that acts. Looks again at whether that one may."""
    found = find(connection, agreement.approval.approval_id)
    require_may_agree(found, agreement.who)
    _decide(connection, found, AGREED, agreement.note, agreement.who, seq)


def give_up(connection: sa.Connection, found: Approval, note: str, who: Who, seq: int) -> None:
    """Refuse a proposal by the commit `seq`. Raises UserError where it is decided."""
    _require_waits(found)
    _decide(connection, found, REFUSED, note, who, seq)


def supersede(connection: sa.Connection, found: Approval, who: Who, seq: int) -> None:
    """Give up a proposal because something else was asked for in its place, by the commit `seq` that stores it."""
    _decide(connection, found, REFUSED, "something else was asked for in its place", who, seq)


def encoded(payload: object) -> str:
    """A payload as it is stored: the same for the same data."""
    return msgspec.json.encode(payload, order="sorted").decode()


def agreed_commits() -> sa.Select[Any]:
    """The numbers of the commits to which a second person agreed."""
    row = tables.approval_decisions.c
    return sa.select(row.commit_seq).where(row.kind == AGREED)


def agreed_by(connection: sa.Connection) -> dict[int, str]:
    """The name of the second person, by the commit that acted."""
    row = tables.approval_decisions.c
    return {int(seq): name for seq, name in connection.execute(sa.select(row.commit_seq, row.by_name).where(row.kind == AGREED))}


def _require_waits(found: Approval) -> None:
    if found.state != WAITS:
        raise UserError(f"proposal {found.approval_id} was {found.state} by {found.decided_by}", _LIST)


def _decide(connection: sa.Connection, found: Approval, kind: str, note: str, who: Who, seq: int) -> None:  # noqa: PLR0913, PLR0917 -- one column each
    by = {"by_name": who.by_name, "by_uid": who.by_uid, "at_us": who.now_us, "commit_seq": seq}
    connection.execute(tables.approval_decisions.insert().values(approval_id=found.approval_id, kind=kind, note=note, **by))


def _query() -> sa.Select[Any]:
    row, decision, account = tables.approvals, tables.approval_decisions, tables.accounts
    own = [row.c[name] for name in ("approval_id", "kind", "subject", "payload")]
    money = [sa.func.coalesce(account.c.account_id, ""), sa.func.coalesce(row.c.currency, ""), row.c.amount_micros]
    asked = [row.c[name] for name in ("reason", "by_name", "by_uid", "at_us", "commit_seq")]
    said = [(decision.c.kind, WAITS), (decision.c.by_name, ""), (decision.c.at_us, 0), (decision.c.note, "")]
    query = sa.select(*own, *money, *asked, *(sa.func.coalesce(column, default) for column, default in said)).select_from(row)
    query = query.outerjoin(decision, decision.c.approval_id == row.c.approval_id)
    return query.outerjoin(account, account.c.account_key == row.c.account_key)


def _of(row: Any) -> Approval:  # noqa: ANN401 -- a row of `_query`
    return Approval._make(row)
