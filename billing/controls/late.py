"""Books of usage that came too late for its bill, and of what people decided about it.

What is decided is counted by the decisions, in SQL; all else by usage files, charge files and the word of the runs. So a record that is
billed twice, by a run and by a person, is found, and so is a decision that lost a record.
"""

from __future__ import annotations

import collections
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import sqlalchemy as sa

from billing import late_decisions
from billing.controls.book import ROWS, book, not_known, set_book
from billing.intake import view
from billing.intake.marks import COMMIT_SEQ
from billing.late_decisions import BILLED, TAKEN_BACK, WRITTEN_OFF
from billing.runs.contracts.columns import int64, one_chunk
from billing.runs.contracts.counted_runs import Looked, looked
from billing.runs.selection.left_out import LeftOut
from billing.runs.selection.standing_charges import on_bills
from billing.runs.settlement import adjustments
from billing.store import tables
from rating.dates import day_number
from rating.errors import UserError
from rating.schema import KEY

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from billing.charges.lines import Int64s
    from billing.controls.book import Book
    from billing.store.home import Home

_USAGE: Final = "late usage: usage = what becomes of it"
_NOT_DUE: Final = "late usage: not due = what coming runs compute"
_STORED: Final = "late usage: records of decisions = usage stored"
_SHOWN: Final = 5
USAGE_ROWS_MAX: Final = 20_000_000  # of the book of all usage: it holds their keys in memory


def late_books(home: Home, connection: sa.Connection, seq: int) -> Iterator[Book]:
    """All usage by what becomes of it, as of `seq`; and, once anybody has decided on any, the decisions.

    Homes with more than USAGE_ROWS_MAX rows of usage have the first book once there are decisions: until then the books of runs say it.
    """
    every = connection.execute(sa.select(tables.late_decisions).where(tables.late_decisions.c.commit_seq <= seq)).all()
    if every or sum(file.rows for file in view.stored(connection, 0, seq)) <= USAGE_ROWS_MAX:
        try:
            yield from _usage_books(home, connection, seq, _by_kind(every))
        except (FileNotFoundError, UserError) as error:  # a charge file or a tariff is gone: other books say so as well
            yield from (not_known(name, error) for name in (_USAGE, _NOT_DUE))
    made = connection.execute(sa.select(tables.commits.c.commit_seq).where(tables.commits.c.kind == late_decisions.COMMIT_KIND)).scalars()
    yield set_book("late usage: decisions made = decisions stored", set(made), {each.commit_seq for each in every}, "commits")
    if every:
        yield from _records(connection, every)
        yield _stored(home, connection, seq)
        yield from _amounts(connection, every)
        yield _waiting(connection, seq, every)


def _usage_books(home: Home, connection: sa.Connection, seq: int, by_kind: collections.Counter[str]) -> Iterator[Book]:
    """The book of all usage by what becomes of it; all parts together are the usage that may bill. And that of what is not due.

    The parts: charged, refused, not due, not billable, too late and open, billed by people, written off, less what is gone since.
    """
    from billing.left_out.history import of_keys, uncharged, without_billed  # noqa: PLC0415 -- loads kernels
    from billing.left_out.reopened import without_reopened  # noqa: PLC0415 -- as above
    from billing.left_out.versions import of_keys as differences  # noqa: PLC0415 -- as above
    from billing.runs.refused_events import still_refused  # noqa: PLC0415 -- as above

    decided = late_decisions.decided(connection, seq)
    keys, start_us = uncharged(home, seq)
    usage = view.usage(home, ("event_key", "start_us"), seq)
    found = of_keys(home, seq, keys, start_us)
    by_hand = decided.holds(found.usage["event_key"])
    present = int(np.count_nonzero(decided.holds(usage["event_key"])))
    missing: Any = pc.invert(pc.is_in(decided.keys, value_set=one_chunk(usage["event_key"])))
    others: list[Any] = decided.keys.filter(missing).to_pylist()
    of_versions = len(differences(home, seq, set(others)).found)
    verdicts = without_reopened(home, seq, found.usage, found.verdicts)
    waits: Any = pc.is_in(found.usage["event_key"], value_set=pa.array(list(still_refused(home, seq)), KEY))
    refused = waits.to_numpy() & ~by_hand & ~verdicts.for_good & ~verdicts.not_billable
    late = without_billed(home, seq, found.usage, ~by_hand & verdicts.for_good)
    held = int(np.count_nonzero(~by_hand & verdicts.for_good)) - len(late)
    not_due = np.flatnonzero(~by_hand & ~verdicts.for_good & ~verdicts.not_billable & ~refused)
    shown = {
        "charged": usage.num_rows - len(keys),
        "refused": int(np.count_nonzero(refused)),
        "not due": len(not_due),
        "not billable": int(np.count_nonzero(~by_hand & verdicts.not_billable)),
        "too late, open": len(late),
        **({"on an interim bill of another account": held} if held else {}),
        "too late, billed by adjustment": by_kind[BILLED],
        "too late, written off": by_kind[WRITTEN_OFF],
        "decided, counts no more": present - len(decided.keys) + of_versions,
        **({"decided, a difference of versions": -of_versions} if of_versions else {}),
    }
    yield book(_USAGE, usage.num_rows, sum(shown.values()), ROWS, {"usage": usage.num_rows, **shown})
    lost = _passed_over(home, connection, seq, found.usage, not_due)
    yield book(_NOT_DUE, len(not_due), len(not_due) - len(lost), ROWS, dict.fromkeys([key.hex() for key in lost[:_SHOWN]], 1))


def _passed_over(home: Home, connection: sa.Connection, seq: int, usage: pa.Table, rows: Int64s) -> list[bytes]:
    """Usage of these rows that is on no bill, and whose period the next run of its account does not compute: no run would ever bill it.

    It is asked of what runs have looked at. What came since the newest run is computed by the next one, as that looks at all new usage.
    """
    from billing.left_out.judging import CODES, Judge  # noqa: PLC0415 -- loads kernels
    from billing.left_out.reopened import next_dates  # noqa: PLC0415 -- as above
    from billing.runs.contracts.counted_charges import Counting  # noqa: PLC0415 -- as above
    from billing.runs.selection.computed_again import computed_again  # noqa: PLC0415 -- as above

    pinned_seq = max((run.pinned_seq for run in looked(connection, seq)), default=0)
    rows = rows[int64(usage[COMMIT_SEQ])[rows] <= pinned_seq]
    found = set[bytes]()
    for date, its in next_dates(home, connection, seq, usage, rows) if rows.size else ():
        judge = Judge(home, connection, Looked(0, date, seq))
        its = its[judge.reasons(usage.take(its)) == CODES[LeftOut.SETTLED]]  # noqa: PLW2901 -- those whose period is open
        some = usage.take(its)
        owners: list[int] = judge.account_keys(some).tolist()
        computed = computed_again(home, connection, judge.run, Counting(connection, seq), first_time=set(owners)).again
        keys: list[Any] = one_chunk(some["event_key"]).to_pylist()
        for key, owner, known in zip(keys, owners, judge.circumstances(some), strict=True):
            day = known.arrives_from or known.period_from
            if day is not None and day_number(day) not in computed.get(owner, ()):
                found.add(key)
    return sorted(found - on_bills(home, connection, seq, found))


def _by_kind(every: Sequence[Any]) -> collections.Counter[str]:
    """Records by the valid decision, as the decisions themselves count them."""
    gone = {each.undoes for each in every if each.kind == TAKEN_BACK}
    counts: collections.Counter[str] = collections.Counter()
    for each in every:
        if each.kind != TAKEN_BACK and each.decision_id not in gone:
            counts[each.kind] += int(each.records)
    return counts


def _records(connection: sa.Connection, every: Sequence[Any]) -> Iterator[Book]:
    """Each decision has the records, and they the worth, that it says."""
    event = tables.late_decision_events.c
    worth = sa.cast(sa.func.sum(event.worth_micros), tables.INT64)
    query = sa.select(event.decision_id, sa.func.count(), worth).group_by(event.decision_id)
    stored = {(int(number), int(records), int(micros)) for number, records, micros in connection.execute(query)}
    said = {(int(each.decision_id), int(each.records), int(each.worth_micros)) for each in every if each.kind != TAKEN_BACK}
    yield set_book("late usage: records and worth of decisions = records stored", said, stored, "decisions")


def _stored(home: Home, connection: sa.Connection, seq: int) -> Book:
    """Each decided record, or difference of its versions, was stored with the start that the decision holds, whether it counts or not."""
    row, event = tables.late_decisions.c, tables.late_decision_events.c
    query = sa.select(event.event_key, event.start_us).join_from(tables.late_decision_events, tables.late_decisions)
    said = {(bytes(key).hex(), int(start_us)) for key, start_us in connection.execute(query.where(row.commit_seq <= seq))}
    try:
        found = view.steadily(lambda: _of_files(home, seq, said))
        return set_book(_STORED, said, found | _of_versions(home, seq, said - found))
    except (FileNotFoundError, UserError) as error:
        return not_known(_STORED, error)


def _of_files(home: Home, seq: int, wanted: set[tuple[str, int]]) -> set[tuple[str, int]]:
    """Those of the wanted keys and starts that are in files of usage."""
    starts, keys = [start_us for _, start_us in wanted] or [0], pa.array([bytes.fromhex(key) for key, _ in wanted], KEY)
    with home.connect() as connection:
        files = view.stored(connection, 0, seq, min(starts), max(starts) + 1)
    found = set[tuple[str, int]]()
    for part in view.parts(home, files, ("event_key", "start_us"), 0, seq):
        mask: Any = pc.is_in(part["event_key"], value_set=keys)
        rows = part.filter(mask)
        keys_found: list[Any] = rows["event_key"].to_pylist()
        found |= {(key.hex(), start_us) for key, start_us in zip(keys_found, int64(rows["start_us"]).tolist(), strict=True)}
    return wanted & found


def _of_versions(home: Home, seq: int, wanted: set[tuple[str, int]]) -> set[tuple[str, int]]:
    """Those of the wanted keys and starts that are of differences of versions."""
    if not wanted:
        return set()
    from billing.left_out.versions import of_keys  # noqa: PLC0415 -- loads kernels

    found = of_keys(home, seq, {bytes.fromhex(key) for key, _ in wanted})
    start_us = int64(found.rows["start_us"])
    return wanted & {(each.key.hex(), int(start_us[each.row])) for each in found.found}


def _amounts(connection: sa.Connection, every: Sequence[Any]) -> Iterator[Book]:
    """Decisions bill what their adjustments charge, by currency; and each that bills has one."""
    row, account = tables.adjustments.c, tables.accounts.c
    query = sa.select(row.adjustment_id, row.amount_micros, account.currency).join_from(tables.adjustments, tables.accounts)
    amounts = {int(each.adjustment_id): (each.currency, int(each.amount_micros)) for each in connection.execute(query)}
    billed = [each for each in every if each.kind == BILLED]
    left, right = collections.Counter[str](), collections.Counter[str]()
    for each in billed:
        left[each.currency] += int(each.amount_micros)
        currency, micros = amounts.get(each.adjustment_id, (each.currency, 0))
        right[currency] += micros
    for currency in sorted(left | right):
        yield book(f"late usage: decided {currency} = adjustments", left[currency], right[currency], f"micro-units {currency}")
    said = {(each.adjustment_id, int(each.amount_micros)) for each in billed}
    stored = {(each.adjustment_id, amounts.get(each.adjustment_id, ("", 0))[1]) for each in billed}
    yield set_book("late usage: amounts of decisions = adjustments", said, stored, "adjustments")


def _waiting(connection: sa.Connection, seq: int, every: Sequence[Any]) -> Book:
    """Each adjustment of a valid decision is on a bill, or one to come has it."""
    gone = {each.undoes for each in every if each.kind == TAKEN_BACK}
    charged = [each for each in every if each.kind == BILLED and each.decision_id not in gone]
    never = adjustments.never_billed(connection, seq) if charged else {}
    said = {f"decision {each.decision_id}" for each in charged}
    due = {f"decision {each.decision_id}" for each in charged if each.adjustment_id not in never}
    return set_book("late usage: decisions that bill = those that a bill has or will have", said, due, "decisions")
