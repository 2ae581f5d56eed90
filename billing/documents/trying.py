"""One transaction of this package: committed with its commit points, or rolled back for a preview; and what is done in one."""

from __future__ import annotations

import contextlib
import functools
from typing import TYPE_CHECKING, NamedTuple

import sqlalchemy as sa

from billing import give_back_limit
from billing.persons import Who
from billing.store import approvals, commit_points
from billing.store.approvals import Agreement
from billing.store.home import Home

if TYPE_CHECKING:
    from collections.abc import Iterator

    from billing.store.approvals import Approval


class Work(NamedTuple):
    """A write transaction of a home, and the person who acts in it; `agreement`: of the other person with whom that is done."""

    home: Home
    connection: sa.Connection
    who: Who
    agreement: Agreement | None = None

    def next_seq(self, kind: str) -> int:
        """The number of a new commit of this kind."""
        return self.home.next_commit_seq(self.connection, kind, self.who.now_us)

    def ask(self, wanted: approvals.ProposalContent) -> Approval | None:
        """The proposal that waits for another person; None where no agreement is needed, or that person agrees now."""
        seq = functools.partial(self.next_seq, approvals.COMMIT_KIND)
        return give_back_limit.ask(self.connection, wanted, self.who, self.agreement, seq)

    def agree(self, commit_seq: int) -> None:
        """Store that the other person agreed, where one did, with the commit of what was done."""
        if self.agreement is not None:
            approvals.agree(self.connection, self.agreement, commit_seq)


@contextlib.contextmanager
def transaction(home: Home, *, dry_run: bool) -> Iterator[sa.Connection]:
    """A write transaction. With `dry_run` everything is done as it would be, so that every refusal is met, and then undone."""
    with home.begin(dry_run=dry_run) as connection:
        yield connection
        if not dry_run:
            commit_points.reached("document.before_commit")
    if not dry_run:
        commit_points.reached("document.committed")
