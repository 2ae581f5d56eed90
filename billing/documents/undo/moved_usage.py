"""Usage that a run took off a bill, and that is on the bill of another account: without the run's document it would be on two.

Interim bills and re-ratings are among both: those that had it before the run, and those that have it since.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from billing import late_decisions
from billing.runs.contracts.columns import int64, one_chunk
from billing.runs.contracts.counted_charges import OWNER, Counting, charge_paths, read_charges
from billing.runs.contracts.counted_runs import looked
from billing.runs.selection.computed_again import computed_again
from billing.runs.selection.event_charges import ChargeFilter
from billing.runs.selection.interim_charges import InterimRun, interim_charges, interim_runs
from billing.runs.selection.moved_since import moved_since
from billing.runs.selection.standing_charges import HomeAsOf, StandingCharges
from rating.status import REFUSALS_FROM

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    import sqlalchemy as sa

    from billing.store.home import Home

_COLUMNS: Final = ["event_key", OWNER, "status", "period_from"]


class Moved(NamedTuple):
    """Usage that a run took off a bill of one account (key). It is on a bill of another account, by a run.

    `document`: its number where it is an interim bill (`is_interim`) or of a re-rating; empty: it is one of the cycle.
    """

    account_key: int
    billed_key: int
    billed_run: int
    document: str = ""
    is_interim: bool = False

    @property
    def bill(self) -> str:
        """The bill that has it, but for whose it is."""
        kind = "interim bill" if self.is_interim else "bill of a re-rating"
        return f"{kind} {self.document}" if self.document else "bill"


class Taken(NamedTuple):
    """Usage that a run took off a bill of an account (key), and on which a person decided since."""

    account_key: int
    decision_id: int


def decided(home: Home, connection: sa.Connection, run_id: int, account_keys: Collection[int], seq: int) -> list[Taken]:
    """Such usage of a run whose documents are to count no more for accounts (keys), as of `seq`: each decision once, in order."""
    known = late_decisions.decided(connection, seq)
    decisions: dict[Any, int] = dict(zip(known.keys.to_pylist(), known.decision_id.tolist(), strict=True))
    if not decisions:
        return []
    taken = _taken(home, connection, run_id, account_keys, seq)
    return sorted({Taken(owner, decisions[key]) for key, owner in taken.items() if key in decisions})


def moved(home: Home, connection: sa.Connection, run_id: int, account_keys: Collection[int], seq: int) -> list[Moved]:
    """Such usage of a run whose documents are to count no more for accounts (keys), as of `seq`: each pair of accounts once, in order."""
    owner_of = _taken(home, connection, run_id, account_keys, seq)
    if not owner_of:
        return []
    billed = StandingCharges(HomeAsOf(home, connection, seq), ChargeFilter(frozenset(owner_of)))
    found = set[Moved]()
    for charge in billed.standing(lambda charge: charge.account_key not in account_keys):
        run = billed.run_of(charge)
        assert run is not None, "a charge on a bill has a run"
        is_interim = isinstance(run, InterimRun)
        found.add(Moved(owner_of[charge.event_key], charge.account_key, run.run_id, billed.document(charge), is_interim))
    return sorted(found)


def _taken(home: Home, connection: sa.Connection, run_id: int, account_keys: Collection[int], seq: int) -> dict[bytes, int]:
    """The usage that a run took off bills of accounts (keys), each event with its account."""
    candidates = _off_runs(home, connection, run_id, account_keys, seq) | _on_interim_bills(home, connection, run_id, account_keys, seq)
    if not candidates:
        return {}
    before, after = (
        StandingCharges(HomeAsOf(home, connection, seq, before_run), ChargeFilter(frozenset(candidates))).standing(
            lambda charge: charge.account_key in account_keys
        )
        for before_run in (run_id, run_id + 1)
    )
    return {charge.event_key: charge.account_key for charge in sorted(before - after)}


def _on_interim_bills(home: Home, connection: sa.Connection, run_id: int, account_keys: Collection[int], seq: int) -> set[bytes]:
    """Usage on interim bills of these accounts (keys) before a run that may be another account's since."""
    runs = [run for run in interim_runs(connection, seq, account_keys=account_keys) if run.run_id < run_id]
    if not runs:
        return set()
    wanted = moved_since(connection, min(run.pinned_seq for run in runs), seq, account_keys)
    charges = interim_charges(home, connection, runs, wanted) if wanted.is_any else {}
    return {charge.event_key for of_run in charges.values() for charge in of_run}


def _off_runs(home: Home, connection: sa.Connection, run_id: int, account_keys: Collection[int], seq: int) -> set[bytes]:
    """Usage with charges of earlier runs, without one of this run, in periods of the accounts (keys) that it computed again."""
    runs, counting = looked(connection, seq), Counting(connection, seq)
    place = next((place for place, run in enumerate(runs) if run.run_id == run_id), None)
    if place is None:
        return set()
    again = computed_again(home, connection, runs[place], counting).again
    again = {key: days for key, days in again.items() if key in set(account_keys)}
    if not again:
        return set()

    def charges(number: int, only: Any) -> pa.Table:  # noqa: ANN401 -- an expression of Arrow
        run = runs[number].run_id
        found = counting.billed(run, read_charges(home.path, charge_paths(connection, run), _COLUMNS, only))
        return found.filter(pa.array(found["status"].to_numpy() < int(REFUSALS_FROM)))

    owners = pc.field(OWNER).isin(pa.array(sorted(again), pa.int64()))
    kept = one_chunk(charges(place, owners)["event_key"])
    found = set[bytes]()
    for number in range(place + 1, len(runs)):
        before = charges(number, owners)
        off: Any = pc.invert(pc.is_in(before["event_key"], value_set=kept))
        found |= _in_periods(before.filter(off), again)
    return found


def _in_periods(charges: pa.Table, again: Mapping[int, range]) -> set[bytes]:
    """The events of charges in periods that were computed again."""
    owners, days = int64(charges[OWNER]).tolist(), int64(charges["period_from"].cast(pa.int32())).tolist()
    rows = np.array([day in again[owner] for owner, day in zip(owners, days, strict=True)], np.bool_)
    found: list[Any] = charges.filter(pa.array(rows))["event_key"].to_pylist()
    return set(found)
