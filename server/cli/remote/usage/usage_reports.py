"""The books of intake and rating by a service: `ratewright usage report --server`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from billing.intake.columns import Quantities
from billing.usage_report.intake_book import IntakeLine
from billing.usage_report.lateness import Lateness
from billing.usage_report.missing_numbers import MissingNumbers
from billing.usage_report.quality import RouteQuality
from billing.usage_report.rates import Rate
from billing.usage_report.rating_book import RatingLine
from billing.usage_report.report import UsageReport
from ratewright.v1 import usage_report_pb2 as pb
from ratewright.v1 import usage_service_pb2_grpc as stubs
from server.cli.remote.calling import LONG_S, day
from server.cli.remote.usage.usage_files import finding_of
from server.client import date

if TYPE_CHECKING:
    from collections.abc import Iterable

    from billing.usage_report.intake_book import By
    from billing.usage_report.span import Span
    from server.client import Connection


class UsageReports:
    """ReportUsage."""

    def __init__(self, service: Connection) -> None:
        self._service = service
        self._stub = stubs.UsageServiceStub(service.channel)

    def report(self, span: Span | None, source: str | None, by: By) -> UsageReport:
        """`usage report`."""
        asked = pb.ReportUsageRequest(
            from_date=None if span is None else date(span.first),
            to_date=None if span is None else date(span.end),
            source=source or "",
            by=by.value,
        )
        found = self._service.call(self._stub.ReportUsage, asked, deadline_s=LONG_S)
        return UsageReport(
            first_day=day(found.from_date),
            end_day=day(found.to_date),
            seq=found.commit,
            intake=list(map(_intake, found.intake)),
            rating=list(map(_rating, found.rating)),
            lateness=[
                Lateness(each.source, {bucket.name: bucket.row_count for bucket in each.buckets}, each.latest_us) for each in found.lateness
            ],
            rates=list(map(_rate, found.rates)),
            missing_numbers=list(map(_missing, found.missing_numbers)),
            findings=list(map(finding_of, found.findings)),
            routes=list(map(_route, found.routes)),
        )


def _intake(found: pb.IntakeBookLine) -> IntakeLine:
    return IntakeLine(found.source, found.file_name, found.day, _sums(found.counted), _sums(found.found), found.balances)


def _rating(found: pb.RatingBookLine) -> RatingLine:
    return RatingLine(found.source, found.file_name, found.day, _sums(found.origins), _sums(found.fates), found.balances)


def _sums(found: Iterable[pb.UsageSums]) -> dict[str, Quantities]:
    return {each.name: Quantities(each.row_count, each.duration_us, each.units, each.volume_bytes) for each in found}


def _rate(found: pb.UsageRate) -> Rate:
    return Rate(
        source=found.source,
        outcome=found.outcome,
        rows=found.row_count,
        received=found.received_count,
        rate_ppm=found.rate_ppm,
        mean_before_ppm=found.mean_before_ppm if found.HasField("mean_before_ppm") else None,
        conspicuous=found.conspicuous,
    )


def _missing(found: pb.MissingNumbers) -> MissingNumbers:
    return MissingNumbers(
        source=found.source,
        stream=found.stream,
        first=found.first_number,
        last=found.last_number,
        records=found.record_count,
        missing=found.missing_count,
        ranges=[(each.first_number, each.last_number) for each in found.ranges],
    )


def _route(found: pb.RouteQuality) -> RouteQuality:
    return RouteQuality(
        source=found.source,
        route=found.route,
        attempts=found.attempt_count,
        answered=found.answered_count,
        answer_ratio_ppm=found.answer_ratio_ppm,
        duration_us=found.duration_us,
        mean_duration_us=found.mean_duration_us,
        causes={each.cause: each.call_count for each in found.causes},
    )
