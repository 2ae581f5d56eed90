"""All figures of a span together, for `ratewright usage report`, as text or JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import pyarrow as pa

from billing.collection.findings import Finding, findings
from billing.intake import view
from billing.intake.known_records.source_memory import require_source
from billing.usage_report.intake_book import By, IntakeLine, intake_lines
from billing.usage_report.lateness import Lateness, lateness
from billing.usage_report.missing_numbers import MissingNumbers, missing_numbers
from billing.usage_report.quality import RouteQuality, route_quality
from billing.usage_report.rates import Rate, rates
from billing.usage_report.rating_book import RatingLine, rating_book
from billing.usage_report.span import Span, month_of
from rating.errors import UserError

if TYPE_CHECKING:
    from billing.store.home import Home


class UsageReport(msgspec.Struct, frozen=True):
    """Figures of a span of UTC days, half open, as of a commit."""

    first_day: str
    end_day: str
    seq: int
    intake: list[IntakeLine]
    rating: list[RatingLine]
    lateness: list[Lateness]
    rates: list[Rate]
    missing_numbers: list[MissingNumbers]
    findings: list[Finding]
    routes: list[RouteQuality]

    @property
    def ok(self) -> bool:
        """True if every book balances."""
        return all(line.ok for line in self.intake) and all(line.ok for line in self.rating)


def usage_report(home: Home, span: Span | None = None, source: str | None = None, by: By = By.SOURCE) -> UsageReport:
    """The report of a span; of the UTC month of the latest usage, if none is given. Raises UserError where there is nothing to report."""
    with home.connect() as connection:
        seq = home.head_seq(connection)
        found = [each for each in findings(connection) if source in {None, each.source}]
    if source is not None:
        require_source(home, source)
    days = span or _latest_month(home, seq, source)
    return UsageReport(
        first_day=days.first.isoformat(),
        end_day=days.end.isoformat(),
        seq=seq,
        intake=intake_lines(home, seq, days, source, by),
        rating=rating_book(home, seq, days, source, by),
        lateness=lateness(home, seq, days, source),
        rates=rates(home, seq, days, source),
        missing_numbers=missing_numbers(home, seq, days, source),
        findings=found,
        routes=route_quality(home, seq, days, source),
    )


def _latest_month(home: Home, seq: int, source: str | None) -> Span:
    """The month of the latest event, of one source if given."""
    table = view.usage(home, ("source", "start_us"), seq, every=True)
    starts = table.column("start_us").cast(pa.int64()).to_numpy()
    if source is not None:
        starts = starts[table.column("source").cast(pa.string()).to_numpy(zero_copy_only=False) == source]
    if starts.size == 0:
        raise UserError("no usage was taken in yet", "take some in first, with `ratewright usage ingest` or `usage collect`")
    return month_of(int(starts.max()))
