"""Usage pricing and caps: ranges, tiers, blocks, packages, shares of amounts."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING, Any, Final

from tests.vectors.generated.made import Made, Maker, ceiling, money, text

if TYPE_CHECKING:
    import random

GRADUATED, VOLUME = "graduated", "volume"
_Ranges = list[tuple[Fraction, Fraction | None, Fraction, Fraction]]  # beyond, up to, flat, rate


def _bounds(choose: random.Random) -> list[int]:
    return sorted(choose.sample(range(1, 400), choose.randint(1, 4)))


def _made_ranges(choose: random.Random, *, flats: bool = True) -> _Ranges:
    """Ranges whose rates fall, as tiers with fees must have it."""
    ends = _bounds(choose)
    rates = sorted((money(choose, 0, 900) for _ in range(len(ends) + 1)), reverse=True)
    starts = [Fraction(0), *map(Fraction, ends)]
    return [
        (start, end, money(choose, 0, 5000) if flats and choose.random() < 0.7 else Fraction(0), rate)
        for start, end, rate in zip(starts, [*map(Fraction, ends), None], rates, strict=True)
    ]


def _graduated(ranges: _Ranges, quantity: Fraction) -> Fraction:
    total = Fraction(0)
    for over, end, flat, rate in ranges:
        if quantity > over:
            total += flat + (min(quantity, quantity if end is None else end) - over) * rate
    return total


def _volume(ranges: _Ranges, quantity: Fraction) -> Fraction:
    _, _, flat, rate = next(each for each in ranges if each[1] is None or quantity <= each[1])
    return flat + quantity * rate


def _by(method: str, ranges: _Ranges, quantity: Fraction) -> Fraction:
    return _graduated(ranges, quantity) if method == GRADUATED else _volume(ranges, quantity)


def _quantity(choose: random.Random) -> Fraction:
    return choose.choice([Fraction(choose.randint(1, 600)), Fraction(choose.randint(1, 6000), 10)])


def _named(choose: random.Random, method: str) -> tuple[dict[str, str], str]:
    """The method in a key, in another spelling, or in the rule."""
    if choose.random() < 0.6:
        return {"method": choose.choice([method, method.upper(), method.capitalize()])}, ""
    return {}, f"{method.capitalize()}: as it is called, {choose.choice(['of course', 'once more'])}"


def ranges(choose: random.Random) -> Made:
    """Units by ranges."""
    method, held, units = choose.choice([GRADUATED, VOLUME]), _made_ranges(choose), _quantity(choose)
    told = [
        {
            **({"from": text(over + (1 if over else 0))} if choose.random() < 0.8 else {}),
            "to": end if end is None else int(end),
            "per_unit": text(rate),
            **({"flat": text(flat)} if flat or choose.random() < 0.5 else {}),
        }
        for over, end, flat, rate in held
    ]
    keys, rule = _named(choose, method)
    return Made("usage_pricing", {"units": text(units), "ranges": told, **keys}, {"amount": text(_by(method, held, units))}, rule)


def percentages(choose: random.Random) -> Made:
    """An amount by ranges of percentages."""
    held, amount = _made_ranges(choose), _quantity(choose)
    told = [
        {"from": int(over) + bool(over), "to": end and int(end), "flat": text(flat), "rate_pct": text(rate)}
        for over, end, flat, rate in held
    ]
    exact = [(over, end, flat, rate / 100) for over, end, flat, rate in held]
    keys = {"method": GRADUATED} if choose.random() < 0.5 else {}
    return Made("usage_pricing", {"amount_units": text(amount), "ranges": told, **keys}, {"amount": text(_graduated(exact, amount))})


def tiers(choose: random.Random) -> Made:
    """Tiers of kind flat or unit, of which the one reached prices everything."""
    held = [(over, end, *choose.choice([(flat, Fraction(0)), (Fraction(0), rate)])) for over, end, flat, rate in _made_ranges(choose)]
    told = [
        {"up_to": end and int(end), "kind": "flat", "price": text(flat)}
        if flat
        else {"up_to": end and int(end), "kind": "unit", "price": text(rate)}
        for over, end, flat, rate in held
    ]
    quantity = _quantity(choose)
    return Made("usage_pricing", {"qty": text(quantity), "tiers": told, "method": VOLUME}, {"amount": text(_volume(held, quantity))})


def part(choose: random.Random) -> Made:
    """The cost of more usage, tiers without fees."""
    held = _made_ranges(choose, flats=False)
    before = Fraction(choose.randint(0, 300))
    after = before + choose.randint(1, 300)
    told = [{"up_to": end and int(end), "kind": "unit", "price": text(rate)} for _, end, _, rate in held]
    total = _graduated(held, after) - _graduated(held, before)
    return Made("usage_pricing", {"from_qty": int(before), "to_qty": int(after), "tiers": told}, {"total": text(total)})


def packages(choose: random.Random) -> Made:
    """Packages that parts of a period share."""
    size, price, before, more = choose.randint(1, 50), money(choose, 1, 9000), choose.randint(0, 300), choose.randint(1, 300)
    bought = ceiling(Fraction(before + more, size)) - ceiling(Fraction(before, size))
    given = {"package": size, "price": text(price), "billed_before_qty": before, "this_part_qty": more}
    return Made("usage_pricing", given, {"amount": text(bought * price)})


def packages_after_free(choose: random.Random) -> Made:
    """Free units, then packages."""
    size, price, free, units = choose.randint(1, 50), money(choose, 1, 9000), choose.choice([0, 7, 100]), choose.randint(0, 300)
    given = {"units": units, "package_size": size, "package_price": text(price), "free_units": free}
    return Made("usage_pricing", given, {"amount": text(ceiling(Fraction(max(0, units - free), size)) * price)})


def blocks_of_meters(choose: random.Random) -> Made:
    """Meters in blocks."""
    names = choose.sample(["minutes", "Mbytes", "SMS", "漫游", "api calls"], choose.randint(1, 3))
    units = {name: choose.randint(0, 5000) for name in names}
    blocks = {name: (choose.randint(1, 700), money(choose, 1, 900)) for name in names}
    total = sum((ceiling(Fraction(units[name], size)) * price for name, (size, price) in blocks.items()), Fraction(0))
    told = {name: {"size": size, "price": text(price)} for name, (size, price) in blocks.items()}
    return Made("usage_pricing", {"units": units, "blocks": told}, {"total": text(total)})


def _blocks(held: list[tuple[int, int | None, Fraction]], quantity: int, policy: str) -> list[Fraction]:
    """Each tier {size, most, price} in whole blocks, those that are not reached left out; what is beyond the last stays in it."""
    left, parts = quantity, []
    for place, (size, most, price) in enumerate(held):
        last = most is None or place == len(held) - 1
        count = ceiling(Fraction(left, size)) if last else min(ceiling(Fraction(left, size)), most or 0)
        parts.append(count * price)
        left -= count * size
        if left <= 0:
            return parts if policy == "ALL_TIERS" else [ceiling(Fraction(quantity, size)) * price]
    raise AssertionError


def blocks(choose: random.Random) -> Made:
    """Tiers of blocks."""
    policy, size = choose.choice(["ALL_TIERS", "TOP_TIER"]), choose.choice([1, 10, 100])
    sizes = [size] * 3 if policy == "TOP_TIER" else choose.choices([1, 10, 100, 1000], k=3)
    held = [(each, choose.randint(1, 20), money(choose, 1, 900)) for each in sizes]
    count = choose.randint(1, 3)
    most = [None if place == count - 1 and choose.random() < 0.5 else each[1] for place, each in enumerate(held[:count])]
    quantity = choose.randint(1, 4000)
    parts = _blocks([(each[0], top, each[2]) for each, top in zip(held, most, strict=False)], quantity, policy)
    told = [{"block_size": each[0], "max_blocks": top, "price_per_block": text(each[2])} for each, top in zip(held, most, strict=False)]
    expected: dict[str, Any] = {"total": text(sum(parts, Fraction(0)))}
    if choose.random() < 0.5:
        expected["per_tier"] = [text(each) for each in parts]
    return Made("usage_pricing", {"quantity": quantity, "tiers": told, "policy": policy}, expected)


def meters(choose: random.Random) -> Made:
    """Meters in tiers of single units."""
    policy, names = choose.choice(["ALL_TIERS", "TOP_TIER"]), choose.sample(["FOO", "BAR", "端口"], 2)
    held = {name: [(choose.randint(1, 90), money(choose, 1, 900)) for _ in range(3)] for name in names}
    units = {name: choose.randint(1, 300) for name in names}
    total = sum(
        (sum(_blocks([(1, most, price) for most, price in held[name]], units[name], policy), Fraction(0)) for name in names), Fraction(0)
    )
    told = {name: [[most, text(price)] for most, price in each] for name, each in held.items()}
    return Made("usage_pricing", {"units": units, "tiers": told, "policy": policy}, {"total": text(total)})


def shares(choose: random.Random) -> Made:
    """A share of the amounts of events, and a fixed amount each, some of them free."""
    amounts = [money(choose, 0, 50000) for _ in range(choose.randint(1, 6))]
    rate, fixed, free = money(choose, 1, 900), choose.choice([None, money(choose, 1, 300)]), choose.randint(0, len(amounts) - 1)
    totals = [sum(amounts[: place + 1], Fraction(0)) for place in range(len(amounts))]
    given: dict[str, Any] = {
        "amount_units": text(totals[-1]),
        "events": len(amounts),
        "rate_pct": text(rate),
        "fixed_per_event": fixed and text(fixed),
    }
    if free:
        given |= {"free_events": free, "free_amount": None, "running_totals": [text(each) for each in totals[:-1]]}
    paid = sum(amounts[free:], Fraction(0))
    return Made("usage_pricing", given, {"amount": text(paid * rate / 100 + (len(amounts) - free) * (fixed or 0))})


def bounded_shares(choose: random.Random) -> Made:
    """The same with a least and a most of each event."""
    amounts = [money(choose, 0, 90000) for _ in range(choose.randint(1, 6))]
    rate, fixed, free = money(choose, 1, 900), money(choose, 0, 300), choose.choice([0, 0, 1, 2])
    least, most = choose.choice([None, money(choose, 0, 200)]), choose.choice([None, money(choose, 300, 2000)])
    if least is most is None:
        most = Fraction(5)
    charges = [max(each * rate / 100 + fixed, least or Fraction(0)) for each in amounts]
    total = sum((each if most is None else min(each, most) for each in charges[free:]), Fraction(0))
    given: dict[str, Any] = {"event_amounts": [text(each) for each in amounts], "rate_pct": text(rate), "fixed_per_event": text(fixed)}
    given |= {name: text(each) for name, each in (("min_per_transaction", least), ("max_per_transaction", most)) if each is not None}
    if free:
        given["free_events"] = free
    return Made("usage_pricing", given, {"amount": text(total)})


def capped_price(choose: random.Random) -> Made:
    """A fixed price and a most."""
    price, most = money(choose, 1, 30000), money(choose, 1, 30000)
    cut = max(Fraction(0), price - most)
    expected = {"amount": text(price), "discount": text(cut), "total": text(price - cut)}
    return Made("caps", {"qty": choose.randint(1, 90), "tier_price": text(price), "maximum": text(most)}, expected)


def capped_packages(choose: random.Random) -> Made:
    """Packages of which earlier parts of the period have paid some."""
    size, price, before, more, most = (
        choose.randint(1, 20),
        money(choose, 1, 3000),
        choose.randint(1, 99),
        choose.randint(1, 99),
        money(choose, 1, 90000),
    )
    paid = min(ceiling(Fraction(before, size)) * price, most)
    amount = (ceiling(Fraction(before + more, size)) - ceiling(Fraction(before, size))) * price
    total = min(amount, most - paid)
    given = {
        "package": size,
        "price": text(price),
        "billed_before_qty": before,
        "billed_before": text(paid),
        "this_part_qty": more,
        "maximum": text(most),
    }
    return Made("caps", given, {"amount": text(amount), "discount": text(amount - total), "total": text(total)})


MAKERS: Final[tuple[Maker, ...]] = (
    *(ranges, ranges, percentages, tiers, part, packages, packages_after_free, blocks_of_meters, blocks, blocks, meters, shares),
    *(bounded_shares, capped_price, capped_packages),
)
