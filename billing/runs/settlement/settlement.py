"""From what is due to drafts of invoices: tax, reconciliation, bounds, and the terms of the billing book. Columns only.

Accounts are settled in blocks in the order of account id, so that memory stays a few times that of the lines themselves. An account that
breaks a bound is put in quarantine with its whole rating unit, and the run goes on with the rest; a later run takes it up again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

from billing.charges.book_terms import Term, Terms
from billing.charges.charge_keys import Kind
from billing.charges.conservation import differing_accounts, require_same_accounts
from billing.charges.lines import Int64s, Lines, empty, sum_as_taxed, taken
from billing.charges.reconcile import differences
from billing.charges.taxes.tax import taxed
from billing.invoicing.drafts import Drafts, joined
from billing.runs.contracts.uninvoiced_accounts import of_tests
from billing.runs.settlement import bounds
from billing.runs.settlement.drafting import UNKNOWN_CATALOGUE, Writer
from billing.runs.settlement.parting import parted
from billing.runs.settlement.payer_table import Payers
from billing.runs.settlement.tax_exemptions import as_agreed
from rating.dates import NEVER, day_number

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from collections.abc import Set as AbstractSet

    import numpy.typing as npt

    from billing.charges.reconcile import Differences
    from billing.runs.contracts.contracts import Contracts
    from billing.runs.contracts.currencies import Currencies
    from billing.runs.contracts.facts import BillTerms
    from billing.runs.settlement.bounds import Limits
    from billing.runs.settlement.drafting import OwnTexts
    from billing.runs.settlement.inputs import Inputs

    Progress = Callable[[int, int], None]
    Kept = Callable[[Differences, Lines, Contracts, Payers, Currencies], Differences]

ACCOUNTS_A_BLOCK: Final = 65_536
_AHEAD: Final = (int(Kind.RECURRING), int(Kind.DISCOUNT))  # billed in advance
TERM_OF_KIND: Final = {kind: kind.name.lower() for kind in Kind if kind not in {Kind.USAGE, Kind.TAX}}


class RunSettlement(NamedTuple):
    """The result that a run will number: drafts in the order of account id, accounts put aside, and the terms in `name:currency`."""

    drafts: Drafts
    quarantined: dict[int, str]  # account_key -> reason
    terms: dict[str, Term]


def settle(  # noqa: PLR0913 -- the two sides, and what they are read with
    proposed: Lines,
    billed: Lines,
    too_large: Mapping[int, str] | None,
    inputs: Inputs,
    *,
    limits: Limits | None = None,
    own_texts: OwnTexts | None = None,
    moved: AbstractSet[tuple[int, int]] = frozenset(),
    kept: Kept | None = None,
    terms: BillTerms | None = None,
    progress: Progress | None = None,
) -> RunSettlement:
    """Compare the lines that are due (`proposed`, without tax) with the lines `billed` by earlier invoices, and make drafts.

    `proposed` is routed: its account is the payer. `too_large`: accounts that cannot be billed, with the reason. `own_texts`: texts of
    lines that no catalogue knows, by (kind, price_id). `moved`: pairs of accounts (keys); the second is billed for usage that the run takes
    off the first, so it is put aside where the first is. `kept`: selects the wanted differences, with their tax; it also gets the lines
    that are due without tax. Without it all are wanted. `terms`: those of the
    documents, where they get another date. `progress` gets accounts done and all accounts.
    """
    contracts, scope, currencies = inputs
    payers = Payers(contracts, scope, currencies)
    settling = _Settling(inputs, payers, limits or bounds.Limits(), kept)
    blocks: list[Lines] = []
    for number, (due, done) in enumerate(_blocks(proposed, billed, payers), start=1):
        blocks.append(settling.block(due, done))
        if progress is not None:
            progress(min(number * ACCOUNTS_A_BLOCK, len(scope.calendar)), len(scope.calendar))
    quarantined = _with_followers({**(too_large or {}), **settling.broken}, moved, contracts, payers)
    parked = np.array(list(quarantined), np.int64)
    writer = Writer(contracts, scope.bill_date, currencies, payers, own_texts or {}, _reopened(billed, payers), terms)
    parts = []
    while blocks:
        lines = blocks.pop(0)
        billable = settling.without(lines, np.isin(lines["account_key"], parked), "quarantined")
        parts.append(writer.drafts(billable))
        require_same_accounts("drafts of invoices", billable, parts[-1].lines)
    drafts = joined(parts) if parts else writer.drafts(empty())
    settling.terms.add("invoiced_net", drafts.currency, drafts.net_micros())
    settling.terms.add("invoiced_tax", drafts.currency, drafts.tax_micros())
    return RunSettlement(drafts, quarantined, settling.terms.by_name)


class _Settling:
    """Settles block after block, and collects terms and broken bounds."""

    def __init__(self, inputs: Inputs, payers: Payers, limits: Limits, kept: Kept | None) -> None:
        contracts, scope, currencies = inputs
        self.terms = Terms(currencies.names)
        self.broken: dict[int, str] = {}
        self._contracts = contracts
        self._currencies = currencies
        self._payers = payers
        self._limits = limits
        self._kept = kept
        self._bill_day = day_number(scope.bill_date)

    def block(self, proposed: Lines, billed: Lines) -> Lines:
        """The differences of a block of accounts, tax included, sorted by charge key."""
        billed = self._in_scope(billed)
        later = self._of_later_runs(billed)
        counted: Lines = billed[~later] if later.any() else billed
        self._count(proposed, counted)
        due = sum_as_taxed(as_agreed(proposed, self._contracts, self._payers))
        require_same_accounts("sums by charge key", proposed, due)
        due = self.without(due, of_tests(due, self._contracts.facts), "test")
        found = taxed(due, self._currencies.steps_of(due))
        self.terms.add("tax_in_prices", due["currency"], due["amount_micros"], found.lines["amount_micros"])
        differing = differences(np.concatenate([found.lines, found.taxes]), billed)
        lost = differing_accounts([found.lines, found.taxes], [billed, differing.lines])
        self.broken |= dict.fromkeys(lost.tolist(), bounds.NOT_KEPT)
        about = (self._contracts, self._payers, self._currencies)
        if later.any():
            differing = parted(differing, ~self._of_later_runs(differing.lines), *about)
        if self._kept is not None:
            differing = self._kept(differing, found.lines, *about)
        own = self._payers.currency[self._payers.place(differing.lines["account_key"])]
        self.broken = bounds.broken(differing, counted, own, self._payers.together, self._bill_day, self._limits) | self.broken
        return differing.lines

    def without(self, lines: Lines, out: npt.NDArray[np.bool_], term: str) -> Lines:
        """The lines but for those that are left `out`; the sum of these without tax is a term."""
        if not out.any():
            return lines
        self.terms.add_lines(term, lines[out & (lines["kind"] != Kind.TAX)])
        left: Lines = lines[~out]
        return left

    def _count(self, proposed: Lines, billed: Lines) -> None:
        """The terms of the lines that are due, and of those that invoices have billed."""
        for kind, name in TERM_OF_KIND.items():
            self.terms.add_lines(name, proposed[proposed["kind"] == kind], "exact_micros")
        self.terms.add_lines("line_rounding", proposed, "amount_micros", minus="exact_micros")
        self.terms.add_lines("billed_before", billed[billed["kind"] != Kind.TAX])

    def _in_scope(self, billed: Lines) -> Lines:
        """Billed lines that belong to what the run computes, with the labels that invoices do not store."""
        if not billed.size:
            return billed
        chosen: Lines = billed[self._payers.computed(billed)]
        chosen["currency"] = self._payers.currency[self._payers.place(chosen["account_key"])]
        chosen["catalogue"] = UNKNOWN_CATALOGUE
        return chosen

    def _of_later_runs(self, lines: Lines) -> npt.NDArray[np.bool_]:
        """Usage of a running period, and lines that follow from it, billed in mid-cycle: a later run compares them with what is due."""
        found: npt.NDArray[np.bool_] = ~np.isin(lines["kind"], _AHEAD) & (lines["subscription_key"] > 0)
        rows = np.flatnonzero(found)
        found[rows] = lines["period_from"][rows] >= self._payers.later_from(lines["subscription_key"][rows])
        return found


def _blocks(proposed: Lines, billed: Lines, payers: Payers) -> Iterator[tuple[Lines, Lines]]:
    """Due and billed lines, block by block of payers in the order of account id. Lines of unknown payers are in none."""
    sides = []
    for lines in (proposed, billed):
        place = payers.place(lines["account_key"])
        order = np.argsort(place // ACCOUNTS_A_BLOCK, kind="stable") if lines.size else np.zeros(0, np.int64)
        sides.append((lines, order, place[order] // ACCOUNTS_A_BLOCK))
    for number in range(-(-len(payers.currency) // ACCOUNTS_A_BLOCK)):
        yield tuple(_of_block(lines, order, block, number) for lines, order, block in sides)  # type: ignore[misc] # two sides


def _of_block(lines: Lines, order: Int64s, block: Int64s, number: int) -> Lines:
    first, end = np.searchsorted(block, [number, number + 1])
    return taken(lines, order[first:end])


def _reopened(billed: Lines, payers: Payers) -> Lines:
    """Billed lines of payers that a void invoice opened again; few have any."""
    place = payers.place(billed["account_key"])
    rows: Lines = billed[np.append(payers.reopened, NEVER)[place] != NEVER]
    return rows


def _with_followers(
    reasons: Mapping[int, str], moved: AbstractSet[tuple[int, int]], contracts: Contracts, payers: Payers
) -> dict[int, str]:
    """Put rating units aside whole, and with an account those to which the run bills usage that is on a bill of it."""
    found = _with_units(reasons, contracts, payers)
    while followers := {new: billed for billed, new in sorted(moved) if billed in found and new not in found}:
        index = contracts.facts.account_index(np.array(list(followers.values()), np.int64)).tolist()
        ids = [contracts.facts.accounts[place].account_id for place in index]
        why = (f"it has usage that is on a bill of account {name}, which is put aside" for name in ids)
        found |= _with_units(found | dict(zip(followers, why, strict=True)), contracts, payers)
    return found


def _with_units(reasons: Mapping[int, str], contracts: Contracts, payers: Payers) -> dict[int, str]:
    """Put all of a rating unit aside with any of its accounts, so that none of it is taken for billed."""
    found = dict(reasons)
    facts = contracts.facts
    if not found or bool(np.all(facts.account_unit == np.arange(len(facts.account_unit)))):
        return found
    for key, reason in reasons.items():
        place = int(payers.place(np.array([key], np.int64))[0])
        if place < 0:
            continue
        for member in np.flatnonzero((facts.account_unit == facts.account_unit[place]) & payers.spans.in_run).tolist():
            found.setdefault(int(facts.account_keys[member]), f"with account {facts.accounts[place].account_id} of its unit: {reason}")
    return found
