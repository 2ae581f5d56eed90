"""Topic usage_pricing: steps, tiers, packages and shares of content.

Ranges `{from, to, per_unit, flat}`: a range begins beyond the `to` of the one before, so that parts of a unit between 10 and 11 are in the
upper one. Which of two methods ranges have is in `method`, or in the first word of the rule. A case that says neither may mean either.
"""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING, Any, Final

from rating.model import Counting
from tests.vectors.billing import listed, metered
from tests.vectors.billing.form import Case, ListedError, Otherwise, Shape, exact, same, whole
from tests.vectors.billing.metered import Meter, Range, charge, meter_of, rated, steps_price, use

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

VOLUME, GRADUATED = "volume", "graduated"


def by_ranges(case: Case) -> Otherwise:
    """Ranges with rates and flat fees; the tier reached prices everything, or each range what lies in it."""
    units = exact(case.given["units"])
    ranges = _ranges(case.given["ranges"], "per_unit")
    _require_below(units, case.given["ranges"][-1].get("to"))
    return _of_methods(case, lambda method: _amount(method, ranges, units))


def by_percentages(case: Case) -> Otherwise:
    """Ranges of an amount of money, each with a percentage of what lies in it and a flat fee."""
    ranges = _ranges(case.given["ranges"], "rate_pct", Fraction(1, 100))
    amount = exact(case.given["amount_units"])
    _require_below(amount, case.given["ranges"][-1].get("to"))
    if len(_methods(case)) > 1:
        return _amount(GRADUATED, ranges, amount)
    return _of_methods(case, lambda method: _amount(method, ranges, amount))


def by_tiers(case: Case) -> Otherwise:
    """Tiers {up_to, kind flat or unit, price}."""
    tiers, quantity = _tiers(case.given["tiers"]), exact(case.given["qty"])
    _require_below(quantity, case.given["tiers"][-1].get("up_to"))
    return _of_methods(case, lambda method: _amount(method, tiers, quantity))


def part_of_period(case: Case) -> dict[str, Any]:
    """What more usage of a period costs, by tiers of which each prices what lies in it. Lines: "15 = 3 x 5 t3"."""
    tiers = _tiers(case.given["tiers"])
    before, after = exact(case.given["from_qty"]), exact(case.given["to_qty"])
    _require_below(after, case.given["tiers"][-1].get("up_to"))
    if any(each.flat and each.over >= before for each in tiers if each.over < after):
        steps = metered.graduated_steps(tiers, 1)
        total = metered.volume_price(steps, whole(after)) - metered.volume_price(steps, whole(before))
        if "lines" in case.expected:
            raise ListedError(listed.ONE_LINE)
        return {"total": total}
    meter = meter_of(before, after)
    price = steps_price(tiers, meter, counting=Counting.GRADUATED)
    _, outcome = rated(price, [use(0, before, meter), use(1, after - before, meter)])
    lines = [_line(piece, meter.scale) for piece in outcome.pieces]
    return {"total": charge([outcome]), "lines": lines}


def packages(case: Case) -> dict[str, Any]:
    """Packages that a period's uses share: one that an earlier part began serves the next."""
    size, price = exact(case.given["package"]), exact(case.given["price"])
    before, part = exact(case.given["billed_before_qty"]), exact(case.given["this_part_qty"])
    meter = meter_of(size, before, part)
    the_price = metered.package_price(size, price, meter)
    outcomes = rated(the_price, [use(place, each, meter) for place, each in enumerate((before, part))])
    return {"amount": charge(outcomes[1:])}


def packages_after_free(case: Case) -> dict[str, Any]:
    """Free units first, then packages, begun ones whole: a first step that costs nothing, and one of packages."""
    size, free = whole(case.given["package_size"]), whole(case.given["free_units"])
    metered.require_not_below_zero(Fraction(free))
    paid = Range(Fraction(free), Fraction(0), exact(case.given["package_price"]) / size)
    ranges, increments = ([Range(Fraction(0), Fraction(0), Fraction(0)), paid], [1, size]) if free else ([paid], [size])
    units = exact(case.given["units"])
    meter = meter_of(units)
    price = steps_price(ranges, meter, increments=increments)
    return {"amount": charge(rated(price, [use(0, units, meter)]))}


def blocks_of_meters(case: Case) -> dict[str, Any]:
    """Several meters, each in blocks of its own; begun blocks count whole."""
    total = Fraction(0)
    for name, quantity in case.given["units"].items():
        block = case.given["blocks"][name]
        tier = {"block_size": block["size"], "max_blocks": None, "price_per_block": block["price"]}
        total += sum(_by_blocks([tier], exact(quantity), "ALL_TIERS"))
    return {"total": total}


def blocks(case: Case) -> dict[str, Any]:
    """Tiers of blocks: each prices what lies in it (ALL_TIERS), or the one reached everything (TOP_TIER)."""
    parts = _by_blocks(case.given["tiers"], exact(case.given["quantity"]), case.given["policy"])
    return {"total": sum(parts), "per_tier": parts}


def meters(case: Case) -> dict[str, Any]:
    """Several meters with tiers [size, price of a unit], each priced alone."""
    total = Fraction(0)
    for name, quantity in case.given["units"].items():
        tiers = [{"block_size": 1, "max_blocks": size, "price_per_block": price} for size, price in case.given["tiers"][name]]
        total += sum(_by_blocks(tiers, exact(quantity), case.given["policy"]))
    return {"total": total}


def content_share(case: Case) -> dict[str, Any]:
    """A share of the amounts of some events, and a fixed amount for each; the first events may be free."""
    given = case.given
    _refuse_free_amount(given)
    price = metered.content_price(exact(given["rate_pct"]), exact(given.get("fixed_per_event") or 0))
    total, count, free = exact(given["amount_units"]), whole(given["events"]), whole(given.get("free_events") or 0)
    reached = [exact(each) for each in given.get("running_totals") or []][: count - 1]
    totals = [*reached, *[reached[-1] if reached else Fraction(0)] * (count - 1 - len(reached)), total][:count]
    amounts = [after - before for before, after in zip([Fraction(0), *totals], totals, strict=False)]
    return {"amount": charge(rated(price, [metered.content(*each) for each in enumerate(amounts)], free_events=free))}


def content_share_within_bounds(case: Case) -> dict[str, Any]:
    """A share of each event's amount and a fixed amount, between a least and a most for each event."""
    given = case.given
    _refuse_free_amount(given)
    most = given.get("max_per_transaction")
    bounds = exact(given.get("min_per_transaction") or 0), None if most is None else exact(most)
    price = metered.content_price(exact(given["rate_pct"]), exact(given.get("fixed_per_event") or 0), *bounds)
    events = [metered.content(place, exact(each)) for place, each in enumerate(given["event_amounts"])]
    return {"amount": charge(rated(price, events, free_events=whole(given.get("free_events") or 0)))}


def _methods(case: Case) -> tuple[str, ...]:
    """The method that a case names, in `method` or at the beginning of its rule: each range prices what lies in it, or the one reached all.

    A case that names none may mean either.
    """
    named = case.given.get("method")
    text = str(named or case.rule.split(":")[0]).lower()
    found = tuple(method for method in (GRADUATED, VOLUME) if method in text)
    if named is not None and len(found) != 1:
        raise ListedError(f"a method called {named}: ours are {GRADUATED} and {VOLUME}")
    return found if len(found) == 1 else (GRADUATED, VOLUME)


def _of_methods(case: Case, answer: Callable[[str], Otherwise]) -> Otherwise:
    """The answer by the method that the case names; of one that names none, the answer that comes out, else that of the first method."""
    answers = [answer(method) for method in _methods(case)]
    for each in answers:
        if any(same(case.expected, said) for said in (each.ours, each.theirs)):
            return each
    return answers[0]


def _require_below(quantity: Fraction, last: object) -> None:
    """No price is told for what lies beyond a last range that ends."""
    if last is not None and quantity > exact(last):
        raise ListedError(f"more than the last range holds: {float(quantity)} units, of {last} that have a price")


def _ranges(told: Sequence[dict[str, Any]], rate: str, factor: Fraction = Fraction(1)) -> list[Range]:
    ends = [Fraction(0), *(exact(each["to"]) for each in told[:-1])]
    for end, each in zip(ends, told, strict=True):
        if "from" in each and exact(each["from"]) - end not in {0, 1}:
            message = f"a range from {each['from']} on does not follow one to {end}"
            raise ValueError(message)
    return [Range(over, exact(each.get("flat") or 0), exact(each[rate]) * factor) for over, each in zip(ends, told, strict=True)]


def _tiers(told: Sequence[dict[str, Any]]) -> list[Range]:
    ends = [Fraction(0), *(exact(each["up_to"]) for each in told[:-1])]
    amounts = [{"flat": exact(each.get("flat") or 0), "unit": exact(each.get("unit") or 0)} for each in told]
    for tier, amount in zip(told, amounts, strict=True):
        if "kind" in tier:
            if tier["kind"] not in amount:
                raise ListedError(f"a tier of kind {tier['kind']}: ours are flat and unit")
            amount[tier["kind"]] = exact(tier["price"])
    return [Range(over, each["flat"], each["unit"]) for over, each in zip(ends, amounts, strict=True)]


def _amount(method: str, ranges: Sequence[Range], quantity: Fraction) -> Otherwise:
    ours = _priced(method, ranges, quantity)
    return Otherwise({"amount": ours}, {"amount": ours if quantity else ranges[0].flat}, listed.NOTHING)


def _priced(method: str, ranges: Sequence[Range], quantity: Fraction) -> Fraction:
    meter = meter_of(quantity, *(each.over for each in ranges))
    if method == GRADUATED and not any(each.flat for each in ranges):
        return charge(rated(steps_price(ranges, meter, counting=Counting.GRADUATED), [use(0, quantity, meter)]))
    steps = metered.volume_steps(ranges, meter.scale) if method == VOLUME else metered.graduated_steps(ranges, meter.scale)
    return metered.volume_price(steps, whole(quantity * meter.scale))


def _by_blocks(tiers: Sequence[dict[str, Any]], quantity: Fraction, policy: str) -> list[Fraction]:
    """What each tier costs, those that are not reached left out."""
    sizes = [whole(each["block_size"]) for each in tiers]
    rates = [exact(each["price_per_block"]) / size for each, size in zip(tiers, sizes, strict=True)]
    ranges, over = [], Fraction(0)
    for tier, size, rate in zip(tiers, sizes, rates, strict=True):
        ranges.append(Range(over, Fraction(0), rate))
        over += 0 if tier["max_blocks"] is None else size * whole(tier["max_blocks"])
    meter = meter_of(quantity)
    if policy == "ALL_TIERS":
        (outcome,) = rated(steps_price(ranges, meter, increments=sizes), [use(0, quantity, meter)])
        amounts = [Fraction(0)] * (max((piece.step for piece in outcome.pieces), default=0) + 1)
        for piece in outcome.pieces:
            amounts[piece.step] += metered.units(1) * piece.amount_micros
        assert sum(amounts) == charge([outcome]), "the pieces of a charge add up to it"
        return amounts
    if policy != "TOP_TIER":
        message = f"{policy!r} is neither ALL_TIERS nor TOP_TIER"
        raise ValueError(message)
    return [_top_tier(ranges, sizes, quantity, meter)]


def _top_tier(ranges: Sequence[Range], sizes: Sequence[int], quantity: Fraction, meter: Meter) -> Fraction:
    """Everything at the tier reached. Events are charged for whole blocks, so that the period's quantity is of whole blocks, too."""
    if len(set(sizes)) > 1 and any(quantity % size for size in sizes):
        raise ListedError(listed.LARGER_BLOCKS)
    increments = [sizes[0] if len(set(sizes)) == 1 else 1]
    (outcome,) = rated(steps_price(ranges[:1], meter, increments=increments), [use(0, quantity, meter)])
    return metered.volume_price(metered.volume_steps(ranges, meter.scale), outcome.chargeable_qty)


def _line(piece: Any, scale: int) -> str:  # noqa: ANN401 -- a Piece
    quantity, rate = Fraction(piece.to_qty - piece.from_qty, scale), metered.units(piece.rate_micros) * scale / piece.per_qty
    return f"{metered.units(1) * piece.amount_micros} = {quantity} x {rate} t{piece.step + 1}"


def _refuse_free_amount(given: dict[str, Any]) -> None:
    if given.get("free_amount") is not None:
        raise ListedError(listed.FREE_AMOUNT)


SHAPES: Final = (
    Shape("units ranges ?method", "amount", by_ranges),
    Shape("amount_units ranges ?method", "amount", by_percentages),
    Shape("qty tiers ?method", "amount", by_tiers),
    Shape("from_qty to_qty tiers", "?total ?lines", part_of_period),
    Shape("package price billed_before_qty this_part_qty", "amount", packages),
    Shape("units package_size package_price free_units", "amount", packages_after_free),
    Shape("units blocks", "total", blocks_of_meters),
    Shape("quantity tiers policy", "?total ?per_tier", blocks),
    Shape("units tiers policy", "total", meters),
    Shape("amount_units events rate_pct ?fixed_per_event ?free_events ?free_amount ?running_totals", "amount", content_share),
    Shape(
        "event_amounts rate_pct ?min_per_transaction ?max_per_transaction ?fixed_per_event ?free_events ?free_amount",
        "amount",
        content_share_within_bounds,
    ),
    Shape("peak_units tiers", "total", reason=listed.CAPACITY),
    Shape("full_units prorated_units ranges", "amount", reason=listed.SEATS),
    Shape("unit_changes prorated_changes ranges", "amount", reason=listed.SEATS),
)
