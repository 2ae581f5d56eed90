"""The parts of the amount due on one charge key, each recomputed and put into words.

Every function gives sentences and the sum of their parts; its caller compares that with the amount due. Amounts are micro-units as prices
state them.
"""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np

from billing.charges.commitments import COUNTED, committed
from billing.charges.lines import round_half_up
from billing.charges.one_off import one_offs_due
from billing.charges.pauses import Breaks, charged_spans, days, within, without
from billing.charges.proration import clip, share
from billing.charges.reasons import reasons
from billing.charges.taxes import bundles
from billing.charges.volume import prices, step_reached
from billing.documents.discounts_off import Off, offs_of
from billing.documents.due import Due, period_of
from billing.documents.showing.names import MESSAGE, unit_of_price
from billing.documents.words import WORDS
from billing.runs.contracts.currencies import rates_of
from billing.runs.settlement import totals
from billing.runs.settlement.fees_due import contract_of, plan_at
from billing.runs.settlement.payer_table import Payers
from billing.runs.settlement.tax_exemptions import as_agreed
from rating.dates import last_day
from rating.durations import minutes_text
from rating.explain.figures import percent
from rating.explain.volumes import BYTE, volume_text
from rating.model import FeeTiming, QuantityUnit
from rating.money import RoundingMode, format_micros, round_exact

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Callable, Iterator, Sequence

    import numpy.typing as npt

    from billing.charges.lines import Lines
    from billing.charges.periods import Period
    from billing.charges.proration import Span
    from billing.runs.selection.subscription_profiles import Group
    from rating.model import Plan, RecurringFee

Words = dict[str, str]


class Explanation(NamedTuple):
    """Sentences, and the sum of their parts."""

    sentences: list[str]
    amount_micros: int


class ExplainedLine(NamedTuple):
    """A row of the amounts due, and the language that explains it."""

    due: Due
    place: int
    row: Any  # the stored line
    words: Words
    text: str

    @property
    def line(self) -> Any:  # noqa: ANN401 -- a row of LINE
        """The line that is due."""
        return self.due.lines[self.place]

    @property
    def identity(self) -> str:
        """The catalogue of the line."""
        return self.due.contracts.price_list.identities[int(self.line["catalogue"])]


def recurring(asked: ExplainedLine) -> Explanation:
    """A fee: price by days of the cycle, for each plan that has it, less pauses and outages."""
    group, period = _life(asked)
    answer, exact, sentences = plan_at(asked.due.contracts, group.zone), Fraction(0), []
    last: RecurringFee | None = None
    for plan, part in _held(asked, group, period, answer):
        fee = next((each for each in plan.recurring if each.price_id == asked.row.price_id), None)
        breaks = Breaks(tuple(group.pattern.pauses), tuple(group.pattern.outages))
        charged = charged_spans(fee, part, breaks) if fee is not None and _is_due(fee, period, asked.due.scope.bill_date) else []
        if fee is None or not charged:
            continue
        last = fee
        if fee.prorate:
            exact += Fraction(fee.amount_micros * days(charged), period.cycle_days)
        else:
            exact = Fraction(fee.amount_micros)
        sentences += _of_fee(asked, fee, part, charged, period, breaks)
    if last is None:
        return Explanation([asked.words["gone"]], 0)
    whole = round_exact(exact, asked.due.step(asked.place), RoundingMode.HALF_UP)
    if len(sentences) > 1 or exact != whole:
        sentences.append(asked.words["sum"].format(exact=_fraction(exact), amount=format_micros(whole)))
    if not last.shares:
        return Explanation(sentences, whole)
    shares = bundles.parts(last, whole, whole, asked.due.step(asked.place))
    amount = sum(each.amount_micros for each, own in zip(shares, _of_share(asked, shares), strict=True) if own)
    return Explanation([*sentences, asked.words["share"].format(whole=format_micros(whole), amount=format_micros(amount))], amount)


def one_off(asked: ExplainedLine) -> Explanation:
    """A fee that is charged once: the number of its occasions."""
    group, period = _life(asked)
    bill_date, answer = asked.due.scope.bill_date, plan_at(asked.due.contracts, group.zone)
    found = one_offs_due(group.spans, period, bill_date, answer, contract_of(group.pattern))
    sentences, total = [], 0
    for each in found:
        if (each.identity, each.fee.price_id) == (asked.identity, asked.row.price_id):
            amount = round_exact(each.micros, asked.due.step(asked.place), RoundingMode.HALF_UP)
            figures = {"times": each.times, "price": format_micros(each.fee.amount_micros), "amount": format_micros(amount)}
            sentences.append(asked.words["once"].format(**figures, occasion=asked.words[each.fee.on.value]))
            total += amount
    return Explanation(sentences, total)


def usage(asked: ExplainedLine) -> Explanation:
    """Records: their sums before and after rounding."""
    line = asked.line
    amount = int(round_half_up(line["exact_micros"].reshape(1), asked.due.step(asked.place))[0])
    unit, words, name = int(line["quantity_unit"]), asked.words, _unit_of(asked, int(line["price_id"]))
    figures = {
        "quantity": quantity(int(line["quantity"]), unit, words, name),
        "free": quantity(int(line["free_quantity"]), unit, words, name),
    }
    exact = format_micros(int(line["exact_micros"]))
    return Explanation(
        [words["usage"].format(events=f"{int(line['events']):,}", **figures, exact=exact, amount=format_micros(amount))], amount
    )


def volume(asked: ExplainedLine) -> Explanation:
    """The price of a period's whole quantity, less the charge of its records; one for each account that its payer pays for.

    If several accounts pay the price of a whole account, the share of this one by its quantity.
    """
    due, line, words = asked.due, asked.line, asked.words
    sentences, total = [], 0
    for tiered in due.workings.tiered:
        tier, parts, unit = tiered.tier, tiered.parts, int(line["quantity_unit"])
        name = _unit_of(asked, next(iter(sorted(tier.counted)), 0))
        steps = np.full(tiered.lines.size, due.step(asked.place))
        price = prices(tier.steps, tiered.lines["quantity"], steps).amount_micros
        share = totals.shares(tiered, price, steps)
        own = _of_line(parts, line, ("subscription_key", "period_from")) & (tiered.payer == line["account_key"])
        for row in np.flatnonzero(own).tolist() if (tier.identity, tier.price_id) == (asked.identity, line["price_id"]) else ():
            group = int(tiered.group[row])
            counted, paid = int(tiered.lines["quantity"][group]), int(parts["quantity"][row])
            start = tier.steps[int(step_reached(tier.steps, np.array([counted]))[0])].from_qty
            figures = _tier_figures(int(price[group]), int(tiered.lines["amount_micros"][group]))
            told = {"quantity": quantity(counted, unit, words, name), "start": quantity(start, unit, words, name)}
            sentences.append(words["tier"].format(**told, **figures))
            if np.count_nonzero(tiered.group == group) > 1:
                figures = _tier_figures(int(share[row]), int(parts["amount_micros"][row]))
                sentences.append(words["tier_paid"].format(quantity=quantity(paid, unit, words, name), **figures))
            total += int(share[row] - parts["amount_micros"][row])
    return Explanation(sentences, total)


def commitment(asked: ExplainedLine) -> Explanation:
    """The amount missing to a minimum, after discounts."""
    group, period = _life(asked)
    due, line, answer = asked.due, asked.line, plan_at(asked.due.contracts, group.zone)
    found, exact, workings = None, Fraction(0), list[str]()
    for plan, part in _held(asked, group, period, answer):
        for each in plan.commitments:
            if each.price_id == line["price_id"]:
                spans = without(part, group.pattern.pauses)
                found, exact = each, committed(each, spans, period, exact)
                days = share(spans, period) * period.cycle_days
                if each.prorate and 0 < days != period.cycle_days:
                    price = format_micros(each.amount_micros)
                    workings.append(asked.words["days"].format(price=price, days=days, cycle=period.cycle_days))
    if found is None:
        return Explanation([asked.words["gone"]], 0)
    least = round_exact(exact, due.step(asked.place), RoundingMode.HALF_UP)
    base = due.workings.base
    counts = _of_line(base, line, ("subscription_key", "period_from")) & np.isin(base["kind"], COUNTED[found.counts])
    rest = int(due.workings.rest_micros[counts].sum())
    amount = max(least - max(rest, 0), 0)
    figures = {name: format_micros(micros) for name, micros in (("committed", least), ("counted", rest), ("amount", amount))}
    sentence = asked.words["commitment_days" if workings else "commitment"]
    return Explanation([sentence.format(**figures, working=" + ".join(workings))], amount)


def adjustment(asked: ExplainedLine) -> Explanation:
    """A charge or credit by hand."""
    rows = asked.due.adjustments.to_pylist()
    row = next(each for each in rows if each["adjustment_id"] == asked.row.price_id)
    known = reasons().get(row["reason_code"])
    language = next(language for language, words in WORDS.items() if words is asked.words)
    told = {
        "date": row["on_date"],
        "reason": known.name(language) if known is not None else row["reason_code"],
        "reference": row["reference"],
    }
    is_alone = row["approved_by"] in {None, row["by_name"]}
    sentence = asked.words["adjustment_alone" if is_alone else "adjustment"]
    return Explanation([sentence.format(**told, by=row["by_name"], approved=row["approved_by"])], int(row["amount_micros"]))


def discount(asked: ExplainedLine) -> Explanation:
    """A discount: its base, the amount that it takes off, and the parts of that of this account and of this tax class."""
    offs = offs_of(asked.due, asked.line)
    if not offs:
        return Explanation([asked.words["gone"]], 0)
    sentences = [_of_discount(each, asked.words) for each in offs]
    off, paid, own = (-sum(getattr(each, name) for each in offs) for name in ("off_micros", "paid_micros", "class_micros"))
    if paid != off:
        sentences.append(asked.words["off_paid"].format(amount=format_micros(paid)))
    if own != paid:
        sentences.append(asked.words["off_class"].format(amount=format_micros(own)))
    return Explanation(sentences, own)


KINDS: Final[dict[str, Callable[[ExplainedLine], Explanation]]] = {
    "recurring": recurring, "one_off": one_off, "usage": usage, "volume": volume, "commitment": commitment, "adjustment": adjustment,
    "discount": discount,
}  # fmt: skip


def quantity(value: int, unit: int, words: Words, name: str = "") -> str:
    """A quantity as people read it: minutes and seconds; a volume in the unit of this `name`, bytes without one; a number of messages."""
    if unit == QuantityUnit.MILLISECOND:
        return minutes_text(value)
    if unit == QuantityUnit.BYTE:
        return f"{volume_text(value, name or BYTE)} {name or BYTE}"
    counted = name or MESSAGE
    return f"{value:,} {words[counted if abs(value) == 1 else f'{counted}s']}"


def _unit_of(asked: ExplainedLine, price_id: int) -> str:
    """The unit of a price of the line's catalogue: a unit of volume, a message or a purchase; empty: time, or not known."""
    prices = asked.due.contracts.price_list
    price = prices.price(asked.identity, price_id)
    return unit_of_price(prices, asked.identity, price) if price is not None else ""


def _of_line(lines: Lines, line: Any, fields: tuple[str, ...]) -> npt.NDArray[np.bool_]:  # noqa: ANN401 -- a row of LINE
    """A mask of the lines that agree with one in these fields."""
    same = np.ones(lines.size, np.bool_)
    for name in fields:
        same &= lines[name] == line[name]
    return same


def _tier_figures(price_micros: int, charged_micros: int) -> Words:
    amounts = {"price": price_micros, "charged": charged_micros, "amount": price_micros - charged_micros}
    return {name: format_micros(micros) for name, micros in amounts.items()}


def _life(asked: ExplainedLine) -> tuple[Group, Period]:
    group = asked.due.group_of(int(asked.line["subscription_key"]))
    period = period_of(group, asked.row.period_from) if group is not None else None
    assert group is not None
    assert period is not None
    return group, period


def _of_discount(off: Off, words: Words) -> str:
    shown = {"base": format_micros(off.base_micros), "off": format_micros(off.off_micros)}
    if not off.entry.percent_ppm:
        return words["fixed"].format(price=format_micros(off.entry.amount_micros), **shown)
    return words["percent"].format(percent=percent(off.entry.percent_ppm), **shown)


def _held(asked: ExplainedLine, group: Group, period: Period, answer: Callable[[str, dt.date], Plan | None]) -> Iterator[tuple[Plan, Span]]:
    """The plans of a period that are of the line's catalogue, each with its days."""
    for each in group.spans:
        part = clip(each.span, period) if each.plan.partition("/")[0] == asked.identity else None
        plan = answer(each.plan, part.start) if part is not None else None
        if part is not None and plan is not None:
            yield plan, part


def _of_share(asked: ExplainedLine, shares: Sequence[bundles.ClassPart]) -> npt.NDArray[np.bool_]:
    """A mask of the parts of a bundle that the line is, by the tax classes that they have at its payer."""
    due = asked.due
    rows = due.lines[np.full(len(shares), asked.place)]
    rows["tax_class"] = [due.contracts.price_list.tax_code(asked.identity, each.tax_class) for each in shares]
    rows["revenue_code"] = [each.revenue_code for each in shares]
    rows["rate_ppm"] = rates_of(rows, due.contracts)
    rows = as_agreed(rows, due.contracts, Payers(due.contracts, due.scope, due.currencies))
    return _of_line(rows, asked.line, ("tax_class", "revenue_code", "rate_ppm"))


def _is_due(fee: RecurringFee, period: Period, bill_date: dt.date) -> bool:
    return (period.start if fee.timing is FeeTiming.ADVANCE else period.end) <= bill_date


def _of_fee(asked: ExplainedLine, fee: RecurringFee, part: Span, charged: list[Span], period: Period, breaks: Breaks) -> list[str]:  # noqa: PLR0913, PLR0917 -- what, about what, when and by whom
    assert part.end is not None
    words, last = asked.words, last_day(part.end)
    amount = Fraction(fee.amount_micros * days(charged), period.cycle_days)
    figures = {"text": asked.text, "first": part.start, "last": last, "price": format_micros(fee.amount_micros), "cycle": period.cycle_days}
    kind = "fee" if fee.prorate else "whole_fee"
    found = [words[kind].format(**figures, days=days(charged), amount=_fraction(amount))]
    paused, outage = days(within(part, breaks.pauses)), days(within(part, breaks.outages))
    if paused:
        found.append(words["paused"].format(days=paused))
    if outage and fee.outage_credit:
        found.append(words["outage"].format(days=outage))
    return found


def _fraction(exact: Fraction) -> str:
    """An exact amount as far as a micro-unit shows it."""
    return format_micros(round_exact(exact, 1, RoundingMode.HALF_EVEN))
