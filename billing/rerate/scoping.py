"""Exactly whose and which charges a re-rating is about: of accounts with the plan in some of its months, in these months alone.

Accounts are computed with the tariffs of now and everything else (usage, facts, adjustments) as their latest run knew it: what came in
since is the cycle's. An account's periods are computed from the first one that begins in or reaches into the months asked for, up to the
last one that a run has billed; of what differs, `keeping.Kept` are the charges of the plan's holders on days of the months. Accounts whose
last bill is not of the latest run (quarantined, held, void) are left alone and told: the next run computes them anyway. All members of a
rating unit are computed together.
"""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import sqlalchemy as sa

from billing.guiding import Guide
from billing.rerate.keeping import Kept
from billing.runs import again, bounds, by_hand, facts, leftovers, price_list, scope
from billing.runs.computing import Known, billed_in
from billing.runs.contracts import Contracts
from billing.runs.fact_columns import day_number
from billing.store import tables
from rating.errors import UserError

if TYPE_CHECKING:
    import numpy.typing as npt

    from billing.charges.lines import Int64s
    from billing.rerate.request import Request
    from billing.runs.coverage import CoveringRun
    from billing.runs.facts import Facts
    from billing.store.home import Home


class Part(NamedTuple):
    """Accounts that are computed as of one commit: the one that their latest run was pinned to."""

    pinned_seq: int
    known: Known
    kept: Kept


class Scoped(NamedTuple):
    """What is computed, mostly in one part, and who is not although the plan is theirs."""

    parts: list[Part]
    left_alone: tuple[str, ...]  # account ids: the next run will compute them anyway


def read(home: Home, connection: sa.Connection, request: Request, seq: int) -> Scoped:
    """The scope of a request as of `seq`, with everything that is needed to compute it.

    Raises UserError when nothing was billed yet, the version or the plan does not exist, or an account is not known.
    """
    latest = _latest_run(connection, seq)
    reading = _Reading(home, connection, request, seq, latest)
    newest = _newest_pin(connection, latest, seq)
    contracts = reading.contracts(newest)
    known = contracts.facts
    _require_plan(contracts, request)
    concerned = _concerned(contracts, request) & _named(known, request)
    covered = scope.covered_through(connection, known)
    pins = np.array([again.pin_of(runs, latest) for runs in covered.classes], np.int64)[covered.of]
    current = pins > 0
    computed = _whole_units(known, concerned & current)
    computed &= ~_whole_units(known, computed & ~current)
    of_unit = np.zeros(len(pins), np.int64)
    np.maximum.at(of_unit, known.account_unit, pins)
    pins = of_unit[known.account_unit]
    ids: Any = known.account_ids
    parts = []
    for pin in np.unique(pins[computed]).tolist() or [newest]:
        only = ids.filter(pa.array(computed & (pins == pin)))
        parts.append(reading.part(pin, contracts if pin == newest else reading.contracts(pin), only))
    return Scoped(parts, tuple(ids.filter(pa.array(concerned & ~computed)).to_pylist()))


class _Reading:
    """Reads parts of one request."""

    def __init__(self, home: Home, connection: sa.Connection, request: Request, seq: int, latest: CoveringRun) -> None:
        self._home = home
        self._connection = connection
        self._request = request
        self._seq = seq
        self._latest = latest
        self._prices = price_list.load(home, seq)
        self._midnights = facts.Midnights()

    def contracts(self, pin: int) -> Contracts:
        """Facts as of a commit, and the tariffs of now."""
        return Contracts(facts.load(self._connection, pin), self._prices, self._midnights)

    def part(self, pin: int, contracts: Contracts, only: Any) -> Part:  # noqa: ANN401 -- an array of account ids
        """What is computed of these accounts as of a commit, and of what was billed by now."""
        known, request = contracts.facts, self._request
        covered = scope.covered_through(self._connection, known)
        chosen = again.billed_periods(contracts, covered, self._latest, request.first_day, frozenset(only.to_pylist()))
        holders = known.subscription_keys[_holds(contracts, request)[known.subscription_pattern]]
        return Part(
            pin,
            Known(
                contracts,
                chosen,
                billed_in(self._connection, contracts, chosen, self._seq),
                leftovers.stored(self._connection, chosen.begins(known), None),
                by_hand.counting(self._connection, pin),
                bounds.limits(self._connection, self._seq),
                functools.cache(lambda: Guide(self._home, pin)),
            ),
            Kept(holders, day_number(request.first_day), day_number(request.after_day)),
        )


def _newest_pin(connection: sa.Connection, latest: CoveringRun, seq: int) -> int:
    """The newest commit that any run of the latest date was pinned to."""
    run = tables.bill_runs.c
    query = sa.select(sa.func.max(run.pinned_seq)).where(run.state == "posted", run.commit_seq <= seq)
    query = query.where(sa.func.coalesce(run.kind, "cycle") == "cycle", run.bill_date == latest.bill_date.isoformat())
    return int(connection.execute(query).scalar_one())


def _latest_run(connection: sa.Connection, seq: int) -> CoveringRun:
    found = again.latest_run(connection, seq)
    if found is None:
        raise UserError(
            "nothing was billed yet, so there is nothing to rate again", "`ratewright bill run --date` bills with what is in force"
        )
    return found


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
        remedy = "give ids as they stand in accounts.csv, of accounts that the latest run knew"
        raise UserError(f"no account has the id {unknown[0]}", remedy, exit_status=2)
    named: Any = pc.is_in(ids, value_set=wanted)
    found: npt.NDArray[np.bool_] = named.to_numpy(zero_copy_only=False)
    return found


def _whole_units(known: Facts, accounts: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
    """All accounts of the rating units of some."""
    units = np.zeros(len(accounts), np.bool_)
    unit: Int64s = known.account_unit
    units[unit[accounts]] = True
    return units[unit]
