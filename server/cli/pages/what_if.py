"""A what-if in text, and as CSV: tables that a tariff manager reads, and rows that a spreadsheet does."""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING, Final

from billing.what_if.report import bills_of_plans, grouped
from rating import spreadsheet_cells
from rating.counted import counted
from rating.money import RoundingMode, format_micros, minor_step_micros, round_exact
from server.cli import output
from tariffs.currencies import MINOR_DIGITS

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from billing.what_if.report import InCurrency, Stage, WhatIf

SHOWN_ROWS: Final = 20
# What the figures leave out: `NOT_INCLUDED` of `billing.what_if.report` and of `billing.what_if.all_plans`.
NOT_INCLUDED: Final = {
    "en": {
        "tax": "tax on top of prices",
        "rounding": "rounding of lines",
        "roll_over": "allowances left from earlier months",
        "bill_days": "parts of months by other bill days than the 1st",
        "corrections": "corrections of earlier months",
        "by_hand": "charges and credits by hand",
        "late_usage": "rules and decisions about late usage (all usage that began in the month is priced, on a bill or not)",
        "payers": "who pays for whom",
        "tests": "accounts for tests",
        "moving": "what it costs to change the plan",
        "pools": "allowances shared with other accounts",
    },
    "zh": {
        "tax": "价外税",
        "rounding": "账单行的舍入",
        "roll_over": "以前月份结转的免费额度",
        "bill_days": "非每月1日出账造成的不足月",
        "corrections": "对以前月份的更正",
        "by_hand": "手工收费和减免",
        "late_usage": "迟到用量的规则和人工处理(当月开始的用量全部计价,不论是否出账)",
        "payers": "由谁代付",
        "tests": "测试账户",
        "moving": "变更套餐的费用",
        "pools": "与其他账户共享的额度",
    },
}
CSV_COLUMNS: Final = ("kind", "currency", "plan", "zone", "service", "name", "now_count", "now", "then_count", "then", "change")
_FIGURES: Final = ("events now", "events then", "now", "then", "change")


def show(report: WhatIf) -> None:
    """Print all tables."""
    print(f"{report.identity}@{report.version} over {report.month}: {counted(report.events, 'event')}, as of commit {report.commit_seq}")
    print("Every account has the calendar month as one period, for any bill day; amounts are shown to the cent")
    print("(--csv and --json are exact) and hold what a bill of the month charges, tiers, discounts and commitments as well.")
    print("No tax is added; prices that include tax are compared with it.")
    print(f"Left out on both sides: {not_included(report.not_included, 'en')}.")
    for text in no_usage(report):
        print(text)
    if report.only_plan:
        print(f"Only subscriptions that have {report.only_plan} in the month are counted.")
    for each in report.moved:
        print(f"Moved for this: {counted(each.subscriptions, 'subscription')} from {each.old} to {each.new}.")
    for part in report.currencies:
        _show_part(part)
    _show_unpriced(report)
    for reason, count in report.left_out.items():
        print(f"left out, {reason.replace('_', ' ')}: {counted(count, 'event')}")
    show_stages(report.stages)


def no_usage(report: WhatIf) -> list[str]:
    """The sentence of a month in which no event is compared; none of any other."""
    if report.events:
        return []
    why = f"all {counted(report.usage, 'event')} of {report.month} are left out" if report.usage else f"none of {report.month} is stored"
    return [f"NO USAGE WAS COMPARED: {why}. Differences are those of fees and terms alone."]


def show_stages(stages: Sequence[Stage]) -> None:
    """Print the duration of each part of the work."""
    print("\nTime")
    rows = [(each.name, f"{each.seconds:.2f} s", _speed(each)) for each in stages]
    total = sum(each.seconds for each in stages)
    output.print_table(("stage", "time", "speed"), [*rows, ("all", f"{total:.2f} s", "")], right=("time", "speed"))


def not_included(codes: Sequence[str], language: str) -> str:
    """The parts of a bill that figures leave out, in words."""
    return ("、" if language == "zh" else ", ").join(NOT_INCLUDED[language][code] for code in codes)


def as_csv(report: WhatIf) -> str:
    """One table with everything; amounts exact."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(CSV_COLUMNS)
    for part in report.currencies:
        writer.writerows(map(spreadsheet_cells.row, _csv_part(part)))
    for unpriced in report.unpriced:
        writer.writerow(
            ("unpriced", "", unpriced.plan, "", unpriced.service, unpriced.status, unpriced.now_events, "", unpriced.then_events, "", "")
        )
    for lost in report.lost:
        lost_row = ("lost", "", lost.plan, lost.zone, lost.service, "", lost.events, "", 0, "", "")
        writer.writerow(spreadsheet_cells.row(lost_row))
    return text.getvalue()


def _show_part(part: InCurrency) -> None:
    currency = part.currency
    print(f"\nRevenue in {currency}: {_amount(part.now_micros, currency)} now, {_amount(part.then_micros, currency)} then")
    plans = [
        (each.name, *_money(each.now_micros, each.then_micros, currency), _percent(each.change_micros, each.now_micros))
        for each in bills_of_plans(part)
    ]
    print("\nBy plan: usage, fees, tiers, discounts and commitments")
    output.print_table(("plan", "now", "then", "change", "%"), plans[:SHOWN_ROWS], right=("now", "then", "change", "%"))
    _tell_more(len(plans))
    for by in ("zone", "service"):
        groups = grouped(part, by)
        print(f"\nUsage by {by}")
        rows = [
            (each.name, each.now_events, each.then_events, *_money(each.now_micros, each.then_micros, currency))
            for each in groups[:SHOWN_ROWS]
        ]
        output.print_table((by, *_FIGURES), rows, right=_FIGURES)
        _tell_more(len(groups))
    if part.fees:
        print("\nFees")
        fees = [
            (each.plan, each.name, each.now_count, each.then_count, *_money(each.now_micros, each.then_micros, currency))
            for each in part.fees
        ]
        head = ("plan", "fee", "paid now", "paid then", "now", "then", "change")
        output.print_table(head, fees[:SHOWN_ROWS], right=head[2:])
        _tell_more(len(fees))
    if part.terms:
        print("\nTiers, discounts and commitments")
        terms = [
            (each.plan, each.kind, each.name, each.now_count, each.then_count, *_money(each.now_micros, each.then_micros, currency))
            for each in part.terms
        ]
        columns = ("plan", "kind", "name", "had now", "had then", "now", "then", "change")
        output.print_table(columns, terms[:SHOWN_ROWS], right=columns[3:])
        _tell_more(len(terms))
    _show_payers(part)


def _show_payers(part: InCurrency) -> None:
    payers, currency = part.payers, part.currency
    print(f"\nCustomers: {payers.customers}")
    rows = [
        ("pay more", payers.more, _percent(payers.more, payers.customers, sign=False), _signed(payers.more_micros, currency)),
        ("pay less", payers.less, _percent(payers.less, payers.customers, sign=False), _signed(payers.less_micros, currency)),
        ("pay the same", payers.same, _percent(payers.same, payers.customers, sign=False), ""),
    ]
    output.print_table(("", "customers", "%", "together"), rows, right=("customers", "%", "together"))
    if payers.foreign:
        print(f"not counted: {counted(payers.foreign, 'subscription')} with a plan in another currency than their account's")
    if payers.deciles:
        print("\nChange of a bill: so many customers have no larger one")
        names = ("smallest", *(f"{tenth}0 %" for tenth in range(1, 10)), "largest")
        of_more = payers.deciles_of_more or ("",) * len(names)
        deciles = [
            (name, _signed(every, currency), _signed(more, currency) if isinstance(more, int) else "")
            for name, every, more in zip(names, payers.deciles, of_more, strict=True)
        ]
        output.print_table(("share", "all customers", "who pay more"), deciles, right=("share", "all customers", "who pay more"))
    if part.most_affected:
        print("\nMost affected customers")
        affected = [
            (each.account_id, _plans(each.plans_now, each.plans_then), *_money(each.now_micros, each.then_micros, currency))
            for each in part.most_affected
        ]
        output.print_table(("account", "plans", "now", "then", "change"), affected, right=("now", "then", "change"))


def _show_unpriced(report: WhatIf) -> None:
    if report.unpriced:
        print("\nEvents without a price")
        rows = [(each.plan, each.service, each.status, each.now_events, each.then_events) for each in report.unpriced[:SHOWN_ROWS]]
        output.print_table(("plan", "service", "status", "now", "then"), rows, right=("now", "then"))
        _tell_more(len(report.unpriced))
    elif report.events:
        print("\nEvery event has a price, now and then.")
    if report.lost:
        print("\nEvents that lose their price")
        lost = [(each.plan, each.service, each.zone, each.events) for each in sorted(report.lost, key=lambda each: -each.events)]
        output.print_table(("plan", "service", "zone now", "events"), lost[:SHOWN_ROWS], right=("events",))
        _tell_more(len(lost))


def _csv_part(part: InCurrency) -> Iterator[Sequence[object]]:
    currency = part.currency
    for row in part.revenue:
        figures = _figures(row.now_events, row.now_micros, row.then_events, row.then_micros)
        yield ("usage", currency, row.plan, row.zone, row.service, "", *figures)
    for fee in part.fees:
        yield ("fee", currency, fee.plan, "", "", fee.name, *_figures(fee.now_count, fee.now_micros, fee.then_count, fee.then_micros))
    for term in part.terms:
        figures = _figures(term.now_count, term.now_micros, term.then_count, term.then_micros)
        yield (term.kind, currency, term.plan, "", "", term.name, *figures)
    payers = part.payers
    for name, count, micros in (
        ("more", payers.more, payers.more_micros),
        ("less", payers.less, payers.less_micros),
        ("same", payers.same, 0),
    ):
        yield ("customers", currency, "", "", "", name, count, "", count, "", format_micros(micros))
    for kind, deciles in (("decile", payers.deciles), ("decile of more", payers.deciles_of_more)):
        for tenth, change in enumerate(deciles):
            yield (kind, currency, "", "", "", f"{tenth * 10} %", "", "", "", "", format_micros(change))
    for each in part.most_affected:
        plans = _plans(each.plans_now, each.plans_then)
        yield ("affected", currency, plans, "", "", each.account_id, *_figures("", each.now_micros, "", each.then_micros))


def _figures(now_count: object, now_micros: int, then_count: object, then_micros: int) -> tuple[object, ...]:
    return (now_count, format_micros(now_micros), then_count, format_micros(then_micros), format_micros(then_micros - now_micros))


def _plans(now: Sequence[str], then: Sequence[str]) -> str:
    before, after = " ".join(now), " ".join(then)
    return before if before == after else f"{before} -> {after}"


def _money(now_micros: int, then_micros: int, currency: str) -> tuple[str, str, str]:
    return _amount(now_micros, currency), _amount(then_micros, currency), _signed(then_micros - now_micros, currency)


def _amount(micros: int, currency: str) -> str:
    """For the eye: to the minor unit of the currency."""
    step = minor_step_micros(MINOR_DIGITS.get(currency, 2))
    return output.amount(round_exact(micros, step, RoundingMode.HALF_UP), currency)


def _signed(micros: int, currency: str) -> str:
    return f"+{_amount(micros, currency)}" if micros > 0 else _amount(micros, currency)


def _percent(part: int, of: int, *, sign: bool = True) -> str:
    """To a tenth; nothing of nothing."""
    if of <= 0:
        return ""
    tenths = (abs(part) * 1000 + of // 2) // of
    mark = "-" if part < 0 and tenths else "+" if sign and tenths else ""
    return f"{mark}{tenths // 10}.{tenths % 10}"


def _speed(stage: Stage) -> str:
    return f"{stage.rows / stage.seconds / 1e6:.1f} M/s" if stage.rows and stage.seconds > 0 else ""


def _tell_more(count: int) -> None:
    if count > SHOWN_ROWS:
        print(f"and {count - SHOWN_ROWS} more; --csv has them all")
