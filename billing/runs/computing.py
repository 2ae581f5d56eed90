"""The computing half of a run: facts, usage priced, fees, totals, payers, tax and reconciliation, all as of one sequence number.

A pure function of what is stored as of that number; whoever computes again gets the same.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np
import sqlalchemy as sa

from billing.charges.lines import Lines, empty
from billing.guiding import Guide
from billing.intake import view
from billing.invoicing import billed_lines
from billing.runs import bounds, facts, leftovers, price_list, pricing, scope
from billing.runs.circumstances import asked
from billing.runs.contracts import Contracts
from billing.runs.proposal import Currencies, one_off_lines, recurring_lines, usage_lines
from billing.runs.settlement import Settlement, settle
from billing.runs.states import CYCLE
from billing.runs.terms import Term, total
from billing.store import tables
from rating.status import Status

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Callable
    from collections.abc import Set as AbstractSet

    from billing.charges.rollover import Left
    from billing.store.home import Home

    Progress = Callable[[str, int, int], None]  # stage, done, of how many

WINDOW_FROM: Final = "window.from_us"  # terms that say in which instants the run looked for usage
WINDOW_TO: Final = "window.to_us"
TOO_LARGE: Final = "a sum of charges is beyond the limit of money"


class Computed(NamedTuple):
    """Everything a run needs to number its invoices."""

    contracts: Contracts
    scope: scope.Scope
    priced: pricing.Priced | None  # None: no account is in the run
    settlement: Settlement
    terms: dict[str, Term]

    @property
    def left(self) -> list[Left]:
        """What is left of allowances that outlive their period."""
        return self.priced.left if self.priced is not None else []


class _Usage(NamedTuple):
    lines: Lines
    too_large: list[int]
    priced: pricing.Priced | None
    terms: dict[str, Term]


def compute(  # noqa: PLR0913 -- what, as of when, and how
    home: Home,
    bill_date: dt.date,
    seq: int,
    *,
    threads: int,
    only: AbstractSet[str] | None = None,
    before_run: int | None = None,
    kind: str = CYCLE,
    progress: Progress | None = None,
) -> Computed:
    """Price and settle everything as of `seq`. `only`: these account ids; `before_run`: as things stood for that run."""
    assert kind == CYCLE, kind
    report = progress or _silent
    midnights = facts.Midnights()
    with home.connect() as connection:
        contracts = Contracts(facts.load(connection, seq), price_list.load(home, seq), midnights)
        covered = scope.covered_through(connection, contracts.facts, before_run)
        chosen = scope.decide(contracts.facts, covered, bill_date, midnights, only)
        billed = _billed(connection, contracts, chosen)
        stored = leftovers.stored(connection, chosen.begins(contracts.facts), before_run)
        limits = bounds.limits(connection)
    currencies = Currencies(contracts)
    usage = _usage(home, seq, contracts, chosen, stored, currencies, threads, report)
    fees = [recurring_lines(contracts, chosen, currencies), one_off_lines(contracts, chosen, currencies)]
    proposed = np.concatenate([*fees, usage.lines])
    too_large = dict.fromkeys(usage.too_large, TOO_LARGE)
    settlement = settle(
        proposed, billed, too_large, contracts, chosen, currencies, limits=limits, progress=lambda done, of: report("settle", done, of)
    )
    terms = {**usage.terms, **settlement.terms, "accounts": Term(int(np.count_nonzero(chosen.calendar >= 0)), 0)}
    if chosen.window is not None:
        terms |= {WINDOW_FROM: Term(0, chosen.window.from_us), WINDOW_TO: Term(0, chosen.window.to_us)}
    return Computed(contracts, chosen, usage.priced, settlement, terms)


def _billed(connection: sa.Connection, contracts: Contracts, chosen: scope.Scope) -> Lines:
    """What invoices have billed from the oldest open period of any account of the run on."""
    first = min((periods[0].start for periods in chosen.calendars if periods), default=None)
    if first is None:
        return empty()
    keys = contracts.facts.account_keys[chosen.calendar >= 0]
    whole = len(keys) == len(contracts.facts.account_keys)
    return billed_lines(connection, first, None if whole else keys.tolist())


def _usage(  # noqa: PLR0913, PLR0917 -- what usage is priced with
    home: Home,
    seq: int,
    contracts: Contracts,
    chosen: scope.Scope,
    stored: list[Left],
    currencies: Currencies,
    threads: int,
    report: Progress,
) -> _Usage:
    if chosen.window is None:
        return _Usage(empty(), [], None, {})
    columns = pricing.columns(asked(contracts.price_list.catalogues))
    usage = view.usage(home, columns, seq, *chosen.window, checked=True)
    priced = pricing.price_usage(usage, Guide(home, seq), contracts, chosen, stored, threads=threads)
    report("price", usage.num_rows, usage.num_rows)
    sums = usage_lines(priced, contracts, currencies)
    return _Usage(sums.lines, sums.too_large, priced, _usage_terms(priced, contracts, set(sums.too_large)))


def _usage_terms(priced: pricing.Priced, contracts: Contracts, too_large: set[int]) -> dict[str, Term]:
    """Events by status and by reason of leaving out, and the charges by currency, as the run counted them."""
    status, counts = np.unique(priced.rated.status, return_counts=True)
    terms = {f"events.{Status(code).name}": Term(rows, 0) for code, rows in zip(status.tolist(), counts.tolist(), strict=True)}
    terms |= {f"left_out.{name}": Term(rows, 0) for name, rows in priced.left_out.items()}
    version = priced.rated.version
    excluded = np.isin(contracts.facts.account_keys[priced.account], list(too_large)) if too_large else np.zeros(len(version), bool)
    for currency in sorted({each.currency for each in contracts.price_list.tables.versions}):
        own = [index for index, each in enumerate(contracts.price_list.tables.versions) if each.currency == currency]
        rated = np.isin(version, own) & (priced.rated.status <= int(Status.ZERO_RATED))
        charge = priced.rated.charge_micros
        terms[f"usage:{currency}"] = _term(charge[rated])
        if too_large:
            terms[f"too_large:{currency}"] = _term(charge[rated & excluded])
    return terms


def _term(charges: np.ndarray[tuple[int], np.dtype[np.int64]]) -> Term:
    return Term(len(charges), total(charges))


def _silent(_stage: str, _done: int, _total: int) -> None:
    """Progress that nobody watches."""
