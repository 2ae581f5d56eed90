"""The usage report as tables for a person."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rating.counted import counted
from server.cli import output

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from billing.intake.columns import Quantities
    from billing.usage_report.intake_book import IntakeLine
    from billing.usage_report.rating_book import RatingLine
    from billing.usage_report.report import UsageReport

    Line = IntakeLine | RatingLine

_HOURS_TOLD = 72
_QUANTITIES = ("rows", "microseconds", "units", "bytes")


def show(report: UsageReport) -> None:
    """Print every part that has something to say, the books first."""
    print(f"usage from {report.first_day} to {output.last_day(report.end_day)}, UTC, as of commit {report.seq}")
    _intake(report)
    _rating(report)
    _lateness(report)
    _rates(report)
    _missing(report)
    _routes(report)
    print("\nevery book balances" if report.ok else "\nA BOOK DOES NOT BALANCE: see the lines in capitals, and `ratewright controls`")


def _intake(report: UsageReport) -> None:
    rows: list[tuple[str, ...]] = []
    for line in report.intake:
        name = _name(line, report.intake)
        for outcome in ("received", *sorted((line.counted.keys() | line.found.keys()) - {"received"})):
            rows += _sides((*name, outcome), line.counted.get(outcome), line.found.get(outcome))
    columns = ("source", "of", "outcome", *_QUANTITIES, "books")
    _table("Intake: what was counted, held to what is there", columns, rows, right=_QUANTITIES)


def _name(line: Line, lines: Sequence[Line]) -> tuple[str, str]:
    """Source and what else the line is of, where lines are of files or days."""
    of = "file" if any(each.file for each in lines) else "day" if any(each.day for each in lines) else ""
    return line.source, line.file or line.day or (of and f"no {of}")


def _sides(name: tuple[str, ...], counted: Quantities | None, found: Quantities | None) -> list[tuple[str, ...]]:
    """One row where both sides are equal, else one for each."""
    sides = [tuple(f"{value:,}" if value else "" for value in side or (0, 0, 0, 0)) for side in (counted, found)]
    if sides[0] == sides[1]:
        return [(*name, *sides[0], "balance")]
    return [(*name, *sides[0], "COUNTED"), (*name, *sides[1], "FOUND")]


def _rating(report: UsageReport) -> None:
    rows = []
    for line in report.rating:
        for place, unit in enumerate(_QUANTITIES):
            left = {name: each[place] for name, each in line.left.items()}
            right = {name: each[place] for name, each in line.right.items()}
            if unit == "rows" or any(left.values()) or any(right.values()):
                book = "balances" if sum(left.values()) == sum(right.values()) else "DIFFERS"
                rows.append((*_name(line, report.rating), unit, _terms(left), _terms(right), book))
    _table("Rating: what may bill, and what became of it", ("source", "of", "quantity", "in", "out", "book"), rows)


def _terms(side: Mapping[str, int]) -> str:
    return " + ".join(f"{value:,} {name.replace('_', ' ')}" for name, value in side.items() if value) or "0"


def _lateness(report: UsageReport) -> None:
    if not report.lateness:
        return
    buckets = tuple(report.lateness[0].rows)
    rows = [(each.source, *(f"{count:,}" for count in each.rows.values()), _days(each.latest_us)) for each in report.lateness]
    _table("How long after its start usage came", ("source", *buckets, "latest"), rows, right=(*buckets, "latest"))


def _days(late_us: int) -> str:
    hours = late_us // 3_600_000_000
    return f"{hours} h" if hours < _HOURS_TOLD else counted(hours // 24, "day")


def _rates(report: UsageReport) -> None:
    columns = ("source", "outcome", "rows", "of", "rate", "mean of 3 months before", "")
    rows = [
        (
            each.source,
            each.outcome,
            f"{each.rows:,}",
            f"{each.received:,}",
            percent(each.rate_ppm),
            "-" if each.mean_before_ppm is None else percent(each.mean_before_ppm),
            "conspicuous" if each.conspicuous else "",
        )
        for each in report.rates
        if each.rows or each.mean_before_ppm
    ]
    _table("Duplicates and refusals", columns, rows, right=columns[2:6])


def _missing(report: UsageReport) -> None:
    columns = ("source", "stream", "from", "to", "records", "missing", "numbers")
    rows = [
        (each.source, each.stream, str(each.first), str(each.last), f"{each.records:,}", f"{each.missing:,}", _ranges(each.ranges))
        for each in report.missing_numbers
    ]
    _table("Numbers of records", columns, rows, right=columns[2:6])
    findings = [(each.name, each.text, f"waived by {each.waived_by}" if each.waived_by else each.remedy) for each in report.findings]
    _table("Findings of collection", ("finding", "what", "what to do"), findings)


def _ranges(ranges: list[tuple[int, int]]) -> str:
    shown = [str(low) if low == high else f"{low}-{high}" for low, high in ranges[:5]]
    return ", ".join(shown) + (", ..." if len(ranges) > len(shown) else "")


def _routes(report: UsageReport) -> None:
    columns = ("switch", "route", "attempts", "answered", "answer ratio", "mean duration", "causes of the others")
    rows = [
        (
            each.source,
            each.route,
            f"{each.attempts:,}",
            f"{each.answered:,}",
            percent(each.answer_ratio_ppm),
            f"{each.mean_duration_us // 1_000_000} s",
            ", ".join(f"{cause}: {calls:,}" for cause, calls in each.causes.items()),
        )
        for each in report.routes
    ]
    _table("Calls", columns, rows, right=columns[2:6])


def percent(ppm: int) -> str:
    """Parts per million as percent with two places, rounded down."""
    hundredths = ppm // 100
    return f"{hundredths // 100}.{hundredths % 100:02d} %"


def _table(title: str, columns: tuple[str, ...], rows: Sequence[tuple[str, ...]], right: tuple[str, ...] = ()) -> None:
    if rows:
        print()
        output.print_table(columns, rows, right=right, title=title)
