"""Rules of plans and agreements about the totals of a period: volume tiers, discounts and commitments, for subscriptions that are alike.

A *menu* is the set of rules for one group (`billing.runs.selection.subscription_profiles`) in one period. Tiers and discounts are those of
the last plan that the subscription has in the period. Its version is the one in force as that plan begins in it: totals cannot be split by
plan. Commitments are prorated, like fees, over all plans of the period. Discounts agreed with the subscription or the account hold for
periods whose last day lies in their span. All of it is that of the whole period, also before a period is over (`Period.whole`).
"""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

from billing.charges.charge_keys import USUAL_KINDS, Kind
from billing.charges.commitments import committed
from billing.charges.discounts import Entry, agreed_price_id, periods_had
from billing.charges.pauses import without
from billing.charges.proration import clip
from billing.runs.contracts.columns import index_of
from billing.runs.contracts.currencies import step_of
from billing.runs.selection import subscription_profiles
from billing.runs.settlement.fees_due import Sold, template_row, to_micro
from rating.dates import day_number, day_of, last_day
from rating.model import CommitmentCounts, VolumeScope, VolumeStep
from rating.money import RoundingMode, round_exact

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Iterable, Mapping, Sequence

    import numpy.typing as npt

    from billing.accounts.kinds import DiscountFact
    from billing.charges.lines import Int64s, Lines
    from billing.charges.periods import Period
    from billing.charges.proration import Span
    from billing.charges.recurring import PlanSpan
    from billing.runs.contracts.contracts import Contracts
    from billing.runs.contracts.currencies import Currencies
    from billing.runs.contracts.plan_counters import PlanVersion
    from billing.runs.selection.scope import Scope
    from billing.runs.selection.subscription_profiles import Alike, Group
    from rating.model import Commitment, InvoiceDiscount, VolumeTier

NO_MENU: Final = -1
FEES_AND_USAGE: Final = {Kind.RECURRING, Kind.ONE_OFF, Kind.USAGE}
_DAYS: Final = 1 << 20  # more than there are day numbers


class Tier(NamedTuple):
    """A volume tier of a catalogue; `counted` are the ids of the prices that it counts."""

    identity: str
    price_id: int
    charge_code: int
    revenue_code: int
    tax_class: str
    steps: tuple[VolumeStep, ...]
    whole_account: bool
    counted: tuple[int, ...]


class Menu(NamedTuple):
    """The rules for the lines of a subscription in a period."""

    tiers: tuple[Tier, ...]
    discounts: tuple[Entry, ...]


class Menus:
    """The menus of a run. `all`: each different one, once. `concerns_nobody`: there is nothing to compute."""

    def __init__(self, contracts: Contracts, scope: Scope) -> None:
        self._contracts = contracts
        self._scope = scope
        self._facts = contracts.facts
        self.all: list[Menu] = []
        self._concerned = {name for name in _names(contracts) if _has_totals(contracts, name)}
        agreed = any(pattern.discounts for pattern in contracts.facts.patterns)
        self.concerns_nobody = not self._concerned and not agreed and not contracts.facts.agreed.discounts
        nobody = subscription_profiles.Alike(np.zeros(0, np.int64), [])
        self.alike: Alike = nobody if self.concerns_nobody else subscription_profiles.find(contracts, scope)
        self._group = np.append(self.alike.of, subscription_profiles.NO_GROUP)  # the last one is that of no subscription
        self._codes, self._menus = self._numbered()

    def subscription_of(self, lines: Lines) -> Int64s:
        """Index of the subscription of each line; -1 of the account itself."""
        return index_of(self._facts.subscription_keys, lines["subscription_key"])

    def account_of(self, lines: Lines) -> Int64s:
        """Index of the account of each line."""
        account = self._facts.account_index(lines["account_key"])
        assert (account >= 0).all(), "a line of an account that is not known"
        return account

    @property
    def subscriptions(self) -> npt.NDArray[np.bool_]:
        """By subscription (the last one: none): whether totals may be about it, as `concerned` decides for its lines."""
        flags = np.array([*(self._is_concerned(group) for group in self.alike.groups), False], np.bool_)
        if self.concerns_nobody:
            return np.zeros(len(self._facts.subscription_keys) + 1, np.bool_)
        found: npt.NDArray[np.bool_] = flags[self._group]
        found[:-1] |= np.isin(self._facts.subscription_account, list(self._facts.agreed.discounts))
        return found

    def concerned(self, lines: Lines) -> Int64s:
        """Rows of lines that totals may be about: of groups that have something in any period, and of accounts with discounts."""
        flags = np.array([*(self._is_concerned(group) for group in self.alike.groups), False], np.bool_)
        mask = flags[self._group[self.subscription_of(lines)]]
        if self._facts.agreed.discounts:
            with_discounts = self._facts.account_keys[list(self._facts.agreed.discounts)]
            mask |= np.isin(lines["account_key"], with_discounts)
        return np.flatnonzero(mask)

    def of(self, lines: Lines) -> Int64s:
        """The menu of each line, by its subscription and period; NO_MENU for none."""
        group = self._group[self.subscription_of(lines)]
        return self._menus[index_of(self._codes, group * _DAYS + lines["period_from"])]

    def of_accounts(self, lines: Lines, whole_to: Int64s | None = None) -> tuple[Int64s, list[tuple[Entry, ...]]]:
        """Discounts agreed with accounts: for each line a place in the list, NO_MENU for none.

        `whole_to`: the day on which the period of each line will end, where some are computed before they are over.
        """
        found = np.full(lines.size, NO_MENU, np.int64)
        known: dict[tuple[Entry, ...], int] = {}
        agreed = self._facts.agreed.discounts
        if not agreed:
            return found, []
        account = self.account_of(lines)
        rows = np.flatnonzero(np.isin(account, list(agreed)))
        ends = lines["period_to"] if whole_to is None else whole_to
        keys, inverse = np.unique(np.stack([account[rows], ends[rows]], axis=1), axis=0, return_inverse=True)
        entries = [agreed_entries(agreed[index], last_day(day_of(end))) for index, end in keys.tolist()]
        numbers = [known.setdefault(each, len(known)) if each else NO_MENU for each in entries]
        found[rows] = np.array(numbers, np.int64)[inverse.reshape(-1)] if rows.size else NO_MENU
        return found, list(known)

    def commitments(self, counts: CommitmentCounts, currencies: Currencies) -> Lines:
        """The commitments of subscriptions in the periods that are over; amounts before anything is taken off."""
        templates = []
        for group in self.alike.groups:
            rows = []
            for period in group.periods if self._is_concerned(group) else ():
                due = self._committed(group, period, counts) if period.end <= self._scope.bill_date else []
                for identity, commitment, exact in due:
                    step = step_of(identity, self._contracts, currencies)
                    amount = round_exact(exact, step, RoundingMode.HALF_UP)
                    codes = (commitment.charge_code, commitment.price_id, commitment.revenue_code, commitment.tax_class)
                    sold = Sold(Kind.COMMITMENT, identity, *codes)
                    rows.append(template_row(sold, period, amount, to_micro(exact), 0, self._contracts, currencies))
            templates.append(rows)
        return subscription_profiles.expand(self.alike, templates, self._facts)

    def alike_usage(self, with_fees: npt.NDArray[np.bool_]) -> tuple[npt.NDArray[np.bool_], npt.NDArray[np.bool_]]:
        """By subscription: whether totals tell none of its lines of usage from another, and whether they need only the sum of them.

        `with_fees`: whether it has fees as well. A discount on usage and fees is shared between them line by line. If another discount, or
        a commitment of usage alone, needs the share of each of them, the lines matter and not only their sum.
        """
        plain, indifferent = (
            np.array([*(of_group(each) for each in self.alike.groups), True], np.bool_)[self._group[:-1]]
            for of_group in (self._is_plain, self._is_indifferent)
        )
        plain &= ~np.isin(self._facts.subscription_account, list(self._facts.agreed.discounts))
        return plain, plain & (indifferent | ~with_fees)

    def _is_plain(self, group: Group) -> bool:
        """True where neither tiers nor charge codes tell lines of usage apart."""
        menus = self._of_group(group)
        return not any(menu.tiers or any(each.charge_codes for each in menu.discounts) for menu in menus)

    def _is_indifferent(self, group: Group) -> bool:
        """True where no discount is about both usage and fees, or nothing but that: discounts on all, commitments that count all."""
        kinds = [set(each.kinds or USUAL_KINDS) & FEES_AND_USAGE for menu in self._of_group(group) for each in menu.discounts]
        if all(each <= {Kind.USAGE} or Kind.USAGE not in each for each in kinds):
            return True
        counts_usage = any(tuple(self._committed(group, period, CommitmentCounts.USAGE)) for period in group.with_ahead)
        return not counts_usage and all(each in (set(), FEES_AND_USAGE) for each in kinds)

    def _of_group(self, group: Group) -> list[Menu]:
        return [self._menu(group, period.whole) for period in group.with_ahead]

    def _is_concerned(self, group: Group) -> bool:
        return bool(group.pattern.discounts) or any(each.plan in self._concerned for each in group.spans)

    def _numbered(self) -> tuple[Int64s, Int64s]:
        """Codes of (group, first day of a period), ascending, and the menu of each; after them that of none."""
        known: dict[Menu, int] = {}
        codes: list[tuple[int, int]] = []
        for number, group in enumerate(self.alike.groups):
            for period in group.with_ahead if self._is_concerned(group) else ():
                menu = self._menu(group, period.whole)
                if menu.tiers or menu.discounts:
                    codes.append((number * _DAYS + day_number(period.start), known.setdefault(menu, len(known))))
        self.all = list(known)
        codes.sort()
        return np.array([code for code, _ in codes], np.int64), np.array([*(menu for _, menu in codes), NO_MENU], np.int64)

    def _menu(self, group: Group, period: Period) -> Menu:
        entries = list(agreed_entries(group.pattern.discounts, period.last_day))
        held = [(each, part) for each in group.spans if (part := clip(each.span, period)) is not None]
        version = self._version(group, held[-1][0].plan, held[-1][1].start) if held else None
        if version is None:
            return Menu((), tuple(entries))
        catalogue, plan = version
        begun = _begun(group.spans, held[-1][0])
        entries += [
            _entry(each)
            for each in plan.invoice_discounts
            if each.months is None or periods_had(begun, period, group.bill_days) < each.months
        ]
        ids = {price.name: price.price_id for price in catalogue.prices} if plan.volume_tiers else {}
        return Menu(tuple(_tier(catalogue.identity, each, ids) for each in plan.volume_tiers), tuple(entries))

    def _version(self, group: Group, name: str, day: dt.date) -> PlanVersion | None:
        """The plan as it is in force on a local day of the group."""
        return self._contracts.price_list.plan_on(name, *self._contracts.midnights.day_us(group.zone, day))

    def _committed(self, group: Group, period: Period, counts: CommitmentCounts) -> Iterable[tuple[str, Commitment, Fraction]]:
        """Commitments of a group in a period: one that several plans of it make is one, for the days of all of them.

        As with fees, the version at the beginning of a span inside the period is that of the whole span.
        """
        found: dict[tuple[str, int], tuple[Commitment, Fraction]] = {}
        for each in group.spans:
            part = clip(each.span, period.whole)
            version = self._version(group, each.plan, part.start) if part is not None else None
            if part is None or version is None:
                continue
            for commitment in version.plan.commitments:
                key = (version.catalogue.identity, commitment.price_id)
                before = found.get(key, (commitment, Fraction(0)))[1]
                found[key] = (commitment, committed(commitment, without(part, group.pattern.pauses), period, before))
        return [(identity, each, exact) for (identity, _), (each, exact) in found.items() if each.counts is counts]


def agreed_entries(agreed: Iterable[tuple[Span, DiscountFact]], last_day: dt.date) -> tuple[Entry, ...]:
    """The discounts among `agreed` that hold for a period with this last day."""
    return tuple(
        Entry(
            agreed_price_id(each.name),
            each.charge_code,
            each.revenue_code,
            each.percent_ppm,
            each.amount_micros,
            _kinds(each.kinds),
            tuple(each.charge_codes),
        )
        for span, each in agreed
        if span.holds_on(last_day)
    )


def _tier(identity: str, tier: VolumeTier, ids: Mapping[str, int]) -> Tier:
    codes = (tier.price_id, tier.charge_code, tier.revenue_code, tier.tax_class)
    counted = tuple(sorted(ids[name] for name in tier.prices))
    return Tier(identity, *codes, tier.steps, tier.scope is VolumeScope.ACCOUNT, counted)


def _entry(discount: InvoiceDiscount) -> Entry:
    codes = (discount.price_id, discount.charge_code, discount.revenue_code)
    return Entry(*codes, discount.percent_ppm, discount.amount_micros, _kinds(discount.kinds), discount.charge_codes)


def _kinds(words: Iterable[str]) -> tuple[int, ...]:
    """Kinds of line by the words that documents use: `recurring`, `one_off`, ..."""
    return tuple(int(Kind[word.upper()]) for word in words)


def _begun(spans: Sequence[PlanSpan], last: PlanSpan) -> dt.date:
    """The day from which the subscription has had the plan of `last` without a break, regardless of add-ons."""
    begun = last.span.start
    for each in reversed(spans[: spans.index(last)]):
        if each.plan.partition("+")[0] != last.plan.partition("+")[0] or each.span.end != begun:
            break
        begun = each.span.start
    return begun


def _names(contracts: Contracts) -> set[str]:
    return {plan for plans in contracts.pattern_plans for plan in plans}


def _has_totals(contracts: Contracts, name: str) -> bool:
    versions = contracts.price_list.plan_versions(name)
    return any(plan.volume_tiers or plan.invoice_discounts or plan.commitments for _, plan in versions)
