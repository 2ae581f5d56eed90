"""Exactly whose and which periods a re-rating computes: accounts with the plan in some of its months, and only what they were billed.

An account's periods are computed from the first one that begins in or reaches into the months asked for, up to the last one that a run
has billed, since what an allowance leaves goes on from period to period. Periods that nobody has billed yet are left to the cycle, and
accounts whose last bill is not of the latest run (quarantined, held) are left alone and told. All members of a rating unit are computed
together.
"""

from __future__ import annotations

import datetime as dt
import functools
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import sqlalchemy as sa

from billing.guiding import Guide
from billing.runs import bounds, by_hand, facts, leftovers, price_list, scope
from billing.runs.computing import Known, billed_in
from billing.runs.contracts import Contracts
from billing.runs.coverage import Covered, CoveringRun
from billing.runs.fact_columns import NEVER_DAY, day_number
from billing.store import tables
from rating.errors import UserError

if TYPE_CHECKING:
    import numpy.typing as npt

    from billing.charges.lines import Int64s
    from billing.rerate.request import Request
    from billing.runs.facts import Facts
    from billing.store.home import Home

PERIODS_MAX: Final = 60  # nobody asks for more than five years


class Scoped(NamedTuple):
    """What is computed, and who is not although the plan is theirs."""

    known: Known
    concerned: int  # accounts with the plan in these months
    left_alone: tuple[str, ...]  # account ids: not billed by the latest run, so the next one will compute them anyway


def read(home: Home, connection: sa.Connection, request: Request, seq: int) -> Scoped:
    """The scope of a request as of `seq`, with everything that is needed to compute it.

    Raises UserError when nothing was billed yet, the version or the plan does not exist, or an account is not known.
    """
    midnights = facts.Midnights()
    contracts = Contracts(facts.load(connection, seq), price_list.load(home, seq), midnights)
    known = contracts.facts
    latest = _latest_run(connection, seq)
    _require_plan(contracts, request)
    concerned = _concerned(contracts, request) & _named(known, request)
    covered = scope.covered_through(connection, known)
    current = np.array([each is not None and each.through == latest.bill_date for each in covered.coverages], np.bool_)[covered.of]
    computed = _whole_units(known, concerned & current)
    computed &= ~_whole_units(known, computed & ~current)
    first = day_number(request.first_day)
    touched = np.where(computed, first, NEVER_DAY)
    everybody = Covered(np.zeros(len(known.accounts), np.int64), [(latest,)])
    ids: Any = known.account_ids
    only = frozenset(ids.filter(pa.array(computed)).to_pylist())
    chosen = scope.decide(known, everybody, latest.bill_date, midnights, only, touched=touched, reopen_periods_max=PERIODS_MAX)
    return Scoped(
        Known(
            contracts,
            chosen,
            billed_in(connection, contracts, chosen, seq),
            leftovers.stored(connection, chosen.begins(known), None),
            by_hand.counting(connection, seq),
            bounds.limits(connection, seq),
            functools.cache(lambda: Guide(home, seq)),
        ),
        int(concerned.sum()),
        tuple(ids.filter(pa.array(concerned & ~computed)).to_pylist()),
    )


def _latest_run(connection: sa.Connection, seq: int) -> CoveringRun:
    """The cycle run with the latest date."""
    run = tables.bill_runs.c
    query = sa.select(run.run_id, run.bill_date, run.pinned_seq).where(run.state == "posted", run.commit_seq <= seq)
    query = query.where(sa.func.coalesce(run.kind, "cycle") == "cycle", sa.func.coalesce(run.restricted, 0) == 0)
    row = connection.execute(query.order_by(run.bill_date.desc(), run.run_id.desc())).first()
    if row is None:
        raise UserError(
            "nothing was billed yet, so there is nothing to rate again", "`ratewright bill run --date` bills with what is in force"
        )
    return CoveringRun(row.run_id, dt.date.fromisoformat(row.bill_date), row.pinned_seq, restricted=False)


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
    found = contracts.facts
    holds = np.array([_has_plan(contracts, number, request) for number in range(len(found.patterns))], np.bool_)
    accounts = np.zeros(len(found.accounts), np.bool_)
    if holds.size:
        accounts[found.subscription_account[holds[found.subscription_pattern]]] = True
    return accounts


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
        raise UserError(f"no account has the id {unknown[0]}", "give ids as they stand in accounts.csv", exit_status=2)
    named: Any = pc.is_in(ids, value_set=wanted)
    found: npt.NDArray[np.bool_] = named.to_numpy(zero_copy_only=False)
    return found


def _whole_units(known: Facts, accounts: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
    """All accounts of the rating units of some."""
    units = np.zeros(len(accounts), np.bool_)
    unit: Int64s = known.account_unit
    units[unit[accounts]] = True
    return units[unit]
