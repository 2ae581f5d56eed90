"""The computing half of a run: facts, usage priced, fees, totals, payers, tax and reconciliation, all as of one sequence number.

It is a pure function of what is stored as of that number: each further computation gives the same.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np
import pyarrow as pa

from billing.charges import conservation
from billing.charges.book_terms import Term
from billing.charges.charge_keys import Kind
from billing.charges.lines import Lines, empty
from billing.charges.rollover import Left
from billing.guiding import Guide
from billing.intake.marks import Versions
from billing.invoicing import billed_lines
from billing.late_decisions import Decided
from billing.runs.contracts import facts, price_list
from billing.runs.contracts.contracts import Contracts
from billing.runs.contracts.currencies import Currencies
from billing.runs.selection import changed_accounts, scope
from billing.runs.selection.left_out import TERM
from billing.runs.settlement import adjustments, bounds, missing_entities, payers, totals
from billing.runs.settlement.fees_due import fee_lines
from billing.runs.settlement.inputs import Inputs
from billing.runs.settlement.settlement import RunSettlement, settle
from billing.runs.usage import carried_allowances
from billing.runs.usage.shard_groups import price_in_groups

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Set as AbstractSet

    import sqlalchemy as sa

    from billing.runs.contracts.facts import BillTerms, Facts
    from billing.runs.settlement.settlement import Kept
    from billing.runs.usage.charge_sums import PricedSums
    from billing.runs.usage.shard_groups import Sink
    from billing.store.home import Home

    Progress = Callable[[str, int, int], None]  # stage, done, of how many

WINDOW_FROM: Final = "window.from_us"  # terms that say in which instants the run looked for usage
WINDOW_TO: Final = "window.to_us"


class Computed(NamedTuple):
    """Everything a run needs to number its invoices."""

    contracts: Contracts
    scope: scope.Scope
    settlement: RunSettlement
    left: list[Left]  # of allowances that outlive their period
    terms: dict[str, Term]
    pending_day: dict[int, int]  # see `charge_sums.PricedSums`


class RunInputs(NamedTuple):
    """The stored data as of a sequence number, and the part of it that is to be computed."""

    contracts: Contracts
    scope: scope.Scope
    billed: Lines
    stored: list[Left]
    adjustments: pa.Table
    limits: bounds.Limits
    guide: Callable[[], Guide]
    retracted: pa.Table | None = None  # adjustments that are due no more, for their names
    left_alone: Decided | None = None  # usage that is not priced; None: what people have decided on
    instead: Versions | None = None  # rows that are priced in the stead of all others of their events


def compute(  # noqa: PLR0913 -- what, as of when, and how
    home: Home,
    bill_date: dt.date,
    seq: int,
    *,
    threads: int,
    only: AbstractSet[str] | None = None,
    before_run: int | None = None,
    everything: bool = False,
    sink_for: Callable[[Contracts], Sink] | None = None,
    progress: Progress | None = None,
) -> Computed:
    """Price and settle everything as of `seq`.

    `only`: these account ids and those of their units; `before_run`: the state that this run knew.

    `everything`: compute all open periods, changed since they were billed or not. `sink_for` makes, of the contracts, the function that
    gets the priced events of each group (see `groups.price_in_groups`). `progress` gets a stage's name, the part done and the total.
    """
    report = progress or _silent
    report("facts", 0, 0)
    known = _read(home, bill_date, seq, only, before_run, everything=everything)
    return settled(home, seq, known, threads=threads, sink_for=sink_for, progress=report)


def settled(  # noqa: PLR0913 -- what, and how
    home: Home,
    seq: int,
    known: RunInputs,
    *,
    threads: int,
    sink_for: Callable[[Contracts], Sink] | None = None,
    kept: Callable[[totals.Workings], Kept] | None = None,
    document_terms: BillTerms | None = None,
    progress: Progress | None = None,
) -> Computed:
    """Price and settle what is `known`; arguments as in `compute`.

    `kept` makes, of the workings of totals, the `kept` of `settlement.settle`; `document_terms` are its `terms`.
    """
    report = progress or _silent
    contracts, chosen = known.contracts, known.scope
    inputs = Inputs(contracts, chosen, Currencies(contracts))
    usage = price_in_groups(
        home,
        seq,
        known.guide(),
        contracts,
        chosen,
        known.stored,
        threads=threads,
        sink=sink_for(contracts) if sink_for is not None and chosen.window is not None else None,
        progress=functools.partial(report, "price usage"),
        left_alone=known.left_alone,
        instead=known.instead,
    )
    _require_all_read(usage)
    _require_all_priced(usage, inputs.currencies)
    report("fees", 0, 0)
    clashing = carried_allowances.clashing(usage.left)
    workings = totals.Workings() if kept is not None else None
    proposed = _proposed(usage.lines, inputs, known.adjustments, workings)
    settlement = settle(
        proposed,
        known.billed,
        missing_entities.unknown(home, contracts.facts, chosen, seq) | dict.fromkeys(usage.too_large, bounds.TOO_LARGE) | clashing,
        inputs,
        limits=known.limits,
        own_texts=totals.names(contracts, known.adjustments, known.retracted),
        moved=usage.moved,
        kept=kept(workings) if kept is not None and workings is not None else None,
        terms=document_terms,
        progress=functools.partial(report, "settle"),
    )
    left = [each for each in usage.left if each.account_key not in clashing]
    terms = _usage_terms(usage) | settlement.terms | _scope_terms(chosen)
    return Computed(contracts, chosen, settlement, left, terms, usage.pending_day)


def _read(  # noqa: PLR0913 -- what, whose, when and how
    home: Home, bill_date: dt.date, seq: int, only: AbstractSet[str] | None, before_run: int | None, *, everything: bool
) -> RunInputs:
    midnights, guide = facts.Midnights(), functools.cache(lambda: Guide(home, seq))
    with home.connect() as connection:
        contracts = Contracts(facts.load(connection, seq), price_list.load(home, seq), midnights)
        covered = scope.covered_through(connection, contracts.facts, before_run)
        chosen = changed_accounts.scope_of(
            home, connection, contracts, covered, bill_date, seq, only=only, everything=everything, guide=guide
        )
        return RunInputs(
            contracts,
            chosen,
            billed_in(connection, contracts, chosen, seq),
            carried_allowances.stored(connection, contracts.facts, chosen, before_run),
            adjustments.counting(connection, seq),
            bounds.limits(connection, seq),
            guide,
            adjustments.retracted(connection, seq),
        )


def billed_in(connection: sa.Connection, contracts: Contracts, chosen: scope.Scope, seq: int) -> Lines:
    """Lines that invoices have billed as of `seq`, from the oldest computed period of any account on."""
    first = min((periods[0].start for periods in chosen.calendars if periods), default=None)
    if first is None:
        return empty()
    keys = contracts.facts.account_keys[chosen.calendar >= 0]
    whole = len(keys) == len(contracts.facts.account_keys)
    return billed_lines(connection, first, None if whole else keys.tolist(), as_of=seq)


def _proposed(usage: Lines, inputs: Inputs, adjusted: pa.Table, workings: totals.Workings | None) -> Lines:
    """Everything that is due, but for tax, under the accounts that pay it."""
    lines = totals.apply(np.concatenate([fee_lines(inputs), usage]), inputs, adjusted, workings)
    routed = payers.route(lines, inputs.contracts)
    conservation.require_kept("routing to payers", lines, routed)
    _require_own(lines, routed, inputs.contracts.facts)
    return routed


def _require_own(lines: Lines, routed: Lines, facts: Facts) -> None:
    """Assert that each line of a subscription is of the account that has it, before its payer is looked up.

    A discount is already at the payer of the lines that it is off: it is where a line of the same subscription is `routed`.
    """
    of, at = (each[lines["subscription_key"] > 0] for each in (lines, routed))
    row = np.searchsorted(facts.subscription_keys, of["subscription_key"])
    is_discount = of["kind"] == Kind.DISCOUNT
    strange = (of["account_key"] != facts.account_keys[facts.subscription_account[row]]) & ~is_discount
    assert not strange.any(), f"{int(strange.sum())} lines are of accounts that do not have their subscription"
    if not is_discount.any():
        return
    pair = facts.account_index(at["account_key"]) * len(facts.subscription_keys) + row
    alone = np.setdiff1d(pair[is_discount], pair[~is_discount])
    assert not alone.size, f"discounts of {alone.size} subscriptions are at accounts that pay no line of theirs"


def _require_all_read(usage: PricedSums) -> None:
    """Every stored row is priced, left out for a reason, or no event of the window: no group of shards is lost, whole or in part.

    The rows that are stored are those of the manifest: no group counts them.
    """
    left_out = sum(usage.left_out.values())
    told = usage.rows + left_out + usage.uncounted
    assert told == usage.stored_rows, (
        f"{usage.stored_rows} rows of usage are stored; {usage.rows} are priced, {left_out} left out, and {usage.uncounted} do not count"
    )


def _require_all_priced(usage: PricedSums, currencies: Currencies) -> None:
    """The lines of usage come to the charges of all groups of shards, but for accounts that are too large."""
    sums = np.zeros(len(currencies.names), np.int64)
    np.add.at(sums, usage.lines["currency"], usage.lines["exact_micros"])
    for place, currency in enumerate(currencies.names):
        charged = usage.charges_by_currency.get(currency)
        left_out = usage.too_large_by_currency.get(currency)
        wanted = (charged.amount_micros if charged else 0) - (left_out.amount_micros if left_out else 0)
        is_same = (int(sums[place]) - wanted) % conservation.WRAP == 0
        assert is_same, f"lines of usage come to {sums[place]} {currency}, and the charges of all groups to {wanted}"


def _usage_terms(usage: PricedSums) -> dict[str, Term]:
    """Events by status and by reason of leaving out, and the charges by currency, as the run counted them."""
    terms = {f"events.{status.name}": Term(rows, 0) for status, rows in usage.status_counts.items()}
    terms |= {f"{TERM}{name}": Term(rows, 0) for name, rows in usage.left_out.items()}
    terms |= {f"usage:{currency}": Term(*charged) for currency, charged in usage.charges_by_currency.items()}
    return terms | {f"too_large:{currency}": Term(*charged) for currency, charged in usage.too_large_by_currency.items()}


def _scope_terms(chosen: scope.Scope) -> dict[str, Term]:
    terms = {"accounts": Term(int(np.count_nonzero(chosen.calendar >= 0)), 0)}
    if chosen.window is not None:
        terms |= {WINDOW_FROM: Term(0, chosen.window.from_us), WINDOW_TO: Term(0, chosen.window.to_us)}
    return terms


def _silent(_stage: str, _done: int, _total: int) -> None:
    """Progress that is not shown."""
