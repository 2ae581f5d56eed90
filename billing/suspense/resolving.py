"""Choosing among versions of one event that conflict: one counts from now on, and all others are dropped.

Every version that came is in the usage files. The chosen one is appended again behind the mark that hides them all. When another version
comes later, the event is in conflict again.
"""

from __future__ import annotations

import collections
from typing import TYPE_CHECKING, Any, Final

import pyarrow as pa
import pyarrow.compute as pc
import sqlalchemy as sa

from billing.intake import marks
from billing.intake.assembly.segment_groups import MISSING_SEGMENT
from billing.store import commit_points
from billing.store.tables import suspense, suspense_decisions
from billing.suspense import deciding, proposals, raw
from billing.suspense.candidates import recycled
from billing.suspense.deciding import Verdict
from billing.suspense.final_version import decided_version, final_version
from billing.suspense.limits import COMMIT_KIND
from billing.suspense.proposals import State
from billing.suspense.selection import refuse_unknown
from billing.suspense.versions import Versions
from billing.suspense.waiting import by_id, stored_rows, waiting
from mediation.sources.model import BUILT_IN
from rating.errors import NotFoundError, UserError
from rating.on_use import ModuleOnUse
from rating.schema import KEY, USAGE_V1

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from billing.intake import taking
    from billing.store.home import Home
    from billing.suspense.deciding import Deciding
    from mediation.sources.model import Source
else:
    taking = ModuleOnUse("billing.intake.taking")

VERSION_DIGITS: Final = 8  # of a content hash, by which a version is named
VERSION_DIGITS_MIN: Final = 4
_NOT_COMPARED: Final = frozenset({"event_key", "content_hash", "raw_file_id", "raw_offset", "raw_length", "source"})


def versions(home: Home, seq: int, suspense_id: int) -> Versions:
    """The versions of the event that a row in suspense is about. Raises UserError where none conflict."""
    with home.connect() as connection:
        rows = waiting(connection, seq)  # a version may wait for another cause as well: the choice settles that too
    at: Any = pc.index(rows["suspense_id"], pa.scalar(suspense_id, pa.int64())).as_py()
    if at < 0 or rows["reason"][at].as_py() != marks.CONFLICTING:
        raise NotFoundError(
            f"record {suspense_id} is not a version of an event in conflict", "`usage suspense --reason conflicting` shows them"
        )
    key: Any = rows["event_key"][at].as_py()
    mine = rows.filter(pc.equal(rows["event_key"], pa.scalar(key, KEY)))
    ids: dict[bytes, list[int]] = {}
    marked: list[Any] = mine["content_hash"].to_pylist()
    for content, each in zip(marked, mine["suspense_id"].to_pylist(), strict=True):
        if each is not None:
            ids.setdefault(content, []).append(each)
    return versions_of(home, seq, key, ids)


def versions_of(home: Home, seq: int, key: bytes, ids: dict[bytes, list[int]]) -> Versions:
    """The versions of the event of a key, whether they conflict or not. `ids`: as `Versions.suspense_ids`."""
    rows = stored_rows(home, seq, pa.array([key], KEY), [*USAGE_V1.names, marks.COMMIT_SEQ]).sort_by(marks.COMMIT_SEQ)
    commits: dict[Any, list[Any]] = collections.defaultdict(list)
    for content, commit in zip(rows["content_hash"].to_pylist(), rows[marks.COMMIT_SEQ].to_pylist(), strict=True):
        commits[content].append(commit)
    rows = _distinct(rows)
    contents: list[Any] = rows["content_hash"].to_pylist()
    return Versions(key, seq, rows, _names(contents), tuple(tuple(commits[content]) for content in contents), ids)


def differences(home: Home, found: Versions) -> dict[str, tuple[Any, ...]]:
    """Columns in which the versions differ, with the value of each.

    Where none does, they differ in a charge column of their source, which is not stored: then the rows as their files had them, as `row`.
    """
    columns = {name: tuple(found.rows[name].to_pylist()) for name in USAGE_V1.names if name not in _NOT_COMPARED}
    differing = {name: values for name, values in columns.items() if len(set(values)) > 1}
    return differing or {"row": tuple(_row_text(home, place) for place in raw.places_of(found.rows))}


def place_of(found: Versions, keep: str) -> int:
    """The place of the version that `keep` names: its name, or more or fewer digits of its hash.

    Raises UserError where it names none or several, and for the beginning of a name that could be the number of a record.
    """
    contents: list[Any] = found.rows["content_hash"].to_pylist()
    wanted, hashes = keep.lower(), [content.hex() for content in contents]
    if wanted in found.names:
        return found.names.index(wanted)
    chosen = [place for place, digits in enumerate(hashes) if len(wanted) >= VERSION_DIGITS_MIN and digits.startswith(wanted)]
    remedy = f"name one of {', '.join(found.names)}"
    if wanted.isdecimal() and len(wanted) < VERSION_DIGITS:
        raise UserError(f"{keep!r} may be the number of a record: it is not the whole name of a version", remedy, exit_status=2)
    if len(chosen) != 1:
        told = "several versions are" if chosen else "no version is"
        raise UserError(f"{told} called {keep!r}", remedy, exit_status=2)
    return chosen[0]


def require_open(home: Home, found: Versions, place: int) -> None:
    """Raise UserError where another version is on the bill of a closed period: no bill would show what the one at `place` adds."""
    billed = final_version(home, found)
    if billed is not None and billed.name != found.names[place]:
        period = f"the period of {billed.account_id} from {billed.period_from}"
        raise UserError(
            f"version {billed.name} is on the bill of {period}, and that period is closed",
            f"keep {billed.name}, and bill or give back a difference with `ratewright adjustment add`; `usage find` shows its charge",
        )
    decided = decided_version(home, found)
    if decided is not None and decided.name != found.names[place]:
        number = decided.decision_id
        raise UserError(
            f"decision {number} on late usage is about version {decided.name}, and it would bill or write off the other one no more",
            f"keep {decided.name}, or take the decision back first: ratewright usage too-late take-back {number} --reason ...",
        )


def resolve(home: Home, found: Versions, keep: str, what: Deciding, sources: Mapping[str, Source]) -> int:
    """Keep the version that `keep` names. Returns the number of the commit. Raises UserError as `place_of` and `require_open` do.

    Whether another person has to agree is the caller's question (`choosing`).
    """
    place = place_of(found, keep)
    require_open(home, found, place)
    row = recycled(found.rows.select(USAGE_V1.names).slice(place, 1))
    kept: Any = row["content_hash"][0].as_py()

    def also(connection: sa.Connection, commit_seq: int, _outcome: Sequence[str], _mark_ids: Mapping[bytes, int]) -> None:
        _require_unchanged(connection, found)
        verdicts = [
            (each, Verdict.KEPT if content == kept else Verdict.DROPPED, "") for content, ids in found.suspense_ids.items() for each in ids
        ]
        _record(connection, verdicts, what, commit_seq)

    mark = taking.Mark(found.event_key, marks.CORRECTED)
    return taking.Intake(home).take_recycled(row, [mark], what.at_us, sources={**BUILT_IN, **sources}, also=also)


def require_incomplete(connection: sa.Connection, seq: int, suspense_id: int) -> None:
    """Raise UserError unless a record is a call or session that lacks a segment."""
    rows = by_id(connection, seq, [suspense_id])
    refuse_unknown([str(suspense_id)], [(each, None) for each in rows["suspense_id"].to_pylist()])
    reason = str(rows["reason"][0].as_py())
    if reason != MISSING_SEGMENT:
        message = f"record {suspense_id} is {reason}, not a call or session that lacks a segment"
        raise UserError(message, "leave out --incomplete", exit_status=2)


def keep_incomplete(home: Home, seq: int, suspense_id: int, what: Deciding) -> None:
    """Let assembly make a call or session of the segments that are there; it does so when it looks at the group next."""
    with home.begin() as connection:
        require_incomplete(connection, seq, suspense_id)
        commit_seq = home.next_commit_seq(connection, COMMIT_KIND, what.at_us)
        _record(connection, [(suspense_id, Verdict.KEPT, "")], what, commit_seq)
        commit_points.reached("suspense.before_commit")
    commit_points.reached("suspense.committed")


def _record(connection: sa.Connection, verdicts: Sequence[tuple[int, Verdict, str]], what: Deciding, commit_seq: int) -> None:
    deciding.record(connection, verdicts, what, commit_seq)
    if what.proposal_id is not None:
        proposals.record(connection, what.proposal_id, State.APPLIED, what.by, what.at_us, commit_seq, {"rows": len(verdicts)})


def _require_unchanged(connection: sa.Connection, found: Versions) -> None:
    """Raise UserError where a person decided, or another version came, since the versions were looked at."""
    row, decision = suspense.c, suspense_decisions.c
    ids = [each for of in found.suspense_ids.values() for each in of]
    came = sa.select(row.suspense_id).where(row.event_key == found.event_key, row.commit_seq > found.seq)
    came = came.where(row.reason == marks.CONFLICTING).limit(1)
    decided = sa.select(decision.decision_id).where(decision.suspense_id.in_(ids)).limit(1)
    if connection.execute(decided).first() is not None:
        raise UserError("another person decided on these versions meanwhile", "nothing was stored; `usage suspense decisions` shows who")
    if connection.execute(came).first() is not None:
        raise UserError("another version of the event came meanwhile", "nothing was stored; look at the versions again")


def _names(contents: Sequence[bytes]) -> tuple[str, ...]:
    """As many digits of each hash as tell them apart."""
    digits = VERSION_DIGITS
    while len({content.hex()[:digits] for content in contents}) < len(contents):
        digits += 1
    return tuple(content.hex()[:digits] for content in contents)


def _distinct(rows: pa.Table) -> pa.Table:
    """One row a version, the first of each."""
    contents = rows["content_hash"].to_pylist()
    first = [row for row, content in enumerate(contents) if contents.index(content) == row]
    return rows.take(pa.array(first, pa.int64()))


def _row_text(home: Home, place: raw.RawPlace) -> str:
    found = raw.at(home, place).without_folders()
    return f"not at hand: {found.problem}" if found.data is None else raw.text_of(found.data)
