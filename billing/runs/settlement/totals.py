"""Lines that depend on the totals of a period: volume tiers, discounts, commitments, adjustments; lines beside those of a proposal.

The order of composition, each on the lines before it:
    usage, recurring and one-off fees -> VOLUME -> DISCOUNT -> COMMITMENT (on what is left after discounts) -> ADJUSTMENT
(tax comes last, in settlement). Discounts that name the kinds commitment or adjustment take percentages off those lines, too. A tier of a
whole account is shared among its payers.
Columns only; a line that no plan or agreement is about costs nothing.
"""

from __future__ import annotations

import bisect
import dataclasses
import datetime as dt
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np

from billing.charges.charge_keys import Kind
from billing.charges.commitments import COUNTED, missing
from billing.charges.discounts import Entry, fixed_amounts, lines_of, percentages, take_off
from billing.charges.lines import LINE, Int64s, Lines, empty, group_starts, sorted_by, sum_as_taxed, taken
from billing.charges.ordering import order_by
from billing.charges.reasons import reason_of
from billing.charges.spread import Parts, spread_columns
from billing.charges.volume import prices
from billing.runs.contracts.columns import index_of
from billing.runs.contracts.currencies import rates_of
from billing.runs.settlement import payers
from billing.runs.settlement.drafting import ENGLISH
from billing.runs.settlement.fees_due import Sold, template_row
from billing.runs.settlement.totals_rules import Menus, Tier, agreed_entries
from rating.dates import day_number

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    import numpy.typing as npt
    import pyarrow as pa

    from billing.runs.contracts.contracts import Contracts
    from billing.runs.contracts.currencies import Currencies
    from billing.runs.settlement.inputs import Inputs

OF_ACCOUNT: Final = ("account_key", "period_from", "period_to")
OF_SUBSCRIPTION: Final = (*OF_ACCOUNT, "subscription_key")
_DAYS: Final = 1 << 20  # more than there are day numbers


class Off(NamedTuple):
    """The amounts that a discount took off its lines.

    `rest_micros`: what earlier discounts left of each. `payer`: whose the discount is.
    """

    entry: Entry
    of_account: bool
    lines: Lines
    payer: Int64s
    rest_micros: Int64s
    off_micros: Int64s


class Tiered(NamedTuple):
    """Usage that a tier priced: sums of the usage lines that it counts.

    `quantity` is the part not given by allowances; the amounts are the charges of the usage. `lines`: one a subscription (or account) and
    period. `parts`: the part of each `payer` of these; `group` is the place among `lines`.
    """

    tier: Tier
    lines: Lines
    parts: Lines
    payer: Int64s
    group: Int64s


@dataclasses.dataclass
class Workings:
    """The steps by which the totals of a run came about, for explanations; accounts of lines are owners.

    `base`: the lines that discounts apply to, with the payer of each and the amount that discounts left of it; without commitments and
    adjustments.
    """

    base: Lines = dataclasses.field(default_factory=empty)
    payer: Int64s = dataclasses.field(default_factory=lambda: np.zeros(0, np.int64))
    rest_micros: Int64s = dataclasses.field(default_factory=lambda: np.zeros(0, np.int64))
    offs: list[Off] = dataclasses.field(default_factory=list)
    tiered: list[Tiered] = dataclasses.field(default_factory=list)


def apply(  # noqa: PLR0913 -- lines, what they are looked up with, and who wants to know how
    lines: Lines,
    inputs: Inputs,
    adjustments: pa.Table | None = None,
    workings: Workings | None = None,
    whole_to: Callable[[Lines], Int64s] | None = None,
    *,
    commitments: bool = True,
    menus: Menus | None = None,
) -> Lines:
    """`lines` (usage and fees, rounded) and after them everything that follows from their totals.

    `adjustments`: rows of the table of that name; those in no period of the run are left for another run. `workings` is filled where given.
    `whole_to`: the day on which the period of each line will end, where discounts of a fixed amount count evenly by the day; else whole. It
    decides then which discounts hold, and periods of the scope know it as well. `commitments`: the amounts missing to them follow as well.
    `menus`: those of `inputs`, where they are known.
    """
    menus = menus or Menus(inputs.contracts, inputs.scope)
    by_hand = _adjustments(adjustments, inputs)
    if menus.concerns_nobody:
        return np.concatenate([lines, by_hand]) if by_hand.size else lines
    found = _followed(lines, inputs, menus, by_hand, workings, whole_to, commitments=commitments)
    return np.concatenate([lines, found.volume, sum_as_taxed(np.concatenate(found.off)), found.late])


def missing_and_workings(lines: Lines, parts: Parts, inputs: Inputs, menus: Menus) -> tuple[Lines, Workings]:
    """The amounts missing to commitments, which follow from the totals of `lines`, and the workings of all totals, without their lines.

    `parts`: of lines that combine several, which no tier counts.
    """
    workings = Workings()
    found = _followed(lines, inputs, menus, empty(), workings, None, commitments=True, parts=parts)
    return found.late, workings


class _Followed(NamedTuple):
    """Lines that follow from totals. `late`: of commitments and by hand."""

    volume: Lines
    off: list[Lines]
    late: Lines


def _followed(  # noqa: PLR0913, PLR0917 -- lines, what they are looked up with, and who wants to know how
    lines: Lines,
    inputs: Inputs,
    menus: Menus,
    by_hand: Lines,
    workings: Workings | None,
    whole_to: Callable[[Lines], Int64s] | None,
    *,
    commitments: bool,
    parts: Parts | None = None,
) -> _Followed:
    """`parts`: of `lines`; discounts are wanted in `workings` alone then, not as lines."""
    contracts, currencies = inputs.contracts, inputs.currencies
    concerned, in_lines = menus.concerned(lines), parts is None
    base = lines if concerned.size == lines.size else taken(lines, concerned)
    volume, volume_payer = _volume_lines(base, menus, inputs, workings)
    payer = np.concatenate([payers.route(base, contracts)["account_key"], volume_payer])
    base = np.concatenate([base, volume]) if volume.size else base
    order = order_by([base[name] for name in OF_SUBSCRIPTION])
    if parts is not None:
        parts = parts.taken(concerned).followed_by(volume["amount_micros"]).taken(order)
    if bool(np.any(order[1:] < order[:-1])):
        base, payer = taken(base, order), payer[order]
    of_account = volume["subscription_key"] == 0  # the part of each payer is computed already
    volume["account_key"][of_account] = volume_payer[of_account]
    offs = None if workings is None else workings.offs
    ends = None if whole_to is None else whole_to(base)
    rest, off = _discounted(base, payer, menus, currencies, offs, percentages, fixed_amounts, whole_to=ends, in_lines=in_lines, parts=parts)
    short = _commitment_lines(base, rest, menus, currencies) if commitments else empty()
    late = sorted_by(np.concatenate([short, by_hand]), OF_SUBSCRIPTION)
    late_payer = payers.route(late, contracts)["account_key"]
    late_ends = None if whole_to is None else whole_to(late)
    _, off_late = _discounted(late, late_payer, menus, currencies, offs, percentages, whole_to=late_ends, in_lines=in_lines)
    if workings is not None:
        workings.base, workings.payer, workings.rest_micros = base, payer, rest
    return _Followed(volume, [off, off_late], late)


def names(contracts: Contracts, *adjustments: pa.Table | None) -> dict[tuple[int, int], Mapping[str, str]]:
    """Texts of lines that no catalogue knows, by (kind, price_id): discounts agreed with a customer, adjustments by hand.

    Each by language; English is that of every other language as well. An adjustment without a text has the name of its reason.
    """
    every = [each for pattern in contracts.facts.patterns for each in pattern.discounts]
    every += [each for agreed in contracts.facts.agreed.discounts.values() for each in agreed]
    called: dict[tuple[int, int], Mapping[str, str]] = {
        (int(Kind.DISCOUNT), agreed_entries([each], each[0].start)[0].price_id): {ENGLISH: each[1].name} for each in every
    }
    for each in adjustments:
        columns = ["adjustment_id", "reason_code", "text"]
        for row in [] if each is None else each.select(columns).to_pylist():
            text = {ENGLISH: row["text"]} if row["text"] else reason_of(row["reason_code"]).names
            called[int(Kind.ADJUSTMENT), row["adjustment_id"]] = text
    return called


def _volume_lines(base: Lines, menus: Menus, inputs: Inputs, workings: Workings | None) -> tuple[Lines, Int64s]:
    """The price of the whole quantity less the charge of the usage, and its payer.

    One line a tier, subscription and period. A tier of a whole account is shared by quantity among the payers of its subscriptions.
    """
    menu = menus.of(base)
    with_tier: dict[tuple[str, int], dict[Tier, list[int]]] = {}
    for place, each in enumerate(menus.all):
        for tier in each.tiers:
            with_tier.setdefault((tier.identity, tier.price_id), {}).setdefault(tier, []).append(place)
    usage = base["kind"] == Kind.USAGE
    found, payer = [empty()], [np.zeros(0, np.int64)]
    for tiers in with_tier.values():
        for tiered in _used(base, menu, usage, list(tiers.items()), inputs):
            found.append(_priced(tiered, inputs.contracts, inputs.currencies))
            payer.append(tiered.payer)
            if workings is not None:
                workings.tiered.append(tiered)
    return np.concatenate(found), np.concatenate(payer)


def _used(
    base: Lines, menu: Int64s, usage: npt.NDArray[np.bool_], definitions: Sequence[tuple[Tier, list[int]]], inputs: Inputs
) -> Iterator[Tiered]:
    """The usage that one tier counts.

    `definitions`: versions of it, with their menus; where an account adds up several, the last one prices all.
    """
    definition = np.full(base.size, -1, np.int64)
    for number, (tier, of_menus) in enumerate(definitions):
        identity = inputs.contracts.price_list.identity_index(tier.identity)
        counted = usage & np.isin(menu, of_menus) & np.isin(base["price_id"], tier.counted) & (base["catalogue"] == identity)
        definition[counted] = number
    rows = np.flatnonzero(definition >= 0)
    if not rows.size:
        return
    used, definition = taken(base, rows), definition[rows]
    used["kind"] = Kind.VOLUME  # routed as the lines of the tier, not as usage
    used["charge_code"] = np.array([tier.charge_code for tier, _ in definitions])[definition]
    payer = payers.route(used, inputs.contracts)["account_key"]
    used["subscription_key"][np.array([tier.whole_account for tier, _ in definitions])[definition]] = 0
    order = order_by([*(used[name] for name in OF_SUBSCRIPTION), payer])
    used, definition, payer = taken(used, order), definition[order], payer[order]
    used["quantity"] -= used["free_quantity"]
    starts, number_of = group_starts(used, OF_SUBSCRIPTION), _numbers(used, OF_SUBSCRIPTION)
    part_starts = np.flatnonzero(np.concatenate([[True], (number_of[1:] != number_of[:-1]) | (payer[1:] != payer[:-1])]))
    sums, parts = _summed(used, starts), _summed(used, part_starts)
    payer, group = payer[part_starts], number_of[part_starts]
    of_sum = np.maximum.reduceat(definition, starts)
    for number, (tier, _) in enumerate(definitions):
        own = of_sum == number
        own_parts = np.flatnonzero(own[group])
        yield Tiered(tier, sums[own], taken(parts, own_parts), payer[own_parts], (np.cumsum(own) - 1)[group[own_parts]])


def _summed(used: Lines, starts: Int64s) -> Lines:
    """Sums of usage from each start to the next."""
    sums = taken(used, starts)
    for name in ("quantity", "free_quantity", "amount_micros", "exact_micros"):
        sums[name] = np.add.reduceat(used[name], starts)
    return sums


def shares(tiered: Tiered, price_micros: Int64s, step_micros: Int64s) -> Int64s:
    """The share of each part in the prices of all, by its quantity."""
    if tiered.parts.size == tiered.lines.size:
        return price_micros
    return spread_columns(price_micros, tiered.parts["quantity"], tiered.group, step_micros)


def _priced(tiered: Tiered, contracts: Contracts, currencies: Currencies) -> Lines:
    """Lines of a tier, one a part of what it counts."""
    tier, lines = tiered.tier, tiered.parts.copy()
    steps = currencies.steps_of(tiered.lines)
    found = prices(tier.steps, tiered.lines["quantity"], steps)
    lines["amount_micros"] = shares(tiered, found.amount_micros, steps) - lines["amount_micros"]
    lines["exact_micros"] = shares(tiered, found.exact_micros, np.ones_like(steps)) - lines["exact_micros"]
    lines["events"] = lines["free_quantity"] = 0
    lines["charge_code"], lines["price_id"] = tier.charge_code, tier.price_id
    lines["revenue_code"] = tier.revenue_code
    lines["tax_class"] = contracts.price_list.tax_code(tier.identity, tier.tax_class)
    if lines.size:
        lines["rate_ppm"] = rates_of(lines, contracts)
    return lines


def _discounted(  # noqa: PLR0913 -- lines, what they are looked up with, and who wants to know how
    base: Lines,
    payer: Int64s,
    menus: Menus,
    currencies: Currencies,
    offs: list[Off] | None,
    *phases: Callable[[Iterable[Entry]], tuple[Entry, ...]],
    whole_to: Int64s | None = None,
    in_lines: bool = True,
    parts: Parts | None = None,
) -> tuple[Int64s, Lines]:
    """The amount that discounts leave of each line of `base` (sorted by OF_SUBSCRIPTION), and the lines of discounts, one a line of it.

    A discount belongs to the `payer` of the line that it is off: the payer of a fee pays what is left of it. `offs` gets what each one
    took. `in_lines`: whether lines are made at all. `parts`: of `base`, where lines combine several.
    """
    rest: Int64s = base["amount_micros"].copy()
    steps = currencies.steps_of(base)
    menu, (agreed, with_accounts) = menus.of(base), menus.of_accounts(base, whole_to)
    own = [each.discounts for each in menus.all]
    of_subscription, of_account = _numbers(base, OF_SUBSCRIPTION), _numbers(base, OF_ACCOUNT)
    found = [empty()]
    for phase in phases:
        for numbers, group, lists, keeps_key in ((menu, of_subscription, own, True), (agreed, of_account, with_accounts, False)):
            for place, entries in enumerate(lists):
                rows = np.flatnonzero(numbers == place) if phase(entries) else np.zeros(0, np.int64)
                chosen = base if rows.size == base.size else taken(base, rows)
                ends = None if whole_to is None else whole_to[rows]
                for entry in phase(entries) if rows.size else ():
                    of_parts = None if parts is None else (parts, rows)
                    off = take_off(entry, chosen, rest[rows], group[rows], steps[rows], ends, of_parts)
                    if offs is not None:
                        offs.append(Off(entry, not keeps_key, chosen, payer[rows], rest[rows], off))
                    rest[rows] -= off
                    if not in_lines:
                        continue
                    made = lines_of(entry, chosen, off)
                    made["account_key"] = payer[rows[off != 0]]
                    if not keeps_key:
                        made["subscription_key"] = 0
                    found.append(made)
    return rest, np.concatenate(found)


def _commitment_lines(base: Lines, rest_micros: Int64s, menus: Menus, currencies: Currencies) -> Lines:
    """The amounts missing to commitments after the lines of `base` that count; discounts left `rest_micros` of these."""
    found = [empty()]
    for counts, kinds in COUNTED.items():
        due = menus.commitments(counts, currencies)
        if due.size:
            counted = _counted(due, base, np.where(np.isin(base["kind"], kinds), rest_micros, 0), menus)
            due["exact_micros"] -= np.maximum(counted, 0)
            due["amount_micros"] = missing(due["amount_micros"], counted)
            found.append(due[due["amount_micros"] > 0])
    return np.concatenate(found)


def _counted(due: Lines, base: Lines, amounts: Int64s, menus: Menus) -> Int64s:
    """Sum of `amounts` over the lines of `base` that are of the subscription and period of each line of `due`."""
    code = menus.subscription_of(base) * _DAYS + base["period_from"]
    order = np.argsort(code, kind="stable")
    starts = np.flatnonzero(np.concatenate([[True], code[order][1:] != code[order][:-1]])) if code.size else order
    sums = np.add.reduceat(amounts[order], starts) if starts.size else amounts
    place = index_of(code[order][starts], menus.subscription_of(due) * _DAYS + due["period_from"])
    return np.where(place >= 0, sums[place], 0) if sums.size else np.zeros(due.size, np.int64)


def _adjustments(rows: pa.Table | None, inputs: Inputs) -> Lines:
    """A line for each adjustment whose date lies in an open period of its account. Its amount is stated as its catalogue states prices.

    Where the account was closed by then, it is of the last period: an adjustment entered before the closing was recorded is not lost.
    """
    if rows is None or not rows.num_rows:
        return empty()
    contracts, scope, currencies = inputs
    index_of_key = {key: index for index, key in enumerate(contracts.facts.account_keys.tolist())}
    made: list[tuple[int, ...]] = []
    for row in rows.to_pylist():
        if row["account_key"] not in index_of_key:
            continue
        index = index_of_key[row["account_key"]]
        periods, closed_day = scope.periods[index], int(contracts.facts.account_closed_day[index])
        on_date = min(day_number(dt.date.fromisoformat(row["on_date"])), closed_day - 1)
        place = bisect.bisect_right([day_number(period.start) for period in periods], on_date) - 1
        if place >= 0 and on_date < day_number(periods[place].end):
            made.append(_by_hand(row, template_row(_sold(row), periods[place], *(row["amount_micros"],) * 2, 1, contracts, currencies)))
    return np.array(made, LINE) if made else empty()


def _sold(row: dict[str, Any]) -> Sold:
    codes = (row["charge_code"], row["adjustment_id"], row["revenue_code"], row["tax_class"])
    return Sold(Kind.ADJUSTMENT, row["catalogue"], *codes)


def _by_hand(row: dict[str, Any], template: tuple[int, ...]) -> tuple[int, ...]:
    """A template with the keys of its account and subscription."""
    names_of_line = LINE.names or ()
    values = dict(zip(names_of_line, template, strict=True)) | {key: row[key] for key in ("account_key", "subscription_key")}
    return tuple(values[name] for name in names_of_line)


def _numbers(lines: Lines, fields: tuple[str, ...]) -> Int64s:
    """The number of each line's group, ascending along lines that are sorted by `fields`."""
    starts = group_starts(lines, fields)
    return np.repeat(np.arange(starts.size), np.diff(np.append(starts, lines.size)))
