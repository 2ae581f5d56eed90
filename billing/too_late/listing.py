"""The list of usage that came too late for any bill: record, account, age, reason, and worth at the tariff in force when it began.

It holds records that some run has left out for good, and no run has billed since. Some of them came in time and were refused until their
period closed. Others are on the bill of a closed period in another version than the one that counts (`billing.left_out.versions`). What
a valid interim bill of another account has is not among them: a run of that account takes it off first. A record stays until a person
decides on it; decided records have a list of their own. Owners of open records are those of the facts as of now, reasons those of the run.
Worth is an estimate of each record alone (`billing.suspense.estimate`): without free quantity, caps or
anything else that a month remembers, and without tax. The worth of a decided record is the one that the decision was taken on, as it is
stored.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import msgspec
import numpy as np
import pyarrow as pa

from billing import late_decisions
from billing.intake import view
from billing.intake.marks import keys_array
from billing.left_out.changed import late_changes, verdicts_listed
from billing.left_out.first_runs import with_first_runs
from billing.left_out.history import Verdicts, uncharged, without_billed
from billing.left_out.telling import UnbilledRecord, tell_of, usage_of
from billing.left_out.versions import of_keys, open_differences
from billing.runs.contracts.columns import int64, one_chunk
from billing.suspense.estimate import BASIS_NAMES, Estimator
from billing.too_late import increments
from billing.too_late.versions import Versions, entries, told_of, versions_of
from rating.dates import DAY_US, local_time

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from billing.charges.lines import Int64s
    from billing.left_out.changed import LateChanges
    from billing.store.home import Home
    from billing.suspense.estimate import Owner

    Progress = Callable[[int, int], None]

AS_DECIDED: Final = "decision"  # basis of the worth of what is decided
_Worth = tuple[int, str, str, str, str]  # micros, currency, basis, catalogue, tax class


class TooLate(msgspec.Struct, frozen=True):
    """A record, its age in whole days, and its worth; `currency` is empty where that is not known. `basis`: what the worth goes by.

    `catalogue` and `tax_class` are those of the price; empty where no price is known, and where a decision gives the worth. `versions`: of
    a record that a closed period bills otherwise than it counts. Its worth is the difference, and `record.event_key` is the key of that.
    `may_be_on`: the document of a re-rating that may have billed the difference (`rerated.with_documents`).
    """

    record: UnbilledRecord
    age_days: int
    worth_micros: int
    currency: str
    basis: str
    catalogue: str = ""
    tax_class: str = ""
    versions: Versions | None = None
    may_be_on: str = ""


class Sum(msgspec.Struct, frozen=True):
    """Records of one account (empty: nobody's) in one currency (empty: of unknown worth)."""

    account_id: str
    currency: str
    records: int
    worth_micros: int


class Listed(msgspec.Struct, frozen=True):
    """The whole list, as of a commit, oldest record first, and its sums by account and currency.

    `taken_back`: beside decided records, the decisions that hold no more.
    """

    seq: int
    records: tuple[TooLate, ...]
    sums: tuple[Sum, ...]
    taken_back: tuple[late_decisions.Undone, ...] = ()


def listed(home: Home, now_us: int, account_id: str | None = None, *, decided: bool = False, progress: Progress | None = None) -> Listed:
    """Usage that is too late for any bill now, and open; of one account, if it is named. `decided`: what people have decided on instead.

    `progress` counts charge files, then runs.
    """
    with home.connect() as connection:
        seq = home.head_seq(connection)
        known = late_decisions.decided(connection, seq)
        undone = late_decisions.undone(connection, seq).values() if decided else ()
    taken_back = tuple(each for each in undone if account_id is None or each.account_id == account_id)
    told = [*_of_usage(home, seq, known, decided=decided, progress=progress), *_of_versions(home, seq, known, decided=decided)]
    records = tuple(
        TooLate(each, (now_us - each.start_us) // DAY_US, *worth, versions)
        for each, worth, versions in sorted(told, key=lambda row: (row[0].start_us, row[0].event_key))
        if account_id is None or each.account_id == account_id
    )
    return Listed(seq, records, _sums(records), taken_back)


def local_start(each: TooLate) -> dt.datetime:
    """The start of a record on the clock of its account; UTC where it has no owner."""
    return _local(each, each.record.start_us)


def local_day(each: TooLate, instant_us: int) -> dt.date:
    """The day of an instant on the clock of the account of a record; UTC where it has no owner."""
    return _local(each, instant_us).date()


def _local(each: TooLate, instant_us: int) -> dt.datetime:
    return local_time(instant_us, each.record.timezone or "UTC")


def _of_usage(
    home: Home, seq: int, known: late_decisions.Decided, *, decided: bool, progress: Progress | None
) -> Iterator[tuple[UnbilledRecord, _Worth, None]]:
    """Records that are on no bill, and segments that are not in what is billed of their call."""
    changes = late_changes(home, seq)
    keys, start_us = _now(home, seq, known) if decided else _open(uncharged(home, seq, progress=progress), changes)
    if not len(keys):
        return
    usage = usage_of(home, seq, keys, start_us)
    found = verdicts_listed(home, seq, usage, progress=progress)
    wanted = known.holds(usage["event_key"])
    rows = np.flatnonzero(wanted) if decided else without_billed(home, seq, usage, found.for_good & ~wanted)
    usage = usage.take(rows)
    found = with_first_runs(home, seq, usage, Verdicts(found.reason[rows], found.run_id[rows]))
    told: Sequence[UnbilledRecord] = tell_of(home, seq, usage, found.reason, found.run_id)
    estimator = Estimator(home, seq)
    told = told if decided else _owned(told, estimator.owners(usage))
    assert len(told) == usage.num_rows, "each record is listed once"
    worth = _as_decided(known, usage, told) if decided else _estimated(estimator, usage, changes)
    for each, of_row in zip(told, worth, strict=True):
        yield each, of_row, None


def _of_versions(
    home: Home, seq: int, known: late_decisions.Decided, *, decided: bool
) -> Iterator[tuple[UnbilledRecord, _Worth, Versions]]:
    """Records that a closed period bills otherwise than they count."""
    if not decided:
        found = open_differences(home, seq)
        for each in entries(home, seq, found, Estimator(home, seq)) if found.found else ():
            yield each.told, each.worth, each.versions
        return
    worth: dict[Any, int] = dict(zip(known.keys.to_pylist(), known.worth_micros.tolist(), strict=True))
    found = of_keys(home, seq, worth.keys())
    for difference, told in zip(found.found, told_of(home, seq, found), strict=True):
        assert told.decision is not None, "a decided difference has its decision"
        yield told, (worth[difference.key], told.decision.currency, AS_DECIDED, "", ""), versions_of(found, difference)


def _open(found: tuple[pa.Array[Any], Int64s], changes: LateChanges) -> tuple[pa.Array[Any], Int64s]:
    """Keys and starts of events without a charge, and of segments that came too late for the bill of their call."""
    starts = np.array(list(changes.starts.values()), np.int64)
    return pa.concat_arrays([found[0], keys_array(changes.starts)]), np.concatenate([found[1], starts])


def _estimated(estimator: Estimator, usage: pa.Table, changes: LateChanges) -> Iterator[_Worth]:
    """The worth of each row by the tariff of its time: what it adds to what is billed of its session."""
    worth = estimator.estimates(usage)
    keys: list[Any] = usage["event_key"].to_pylist()
    adds = increments.adjusted(dict(zip(keys, worth.micros.tolist(), strict=True)), set(changes.segments), changes, estimator)
    for row, key in enumerate(keys):
        yield adds[key], worth.currency_of(row), BASIS_NAMES[worth.basis[row]], *estimator.taxed_as(worth, row)


def _as_decided(known: late_decisions.Decided, usage: pa.Table, told: Sequence[UnbilledRecord]) -> Iterator[_Worth]:
    """The worth of each row that its decision was taken on: tariffs of that time are corrected since, perhaps."""
    worth = dict(zip(known.keys.to_pylist(), known.worth_micros.tolist(), strict=True))
    for key, each in zip(usage["event_key"].to_pylist(), told, strict=True):
        assert each.decision is not None, "a decided record has its decision"
        yield worth[key], each.decision.currency, AS_DECIDED, "", ""


def _owned(told: Sequence[UnbilledRecord], owners: Sequence[Owner]) -> list[UnbilledRecord]:
    """Records with their owners by the facts as of now: the owner when a run left a record out may own it no more."""
    return [msgspec.structs.replace(each, **owner._asdict()) for each, owner in zip(told, owners, strict=True)]


def _now(home: Home, seq: int, known: late_decisions.Decided) -> tuple[pa.Array[Any], Int64s]:
    """Keys and starts of decided records; where another version of one counts by now, it may have begun at another time."""
    if not len(known.keys):
        return known.keys, known.start_us
    usage = view.usage(home, ("event_key", "start_us"), seq, every=True)
    usage = usage.filter(pa.array(known.holds(usage["event_key"])))
    return one_chunk(usage["event_key"]), int64(usage["start_us"])


def _sums(records: Iterable[TooLate]) -> tuple[Sum, ...]:
    sums: dict[tuple[str, str], tuple[int, int]] = {}
    for each in records:
        key = (each.record.account_id, each.currency)
        count, micros = sums.get(key, (0, 0))
        sums[key] = (count + 1, micros + each.worth_micros)
    return tuple(Sum(*key, *value) for key, value in sorted(sums.items()))
