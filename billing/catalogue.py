"""Published catalogues in the store: kept as canonical bytes, checked against their hash whenever they are read, never changed.

Refuses other content under a version that exists, and a stored document that does not have the hash it was published with: nothing
is priced with a tariff that someone edited behind our back.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import msgspec
import sqlalchemy as sa

from billing.store import commit_points
from billing.store.tables import publications
from rating.errors import UserError
from tariffs import canonical
from tariffs.succession import refuse_break

if TYPE_CHECKING:
    from billing.store.home import Home
    from rating.model import Catalogue
    from rating.tables import Tables


class Publication(NamedTuple):
    """What `publish` did. `added` is False when this very content was there already."""

    identity: str
    version: int
    content_hash: bytes
    commit_seq: int
    added: bool


def publish(home: Home, catalogue: Catalogue, now_us: int, *, origin: str = "") -> Publication:
    """Make one checked version the one that prices; the same content again answers with the first publication.

    `origin` is the file the catalogue comes from, for error texts. Raises UserError when the version exists with other content, when
    another version takes effect at the same instant, and when numbers that bills are sorted by moved since another version.
    """
    document = canonical.encode(catalogue)
    content_hash = canonical.digest(document)
    row = publications.c
    with home.begin() as connection:
        of_identity = connection.execute(
            sa.select(row.version, row.content_hash, row.effective_from_us, row.commit_seq).where(row.identity == catalogue.identity)
        ).all()
        for version, stored_hash, effective_from_us, commit_seq in of_identity:
            if version == catalogue.version and stored_hash == content_hash:
                return Publication(catalogue.identity, version, content_hash, commit_seq, added=False)
            _refuse(catalogue, version, effective_from_us)
        refuse_break(catalogue, [_checked(*stored) for stored in _stored(connection)], origin or f"catalogue {catalogue.identity}")
        commit_seq = home.next_commit_seq(connection, "publication", now_us)
        connection.execute(
            publications.insert().values(
                identity=catalogue.identity,
                version=catalogue.version,
                content_hash=content_hash,
                effective_from_us=catalogue.effective_from_us,
                document=document,
                commit_seq=commit_seq,
            )
        )
        commit_points.reached("catalogue.before_commit")
    commit_points.reached("catalogue.committed")
    return Publication(catalogue.identity, catalogue.version, content_hash, commit_seq, added=True)


def published(home: Home) -> list[Catalogue]:
    """Every published version, by identity and version. Raises UserError when one is not what was published."""
    with home.connect() as connection:
        stored = _stored(connection)
    return [_checked(*each) for each in stored]


def published_seq(home: Home) -> int:
    """The sequence number of the last publication, 0 before the first: what was read at this number is all there is."""
    with home.connect() as connection:
        return int(connection.execute(sa.select(sa.func.coalesce(sa.func.max(publications.c.commit_seq), 0))).scalar_one())


def tables(home: Home) -> Tables:
    """The kernel's tables of every published version."""
    from tariffs.compiler import compile_catalogues  # noqa: PLC0415 - numba-side modules, paid for only by commands that price

    return compile_catalogues(published(home))


def _stored(connection: sa.Connection) -> list[tuple[str, int, bytes, bytes]]:
    """Identity, version, hash and document of every publication."""
    row = publications.c
    query = sa.select(row.identity, row.version, row.content_hash, row.document).order_by(row.identity, row.version)
    return [tuple(each) for each in connection.execute(query)]


def _refuse(catalogue: Catalogue, version: int, effective_from_us: int) -> None:
    name = f"catalogue {catalogue.identity}"
    if version == catalogue.version:
        raise UserError(
            f"version {version} of {name} is published with other content",
            "a published version never changes: raise the version number and publish again",
        )
    if effective_from_us == catalogue.effective_from_us:
        raise UserError(
            f"version {version} of {name} takes effect at the same instant as version {catalogue.version}",
            "give the new version its own effective_from",
        )


def _checked(identity: str, version: int, content_hash: bytes, document: bytes) -> Catalogue:
    if canonical.digest(document) == content_hash:
        catalogue = canonical.decode(document)
        if (catalogue.identity, catalogue.version) == (identity, version):
            return msgspec.structs.replace(catalogue, content_hash=content_hash)
    raise UserError(
        f"version {version} of catalogue {identity} in the store is not what was published: its hash differs",
        "nothing is priced with it; put back the last good copy of the home folder",
    )
