"""From what is due to drafts of invoices: tax, reconciliation, checks of each account, and the terms of the billing book.

An account that breaks an invariant is put in quarantine with the reason, and the run goes on with the rest; a later run takes it up again.
"""

from __future__ import annotations

import collections
import datetime as dt
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

from billing.charges.lines import KEY_FIELDS, SUM_FIELDS, Int64s, Kind, Lines, group_starts
from billing.charges.reconcile import differences
from billing.charges.tax import PPM, tax_due
from billing.invoicing import KIND_NAMES, InvoiceDraft, LineDraft
from billing.runs.facts import day_number, day_of
from rating.model import LateUsage
from rating.money import MICROS_PER_UNIT, format_micros

if TYPE_CHECKING:
    from collections.abc import Mapping

    from billing.charges.periods import Period
    from billing.runs.contracts import Contracts
    from billing.runs.proposal import Currencies
    from billing.runs.scope import Scope

# How tax and a correction are called on the invoice of an account, by its language.
TEXTS: Final = {
    "en": {"tax": "{name} {rate} %", "correction": "{text}, correction for {first} to {last}"},
    "zh": {"tax": "{name} {rate} %", "correction": "{text} (更正 {first} 至 {last})"},
}
LINE_ORDER: Final = ("subscription_key", "period_from", "kind", "charge_code", "price_id", "tax_class")


class Term(NamedTuple):
    """One term of a book: how many rows, how much."""

    rows: int
    amount_micros: int


class Settlement(NamedTuple):
    """What a run will number: drafts in the order of account id, accounts put aside, and the terms in `name:currency`."""

    drafts: list[InvoiceDraft]
    quarantined: dict[int, str]  # account_key -> reason
    terms: dict[str, Term]


def settle(  # noqa: PLR0913, PLR0917 -- the two sides, and what they are read with
    proposed: Lines, billed: Lines, too_large: Mapping[int, str] | None, contracts: Contracts, scope: Scope, currencies: Currencies
) -> Settlement:
    """Compare what is due (`proposed`, fees and usage) with the lines `billed` by earlier invoices, and make drafts."""
    book = _Book(currencies)
    billed = _labelled(_in_scope(billed, contracts, scope), contracts, currencies)
    book.add("recurring", proposed[proposed["kind"] == Kind.RECURRING], "exact_micros")
    book.add("one_off", proposed[proposed["kind"] == Kind.ONE_OFF], "exact_micros")
    book.add("line_rounding", proposed, "amount_micros", minus="exact_micros")
    billed_net = billed[billed["kind"] != Kind.TAX]
    book.add("billed_before", billed_net)
    waived = _waived(proposed, billed_net, contracts, scope)
    book.add("waived", waived)
    due = np.concatenate([proposed, _negated(waived)])
    taxes = tax_due(due, currencies.steps_of(due))
    found = differences(np.concatenate([due, taxes]), billed)
    quarantined = dict(too_large or {}) | _broken(found.lines, found.billed_micros, contracts, currencies)
    parked = np.isin(found.lines["account_key"], list(quarantined))
    book.add("quarantined", found.lines[parked & (found.lines["kind"] != Kind.TAX)])
    lines = found.lines[~parked]
    drafts = _Writer(contracts, scope, currencies).drafts(lines)
    for draft in drafts:
        book.add_draft(draft)
    return Settlement(drafts, quarantined, book.terms)


class _Book:
    """Collects terms by currency."""

    def __init__(self, currencies: Currencies) -> None:
        self._currencies = currencies
        self.terms: dict[str, Term] = {}

    def add(self, name: str, lines: Lines, field: str = "amount_micros", minus: str | None = None) -> None:
        """The sum of a field of `lines`, as unbounded integers."""
        for place, currency in enumerate(self._currencies.names):
            own = lines[lines["currency"] == place]
            if own.size:
                total = _total(own[field]) - (_total(own[minus]) if minus is not None else 0)
                self._add(f"{name}:{currency}", own.size, total)

    def add_draft(self, draft: InvoiceDraft) -> None:
        """An invoice."""
        self._add(f"invoiced_net:{draft.currency}", 1, draft.net_micros)
        self._add(f"invoiced_tax:{draft.currency}", 1, draft.tax_micros)

    def _add(self, name: str, rows: int, amount_micros: int) -> None:
        before = self.terms.get(name, Term(0, 0))
        self.terms[name] = Term(before.rows + rows, before.amount_micros + amount_micros)


def _total(values: Int64s) -> int:
    """Sum in two halves, so that it cannot wrap."""
    return (int((values >> 32).sum()) << 32) + int((values & 0xFFFFFFFF).sum())


def _in_scope(billed: Lines, contracts: Contracts, scope: Scope) -> Lines:
    """Billed lines of accounts of this run, from their first open period on."""
    never = np.iinfo(np.int64).max
    open_from = np.array([day_number(periods[0].start) if periods else never for periods in scope.periods], np.int64)
    place = _account_index(billed["account_key"], contracts)
    known = place >= 0
    wanted = known.copy()
    wanted[known] = billed["period_from"][known] >= open_from[place[known]]
    chosen: Lines = billed[wanted]
    return chosen


def _labelled(billed: Lines, contracts: Contracts, currencies: Currencies) -> Lines:
    """Fill the labels that invoices do not store: the currency of the account, and a catalogue that knows the price."""
    accounts, price_list = contracts.facts.accounts, contracts.price_list
    place = _account_index(billed["account_key"], contracts)
    of_account = np.array([currencies.index[account.currency] for account in accounts], np.int64)
    billed = billed.copy()
    if billed.size:
        billed["currency"] = of_account[place]
        columns = [_likely_catalogue(billed, place, contracts), billed["price_id"], billed["tax_class"]]
        keys, inverse = np.unique(np.stack(columns, axis=1), axis=0, return_inverse=True)
        known = [price_list.identity_index(price_list.identity_of(likely, price, code)) for likely, price, code in keys.tolist()]
        billed["catalogue"] = np.array(known, np.int64)[inverse.reshape(-1)]
    return billed


def _likely_catalogue(billed: Lines, account: Int64s, contracts: Contracts) -> Int64s:
    """The catalogue of the last plan of each line's subscription; for tax, of some subscription of the account."""
    facts, price_list = contracts.facts, contracts.price_list
    by_account = np.zeros(len(facts.accounts), np.int64)
    by_subscription = np.zeros(len(facts.subscriptions) + 1, np.int64)
    for index, subscription in enumerate(facts.subscriptions):
        if subscription.plans:
            by_subscription[index] = price_list.identity_index(subscription.plans[-1][1].partition("/")[0])
        by_account[subscription.account] = by_subscription[index]
    place = np.searchsorted(facts.subscription_keys, billed["subscription_key"])
    likely: Int64s = np.where(billed["subscription_key"] > 0, by_subscription[place], by_account[account])
    return likely


def _account_index(account_keys: Int64s, contracts: Contracts) -> Int64s:
    """Index of each account key, -1 for one that this run does not know."""
    keys = contracts.facts.account_keys
    if not keys.size:
        return np.full(account_keys.size, -1, np.int64)
    order = np.argsort(keys, kind="stable")
    place = np.minimum(np.searchsorted(keys[order], account_keys), keys.size - 1)
    return np.where(keys[order][place] == account_keys, order[place], -1)


def _negated(lines: Lines) -> Lines:
    negated = lines.copy()
    for name in SUM_FIELDS:
        negated[name] = -lines[name]
    return negated


def _waived(proposed: Lines, billed: Lines, contracts: Contracts, scope: Scope) -> Lines:
    """Late usage of plans that waive it: what exceeds the bill of a period that an earlier run covered."""
    facts, price_list = contracts.facts, contracts.price_list
    waiving = {
        f"{each.identity}/{plan.name}" for each in price_list.catalogues for plan in each.plans if plan.late_usage is LateUsage.WAIVE
    }
    subscriptions = [
        each.subscription_key
        for each, spans in zip(facts.subscriptions, contracts.spans, strict=True)
        if waiving and any(span.plan in waiving for span in spans)
    ]
    if not subscriptions:
        return proposed[:0]
    usage = differences(_usage_of(proposed, subscriptions), _usage_of(billed, subscriptions)).lines
    covered = np.array([day_number(day) if day is not None else 0 for day in scope.covered], np.int64)
    late = usage["period_to"] <= covered[_account_index(usage["account_key"], contracts)]
    exceeding: Lines = usage[late & (usage["amount_micros"] > 0)]
    return exceeding


def _usage_of(lines: Lines, subscriptions: list[int]) -> Lines:
    chosen: Lines = lines[(lines["kind"] == Kind.USAGE) & np.isin(lines["subscription_key"], subscriptions)]
    return chosen


def _broken(lines: Lines, billed_micros: Int64s, contracts: Contracts, currencies: Currencies) -> dict[int, str]:
    """Accounts whose lines break an invariant, with the first reason found."""
    reasons: dict[int, str] = {}
    own = np.array([currencies.index[account.currency] for account in contracts.facts.accounts], np.int64)
    net = lines["kind"] != Kind.TAX
    place = _account_index(lines["account_key"], contracts)
    foreign = lines["currency"] != own[place] if lines.size else np.zeros(0, bool)
    for key in lines["account_key"][foreign].tolist():
        reasons.setdefault(key, "a plan is priced in another currency than the account's")
    starts = group_starts(lines, ("account_key",))
    fresh = np.where(net & (billed_micros == 0), lines["amount_micros"], 0)
    sums = np.add.reduceat(fresh, starts) if starts.size else fresh
    for key in lines["account_key"][starts][sums < 0].tolist():
        reasons.setdefault(key, "the total is negative without a correction of anything billed")
    over_credited = net & (billed_micros > 0) & (billed_micros + lines["amount_micros"] < 0)
    for key in lines["account_key"][over_credited].tolist():
        reasons.setdefault(key, "a credit exceeds what was billed")
    return reasons


class _Writer:
    """Turns lines into drafts with their texts."""

    def __init__(self, contracts: Contracts, scope: Scope, currencies: Currencies) -> None:
        self._contracts = contracts
        self._scope = scope
        self._currencies = currencies
        self._dates: dict[int, str] = {}
        self._texts: dict[tuple[str, tuple[int, ...]], str] = {}

    def drafts(self, lines: Lines) -> list[InvoiceDraft]:
        """One draft for each account with any amount to bill, in the order of account id."""
        account = _account_index(lines["account_key"], self._contracts)
        order = np.lexsort([*(lines[name] for name in reversed(LINE_ORDER)), lines["kind"] == Kind.TAX, account])
        ordered, owners = lines[order], account[order]
        by_account: dict[int, list[tuple[int, ...]]] = collections.defaultdict(list)
        for owner, row in zip(owners.tolist(), ordered.tolist(), strict=True):
            by_account[owner].append(row)
        amount = [*KEY_FIELDS, *SUM_FIELDS].index("amount_micros")
        return [self._draft(owner, rows) for owner, rows in by_account.items() if any(row[amount] for row in rows)]

    def _draft(self, owner: int, rows: list[tuple[int, ...]]) -> InvoiceDraft:
        account, periods = self._contracts.facts.accounts[owner], self._scope.periods[owner]
        covered = self._scope.covered[owner]
        first = self._first_new(periods, covered)
        issued_on = self._scope.bill_date
        return InvoiceDraft(
            account.account_key,
            account.currency,
            first.start.isoformat(),
            periods[-1].end.isoformat(),
            issued_on.isoformat(),
            (issued_on + dt.timedelta(days=account.payment_days)).isoformat(),
            tuple(self._line(row, covered, account.language.partition("-")[0]) for row in rows),
        )

    @staticmethod
    def _first_new(periods: list[Period], covered: dt.date | None) -> Period:
        """The first period that no run has billed; the last one when all were."""
        return next((period for period in periods if covered is None or period.end > covered), periods[-1])

    def _line(self, row: tuple[int, ...], covered: dt.date | None, language: str) -> LineDraft:
        (
            _, period_from, period_to, kind, subscription, charge_code, price_id, tax_class,
            amount, exact, events, quantity, free, revenue, unit, catalogue, rate_ppm, _,
        ) = row  # fmt: skip
        late = covered is not None and period_to <= day_number(covered)
        return LineDraft(
            KIND_NAMES[Kind(kind)],
            subscription,
            charge_code,
            price_id,
            revenue,
            tax_class,
            self._date(period_from),
            self._date(period_to),
            self._text(language, kind, catalogue, price_id, tax_class, rate_ppm, period_from, period_to, int(late)),
            events,
            quantity,
            free,
            unit,
            exact,
            amount,
        )

    def _date(self, number: int) -> str:
        if number not in self._dates:
            self._dates[number] = day_of(number).isoformat()
        return self._dates[number]

    def _text(self, language: str, *key: int) -> str:
        if (language, key) not in self._texts:
            self._texts[language, key] = self._written(language, *key)
        return self._texts[language, key]

    def _written(  # noqa: PLR0913, PLR0917 -- the parts of a line's text
        self,
        language: str,
        kind: int,
        catalogue: int,
        price_id: int,
        tax_class: int,
        rate_ppm: int,
        period_from: int,
        period_to: int,
        late: int,
    ) -> str:
        price_list = self._contracts.price_list
        texts = TEXTS.get(language, TEXTS["en"])
        identity = price_list.identities[catalogue]
        if kind == Kind.TAX:
            rate = rate_ppm or price_list.rate_ppm(identity, tax_class, day_of(period_to - 1))
            percent = format_micros(rate * MICROS_PER_UNIT * 100 // PPM, 0)
            text = texts["tax"].format(name=price_list.tax_text(identity, tax_class, language), rate=percent)
        else:
            text = price_list.price_text(identity, price_id, language)
        if late:
            return texts["correction"].format(text=text, first=self._date(period_from), last=self._date(period_to - 1))
        return text
