"""Books that did not balance and checks that failed, kept as findings: each with an owner and a day by which it is mended.

A finding is open until a person closes it. The same book with the same two sides is one finding, however often it is seen.
"""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any, Final

import msgspec
import sqlalchemy as sa

from billing.store import commit_points, requests, tables
from rating.errors import ChangedError, NotFoundError, UserError
from rating.identifiers import one_line

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from billing.controls.book import Book
    from billing.runs.states import By
    from billing.store.home import Home

DAYS_TO_MEND: Final = 5
ASSIGNED: Final = "assigned"
CLOSED: Final = "closed"
NOBODY: Final = "nobody"


class Finding(msgspec.Struct, frozen=True):
    """A finding and its state. `run_id` 0: of no run; `closed_by` empty: open; instants in microseconds UTC, days ISO."""

    finding_id: int
    name: str
    run_id: int
    text: str
    left: int
    right: int
    unit: str
    owner: str
    due_on: str
    found_us: int
    closed_by: str
    note: str
    etag: str = ""  # a mark of its state, another one after each word about it: their number

    @property
    def is_open(self) -> bool:
        """True until a person closes it."""
        return not self.closed_by


def keep(  # noqa: PLR0913, PLR0917 -- one argument a column
    home: Home, books: Iterable[Book], run_id: int, owner: str, today: dt.date, now_us: int
) -> list[Finding]:
    """Keep those of `books` that do not balance as findings of a run (0: of none). Returns all open findings."""
    failed = [each for each in books if not each.ok]
    known = {(each.name, each.left, each.right) for each in findings(home) if each.is_open}
    fresh = [each for each in failed if (each.name, _fitting(each.left), _fitting(each.right)) not in known]
    if fresh:
        due_on = (today + dt.timedelta(days=DAYS_TO_MEND)).isoformat()
        with home.begin() as connection:
            seq = home.next_commit_seq(connection, "finding", now_us)
            rows = [_row(each, run_id, owner or NOBODY, due_on, now_us, seq) for each in fresh]
            connection.execute(tables.control_findings.insert(), rows)
            requests.tell(connection, [each for each in _findings(connection) if each.is_open])
            commit_points.reached("finding.before_commit")
        commit_points.reached("finding.committed")
    return [each for each in findings(home) if each.is_open]


def findings(home: Home, through_seq: int | None = None) -> list[Finding]:
    """Every finding, oldest first, as of a commit (None: now)."""
    with home.connect() as connection:
        return _findings(connection, through_seq)


def _findings(connection: sa.Connection, through_seq: int | None = None) -> list[Finding]:
    finding, decision = tables.control_findings, tables.finding_decisions
    found, decided = sa.select(finding).order_by(finding.c.finding_id), sa.select(decision).order_by(decision.c.decision_id)
    if through_seq is not None:
        found, decided = found.where(finding.c.commit_seq <= through_seq), decided.where(decision.c.commit_seq <= through_seq)
    rows = connection.execute(found).all()
    words: dict[int, list[Any]] = {}
    for word in connection.execute(decided):
        words.setdefault(word.finding_id, []).append(word)
    return [_finding(row, words.get(row.finding_id, [])) for row in rows]


def count_open(home: Home) -> int:
    """The number of open findings."""
    finding, decision = tables.control_findings, tables.finding_decisions
    closed = sa.select(decision.c.finding_id).where(decision.c.kind == CLOSED)
    with home.connect() as connection:
        query = sa.select(sa.func.count()).select_from(finding).where(finding.c.finding_id.not_in(closed))
        return int(connection.execute(query).scalar_one())


def assign(  # noqa: PLR0913, PLR0917 -- what and by whom
    home: Home, finding_id: int, owner: str, due_on: dt.date, by: By, now_us: int, *, etag: str = "", dry_run: bool = False
) -> Finding:
    """Give an open finding an owner and a day by which it is due. The same owner and day again change nothing.

    `etag`: of the finding as it was read; empty: nothing is compared. Raises ChangedError where a word about it was stored since.
    """

    def word(found: Finding) -> dict[str, str]:
        told = {"owner": owner, "due_on": due_on.isoformat()}
        return {} if (found.owner, found.due_on) == (told["owner"], told["due_on"]) else {"kind": ASSIGNED, "note": "", **told}

    return _decided(home, finding_id, word, by, now_us, etag=etag, dry_run=dry_run)


def close(  # noqa: PLR0913 -- what and by whom
    home: Home, finding_id: int, note: str, by: By, now_us: int, *, etag: str = "", dry_run: bool = False
) -> Finding:
    """Close a finding, with a word on what was done about it. `etag` as in `assign`."""
    if not note.strip():
        raise UserError("a finding is closed with a word on what was done", "give it with --note '...'", exit_status=2)
    note = one_line(note, "the note")

    def word(found: Finding) -> dict[str, str]:
        return {"kind": CLOSED, "owner": found.owner, "due_on": found.due_on, "note": note}

    return _decided(home, finding_id, word, by, now_us, etag=etag, dry_run=dry_run)


def decided_by(home: Home, commit_seq: int) -> Finding:
    """The finding that a commit assigned or closed, as of then."""
    decision = tables.finding_decisions.c
    with home.connect() as connection:
        query = sa.select(decision.finding_id).where(decision.commit_seq == commit_seq)
        finding_id = connection.execute(query).scalar_one()
    return next(each for each in findings(home, commit_seq) if each.finding_id == finding_id)


def _decided(  # noqa: PLR0913 -- what and by whom
    home: Home, finding_id: int, word: Callable[[Finding], dict[str, str]], by: By, now_us: int, *, etag: str, dry_run: bool
) -> Finding:
    """Store what `word` says about an open finding, in the transaction in which it is looked at; nothing where that is empty."""
    with home.begin(dry_run=dry_run) as connection:
        found = _open(connection, finding_id, etag)
        values = word(found)
        if not values:
            return found
        seq = home.next_commit_seq(connection, "finding_decision", now_us)
        told = {"finding_id": finding_id, "at_us": now_us, "by_name": by.name, "by_uid": by.uid, "commit_seq": seq}
        connection.execute(tables.finding_decisions.insert().values(**values, **told))
        made = _of_number(connection, finding_id)
        assert made is not None, finding_id
        if not dry_run:
            commit_points.reached("finding.before_commit")
    if not dry_run:
        commit_points.reached("finding.committed")
    return made


def _open(connection: sa.Connection, finding_id: int, etag: str) -> Finding:
    found = _of_number(connection, finding_id)
    if found is None:
        raise NotFoundError(f"there is no finding {finding_id}", "`ratewright controls findings` lists all")
    if etag and etag != found.etag:
        raise ChangedError(f"finding {finding_id} was changed since it was read", "read it again, then decide")
    if not found.is_open:
        raise UserError(f"finding {finding_id} was closed by {found.closed_by}: {found.note}", "nothing is left to do about it")
    return found


def _of_number(connection: sa.Connection, finding_id: int) -> Finding | None:
    return next((each for each in _findings(connection) if each.finding_id == finding_id), None)


def _finding(row: Any, words: Sequence[Any]) -> Finding:  # noqa: ANN401 -- rows of the tables
    owner, due_on = (words[-1].owner, words[-1].due_on) if words else (row.owner, row.due_on)
    closing = next((word for word in words if word.kind == CLOSED), None)
    return Finding(
        finding_id=int(row.finding_id),
        name=row.name,
        run_id=int(row.run_id or 0),
        text=row.text,
        left=int(row.left_side),
        right=int(row.right_side),
        unit=row.unit,
        owner=owner,
        due_on=due_on,
        found_us=int(row.found_us),
        closed_by=closing.by_name if closing is not None else "",
        note=closing.note if closing is not None else "",
        etag=str(len(words)),
    )


def _row(book: Book, run_id: int, owner: str, due_on: str, now_us: int, seq: int) -> dict[str, Any]:  # noqa: PLR0913, PLR0917 -- one argument a column
    terms = ", ".join(f"{name} {value:,}" for name, value in list(book.terms.items())[:5])
    return {
        "name": book.name,
        "run_id": run_id or None,
        "text": f"{book.left:,} is not {book.right:,}" + (f": {terms}" if terms else ""),
        "left_side": _fitting(book.left),
        "right_side": _fitting(book.right),
        "unit": book.unit,
        "owner": owner,
        "due_on": due_on,
        "found_us": now_us,
        "commit_seq": seq,
    }


def _fitting(value: int) -> int:
    """The figure, cut to what the column holds."""
    return max(-(2**63) + 1, min(2**63 - 1, value))
