"""Discounts, taxes, roundings, thresholds, credits and credit notes, payments and refunds, void and reissue, ledger: money by hand."""

from __future__ import annotations

import datetime as dt
from fractions import Fraction
from typing import TYPE_CHECKING, Any, Final

from tests.vectors.generated.made import Made, Maker, any_day, half_up, money, text

if TYPE_CHECKING:
    import random


def _spread(amount: int, weights: list[int]) -> list[int]:
    """Whole parts of an amount by largest remainder, ties to the first."""
    total = sum(weights)
    exact = [Fraction(amount * each, total) if total else Fraction(0) for each in weights]
    parts = [each.numerator // each.denominator for each in exact]
    order = sorted(range(len(weights)), key=lambda place: (parts[place] - exact[place], place))
    for place in order[: amount - sum(parts) if total else 0]:
        parts[place] += 1
    return parts


def rounding(choose: random.Random) -> Made:
    """An amount to the minor unit of a currency."""
    places, currency = choose.choice([(0, "JPY"), (2, "EUR"), (2, "CNY"), (3, "KWD")])
    amount = Fraction(
        choose.choice([-1, 1]) * choose.choice([choose.randint(0, 10**7), 5 * choose.randint(0, 10**6)]), 10 ** choose.randint(0, 6)
    )
    return Made("rounding", {"amount": text(amount), "currency": currency}, {"rounded": text(half_up(amount, places))})


def rounded_lines(choose: random.Random) -> Made:
    """Lines that are rounded before they are added."""
    lines = [Fraction(choose.randint(0, 10**7), 10**5) for _ in range(choose.randint(1, 6))]
    given = {"lines": [text(each) for each in lines], "currency": "USD"}
    return Made("rounding", given, {"subtotal": text(sum((half_up(each) for each in lines), Fraction(0)))})


def spread(choose: random.Random) -> Made:
    """A discount shared by lines."""
    lines = [choose.randint(1, 999) for _ in range(choose.randint(1, 5))]
    off = choose.randint(0, sum(lines) + 50)
    left = [line - each for line, each in zip(lines, _spread(min(off, sum(lines)), lines), strict=True)]
    return Made("tax_discount", {"lines_cents": lines, "discount_cents": off}, {"taxable_cents": left})


def coupons(choose: random.Random) -> Made:
    """Percentages, then fixed amounts, in whatever order."""
    subtotal, left = (amount := choose.randint(1, 90_000)), amount
    told: list[list[Any]] = [[choose.choice(["pct", "fix"]), choose.randint(1, 60)] for _ in range(choose.randint(1, 4))]
    told = [[kind, size * 100 if kind == "fix" else size] for kind, size in told]
    for kind, size in sorted(told, key=lambda each: each[0] != "pct"):
        left -= int(half_up(Fraction(left * size, 100), 0)) if kind == "pct" else min(left, size)
    return Made("tax_discount", {"subtotal_cents": subtotal, "coupons": told}, {"discount_cents": subtotal - left})


def taxes(choose: random.Random) -> Made:
    """A fixed coupon over fees with rates of their own."""
    fees = [(choose.randint(1, 20_000), choose.choice([0, 7, "7.5", 19, "23.33"])) for _ in range(choose.randint(1, 5))]
    coupon = choose.choice([0, choose.randint(1, 9000)])
    off = _spread(min(coupon, sum(fee for fee, _ in fees)), [fee for fee, _ in fees])
    tax = [int(half_up((fee - each) * Fraction(str(rate)) / 100, 0)) for (fee, rate), each in zip(fees, off, strict=True)]
    net = sum(fee for fee, _ in fees) - sum(off)
    given: dict[str, Any] = {"fees": [{"amount_cents": fee, "tax_pct": rate} for fee, rate in fees]}
    given |= {"fixed_coupon_cents": coupon} if coupon or choose.random() < 0.5 else {}
    sums = {"subtotal_excl_tax_cents": net, "tax_cents": sum(tax), "total_cents": net + sum(tax)}
    return Made("tax_discount", given, {"coupon_per_fee_cents": off, "tax_per_fee_cents": tax, **sums})


def threshold(choose: random.Random) -> Made:
    """Usage that reaches a threshold is billed at once, once."""
    price, limit, fee = Fraction(choose.randint(1, 50), 100), choose.randint(500, 40_000), choose.randint(0, 5000)
    usage = [choose.randint(1, 1000) for _ in range(2)]
    used, billed, interim = Fraction(0), Fraction(0), []
    for quantity in usage:
        used += quantity * price * 100
        due = not billed and used >= limit
        interim.append(used if due else None)
        billed = used if due else billed
    first = next((each for each in interim if each is not None), None)
    given = {"plan_fee_cents": fee, "unit_price": text(price), "threshold_cents": limit}
    given["usage"] = [[f"{any_day(choose)}", quantity] for quantity in usage]
    end = {"fees_cents": text(used + fee), "credit_for_threshold_invoice_cents": text(billed), "total_cents": text(used + fee - billed)}
    expected = {
        "invoice_on_threshold_cents": first and text(first),
        "second_usage_invoice": interim[1] and text(interim[1]),
        "month_end": end,
    }
    return Made("threshold_billing", given, expected)


def bounded_credit(choose: random.Random) -> Made:
    """A credit within what was billed."""
    asked, paid, before = choose.randint(-90, 300), choose.randint(0, 300), choose.randint(0, 300)
    given = {"potential_credit": asked, "originally_paid": paid, "previous_credits": before}
    return Made("credits", given, {"credit": max(0, min(asked, paid - before))})


def credit_note(choose: random.Random) -> Made:
    """A fee in advance that ends early: ours by what is left, or the other convention, by what goes back."""
    fee, rate, days = choose.randint(100, 90_000), choose.choice(["20", "7.5", "23.33"]), choose.randint(7, 31)
    used, tax = choose.randint(1, days - 1), Fraction(rate) / 100
    left = half_up(Fraction(fee * used, days), 0)
    ours = fee - left, half_up(fee * tax, 0) - half_up(left * tax, 0)
    precise = Fraction(fee * (days - used), days)
    others = half_up(precise, 0), half_up(precise * tax, 0)
    theirs = choose.random() < 0.5
    net, more = others if theirs else ours
    expected = {"subtotal_cents": int(net), "tax_cents": int(more), "total_cents": int(net + more)}
    given = {"paid_fee_cents": fee, "tax_pct": rate, "period_days": days, "days_used_inclusive": used}
    return Made("credit_note", given, expected, theirs=theirs and others != ours)


def books(choose: random.Random) -> Made:
    """Documents and payments of a customer."""
    items = [money(choose, 1, 5000) for _ in range(choose.randint(1, 3))]
    total = sum(items, Fraction(0))
    paid = choose.choice([Fraction(0), total, total + 5, half_up(total / 3)])
    given: dict[str, Any] = {"items": [f"{text(each)}{choose.choice(['', ' recurring', ' fixed', ' usage'])}" for each in items]}
    given["payments"] = [text(paid)] if paid else []
    back = Fraction(0)
    if paid == total and choose.random() < 0.5:
        back = half_up(total / 4) or Fraction(1, 100)
        words, adjusted = choose.choice([(" without adjustment", False), (" with item adjustment", True), ("", False)])
        given["refund"] = f"{text(back)}{words}"
        balance = Fraction(0) if adjusted else back
        expected = {"account_balance": text(balance)}
    else:
        expected = {"invoice_balance": text(max(total - paid, Fraction(0))), "account_balance": text(total - paid)}
        expected["account_credit"] = text(max(paid - total, Fraction(0)))
    return Made(choose.choice(["payments", "credits"]), given, expected)


def credit_settles(choose: random.Random) -> Made:
    """Credit settles an invoice without cash."""
    item, credit = money(choose, 1, 5000), money(choose, 1, 5000)
    given = {"items": [text(item)], "credit_on_invoice": f"-{text(credit)}"}
    return Made("credits", given, {"account_balance": text(item - credit), "account_credit": text(max(credit - item, Fraction(0)))})


def repaired(choose: random.Random) -> Made:
    """A paid invoice, of which a line costs less later: credit, which a refund without adjustment uses first."""
    first, before = money(choose, 1, 3000), money(choose, 500, 5000)
    after, back = half_up(before / 2), half_up((first + before) / 3)
    given = {"items": [f"{text(first)} fixed", f"{text(before)} recurring"], "payments": [text(first + before)]}
    given |= {"repair": f"{text(before)} -> {text(after)}", "refund": text(back)}
    if choose.random() < 0.5:
        given["account_credit_created"] = text(before - after)
    balance = after - before + back
    return Made("payments", given, {"account_balance": text(balance), "account_credit": text(max(-balance, Fraction(0)))})


def refunds(choose: random.Random) -> Made:
    """The amount that goes back."""
    cases, results = [], []
    for _ in range(choose.randint(1, 3)):
        paid = choose.randint(1, 90)
        asked = choose.choice([None, choose.randint(1, paid), paid + 1])
        cases.append({"paid": f"{paid}", "asked": asked and f"{asked}"})
        results.append(f"{paid}" if asked is None else "REFUND_AMOUNT_TOO_HIGH" if asked > paid else f"{asked}")
    return Made("payments", {"cases": cases}, {"results": results})


def child(choose: random.Random) -> Made:
    """A fee of an account whose bill another one pays, and a credit before that bill."""
    fee, credit = money(choose, 500, 9000), money(choose, 1, 400)
    given = {"child_invoice": text(fee), "child_credit": f"{text(credit)} before {choose.choice(['commit', 'the bill'])}"}
    expected = {"child_items": [text(fee), f"-{text(credit)}"], "parent_item": text(fee - credit), "payment": text(fee - credit)}
    return Made("hierarchy", given, expected)


def void(choose: random.Random) -> Made:
    """An invoice that is void, whose value others move to a credit note where that is asked for."""
    total, wanted = choose.randint(1, 9000), choose.random() < 0.5
    request: dict[str, Any] = {"generate_credit_note": wanted}
    request |= {"credit_cents": total, "refund_cents": 0} if wanted else {}
    expected: dict[str, Any] = {"invoice": "voided", "credit_notes": int(wanted)}
    expected |= {"credit_note": {"status": "finalized", "credit_cents": total, "refund_cents": 0}} if wanted else {}
    return Made("void_reissue", {"invoice_total_cents": total, "paid": False, "request": request}, expected, theirs=wanted)


def reissue(choose: random.Random) -> Made:
    """An invoice that credit settles and a later one corrects: void in order, and billed anew."""
    start = dt.date(choose.randint(2019, 2026), choose.randint(1, 11), choose.randint(1, 28))
    end = start.replace(month=start.month + 1)
    cut = start + dt.timedelta(choose.randint(1, (end - start).days - 1))
    price = money(choose, 500, 4000)
    anew = half_up(price * Fraction((cut - start).days, (end - start).days)) or Fraction(1, 100)
    credit = price + money(choose, 0, 1000)
    given = {"credit": text(credit), "invoice_2": f"period {start}..{end:%m-%d}", "invoice_3": f"repair for {cut}..{end}"}
    given |= {"price": text(price)} if choose.random() < 0.5 else {}
    order = {"void_invoice_2_first": "rejected: repaired", "void_3_then_2": "ok"}
    return Made("void_reissue", given, {**order, "rebilled": text(anew), "credit_left": text(credit - anew)})


def chain(choose: random.Random) -> Made:
    """Postings that are made together or not at all."""
    names = choose.sample(["A", "B", "C", "D4", "e"], choose.randint(2, 4))
    fails = choose.choice(names)
    told = [f"{name} linked" for name in names[:-1]] + names[-1:]
    results = {name: "its own error" if name == fails else "linked_event_failed" for name in names}
    return Made("ledger", {"chain": told, "failure": fails}, {"results": results, "posted": 0})


MAKERS: Final[tuple[Maker, ...]] = (
    *(rounding, rounded_lines, spread, coupons, taxes, threshold, bounded_credit, credit_note, books, credit_settles, repaired, refunds),
    *(child, void, reissue, chain),
)
