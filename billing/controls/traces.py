"""Columns that no book adds up, compared with other data that says the same: an edit of one of them alone is found.

- commits: their hashes follow from numbers, kinds, times and acts of persons; what was stored in one and dated with it has its time
- runs: each began at the time at which its first step says so
- rows that could not be read: their bytes are those that were hashed when they came, and the text that people see follows from them
- subscriptions: the first plan of each begins on its own first day; one that was handed over ends on the first day of its one next owner
- facts about parties: each can be read
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import sqlalchemy as sa

from billing.accounts.handovers.known import Pair, pairs
from billing.accounts.parties import stored as parties
from billing.controls.book import ROWS, Book, book
from billing.intake.known_records import known_rejects
from billing.runs.states import COMPUTING
from billing.store import commit_chain, tables
from billing.store.checks.checking import Finding
from rating.on_use import ModuleOnUse

if TYPE_CHECKING:
    from collections.abc import Iterator

    from billing.intake import suspense_rows
    from billing.store.home import Home
else:
    suspense_rows = ModuleOnUse("billing.intake.suspense_rows")

_SHOWN: Final = 5
_ROWS_AT_ONCE: Final = 1_000
_DATED: Final = (  # instants that are those of the commits they were stored in
    tables.bill_runs.c.started_us,
    tables.bank_files.c.at_us,
    tables.bank_line_decisions.c.at_us,
    tables.payment_events.c.at_us,
    tables.gl_exports.c.at_us,
    tables.billing_settings.c.at_us,
    tables.approvals.c.at_us,
    tables.approval_decisions.c.at_us,
    tables.late_decisions.c.at_us,
    tables.run_decisions.c.at_us,
)


def findings(home: Home) -> list[Finding]:
    """Differences, on one view of the database."""
    with home.connect() as connection:
        found = [*_commits(connection), *_runs(connection), *_rejected(connection), *_subscriptions(connection)]
        return [*found, *_parties(connection)]


def trace_books(connection: sa.Connection) -> Iterator[Book]:
    """Commits and rejected rows as books: how many there are, and how many are as they were written."""
    commits, rejected = tables.commits.c, tables.suspense.c
    number = connection.execute(sa.select(sa.func.count(commits.commit_seq))).scalar_one()
    yield _book("commits: given = with the hash of their content", number, commit_chain.broken(connection), "commits")
    kept = rejected.event_key.is_(None) & rejected.raw_bytes.is_not(None)
    number = connection.execute(sa.select(sa.func.count(rejected.suspense_id)).where(kept)).scalar_one()
    yield _book("suspense: rows kept as bytes = with the bytes that came", number, _edited(connection), ROWS)


def _commits(connection: sa.Connection) -> Iterator[Finding]:
    yield from _told("commits", "commits have another hash than their content, by", "commit_seq", commit_chain.broken(connection))
    commit = tables.commits.c
    for at_us in _DATED:
        table = at_us.table
        query = sa.select(commit.commit_seq).join_from(tables.commits, table, table.c.commit_seq == commit.commit_seq)
        other = list(connection.execute(query.where(at_us != commit.at_us).distinct().order_by(commit.commit_seq)).scalars())
        yield from _told("commits", "commits have another time than what they stored in", str(table.name), other)


def _runs(connection: sa.Connection) -> Iterator[Finding]:
    run, step = tables.bill_runs.c, tables.run_steps.c
    began = sa.and_(step.run_id == run.run_id, step.state == COMPUTING)
    query = sa.select(run.run_id).join_from(tables.bill_runs, tables.run_steps, began).where(step.at_us != run.started_us)
    other = list(connection.execute(query.order_by(run.run_id)).scalars())
    yield from _told("run_steps", "runs began at another time than their first step says, by", "run_id", other)


def _rejected(connection: sa.Connection) -> Iterator[Finding]:
    yield from _told(
        "suspense", "rows have bytes that are not those of their hash, length and text, by", "suspense_id", _edited(connection)
    )


def _edited(connection: sa.Connection) -> list[int]:
    """Rejected rows that are not as they came, by suspense_id."""
    row = tables.suspense.c
    query = sa.select(row.suspense_id, row.raw_bytes, row.raw_length, row.raw, row.row_sha256)
    query = query.where(row.event_key.is_(None), row.raw_bytes.is_not(None)).order_by(row.suspense_id)
    other = []
    for suspense_id, data, length, text, row_sha256 in connection.execute(query.execution_options(yield_per=_ROWS_AT_ONCE)):
        is_hashed = row_sha256 is None or known_rejects.is_hash_of(bytes(row_sha256), bytes(data))
        if len(data) != length or suspense_rows.text_of(data) != text or not is_hashed:
            other.append(int(suspense_id))
    return other


def _subscriptions(connection: sa.Connection) -> Iterator[Finding]:
    row, plan = tables.subscriptions.c, tables.plan_facts.c
    first = sa.select(sa.func.min(plan.from_date)).where(plan.subscription_key == row.subscription_key).scalar_subquery()
    query = sa.select(row.subscription_id).where(first.is_distinct_from(row.from_date)).order_by(row.subscription_key)
    other = list(connection.execute(query).scalars())
    yield from _told("subscriptions", "subscriptions begin on another day than their first plan, by", "subscription_id", other)
    before, second, apart = dict[int, Pair](), list[str](), list[str]()
    for pair in pairs(connection):
        if before.setdefault(pair.key, pair) is not pair:
            second.append(pair.given.subscription_id)
        elif pair.is_apart:
            apart.append(pair.given.subscription_id)
    what = "subscriptions begin on another day than that on which the one of the owner before ends, by"
    yield from _told("subscriptions", what, "subscription_id", apart)
    what = "subscriptions name an owner before whose subscription another one has since, by"
    yield from _told("subscriptions", what, "subscription_id", second)


def _parties(connection: sa.Connection) -> Iterator[Finding]:
    other = [each.fact_id for each in parties.damaged(connection)]
    yield from _told(
        "party_facts", "facts about parties are damaged; `party retract` and `entity retract` take them back, by", "fact_id", other
    )


def _book(name: str, number: int, other: list[int], unit: str) -> Book:
    terms = {f"not as written {each}": 1 for each in other[:_SHOWN]}
    return book(name, number, number - len(other), unit, terms)


def _told(place: str, what: str, by: str, other: list[Any]) -> Iterator[Finding]:
    if other:
        shown = ", ".join(map(repr, other[:_SHOWN])) + (f", and {len(other) - _SHOWN:,} more" if len(other) > _SHOWN else "")
        yield Finding(place, f"{len(other):,} {what} {by}: {shown}")
