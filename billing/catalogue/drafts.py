"""Drafts: versions that an author wants to publish. Each saving with other content is a row of its own; the newest is the draft.

Refuses a version that is published already, and what `tariffs.succession` refuses, so that an author learns of it before a reviewer does.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

import msgspec
import sqlalchemy as sa

from billing.catalogue import kept_rows
from billing.catalogue.in_force import withdrawn_of
from billing.catalogue.names import Act, Operator, VersionName, version_name
from billing.catalogue.stored import publications_of, repeals_of
from billing.catalogue.succeeding import refuse_version, same_version
from billing.store import commit_points
from billing.store.tables import tariff_drafts
from rating.errors import ChangedError, NotFoundError, UserError
from rating.model import Catalogue
from tariffs import canonical

if TYPE_CHECKING:
    from billing.store.home import Home


DRAFT_KIND: Final = "draft"  # of commits that hold one


class Draft(NamedTuple):
    """One saving of a draft. `added` is False where this very content was the draft already."""

    catalogue: Catalogue
    author: Operator
    at_us: int
    origin: str
    commit_seq: int
    added: bool = False

    @property
    def name(self) -> VersionName:
        """Such as mobile@2."""
        return VersionName(self.catalogue.identity, self.catalogue.version)


def save(  # noqa: PLR0913 -- what, by whom, when and from where
    home: Home, catalogue: Catalogue, author: Operator, now_us: int, origin: str = "", *, etag: str = "", dry_run: bool = False
) -> Draft:
    """Make `catalogue` the draft of its version. `origin` is the file it comes from. `dry_run`: all is done and refused, and undone.

    `etag`: the hash of the version's newest draft as it was read; empty: nothing is compared. Raises ChangedError where there is another.
    """
    with home.begin(dry_run=dry_run) as connection:
        _require_etag(connection, VersionName(catalogue.identity, catalogue.version), etag)
        before = same_version(catalogue, [each.catalogue for each in publications_of(connection)])
        if before is not None:
            name = f"version {before.version} of catalogue {before.identity}"
            raise UserError(
                f"{name} is published already, with this content", "there is nothing to do; a change needs a new version number"
            )
        draft = save_within(home, connection, catalogue, Act(author, now_us), origin)
        if not dry_run:
            commit_points.reached("draft.before_commit")
    if not dry_run:
        commit_points.reached("draft.committed")
    return draft


def save_within(home: Home, connection: sa.Connection, catalogue: Catalogue, act: Act, origin: str) -> Draft:
    """The same inside a transaction of the caller."""
    origin = "".join(sign if sign.isprintable() else "?" for sign in origin)
    document = canonical.encode(catalogue)
    content_hash = canonical.digest(document)
    newest = _newest(connection, VersionName(catalogue.identity, catalogue.version))
    if newest is not None and newest.catalogue.content_hash == content_hash:
        return newest
    published = [each.catalogue for each in publications_of(connection)]
    refuse_version(catalogue, published, withdrawn_of(catalogue.identity, published, repeals_of(connection)), origin)
    seq = home.next_commit_seq(connection, DRAFT_KIND, act.at_us)
    values = {
        "identity": catalogue.identity,
        "version": catalogue.version,
        "content_hash": content_hash,
        "effective_from_us": catalogue.effective_from_us,
        "document": document,
        "origin": origin,
        "author": act.by.name,
        "author_uid": act.by.uid,
        "at_us": act.at_us,
        "commit_seq": seq,
    }
    kept_rows.add(connection, tariff_drafts, values)
    return Draft(msgspec.structs.replace(catalogue, content_hash=content_hash), act.by, act.at_us, origin, seq, added=True)


def _require_etag(connection: sa.Connection, name: VersionName, etag: str) -> None:
    newest = _newest(connection, name) if etag else None
    if etag and (newest is None or newest.catalogue.content_hash.hex() != etag):
        raise ChangedError(f"the draft of {name} is another one since it was read", "read the version again, then decide")


def drafts(home: Home, identity: str | None = None) -> list[Draft]:
    """Every saving, oldest first; of one catalogue, if given. Those of published versions are among them."""
    with home.connect() as connection:
        return drafts_of(connection, identity)


def drafts_of(connection: sa.Connection, identity: str | None = None) -> list[Draft]:
    """The same in a view of the caller."""
    conditions = () if identity is None else (tariff_drafts.c.identity == identity,)
    return [_draft(each) for each in _rows(connection, *conditions)]


def draft_named(connection: sa.Connection, text: str) -> Draft:
    """The newest draft of a version such as mobile@2. Raises NotFoundError where there is none."""
    name = version_name(text)
    newest = _newest(connection, name)
    if newest is not None:
        return newest
    raise NotFoundError(f"there is no draft {name}", _instead(connection, name.identity))


def _instead(connection: sa.Connection, identity: str) -> str:
    """The drafts of a catalogue that wait, or that none does; then the versions that are published."""
    versions = [each.catalogue.version for each in publications_of(connection) if each.catalogue.identity == identity]
    published = [str(VersionName(identity, version)) for version in sorted(versions)]
    saved = dict.fromkeys(str(each.name) for each in drafts_of(connection, identity))
    waiting = [name for name in saved if name not in published]
    if waiting:
        return f"drafts of {identity} are {', '.join(waiting)}"
    make = "make one: ratewright tariffs draft PATH"
    return f"no draft of {identity} waits, and {', '.join(published)} {_is(published)} published; {make}" if published else make


def _is(names: list[str]) -> str:
    return "is" if len(names) == 1 else "are"


def authors_of(connection: sa.Connection, catalogue: Catalogue) -> set[int]:
    """The user ids of everyone who ever saved exactly this content; none where it was never drafted."""
    row = tariff_drafts.c
    query = sa.select(row.author_uid).where(
        row.identity == catalogue.identity,
        row.version == catalogue.version,
        row.content_hash == catalogue.content_hash,
    )
    return set(connection.execute(query).scalars())


def _newest(connection: sa.Connection, name: VersionName) -> Draft | None:
    """The last saving of a version. Earlier ones are not decoded: a rate deck is large, and saved often."""
    found = _rows(connection, tariff_drafts.c.identity == name.identity, tariff_drafts.c.version == name.version)
    return _draft(found[-1]) if found else None


def _rows(connection: sa.Connection, *conditions: sa.ColumnElement[bool]) -> list[sa.Row[Any]]:
    commit_seqs = connection.execute(sa.select(tariff_drafts.c.commit_seq)).scalars().all()
    kept_rows.refuse_missing(connection, DRAFT_KIND, commit_seqs, "a draft")
    return kept_rows.select(connection, tariff_drafts, *conditions)


def _draft(row: sa.Row[Any]) -> Draft:
    return Draft(_read(row), Operator(row.author, row.author_uid), row.at_us, row.origin, row.commit_seq)


def _read(row: sa.Row[Any]) -> Catalogue:
    """The catalogue of a draft, compared with its hash."""
    document, content_hash = row.document, row.content_hash
    if canonical.digest(document) != content_hash:
        raise UserError(f"the draft {row.identity}@{row.version} in the store is not what was saved: its hash differs", kept_rows.COPY)
    return canonical.decode(document)
