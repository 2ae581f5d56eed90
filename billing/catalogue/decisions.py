"""Decisions of people about versions, and results of what-ifs: rows that are only ever added.

A decision is about exactly one content (its hash): a review of a draft says nothing about the draft that was saved after it.
Refuses a review by the author, and a repeal that would change the past or something else than the version it names.
"""

from __future__ import annotations

import enum
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import msgspec
import sqlalchemy as sa

from billing.catalogue import kept_rows
from billing.catalogue.drafts import authors_of, draft_named
from billing.catalogue.in_force import end_of, live_of
from billing.catalogue.names import Act, Operator, version_name
from billing.catalogue.stored import REPEAL_KIND, publications_of, repeals_of
from billing.persons import is_among
from billing.store import commit_points
from billing.store.tables import finding_decisions, finding_waivers, limit_alarms, publications, run_decisions, tariff_decisions
from rating.errors import NotFoundError, UserError
from rating.identifiers import one_line
from tariffs.checks.header import EFFECTIVE_US_LIMIT

if TYPE_CHECKING:
    from collections.abc import Mapping

    from billing.store.home import Home
    from rating.model import Catalogue


DECISION_KIND: Final = "decision"  # of commits that hold one; versions of before gave it to the commits of _OTHERS as well
_OTHERS: Final = (run_decisions, finding_waivers, finding_decisions, limit_alarms)


class Kind(enum.StrEnum):
    """Kind of a row."""

    REVIEWED = "reviewed"
    REJECTED = "rejected"
    PUBLISHED = "published"
    REPEALED = "repealed"
    WHAT_IF = "what_if"
    NOTICE_WAIVED = "notice_waived"
    WHAT_IF_WAIVED = "what_if_waived"
    REVIEW_WAIVED = "review_waived"


class Decision(NamedTuple):
    """One row. `detail`: `note` of a review, `reason` of a waiver or repeal, `from_us` of a repeal, `month` and figures of a what-if."""

    identity: str
    version: int
    content_hash: bytes
    kind: Kind
    by: Operator
    at_us: int
    detail: dict[str, Any]
    commit_seq: int


def decisions(home: Home, identity: str | None = None) -> list[Decision]:
    """Every decision, oldest first; about one catalogue, if given."""
    with home.connect() as connection:
        return decisions_of(connection, identity)


def decisions_of(connection: sa.Connection, identity: str | None = None) -> list[Decision]:
    """The same in a view of the caller."""
    rows = sa.union(*(sa.select(table.c.commit_seq) for table in (tariff_decisions, *_OTHERS)))
    kept_rows.refuse_missing(connection, DECISION_KIND, connection.execute(rows).scalars().all(), "a decision")
    conditions = () if identity is None else (tariff_decisions.c.identity == identity,)
    return [_read(each) for each in kept_rows.select(connection, tariff_decisions, *conditions)]


def review(  # noqa: PLR0913 -- who says what of which draft, and when
    home: Home, name: str, by: Operator, now_us: int, *, accept: bool, note: str = "", content: str = "", dry_run: bool = False
) -> Decision:
    """Approve or reject the newest draft of `name` (mobile@2). An approval by anyone who saved this content is refused.

    With `content`, the beginning of a hash in hex digits, any other content is refused: the author may have saved another one meanwhile.
    `dry_run`: all is done and refused as it would be, and undone.
    """
    wanted, note = version_name(name), one_line(note, "the note")
    with home.begin(dry_run=dry_run) as connection:
        if any((each.catalogue.identity, each.catalogue.version) == wanted for each in publications_of(connection)):
            raise UserError(f"{wanted} is published already", "review the next version")
        draft = draft_named(connection, name)
        found = draft.catalogue.content_hash.hex()
        if not found.startswith(content.lower()):
            message = f"the draft {draft.name} is {found[:12]}, saved by {draft.author.name}, and not {content}"
            raise UserError(message, "look at it again, then name its hash")
        if accept and is_among(by.uid, authors_of(connection, draft.catalogue)):
            raise UserError(
                f"{draft.name} was drafted by {draft.author.name}, and authors do not approve their own drafts",
                f"let another person run `ratewright tariffs review {draft.name}` under their own account of the operating system",
            )
        seq = home.next_commit_seq(connection, DECISION_KIND, now_us)
        kind = Kind.REVIEWED if accept else Kind.REJECTED
        decision = record(connection, draft.catalogue, kind, Act(by, now_us, seq), {"note": note} if note else {})
        if not dry_run:
            commit_points.reached("decision.before_commit")
    if not dry_run:
        commit_points.reached("decision.committed")
    return decision


def record_what_if(  # noqa: PLR0913, PLR0917 -- who tried which draft on which month, when, and what came out
    home: Home, catalogue: Catalogue, month: str, by: Operator, now_us: int, detail: Mapping[str, Any]
) -> bool:
    """Keep that a what-if ran over `month` (2026-10) for exactly this content, and its figures.

    False where the store has no such draft, or the version is published: publication asks for no what-if any more.
    """
    with home.begin() as connection:
        if not authors_of(connection, catalogue) or _is_published(connection, catalogue):
            return False
        seq = home.next_commit_seq(connection, DECISION_KIND, now_us)
        record(connection, catalogue, Kind.WHAT_IF, Act(by, now_us, seq), {**detail, "month": month})
        commit_points.reached("decision.before_commit")
    commit_points.reached("decision.committed")
    return True


def _is_published(connection: sa.Connection, catalogue: Catalogue) -> bool:
    row = publications.c
    query = sa.select(row.version).where(row.identity == catalogue.identity, row.version == catalogue.version)
    return connection.execute(query).first() is not None


def repeal(  # noqa: PLR0913 -- who ends what, from when and why
    home: Home, name: str, by: Operator, now_us: int, *, from_us: int, reason: str, dry_run: bool = False
) -> Decision:
    """End the published version `name` at `from_us`: its plans are not sold from then on, until another version takes effect.

    From its own beginning or before, it never takes effect, and what is in force before it stays. Nothing is repealed for the past.
    `dry_run`: as in `review`.
    """
    wanted, reason = version_name(name), one_line(reason, "the reason")
    with home.begin(dry_run=dry_run) as connection:
        published = [each.catalogue for each in publications_of(connection)]
        catalogue = next((each for each in published if (each.identity, each.version) == wanted), None)
        if catalogue is None:
            raise NotFoundError(f"{wanted} is not published", f"`ratewright tariffs history {wanted.identity}` lists its versions")
        repeals = repeals_of(connection)
        _refuse_repeal(catalogue, [each for each in published if each.identity == wanted.identity], from_us, now_us, reason)
        of_identity = [each for each in published if each.identity == wanted.identity]
        live = live_of(of_identity, repeals)
        if catalogue not in live or end_of(catalogue, of_identity, repeals, repealed_only=True) is not None:
            raise UserError(
                f"{wanted} is repealed already",
                f"`ratewright tariffs history {wanted.identity}` says from when; to go on selling, publish another version",
            )
        follower = next((each for each in live if catalogue.effective_from_us < each.effective_from_us <= from_us), None)
        if follower is not None:
            raise UserError(
                f"{wanted} is not in force any more at that instant: version {follower.version} follows it",
                f"repeal {follower.identity}@{follower.version}, or name an earlier instant",
            )
        seq = home.next_commit_seq(connection, REPEAL_KIND, now_us)
        decision = record(connection, catalogue, Kind.REPEALED, Act(by, now_us, seq), {"from_us": from_us, "reason": reason})
        if not dry_run:
            commit_points.reached("decision.before_commit")
    if not dry_run:
        commit_points.reached("decision.committed")
    return decision


def record(connection: sa.Connection, catalogue: Catalogue, kind: Kind, act: Act, detail: Mapping[str, Any]) -> Decision:
    """Add one row within a transaction of the caller."""
    row = Decision(catalogue.identity, catalogue.version, catalogue.content_hash, kind, act.by, act.at_us, dict(detail), act.commit_seq)
    values = {
        "identity": row.identity,
        "version": row.version,
        "content_hash": row.content_hash,
        "kind": kind.value,
        "by_name": row.by.name,
        "by_uid": row.by.uid,
        "at_us": row.at_us,
        "detail": msgspec.json.encode(row.detail, order="sorted").decode(),
        "commit_seq": row.commit_seq,
    }
    kept_rows.add(connection, tariff_decisions, values)
    return row


def _refuse_repeal(catalogue: Catalogue, of_identity: list[Catalogue], from_us: int, now_us: int, reason: str) -> None:
    name = f"{catalogue.identity}@{catalogue.version}"
    if not reason:
        raise UserError("a repeal needs a reason", "say why with --reason", exit_status=2)
    if from_us >= EFFECTIVE_US_LIMIT:
        raise UserError(f"{name} cannot be repealed from 2070 on: nothing is priced then", "name an earlier instant", exit_status=2)
    if from_us < now_us:
        raise UserError(
            f"{name} cannot be repealed for the past",
            f"name an instant to come; to correct what was charged, publish a new version with `corrects: {catalogue.version}`",
        )
    by = next((each.version for each in of_identity if each.corrects == catalogue.version), None)
    if by is not None:
        raise UserError(f"{name} is corrected by version {by}, which prices in its place", f"repeal {catalogue.identity}@{by}")


def _read(row: sa.Row[Any]) -> Decision:
    return Decision(
        row.identity,
        row.version,
        row.content_hash,
        Kind(row.kind),
        Operator(row.by_name, row.by_uid),
        row.at_us,
        msgspec.json.decode(row.detail, type=dict[str, Any]),
        row.commit_seq,
    )
