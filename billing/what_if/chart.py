"""A what-if as a picture: revenue of each plan now and then, and the change of customers' bills. SVG by hand, one file, no script.

For each currency: bars of plans (usage, fees and terms), and the deciles of the change of a bill. The page (HTML) holds the same picture,
and the figures beside it. Colours tell apart for the colour-blind, and every bar has its figure in text.
"""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING, Final

from billing.what_if.report import Group, bills_of_plans, grouped
from rating.counted import counted

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from billing.what_if.report import InCurrency, WhatIf

WIDTH: Final = 960
PLANS_MAX: Final = 12
ROWS_MAX: Final = 20
_LEFT, _RIGHT = 230, 210  # room for names, and for figures at the end of a bar
_FIGURE = 130  # room for the figure at either end of a change
_BAR, _GAP = 13, 12
_NOW, _THEN, _MORE, _LESS = "#9aa5b1", "#0072b2", "#d55e00", "#009e73"
_MICROS: Final = 1_000_000
_FONT: Final = "font-family:'DejaVu Sans','Noto Sans','Noto Sans SC',sans-serif"
_STYLE: Final = f"text{{{_FONT};font-size:12px;fill:#1f2933}}.h{{font-size:15px;font-weight:bold}}.s{{fill:#52606d}}"
_PAGE_STYLE: Final = (
    f"body{{{_FONT};margin:24px;color:#1f2933}}table{{border-collapse:collapse;margin:8px 0 28px}}"
    "td,th{padding:3px 12px;border-bottom:1px solid #d9dee3;text-align:left}td.n,th.n{text-align:right;font-variant-numeric:tabular-nums}"
)


def svg(report: WhatIf) -> str:
    """The picture."""
    body: list[str] = []
    top = 34
    name = f"{report.identity}@{report.version}"
    body.append(_text(20, top, f"What {name} would have made of {report.month}", "h"))
    top += 20
    body.append(_text(20, top, _subtitle(report), "s"))
    for part in report.currencies:
        top = _plans(body, part, top + 40)
        top = _deciles(body, part, top + 30)
    height = top + 20
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" height="{height}" role="img" '
        f'aria-label="What {escape(name)} would have made of {report.month}">'
    )
    return (
        "\n".join([head, f"<style>{_STYLE}</style>", f'<rect width="{WIDTH}" height="{height}" fill="#ffffff"/>', *body, "</svg>"]) + "\n"
    )


def html(report: WhatIf) -> str:
    """The picture in a page, with the figures beside it."""
    title = f"What {escape(report.identity)}@{report.version} would have made of {report.month}"
    parts = [
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">',
        f"<title>{title}</title>",
        f"<style>{_PAGE_STYLE}</style></head><body>",
        svg(report),
    ]
    for part in report.currencies:
        for by in ("plan", "zone", "service"):
            groups = grouped(part, by)
            parts.append(_table(f"Usage by {by}, {part.currency}", (by, "events now", "events then", "now", "then", "change"), groups))
        rows = [Group(each.account_id, 0, each.now_micros, 0, each.then_micros) for each in part.most_affected]
        parts.append(_table(f"Most affected customers, {part.currency}", ("customer", "now", "then", "change"), rows, with_events=False))
    parts.append("</body></html>\n")
    return "\n".join(parts)


def _subtitle(report: WhatIf) -> str:
    only = f", subscriptions of {report.only_plan} alone" if report.only_plan else ""
    moves = "".join(f", {each.subscriptions:,} moved from {each.old} to {each.new}" for each in report.moved)
    return f"{counted(report.events, 'event')}{only}{moves}; no tax added; every account by the calendar month"


def _plans(body: list[str], part: InCurrency, top: int) -> int:
    """Bars of plans; returns where they end."""
    groups = bills_of_plans(part)
    shown = groups[:PLANS_MAX]
    if len(groups) > PLANS_MAX:
        rest = groups[PLANS_MAX:]
        now, then = (sum(amounts) for amounts in zip(*((each.now_micros, each.then_micros) for each in rest), strict=True))
        shown.append(Group(counted(len(rest), "other"), 0, now, 0, then))
    body.append(_text(20, top, f"Revenue by plan, {part.currency}: usage, fees, tiers, discounts and commitments", "h"))
    body.append(f'<rect x="{_LEFT}" y="{top + 12}" width="12" height="12" fill="{_NOW}"/>' + _text(_LEFT + 18, top + 22, "now"))
    body.append(f'<rect x="{_LEFT + 70}" y="{top + 12}" width="12" height="12" fill="{_THEN}"/>' + _text(_LEFT + 88, top + 22, "then"))
    total = Group("all plans", 0, part.now_micros, 0, part.then_micros)
    body.append(_text(_LEFT + 150, top + 22, f"all plans: {_change(total)}", "s"))
    top += 36
    largest = max([1, *(max(each.now_micros, each.then_micros) for each in shown)])
    for each in shown:
        body.append(_text(_LEFT - 8, top + _BAR + 5, _cut(each.name), anchor="end"))
        for place, (micros, colour) in enumerate(((each.now_micros, _NOW), (each.then_micros, _THEN))):
            length = max(micros, 0) * (WIDTH - _LEFT - _RIGHT) // largest
            y = top + place * _BAR
            body.append(f'<rect x="{_LEFT}" y="{y}" width="{length}" height="{_BAR - 1}" fill="{colour}"/>')
            told = _amount(micros) if place == 0 else f"{_amount(micros)} ({_signed(each.change_micros)})"
            body.append(_text(_LEFT + length + 6, y + _BAR - 2, told))
        top += 2 * _BAR + _GAP
    return top


def _deciles(body: list[str], part: InCurrency, top: int) -> int:
    """Bars of the change of customers' bills; returns where they end."""
    payers = part.payers
    body.append(_text(20, top, f"Change of a customer's bill, {part.currency}", "h"))
    shares = ", ".join(
        f"{_percent(count, payers.customers)} {what}"
        for count, what in ((payers.more, "pay more"), (payers.less, "pay less"), (payers.same, "pay the same"))
    )
    body.append(_text(20, top + 20, f"{payers.customers:,} customers: {shares}", "s"))
    top += 36
    largest = max([1, *(abs(each) for each in payers.deciles)])
    half = (WIDTH - _LEFT) // 2 - _FIGURE
    middle = _LEFT + _FIGURE + half
    names = ["smallest change", *(f"{tenth}0 % of customers: at most" for tenth in range(1, 10)), "largest change"]
    for name, micros in zip(names, payers.deciles, strict=False):
        length = abs(micros) * half // largest
        left = middle if micros >= 0 else middle - length
        body.append(_text(_LEFT - 8, top + _BAR - 2, name, anchor="end"))
        body.append(f'<rect x="{left}" y="{top}" width="{length}" height="{_BAR - 1}" fill="{_MORE if micros > 0 else _LESS}"/>')
        at, anchor = (middle + length + 6, "start") if micros >= 0 else (middle - length - 6, "end")
        body.append(_text(at, top + _BAR - 2, _signed(micros), anchor=anchor))
        top += _BAR + 6
    body.append(
        f'<line x1="{middle}" y1="{top - 11 * (_BAR + 6) - 4}" x2="{middle}" y2="{top}" stroke="#52606d"/>' if payers.deciles else ""
    )
    return top


def _table(title: str, columns: Sequence[str], groups: Sequence[Group], *, with_events: bool = True) -> str:
    heads = "".join(f"<th{'' if place == 0 else ' class=n'}>{escape(name)}</th>" for place, name in enumerate(columns))
    rows = ["".join(_cells(each, with_events=with_events)) for each in groups[:ROWS_MAX]]
    more = f"<p>and {len(groups) - ROWS_MAX} more</p>" if len(groups) > ROWS_MAX else ""
    return f"<h2>{escape(title)}</h2><table><tr>{heads}</tr>{''.join(f'<tr>{row}</tr>' for row in rows)}</table>{more}"


def _cells(group: Group, *, with_events: bool) -> Iterator[str]:
    yield f"<td>{escape(group.name)}</td>"
    figures = [f"{group.now_events:,}", f"{group.then_events:,}"] if with_events else []
    for figure in [*figures, _amount(group.now_micros), _amount(group.then_micros), _signed(group.change_micros)]:
        yield f'<td class="n">{figure}</td>'


def _text(x: int, y: int, text: str, kind: str = "", anchor: str = "") -> str:
    also = (f' class="{kind}"' if kind else "") + (f' text-anchor="{anchor}"' if anchor else "")
    return f'<text x="{x}" y="{y}"{also}>{escape(text)}</text>'


def _amount(micros: int) -> str:
    """For the eye: two places, thousands apart; the CSV has the exact ones."""
    cents = (abs(micros) * 100 + _MICROS // 2) // _MICROS
    return f"{'-' if micros < 0 and cents else ''}{cents // 100:,}.{cents % 100:02}"


def _signed(micros: int) -> str:
    return f"+{_amount(micros)}" if micros > 0 else _amount(micros)


def _change(group: Group) -> str:
    share = f", {_signed_percent(group)}" if group.now_micros else ""
    return f"{_amount(group.now_micros)} now, {_amount(group.then_micros)} then ({_signed(group.change_micros)}{share})"


def _signed_percent(group: Group) -> str:
    tenths = (abs(group.change_micros) * 1000 + group.now_micros // 2) // group.now_micros
    sign = "" if not tenths else "+" if group.change_micros > 0 else "-"
    return f"{sign}{tenths // 10}.{tenths % 10} %"


def _percent(count: int, of: int) -> str:
    tenths = (count * 1000 + of // 2) // of if of else 0
    return f"{tenths // 10}.{tenths % 10} %"


def _cut(name: str, longest: int = 32) -> str:
    return name if len(name) <= longest else f"{name[: longest - 1]}…"
