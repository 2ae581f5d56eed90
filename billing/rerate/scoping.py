"""The scope of a re-rating: charges of accounts with the plan in some of its months, in these months alone.

Accounts are computed with the tariffs of now. Everything else (usage, facts, adjustments) is as known to the last run in which they took
part: later data is the cycle's, and usage that runs have left out for good stays out. Of a record that lost versions after its final bill
the version is priced that this bill has. An account's periods are computed from the first one that begins in or reaches into the months
asked for. The last is the last one that a run has billed. Of the differences, `keeping.Kept` selects the charges of the plan's holders on
days of the months.

Some accounts are left alone and reported, since the next run computes them anyway. These are accounts with a period that runs of all
accounts have left out (quarantined, held), with a void last invoice, or with nothing billed. So are rating units whose bills have usage
that is another account's by now (`moved_usage`). All members of a rating unit are computed
together, if any of them is named.
"""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from billing.guiding import Guide
from billing.left_out.for_good import left_for_good
from billing.left_out.versions import as_billed
from billing.rerate.keeping import Kept
from billing.rerate.moved_usage import moved_away
from billing.runs.computing import RunInputs, billed_in
from billing.runs.contracts import facts, price_list
from billing.runs.contracts.contracts import Contracts
from billing.runs.selection import billed_periods, scope
from billing.runs.settlement import adjustments, bounds
from billing.runs.usage import carried_allowances
from rating.dates import day_number
from rating.errors import UserError

if TYPE_CHECKING:
    import numpy.typing as npt
    import sqlalchemy as sa

    from billing.charges.lines import Int64s
    from billing.rerate.request import Request
    from billing.runs.contracts.facts import Facts
    from billing.runs.selection.coverage import CoveringRun
    from billing.store.home import Home


class Part(NamedTuple):
    """Accounts that are computed as of one commit: the one that the last run was pinned to in which they took part."""

    pinned_seq: int
    known: RunInputs
    kept: Kept


class Scoped(NamedTuple):
    """The computation: a part for each run that was the last one of some accounts, and the accounts that are left alone."""

    parts: list[Part]
    left_alone: tuple[str, ...]  # account ids: the next run will compute them anyway
    moved: tuple[str, ...] = ()  # account ids: their bills have usage that is another account's by now


def read(home: Home, connection: sa.Connection, request: Request, seq: int) -> Scoped:
    """The scope of a request as of `seq`, with everything that is needed to compute it.

    Raises UserError when nothing was billed yet, the version or the plan does not exist, or an account is not known.
    """
    runs = billed_periods.cycle_runs(connection, seq)
    if not runs:
        raise UserError(
            "nothing was billed yet, so there is nothing to rate again", "`ratewright bill run --date DATE` bills with what is in force"
        )
    reading = _Reading(home, connection, request, seq)
    newest = billed_periods.newest(runs)
    contracts = reading.contracts(newest)
    known = contracts.facts
    _require_plan(contracts, request)
    named = _named(known, request)
    concerned = _concerned(contracts, request) & named
    pins = billed_periods.pins(known, scope.covered_through(connection, known), runs)
    last = {run.pinned_seq: run for run in runs}
    concerned_keys = set(known.account_keys[concerned].tolist())
    days = (request.first_day, request.after_day)
    moved = moved_away(home, connection, seq, concerned_keys, days, reading.as_billed)
    has_moved = np.isin(known.account_unit, known.account_unit[np.isin(known.account_keys, list(moved))])  # units as a whole
    moved_ids, concerned = concerned & has_moved, concerned & ~has_moved
    parts = []
    for pin in np.unique(pins[concerned & (pins > 0)]).tolist() or [newest]:
        of_run = pins == pin
        keys = (known.account_keys[concerned & of_run], known.account_keys[named & of_run])
        parts.append(reading.part(last[pin], contracts if pin == newest else reading.contracts(pin), *keys))
    ids: Any = known.account_ids
    left_alone, moved_names = (tuple(ids.filter(pa.array(mask)).to_pylist()) for mask in (concerned & (pins == 0), moved_ids))
    return Scoped(parts, left_alone, moved_names)


class _Reading:
    """Reads parts of one request."""

    def __init__(self, home: Home, connection: sa.Connection, request: Request, seq: int) -> None:
        self._home = home
        self._connection = connection
        self._request = request
        self._seq = seq
        self._prices = price_list.load(home, seq)
        self._midnights = facts.Midnights()
        self._left_alone = left_for_good(home, seq)
        self.as_billed = as_billed(home, seq)

    def contracts(self, pin: int) -> Contracts:
        """Facts as of a commit, and the tariffs of now, but for the rules about late usage: no usage moves to another period."""
        return Contracts(facts.load(self._connection, pin), self._prices, self._midnights, price_list.load(self._home, pin))

    def part(self, last: CoveringRun, contracts: Contracts, concerned: Int64s, named: Int64s) -> Part:
        """The computation as of the last run of accounts (keys), and of the amounts billed by now.

        `named`: accounts whose differences are wanted.
        """
        known, request, pin = contracts.facts, self._request, last.pinned_seq
        covered = scope.covered_through(self._connection, known)
        owner = known.account_keys[known.subscription_account]
        has_plan = _holds(contracts, request)[known.subscription_pattern]
        holding = np.isin(owner, concerned) & has_plan
        accounts = np.unique(owner[holding])
        ids: Any = known.account_ids
        only = ids.filter(pa.array(np.isin(known.account_keys, accounts)))
        chosen = billed_periods.billed_periods(contracts, covered, last, request.first_day, frozenset(only.to_pylist()))
        others = (chosen.calendar[known.subscription_account] >= 0) & ~np.isin(owner, named)
        return Part(
            pin,
            RunInputs(
                contracts=contracts,
                scope=chosen,
                billed=billed_in(self._connection, contracts, chosen, self._seq),
                stored=carried_allowances.stored(self._connection, known, chosen),
                adjustments=adjustments.counting(self._connection, pin, self._seq),
                limits=bounds.limits(self._connection, self._seq),
                guide=functools.cache(lambda: Guide(self._home, pin)),
                retracted=adjustments.retracted(self._connection, self._seq),
                left_alone=self._left_alone,
                instead=self.as_billed,
            ),
            Kept(
                known.subscription_keys[holding],
                known.subscription_keys[others],
                accounts,
                np.unique(owner[others]),
                known.subscription_keys[others & has_plan],
                day_number(request.first_day),
                day_number(request.after_day),
            ),
        )


def _require_plan(contracts: Contracts, request: Request) -> None:
    """The plan must exist in the version, and the version be one of those that price."""
    identity = request.plan.partition("/")[0]
    versions = [each for each in contracts.price_list.catalogues if each.identity == identity]
    found = next((each for each in versions if each.version == request.version), None)
    if found is None:
        known = ", ".join(str(each.version) for each in versions) or "none"
        raise UserError(
            f"version {request.version} of {identity or request.plan} is not in force",
            f"versions that price: {known}; publish it first, with `corrects` where it replaces another from the beginning",
        )
    names = [f"{identity}/{plan.name}" for plan in found.plans]
    if request.plan not in names:
        raise UserError(f"version {request.version} has no plan {request.plan}", f"its plans: {', '.join(names)}")


def _concerned(contracts: Contracts, request: Request) -> npt.NDArray[np.bool_]:
    """Accounts that have the plan, with or without add-ons, on some day of the months."""
    found, holds = contracts.facts, _holds(contracts, request)
    accounts = np.zeros(len(found.accounts), np.bool_)
    if holds.size:
        accounts[found.subscription_account[holds[found.subscription_pattern]]] = True
    return accounts


def _holds(contracts: Contracts, request: Request) -> npt.NDArray[np.bool_]:
    """By pattern of a subscription's life: whether the plan is in it."""
    return np.array([_has_plan(contracts, number, request) for number in range(len(contracts.facts.patterns))], np.bool_)


def _has_plan(contracts: Contracts, pattern: int, request: Request) -> bool:
    each = contracts.facts.patterns[pattern]
    edges = [*(day for day, _ in each.plans[1:]), None]
    for (start, plan), following in zip(each.plans, edges, strict=True):
        ends = [end for end in (following, each.active.end) if end is not None]
        begins, end = max(start, each.active.start), min(ends) if ends else None
        if plan.partition("+")[0] == request.plan and begins < request.after_day and (end is None or end > request.first_day):
            return True
    return False


def _named(known: Facts, request: Request) -> npt.NDArray[np.bool_]:
    """The accounts that were asked for; all where none is named."""
    if request.accounts is None:
        return np.ones(len(known.accounts), np.bool_)
    ids: Any = known.account_ids
    wanted = pa.array(request.accounts, pa.string())
    missing: Any = pc.is_in(wanted, value_set=ids)
    unknown = wanted.filter(pc.invert(missing)).to_pylist()
    if unknown:
        remedy = "give ids as in accounts.csv, of accounts that the latest run knew"
        raise UserError(f"no account has the id {unknown[0]}", remedy, exit_status=2)
    named: Any = pc.is_in(ids, value_set=wanted)
    found: npt.NDArray[np.bool_] = named.to_numpy(zero_copy_only=False)
    return found
