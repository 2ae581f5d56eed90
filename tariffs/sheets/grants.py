"""Grants of a plan and limits on what is paid: allowances, day passes, caps, discounts, spend limits, add-ons, in words."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Final

from rating.model import ANY_ZONE, HOME_NETWORK, AtPlanChange, Draw, LimitAction, Service, VolumeScope
from tariffs.sheets.figures import percent
from tariffs.sheets.layout import Line, Notes, Table
from tariffs.sheets.zones import title_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from rating.model import (
        AddOn,
        Allowance,
        Catalogue,
        ChargeCap,
        DayPass,
        Discount,
        InvoiceDiscount,
        OneOffFee,
        Plan,
        Price,
        RecurringFee,
        SpendLimit,
        VolumeTier,
    )
    from tariffs.sheets.figures import Writer
    from tariffs.sheets.layout import Block
    from tariffs.sheets.words import Words

_OF_NAMES: Final = "en"  # short names are written in letters


class Grants:
    """Writes what one plan grants. `titles`: what the price tables call a destination of a service."""

    def __init__(self, catalogue: Catalogue, plan: Plan, words: Words, writer: Writer, titles: Mapping[tuple[Service, str], str]) -> None:
        self._catalogue, self._plan = catalogue, plan
        self._words, self._writer, self._titles = words, writer, titles
        self._language = words.language

    def allowances(self) -> tuple[Block, ...]:
        """The table of allowances, in the order in which they are drawn, and what happens when one runs out."""
        texts = self._words.grants
        drawn = sorted(self._plan.allowances, key=lambda each: (each.priority, each.allowance_id))
        if not drawn:
            return (Notes((texts.only_passes if self._plan.day_passes else texts.none,)),)
        lines = tuple(
            Line(((self._name(each),), (self._granted(each),), (self._served(each.services, each.zones),), tuple(self._terms(each))))
            for each in drawn
        )
        return (Table("", texts.heads, lines, (3, 4, 5, 7), prose=True), Notes(tuple(self._runs_out(drawn))))

    def others(self) -> tuple[Block, ...]:
        """Day passes, discounts, caps and spend limits; then what is taken off bills, and what makes one due early."""
        plan = self._plan
        entries: list[tuple[DayPass | Discount | ChargeCap | SpendLimit, tuple[str, ...]]] = [
            *((each, self._day_pass(each)) for each in plan.day_passes),
            *((each, self._discount(each)) for each in plan.discounts),
            *((each, self._cap(each)) for each in plan.caps),
            *((each, self._limit(each)) for each in plan.spend_limits),
        ]
        lines = (*(Line(((self._name(each),), told)) for each, told in entries), *self._of_bills())
        if not lines:
            return ()
        notes = [self._words.grants.largest_discount] if plan.discounts else []
        notes += [self._words.grants.off_order] if len(plan.invoice_discounts) > 1 else []
        return (Table("", self._words.grants.other_heads, lines, (1, 3), prose=True), *([Notes(tuple(notes))] if notes else []))

    def add_ons(self) -> tuple[Block, ...]:
        """Add-ons that can be booked, where the plan is one without add-ons."""
        plan = self._plan
        offered = {name for each in self._catalogue.plans if each.base == plan.name for name in each.add_ons}
        lines = tuple(
            Line(((title_of(each.title, each.name, self._language),), tuple(self._add_on(each))))
            for each in self._catalogue.add_ons
            if each.name in offered
        )
        return (Table("", self._words.grants.add_on_heads, lines, (1, 3), prose=True),) if lines else ()

    def granted(self, allowance: Allowance) -> str:
        """The quantity of an allowance in a whole period."""
        return self._granted(allowance)

    def served(self, services: Sequence[Service], zones: Sequence[str]) -> str:
        """Services and destinations in words."""
        return self._served(services, zones)

    def _name(self, entry: Allowance | DayPass | Discount | ChargeCap | SpendLimit) -> str:
        """The title, else the services: a short name is of no language."""
        if entry.title or self._language == _OF_NAMES:
            return title_of(entry.title, entry.name, self._language)
        return self._words.figures.enumeration.join(self._words.labels.service[each] for each in entry.services)

    def _granted(self, allowance: Allowance) -> str:
        service = allowance.services[0] if len(allowance.services) == 1 else None
        return self._words.grants.a_month.format(self._writer.quantity(allowance.quantity, allowance.unit, service))

    def _served(self, services: Sequence[Service], zones: Sequence[str]) -> str:
        words = self._words
        everything = len(services) == len(Service)
        told = words.grants.everything if everything else words.figures.comma.join(words.labels.service[each] for each in services)
        if ANY_ZONE in zones:
            return told
        names = words.figures.enumeration.join(dict.fromkeys(self._zone(services, zone) for zone in zones))
        titled = all(any((service, zone) in self._titles for service in services) for zone in zones)
        return names if titled and not everything else words.grants.to.format(told, names)

    def _zone(self, services: Sequence[Service], zone: str) -> str:
        labels = self._words.labels
        if zone == HOME_NETWORK:
            return labels.at_home
        for roaming in self._catalogue.roaming_zones:
            if zone == roaming.name:
                return labels.roaming.format(title_of(roaming.title, zone, self._language))
        found = (self._titles[service, zone] for service in services if (service, zone) in self._titles)
        named = (title_of(each.title, zone, self._language) for each in self._catalogue.zones if each.name == zone)
        return next(itertools.chain(found, named))

    def _terms(self, allowance: Allowance) -> Iterator[str]:
        """Terms of an allowance beside its quantity."""
        texts, writer = self._words.grants, self._writer
        if allowance.shared:
            yield texts.once if allowance.granted_once else texts.pooled
        if allowance.rollover_periods:
            yield texts.rollover[allowance.rollover_periods != 1].format(allowance.rollover_periods)
            if allowance.rollover_max is not None:
                yield texts.rollover_most.format(writer.quantity(allowance.rollover_max, allowance.unit))
        else:
            yield texts.lapses
        yield texts.prorated if allowance.prorate else texts.whole
        if allowance.at_plan_change is not AtPlanChange.PRORATE:
            yield texts.at_plan_change[allowance.at_plan_change]
        if allowance.draw is Draw.WHOLE_INCREMENTS:
            yield texts.whole_increments
        if allowance.connect_when_free:
            yield texts.connect_when_free

    def _runs_out(self, drawn: Sequence[Allowance]) -> Iterator[str]:
        """Sentences on an allowance that is used up."""
        texts, plan = self._words.grants, self._plan
        if len(drawn) > 1:
            yield texts.order
        yield texts.runs_out
        first = [each for each in plan.day_passes if _goes_before(each, drawn)]
        then = [each for each in plan.day_passes if each not in first]
        for passes, text in ((first, texts.first_pass), (then, texts.then_pass)):
            if passes:
                yield text.format(self._words.figures.enumeration.join(map(self._name, passes)))
        if plan.caps:
            yield texts.then_cap.format(self._words.figures.enumeration.join(map(self._name, plan.caps)))
        yield texts.then_barred if any(each.action is LimitAction.BAR for each in plan.spend_limits) else texts.then_not_cut

    def _day_pass(self, day_pass: DayPass) -> tuple[str, ...]:
        texts, writer = self._words.grants, self._writer
        served = self._served(day_pass.services, day_pass.zones)
        fee = writer.amount(day_pass.fee_micros)
        if day_pass.quantity is None:
            first = texts.day_pass_without_limit.format(fee=fee, served=served)
        else:
            first = texts.day_pass.format(fee=fee, served=served, quantity=writer.quantity(day_pass.quantity, day_pass.unit))
        return (first, texts.day_pass_clock[day_pass.clock].format(self._catalogue.timezone))

    def _discount(self, discount: Discount) -> tuple[str, ...]:
        texts, writer = self._words.grants, self._writer
        served = self._served(discount.services, discount.zones)
        text = (texts.friends if discount.friends_only else texts.discount).format(percent(discount.percent_ppm), served)
        since = () if discount.from_us is None else (texts.starts.format(writer.instant(discount.from_us)),)
        until = () if discount.to_us is None else (texts.ends.format(writer.instant(discount.to_us)),)
        return (text, *since, *until)

    def _cap(self, cap: ChargeCap) -> tuple[str, ...]:
        return (self._words.grants.cap[cap.window].format(self._writer.amount(cap.amount_micros), self._served(cap.services, cap.zones)),)

    def _limit(self, limit: SpendLimit) -> tuple[str, ...]:
        texts = self._words.grants
        served = self._served(limit.services, limit.zones)
        reached = texts.limit[limit.window].format(self._writer.amount(limit.amount_micros), served)
        return (reached, texts.limit_action[limit.action])

    def _of_bills(self) -> Iterator[Line]:
        """Discounts off bills, in the order in which they are taken, and thresholds."""
        language = self._language
        for discount in sorted(self._plan.invoice_discounts, key=lambda each: (not each.percent_ppm, each.price_id)):
            yield Line(((title_of(discount.title, discount.name, language),), tuple(self._invoice_discount(discount))))
        for threshold in self._plan.bill_thresholds:
            told = self._words.grants.threshold.format(self._writer.amount(threshold.amount_micros))
            yield Line(((title_of(threshold.title, threshold.name, language),), (told,)))

    def _invoice_discount(self, discount: InvoiceDiscount) -> Iterator[str]:
        texts = self._words.grants
        off = self._off(discount)
        if discount.percent_ppm:
            yield texts.off_percent.format(percent(discount.percent_ppm), off)
        else:
            yield texts.off_amount.format(self._writer.amount(discount.amount_micros), off)
        if discount.months is not None:
            month = self._words.figures.month
            yield texts.off_months.format(month[discount.months != 1].format(discount.months))
        codes = [tier.charge_code for tier in self._plan.volume_tiers if tier.scope is VolumeScope.ACCOUNT]
        if codes and "volume" in (discount.kinds or ("volume",)) and (not discount.charge_codes or set(codes) & set(discount.charge_codes)):
            yield texts.off_no_account

    def _off(self, discount: InvoiceDiscount) -> str:
        """The base of a discount: kinds of line, and the customers' names of the lines of its charge codes."""
        texts, figures = self._words.grants, self._words.figures
        kinds = figures.enumeration.join(texts.off_kinds[kind] for kind in discount.kinds) or texts.off_everything
        if not discount.charge_codes:
            return kinds
        plan = self._plan
        charged: list[RecurringFee | OneOffFee | VolumeTier | Price] = [*plan.recurring, *plan.one_offs, *plan.volume_tiers]
        charged += self._catalogue.prices
        named = (title_of(each.title, each.name, self._language) for each in charged if each.charge_code in discount.charge_codes)
        return texts.to.format(kinds, figures.enumeration.join(dict.fromkeys(named)))

    def _add_on(self, add_on: AddOn) -> Iterator[str]:
        fees, texts = self._words.fees, self._words.grants
        yield from (fees.a_month.format(self._writer.amount(each.amount_micros)) for each in add_on.recurring)
        yield from (fees.once.format(self._writer.amount(each.amount_micros)) for each in add_on.one_offs)
        for each in add_on.allowances:
            yield texts.add_on_grants.format(self._granted(each), self._served(each.services, each.zones))
        yield from (self._day_pass(each)[0] for each in add_on.day_passes)
        yield from (self._cap(each)[0] for each in add_on.caps)
        yield from (self._discount(each)[0] for each in add_on.discounts)
        yield texts.add_on_sheet.format(f"{self._catalogue.identity}/{self._plan.name}+{add_on.name}")
        if add_on.excludes:
            titles = {each.name: title_of(each.title, each.name, self._language) for each in self._catalogue.add_ons}
            yield texts.add_on_excludes.format(self._words.figures.enumeration.join(titles[name] for name in add_on.excludes))


def _goes_before(day_pass: DayPass, allowances: Sequence[Allowance]) -> bool:
    """Return whether a pass is drawn before an allowance for the same use."""
    place = (day_pass.priority, day_pass.pass_id)
    return any(place < (each.priority, each.allowance_id) and _meet(day_pass, each) for each in allowances)


def _meet(one: DayPass | Allowance, other: DayPass | Allowance) -> bool:
    """Return whether two may serve one use."""
    zones = set(one.zones), set(other.zones)
    anywhere = ANY_ZONE in one.zones or ANY_ZONE in other.zones
    return not set(one.services).isdisjoint(other.services) and (anywhere or not zones[0].isdisjoint(zones[1]))
