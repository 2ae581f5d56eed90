"""The figures of docs/charges.md: the arithmetic that stands there is right, and it is what the code does."""

from __future__ import annotations

import datetime as dt
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

from billing.charges.commitments import committed, missing
from billing.charges.credit import Billed, creditable, tax_with
from billing.charges.discounts import Entry, take_off
from billing.charges.early_end import months_left
from billing.charges.grants import AllowanceKey, Granting, Stretch, granted_once, pots
from billing.charges.pauses import Breaks
from billing.charges.periods import period_of
from billing.charges.proration import Span
from billing.charges.recurring import PlanSpan, fees_due
from billing.charges.spread import spread_columns
from billing.charges.taxes.bundles import parts
from billing.charges.taxes.tax import taxed
from billing.charges.volume import prices
from rating.model import Allowance, Commitment, Plan, QuantityUnit, RecurringFee, Service, TaxShare, VolumeStep, WhilePaused
from rating.money import RoundingMode, parse_micros, round_exact
from tests.billing.charges.rows import lines

if TYPE_CHECKING:
    from collections.abc import Callable

CENT = 10_000
PAGE = Path(__file__).parents[3] / "docs" / "charges.md"
NO_PAUSE = Breaks()


def rows() -> list[tuple[str, str, str]]:
    """Case, arithmetic and amount of every row of the tables that have these columns."""
    found, inside = [], False
    for line in PAGE.read_text(encoding="utf-8").splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if cells == ["case", "arithmetic", "amount"]:
            inside = True
        elif not line.startswith("|"):
            inside = False
        elif inside and not line.startswith("|--"):
            found.append((cells[0], cells[1], cells[2]))
    return found


def worked_out(arithmetic: str) -> Fraction:
    """Sums and differences of products of numbers and fractions."""
    total, sign = Fraction(0), 1
    for part in arithmetic.replace(" + ", "|+|").replace(" - ", "|-|").split("|"):
        if part in {"+", "-"}:
            sign = 1 if part == "+" else -1
            continue
        product = Fraction(1)
        for factor in part.split(" x "):
            product *= Fraction(factor)
        total += sign * product
    return total


def day(text: str) -> dt.date:
    return dt.date.fromisoformat(text)


def span(start: str, end: str | None = None) -> Span:
    return Span(day(start), day(end) if end else None)


def cents(micros: Fraction | int) -> int:
    return round_exact(micros, CENT, RoundingMode.HALF_UP) // CENT


def fee(price: str, *held: Span, breaks: Breaks = NO_PAUSE, prices_after: str = "", **more: object) -> int:
    """Cents of a fee in October 2025 for `held` (all of it, by default); a second span has its own price."""
    return _fee_in("2025-10-15", 1, price, held or (span("2025-09-01"),), breaks, prices_after, **more)


def _fee_in(  # noqa: PLR0913, PLR0917 -- what a fee depends on
    in_period: str,
    bill_day: int,
    price: str,
    held: tuple[Span, ...],
    breaks: Breaks = NO_PAUSE,
    price_after: str = "",
    *,
    opened: str = "2020-01-01",
    closed: str | None = None,
    **more: object,
) -> int:
    period = period_of(day(in_period), day(opened), ((dt.date.min, bill_day),), day(closed) if closed else None)
    assert period is not None
    amounts = [price, price_after]
    plans = {
        f"x/{place}": Plan(str(place), (), {}, (), (RecurringFee(1, "fee", 1, 1, "standard", parse_micros(each), **more),))  # type: ignore[arg-type] -- fields of a fee
        for place, each in enumerate(amounts)
        if each
    }
    spans = [PlanSpan(f"x/{place}", each) for place, each in enumerate(held)]
    due = fees_due(spans, period, period.end, lambda name, _: plans[name], breaks)
    return cents(sum((each.exact_micros for each in due), Fraction(0)))


def paused(*spans: Span, out: tuple[Span, ...] = ()) -> Breaks:
    return Breaks(spans, out)


def volume(quantity: int, free: int = 0) -> int:
    charged = quantity - free
    steps = (VolumeStep(0, 100_000), VolumeStep(16, 80_000))
    return (int(prices(steps, np.array([charged]), np.array([CENT])).amount_micros[0]) - charged * 100_000) // CENT


def shared(own: int, other: int) -> int:
    steps = (VolumeStep(0, 100_000), VolumeStep(16, 80_000))
    price = prices(steps, np.array([own + other]), np.array([CENT])).amount_micros
    return int(spread_columns(price, np.array([own, other]), np.zeros(2, np.int64), np.array([CENT]))[0]) // CENT - 10 * own


def off(amount: int, *entries: tuple[int, int]) -> int:
    """Cents off `amount` cents: entries are (percent in ppm, fixed cents), in order of application."""
    row = lines({"amount_micros": amount * CENT, "kind": 1})
    rest = row["amount_micros"].copy()
    for ppm, fixed in entries:
        rest -= take_off(Entry(1, 0, 0, ppm, fixed * CENT), row, rest, np.zeros(1, np.int64), np.array([CENT]))
    return amount - int(rest[0]) // CENT


def short(least: int, used: int, held: Span | None = None) -> int:
    period = period_of(day("2024-02-29"), day("2020-01-01"), ((dt.date.min, 1),))
    assert period is not None
    exact = committed(Commitment(1, "least", 1, 1, "standard", least * CENT), [held or span("2024-01-01")], period)
    return int(missing(np.array([cents(exact)]), np.array([used]))[0])


def changed_commitment() -> int:
    period = period_of(day("2025-10-31"), day("2020-01-01"), ((dt.date.min, 1),))
    assert period is not None
    first, then = (Commitment(1, "least", 1, 1, "standard", least * CENT) for least in (3100, 6200))
    return cents(committed(then, [span("2025-10-21")], period, committed(first, [span("2025-10-01", "2025-10-21")], period)))


def tax(rate_ppm: int, inclusive: int, *amounts: int) -> tuple[list[int], int]:
    given = lines(
        *(
            {"amount_micros": each * CENT, "rate_ppm": rate_ppm, "inclusive": inclusive, "price_id": place}
            for place, each in enumerate(amounts)
        )
    )
    found = taxed(given, np.full(given.size, CENT, np.int64))
    return [each // CENT for each in found.lines["amount_micros"].tolist()], sum(found.taxes["amount_micros"].tolist()) // CENT


def bundle(place: int) -> int:
    shares = (TaxShare("standard", 600_000, 1), TaxShare("reduced", 400_000, 1))
    made = parts(RecurringFee(1, "bundle", 1, 1, "standard", 0, shares=shares), 967 * CENT, 967 * CENT, CENT)
    return made[place].amount_micros // CENT


def credit(place: int) -> int:
    billed, found = Billed(1000 * CENT, 190 * CENT), []
    for each in (333, 333, 334):
        found.append(tax_with(billed, each * CENT, CENT))
        billed = billed._replace(
            credited_net_micros=billed.credited_net_micros + each * CENT, credited_tax_micros=billed.credited_tax_micros + found[-1]
        )
    return found[place] // CENT


TEN_DAYS = span("2025-10-11", "2025-10-21")


def once(*days: tuple[int, int]) -> int:
    """Minutes that are granted once: 310 for lines that have them from a day of October to the one before another."""
    october = period_of(day("2025-10-15"), day("2025-10-01"), ((dt.date.min, 1),))
    assert october is not None
    minutes = Allowance(1, "minutes", (Service.VOICE,), QuantityUnit.MILLISECOND, 310, ("*",), shared=True, granted_once=True)
    granting = [{AllowanceKey("x", 1): Granting(minutes, october.start)}]
    first = october.start - dt.timedelta(days=1)
    spans = [Span(first + dt.timedelta(days=begins), first + dt.timedelta(days=ends)) for begins, ends in days]
    return granted_once([(pot, october) for span_ in spans for pot in pots([Stretch(0, span_)], granting, october)])


CODE: dict[str, Callable[[], int]] = {
    "31.00 a month, all of October": lambda: fee("31.00"),
    "31.00 a month, begins on 11 October": lambda: fee("31.00", span("2025-10-11")),
    "31.00 a month, 10 October is the last day": lambda: fee("31.00", span("2025-09-01", "2025-10-11")),
    "29.99 a month, begins on 22 October": lambda: fee("29.99", span("2025-10-22")),
    "5.00 a month, not prorated, begins on 31 October": lambda: fee("5.00", span("2025-10-31"), prorate=False),
    "31.00 until 10 October, then 62.00 (one fee in two plans)": lambda: fee(
        "31.00", span("2025-09-01", "2025-10-11"), span("2025-10-11"), prices_after="62.00"
    ),
    "29.00 a month, begins on 29 February 2028": lambda: _fee_in("2028-02-29", 1, "29.00", (span("2028-02-29"),)),
    "28.00 a month, bill day 31, begins on 14 February 2026 (the cycle runs from 31 January to 28 February)": lambda: _fee_in(
        "2026-02-14", 31, "28.00", (span("2026-02-14"),), opened="2026-02-14"
    ),
    "30.00 a month, bill day 1, the account closes on 11 November (the cycle is all of November)": lambda: _fee_in(
        "2025-11-05", 1, "30.00", (span("2025-01-01"),), closed="2025-11-11"
    ),
    "31.00 a month, paused from 11 October, resumed on 21 October": lambda: fee("31.00", breaks=paused(TEN_DAYS)),
    "31.00 a month, paused twice: 3 and 4 October, 11 to 20 October": lambda: fee(
        "31.00", breaks=paused(TEN_DAYS, span("2025-10-03", "2025-10-05"))
    ),
    "2.00 a month for paused days alone, paused from 11 to 20 October": lambda: fee(
        "2.00", breaks=paused(TEN_DAYS), while_paused=WhilePaused.ONLY
    ),
    "31.00 a month, out of order on 11 and 12 October": lambda: fee("31.00", breaks=paused(out=(span("2025-10-11", "2025-10-13"),))),
    "31.00 a month, paused from 11 to 20 October, out of order from 18 to 22 October": lambda: fee(
        "31.00", breaks=paused(TEN_DAYS, out=(span("2025-10-18", "2025-10-23"),))
    ),
    "9.67 of a bundle, the 60 percent (5.802)": lambda: bundle(0),
    "9.67 of a bundle, the 40 percent (3.868)": lambda: bundle(1),
    "5.00 a month left; 12 months since 15 January, ends on 15 June: 5 are over": lambda: (
        500 * months_left(day("2026-01-15"), 12, day("2026-06-15"))
    ),
    "the same, but the first day without service is 16 June: the sixth month has begun, and is not over": lambda: (
        500 * months_left(day("2026-01-15"), 12, day("2026-06-16"))
    ),
    "the same, ends on 15 July: 6 are over": lambda: 500 * months_left(day("2026-01-15"), 12, day("2026-07-15")),
    "15 messages at 0.10; the tier from 16 on is 0.08: its line": lambda: volume(15),
    "16 messages: its line": lambda: volume(16),
    "20 messages, 4 of them from an allowance: its line": lambda: volume(20, 4),
    "17 messages of an account, 7 of them of a subscription that another one pays: the line of that one (0.56 of 1.36)": lambda: shared(
        7, 10
    ),
    "100.00 with 10 percent and 50.00 off: what is left": lambda: 10000 - off(10000, (100_000, 0), (0, 5000)),
    "100.00 with 10 percent twice: what is left": lambda: 10000 - off(10000, (100_000, 0), (100_000, 0)),
    "1.05 with 10 percent: what is off (0.105)": lambda: off(105, (100_000, 0)),
    "30.00 with 50.00 off: what is off": lambda: off(3000, (0, 5000)),
    "50.00 committed, 20.00 used": lambda: short(5000, 2000),
    "10,000.00 committed, since 28 February 2024, 36.90 used": lambda: short(1_000_000, 3690, span("2024-02-28")),
    "10.00 committed, 1.28 used, half of it off": lambda: short(1000, 128 - off(128, (500_000, 0))),
    "31.00 committed until 20 October, then 62.00, nothing used": changed_commitment,
    "310 minutes, `one`: a line has them from 6 to 15 October, another from 11 to 25 October": lambda: 100 * once((6, 16), (11, 26)),
    "310 minutes, `one`: three lines all October": lambda: 100 * once((1, 32), (1, 32), (1, 32)),
    "310 minutes, `pooled`: from 6 to 15 October, and from 11 to 25 October": lambda: 100 * (once((6, 16)) + once((11, 26))),
    "0.08 and 0.08 without tax, 6 percent (0.0096)": lambda: tax(60_000, 0, 8, 8)[1],
    "9.99 and 5.00 with 19 percent in them: net (12.5966)": lambda: sum(tax(190_000, 1, 999, 500)[0]),
    "9.99 and 5.00 with 19 percent in them: tax": lambda: tax(190_000, 1, 999, 500)[1],
    "9.99 and 5.00 with 19 percent in them: net of the first (8.3950)": lambda: tax(190_000, 1, 999, 500)[0][0],
    "3.00 credited of 2.00 billed, 0.50 before": lambda: creditable(300, 200, 50),
    "tax of 1.90 on 10.00: with the first credit of 3.33 (0.6327)": lambda: credit(0),
    "with the second one of 3.33 (1.2654 in all)": lambda: credit(1),
    "with the last one of 3.34": lambda: credit(2),
}


@pytest.mark.parametrize(("case", "arithmetic", "amount"), rows())
def test_figures(case: str, arithmetic: str, amount: str) -> None:
    assert cents(worked_out(arithmetic) * 1_000_000) == cents(parse_micros(amount))
    assert CODE[case]() == cents(parse_micros(amount))


def test_every_figure_that_is_computed_stands_on_the_page() -> None:
    assert {case for case, _, _ in rows()} == set(CODE)
