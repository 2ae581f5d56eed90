"""Charges of usage that are on a bill: no later run computed their period without them, and their invoice is not void.

Charge files of a run stay as they were written. A later run that computes a period again has the charges that are on the bill from then on.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np
import pyarrow as pa
import sqlalchemy as sa

from billing.runs.contracts.columns import int64, one_chunk
from billing.runs.contracts.counted_charges import OWNER, Counting, charge_paths, read_charges
from billing.runs.contracts.facts import Facts
from billing.runs.contracts.uninvoiced_accounts import DaysForTests
from billing.runs.selection.computed_again import computed_again
from billing.runs.selection.coverage import Covered
from billing.store.home import Home
from rating.dates import day_number, day_of
from rating.status import REFUSALS_FROM

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from billing.runs.contracts.counted_runs import Looked

_COLUMNS: Final = ["event_key", OWNER, "status", "period_from"]
_DAY: Final = pa.int32()


class Charge(NamedTuple):
    """A charge of an event in a period of an account. `day`: the number of the period's first day."""

    event_key: bytes
    account_key: int
    day: int


@dataclasses.dataclass(frozen=True, eq=False)
class Known:
    """The data of a home that charges are judged by, as of `seq`. `covered`: the runs that billed each account."""

    home: Home
    connection: sa.Connection
    seq: int
    facts: Facts
    covered: Covered | None


class StandingCharges:
    """Priced charges of runs, the newest run first, and which of them are on a bill."""

    def __init__(self, known: Known, runs: Sequence[Looked], wanted: Any) -> None:  # noqa: ANN401 -- an expression of Arrow
        """Read the `wanted` charges."""
        self._known, self._runs = known, runs
        self._counting = Counting(known.connection, known.seq)
        self._again: dict[int, Mapping[int, set[int]]] = {}
        self._charges = [self._priced(run, wanted) for run in runs]
        keys = sorted({charge.account_key for charges in self._charges for charge in charges})
        self._tests = DaysForTests(known.connection, keys, known.seq)
        self._index = dict(zip(keys, known.facts.account_index(np.array(keys, np.int64)).tolist(), strict=True))

    def all(self) -> set[Charge]:
        """Charges of any run, on a bill or not."""
        return set[Charge]().union(*self._charges)

    def standing(self, asked: Callable[[Charge], bool]) -> set[Charge]:
        """The charges that are on a bill, of those that are `asked` for."""
        found = set[Charge]()
        for place, charges in enumerate(self._charges):
            wanted = (charge for charge in charges - found if asked(charge) and not self._is_for_tests(charge))
            found |= {charge for charge in wanted if not self._is_taken_off(place, charge) and not self._is_void(charge)}
        return found

    def _priced(self, run: Looked, wanted: Any) -> set[Charge]:  # noqa: ANN401 -- an expression of Arrow
        paths = charge_paths(self._known.connection, run.run_id)
        charges = self._counting.billed(run.run_id, read_charges(self._known.home.path, paths, _COLUMNS, wanted))
        days = int64(charges["period_from"].cast(_DAY)).tolist()
        priced = (charges["status"].to_numpy() < int(REFUSALS_FROM)).tolist()
        keys: list[Any] = one_chunk(charges["event_key"]).to_pylist()
        rows = zip(keys, int64(charges[OWNER]).tolist(), days, priced, strict=True)
        return {Charge(key, owner, day) for key, owner, day, is_priced in rows if is_priced and owner}

    def _is_for_tests(self, charge: Charge) -> bool:
        return self._tests.holds(charge.account_key, day_of(charge.day))

    def _is_taken_off(self, place: int, charge: Charge) -> bool:
        """True where a newer run than that at `place` computed the period again, without this charge."""
        newer = (number for number in range(place) if charge not in self._charges[number])
        return any(charge.day in self._computed_again(number).get(charge.account_key, ()) for number in newer)

    def _computed_again(self, number: int) -> Mapping[int, set[int]]:
        if number not in self._again:
            run = self._runs[number]
            self._again[number] = computed_again(self._known.home, self._known.connection, run, self._counting).again
        return self._again[number]

    def _is_void(self, charge: Charge) -> bool:
        """True where the invoice of the first run that had the charge is void, and its periods are not made anew yet."""
        covered, index = self._known.covered, self._index[charge.account_key]
        if covered is None or index < 0:
            return False
        coverage, number = covered[index], int(covered.of[index])
        reopened_from = dt.date.min if coverage is None else coverage.reopened_from
        if reopened_from is None or charge.day < day_number(reopened_from):
            return False
        first = next(run.run_id for run, charges in zip(self._runs[::-1], self._charges[::-1], strict=True) if charge in charges)
        with_void = {run.run_id for run in covered.ever[number]} - {run.run_id for run in covered.classes[number]}
        return first in with_void
