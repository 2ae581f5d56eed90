"""Publishing: a version prices from its instant on, and never changes.

`publish` is the plain step for programs. People publish a draft, which must have come through the gates. `publish_at_once` drafts and
publishes in one transaction, for a new catalogue without subscribers.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from billing.catalogue.decisions import Kind, record
from billing.catalogue.drafts import Draft, draft_named, save_within
from billing.catalogue.gates import Waivers, pass_gates
from billing.catalogue.in_force import withdrawn_of
from billing.catalogue.names import Act, version_name
from billing.catalogue.stored import COMMIT_KIND, publications_of, repeals_of
from billing.catalogue.succeeding import refuse_version, same_version
from billing.store import commit_points
from billing.store.tables import publications
from tariffs import canonical

if TYPE_CHECKING:
    import sqlalchemy as sa

    from billing.catalogue.gates import NewestMonth
    from billing.catalogue.names import Operator
    from billing.catalogue.stored import Published
    from billing.store.home import Home
    from rating.model import Catalogue


class Publication(NamedTuple):
    """Result of publishing. `added` is False when this very content was there already; `notes` say how it came through the gates."""

    identity: str
    version: int
    content_hash: bytes
    commit_seq: int
    added: bool
    notes: tuple[str, ...] = ()


def publish(home: Home, catalogue: Catalogue, now_us: int, *, origin: str = "") -> Publication:
    """Make one checked version the one that prices; the same content again answers with the first publication.

    `origin` is the file the catalogue comes from, for error texts. Raises UserError when the version exists with other content, or another
    version takes effect at the same instant. Raises it too when numbers that bills are sorted by moved since another version.
    """
    with home.begin() as connection:
        before = _published_before(connection, catalogue)
        if before is not None:
            return before
        publication = _add(home, connection, catalogue, now_us, origin)
        commit_points.reached("catalogue.before_commit")
    commit_points.reached("catalogue.committed")
    return publication


def publish_draft(  # noqa: PLR0913 -- which, by whom, when and how
    home: Home,
    name: str,
    by: Operator,
    now_us: int,
    waive: Waivers = Waivers(),  # noqa: B008 -- a constant tuple
    *,
    newest: NewestMonth,
    dry_run: bool = False,
) -> Publication:
    """Publish the newest draft of `name` (mobile@2). Raises GateError with every condition that is not met, and nothing is stored.

    `newest`: the newest month with usage, which the draft has to be tried on (`billing.what_if.newest_month`).
    `dry_run`: all is done and refused as it would be, and undone.
    """
    wanted = version_name(name)
    with home.begin(dry_run=dry_run) as connection:
        for stored in publications_of(connection):
            if (stored.catalogue.identity, stored.catalogue.version) == wanted:
                return _as_before(stored)
        publication = _publish_reviewed(home, connection, draft_named(connection, name), Act(by, now_us), waive, newest)
        if not dry_run:
            commit_points.reached("catalogue.before_commit")
    if not dry_run:
        commit_points.reached("catalogue.committed")
    return publication


def publish_at_once(  # noqa: PLR0913 -- who, what, when, how and from where
    home: Home, catalogue: Catalogue, by: Operator, now_us: int, *, waive: Waivers, newest: NewestMonth, origin: str
) -> Publication:
    """Draft a catalogue and publish it, all or nothing; the same conditions hold, so that the review must be waived."""
    with home.begin() as connection:
        before = _published_before(connection, catalogue)
        if before is not None:
            return before
        drafted = save_within(home, connection, catalogue, Act(by, now_us), origin)
        publication = _publish_reviewed(home, connection, drafted, Act(by, now_us), waive, newest)
        commit_points.reached("catalogue.before_commit")
    commit_points.reached("catalogue.committed")
    return publication


def _published_before(connection: sa.Connection, catalogue: Catalogue) -> Publication | None:
    stored = publications_of(connection)
    same = same_version(catalogue, [each.catalogue for each in stored])
    if same is None:
        return None
    return _as_before(next(each for each in stored if each.catalogue is same))


def _as_before(stored: Published) -> Publication:
    """Result for a version that was published before."""
    found = stored.catalogue
    return Publication(found.identity, found.version, found.content_hash, stored.commit_seq, added=False)


def _publish_reviewed(  # noqa: PLR0913, PLR0917 -- what, by whom, and what is asked before
    home: Home, connection: sa.Connection, draft: Draft, act: Act, waive: Waivers, newest: NewestMonth
) -> Publication:
    """Publish a draft that comes through the gates, in a transaction of the caller."""
    catalogue = draft.catalogue
    passed = pass_gates(connection, catalogue, act.at_us, waive, newest)
    publication = _add(home, connection, catalogue, act.at_us, draft.origin)
    act = act._replace(commit_seq=publication.commit_seq)
    for kind, detail in passed.waived:
        record(connection, catalogue, kind, act, detail)
    record(connection, catalogue, Kind.PUBLISHED, act, {"notes": passed.notes} if passed.notes else {})
    return publication._replace(notes=tuple(passed.notes))


def _add(home: Home, connection: sa.Connection, catalogue: Catalogue, now_us: int, origin: str) -> Publication:
    """Add the row of the publication."""
    published = [each.catalogue for each in publications_of(connection)]
    refuse_version(catalogue, published, withdrawn_of(catalogue.identity, published, repeals_of(connection)), origin)
    document = canonical.encode(catalogue)
    content_hash = canonical.digest(document)
    commit_seq = home.next_commit_seq(connection, COMMIT_KIND, now_us)
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
    return Publication(catalogue.identity, catalogue.version, content_hash, commit_seq, added=True)
