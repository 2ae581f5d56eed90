"""Undone runs, by account and as of a commit: the one place that decides that a run counts no more.

A run that is undone for an account never was, for it. Nor were the runs that took the account in after that one and before it was undone:
they computed it as if the first one counted. A run is undone only for accounts for which none of these has a valid document
(`billing.documents.undoing`), so nothing that was billed is forgotten.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple, Protocol, TypeVar

import sqlalchemy as sa

from billing.store import tables
from rating.errors import UserError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

PROPOSED: Final = "proposed"
WITHDRAWN: Final = "withdrawn"
UNDONE: Final = "undone"


class Undo(NamedTuple):
    """A run, the commit that undid it, and its accounts. `account_keys` None: all that took part in it."""

    run_id: int
    seq: int
    account_keys: frozenset[int] | None

    def is_of(self, account_key: int) -> bool:
        """Return whether it is about an account, if that took part in the run."""
        return self.account_keys is None or account_key in self.account_keys

    def cuts(self, run_id: int, pinned_seq: int) -> bool:
        """Return whether a run counts no more for its accounts: the run itself, and each that was computed on top of it."""
        return run_id >= self.run_id and pinned_seq < self.seq


class _Run(Protocol):
    @property
    def run_id(self) -> int: ...
    @property
    def pinned_seq(self) -> int: ...


_Any = TypeVar("_Any", bound=_Run)


class Cut(NamedTuple):
    """The runs of an account that count, and the undos that removed the others."""

    runs: list[Any]
    undos: list[Undo]


def load(connection: sa.Connection, as_of: int | sa.ScalarSelect[int] | None = None) -> tuple[Undo, ...]:
    """All runs that were undone, oldest undo first. `as_of`: up to a commit."""
    row, of = tables.run_undos.c, tables.run_undo_accounts.c
    query = sa.select(row.undo_id, row.run_id, row.commit_seq, row.restricted).where(row.kind == UNDONE).order_by(row.undo_id)
    if as_of is not None:
        query = query.where(row.commit_seq <= as_of)
    found = connection.execute(query).all()
    named: dict[int, set[int]] = {each.undo_id: set() for each in found if each.restricted}
    if named:
        for undo_id, account_key in connection.execute(sa.select(of.undo_id, of.account_key).where(of.undo_id.in_(list(named)))):
            named[undo_id].add(account_key)
    return tuple(
        Undo(int(each.run_id), int(each.commit_seq), frozenset(named[each.undo_id]) if each.restricted else None) for each in found
    )


def without(runs: Sequence[_Any], undos: Iterable[Undo], account_key: int | None = None) -> Cut:
    """The remaining runs of those that an account took part in, oldest first. None: an account that no undo names."""
    left, applied = list(runs), []
    for undo in undos:
        about = undo.account_keys is None if account_key is None else undo.is_of(account_key)
        if about and any(run.run_id == undo.run_id for run in left):
            left = [run for run in left if not undo.cuts(run.run_id, run.pinned_seq)]
            applied.append(undo)
    return Cut(left, applied)


def whole_runs(undos: Iterable[Undo]) -> set[int]:
    """Runs that were undone for all accounts."""
    return {undo.run_id for undo in undos if undo.account_keys is None}


def require_standing(connection: sa.Connection, run_id: int) -> None:
    """Raises UserError for a run that was undone for all accounts."""
    row = tables.run_undos.c
    query = sa.select(row.by_name, row.reason).where(row.run_id == run_id, row.kind == UNDONE, row.restricted.is_(None))
    found = connection.execute(query).first()
    if found is not None:
        raise UserError(
            f"bill run {run_id} is undone, agreed to by {found.by_name}: {found.reason}",
            "the next run of its accounts bills what is due: ratewright bill run --date ...",
        )


def commits() -> sa.Select[Any]:
    """The commits that undid runs: documents that they made void count nowhere as ever billed."""
    row = tables.run_undos.c
    return sa.select(row.commit_seq).where(row.kind == UNDONE)
