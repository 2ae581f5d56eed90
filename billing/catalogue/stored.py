"""Publications as they lie in the store, each compared with its hash at every reading.

Refuses a document that does not have the hash it was published with, and a store in which a publication is missing: nothing is priced
with a tariff that was edited, added or removed behind our back.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final, NamedTuple

import msgspec
import sqlalchemy as sa

from billing.catalogue.kept_rows import COPY, refuse_missing, refuse_uncommitted, select
from billing.store.prepared import Prepared
from billing.store.tables import commits, publications, tariff_decisions
from rating.errors import UserError
from rating.model import Catalogue, LateUsage
from tariffs import canonical

if TYPE_CHECKING:
    from billing.store.home import Home

COMMIT_KIND: Final = "publication"
_LAST: Final = 2**63 - 1  # no commit has a greater number
REPEAL_KIND: Final = "repeal"  # of commits that hold one
REPEALED: Final = "repealed"  # of decisions


class Published(NamedTuple):
    """One publication: the version, and when it became one."""

    catalogue: Catalogue
    commit_seq: int
    at_us: int


class Repeal(NamedTuple):
    """A version ends at an instant."""

    identity: str
    version: int
    from_us: int
    commit_seq: int = 0


def published(home: Home) -> list[Catalogue]:
    """Every published version, repealed and superseded ones too. Raises UserError when one is not what was published, or is gone."""
    with home.connect() as connection:
        return [each.catalogue for each in publications_of(connection)]


def ever_billed_by_arrival(home: Home) -> bool:
    """Return whether any published version, in force or not, has a plan that bills late usage in the period of its arrival."""
    return any(plan.late_usage is LateUsage.ARRIVAL_PERIOD for each in published(home) for plan in each.plans)


def publications_of(connection: sa.Connection) -> list[Published]:
    """Every publication with its number and time, by identity and version; checked as `published` does."""
    row = publications.c
    columns = (row.identity, row.version, row.content_hash, row.document, row.commit_seq, commits.c.at_us)
    query = sa.select(*columns).outerjoin_from(publications, commits, commits.c.commit_seq == row.commit_seq)
    found = [
        Published(_checked(identity, version, content_hash, document), commit_seq, at_us or 0)
        for identity, version, content_hash, document, commit_seq, at_us in connection.execute(query.order_by(row.identity, row.version))
    ]
    _hold_to_commits(connection, COMMIT_KIND, [each.commit_seq for each in found], "a published version")
    return found


def repeals_of(connection: sa.Connection) -> list[Repeal]:
    """Every repeal. Raises UserError where one was changed, or is gone: what it ended would price again."""
    rows = select(connection, tariff_decisions, tariff_decisions.c.kind == REPEALED)
    found = [Repeal(each.identity, each.version, int(json.loads(each.detail)["from_us"]), each.commit_seq) for each in rows]
    _hold_to_commits(connection, REPEAL_KIND, [each.commit_seq for each in found], "the repeal of a version")
    return found


def published_seq(home: Home) -> int:
    """The number of the last publication or repeal, 0 before the first: what was read at this number is all there is."""
    with home.connect() as connection:
        return published_by(connection, _LAST)


def published_by(connection: sa.Connection, seq: int) -> int:
    """The same as of `seq`."""
    ((version, repeal),) = _PUBLISHED_BY.rows(connection, seq=seq)
    return max(version or 0, repeal or 0)


def _published_by() -> sa.Select[tuple[int | None, int | None]]:
    row, published = tariff_decisions.c, publications.c
    seq: sa.BindParameter[int] = sa.bindparam("seq")
    repeals = sa.select(sa.func.max(row.commit_seq)).where(row.kind == REPEALED, row.commit_seq <= seq)
    versions = sa.select(sa.func.max(published.commit_seq)).where(published.commit_seq <= seq)
    return sa.select(versions.scalar_subquery(), repeals.scalar_subquery())


_PUBLISHED_BY: Final = Prepared(_published_by)


def _hold_to_commits(connection: sa.Connection, kind: str, found: list[int], what: str) -> None:
    """Raise UserError unless rows and commits of `kind` are the same."""
    refuse_missing(connection, kind, found, what)
    refuse_uncommitted(connection, kind, found, what)


def _checked(identity: str, version: int, content_hash: bytes, document: bytes) -> Catalogue:
    if canonical.digest(document) == content_hash:
        catalogue = canonical.decode(document)
        if (catalogue.identity, catalogue.version) == (identity, version):
            return msgspec.structs.replace(catalogue, content_hash=content_hash)
    raise UserError(f"version {version} of catalogue {identity} in the store is not what was published: its hash differs", COPY)
