"""ReportUsage: the books of intake and rating, and what an operator watches."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from billing.usage_report.intake_book import By
from billing.usage_report.report import usage_report
from billing.usage_report.span import Span
from ratewright.v1 import usage_report_pb2 as pb
from rating.errors import UserError, quoted
from server.grpc import calls, convert
from server.grpc.finance import values
from server.grpc.refusals import invalid
from server.grpc.usage.file_calls import finding

if TYPE_CHECKING:
    from collections.abc import Mapping

    import grpc

    from billing.intake.columns import Quantities
    from billing.usage_report.report import UsageReport
    from server.grpc.calls import Door

_INT64_MAX: Final = 2**63 - 1


class ReportCalls:
    """The call that reports usage."""

    def __init__(self, door: Door) -> None:
        self._door = door

    def report(self, request: pb.ReportUsageRequest, context: grpc.ServicerContext) -> pb.UsageReport:
        """The report of a span."""

        def find() -> pb.UsageReport:
            values.require_texts(request)
            by = request.by or By.SOURCE.value
            if by not in set(By):
                raise invalid("MALFORMED_REQUEST", f"by: there is no book by {quoted(by)}; use {', '.join(By)}", {"field": "by"})
            return _report(usage_report(self._door.home, _span(request), request.source or None, By(by)))

        return calls.read(context, find)


def _span(request: pb.ReportUsageRequest) -> Span | None:
    first, end = values.day_or_none(request, "from_date"), values.day_or_none(request, "to_date")
    if first is None and end is None:
        return None
    if first is None or end is None or end <= first:
        raise invalid("MALFORMED_REQUEST", "from_date and to_date are not two days in their order", {"field": "to_date"})
    return Span(first, end)


def _report(found: UsageReport) -> pb.UsageReport:
    return pb.UsageReport(
        from_date=convert.date(found.first_day),
        to_date=convert.date(found.end_day),
        commit=found.seq,
        intake=[
            pb.IntakeBookLine(
                source=each.source,
                file_name=each.file,
                day=each.day,
                counted=_sums(each.counted),
                found=_sums(each.found),
                balances=each.ok,
            )
            for each in found.intake
        ],
        rating=[
            pb.RatingBookLine(
                source=each.source,
                file_name=each.file,
                day=each.day,
                origins=_sums(each.left),
                fates=_sums(each.right),
                balances=each.ok,
            )
            for each in found.rating
        ],
        lateness=[
            pb.UsageLateness(
                source=each.source,
                buckets=[pb.UsageBucket(name=name, row_count=rows) for name, rows in each.rows.items()],
                latest_us=each.latest_us,
            )
            for each in found.lateness
        ],
        rates=[
            pb.UsageRate(
                source=each.source,
                outcome=each.outcome,
                row_count=each.rows,
                received_count=each.received,
                rate_ppm=each.rate_ppm,
                mean_before_ppm=each.mean_before_ppm,
                conspicuous=each.conspicuous,
            )
            for each in found.rates
        ],
        missing_numbers=[
            pb.MissingNumbers(
                source=each.source,
                stream=each.stream,
                first_number=each.first,
                last_number=each.last,
                record_count=each.records,
                missing_count=each.missing,
                ranges=[pb.MissingRange(first_number=first, last_number=last) for first, last in each.ranges],
            )
            for each in found.missing_numbers
        ],
        findings=map(finding, found.findings),
        routes=[
            pb.RouteQuality(
                source=each.source,
                route=each.route,
                attempt_count=each.attempts,
                answered_count=each.answered,
                answer_ratio_ppm=each.answer_ratio_ppm,
                duration_us=_fitting(each.duration_us),
                mean_duration_us=each.mean_duration_us,
                causes=[pb.CauseCount(cause=cause, call_count=calls_) for cause, calls_ in each.causes.items()],
            )
            for each in found.routes
        ],
        balances=found.ok,
    )


def _sums(sides: Mapping[str, Quantities]) -> list[pb.UsageSums]:
    return [
        pb.UsageSums(
            name=name,
            row_count=each.rows,
            duration_us=_fitting(each.duration_us),
            units=_fitting(each.units),
            volume_bytes=_fitting(each.volume_bytes),
        )
        for name, each in sides.items()
    ]


def _fitting(value: int) -> int:
    """A sum that a message can hold. Raises UserError for one that it cannot."""
    if abs(value) > _INT64_MAX:
        message = "sums of this span are too large for a message"
        raise UserError(message, "take fewer days, or `ratewright usage report` on the machine that holds the home")
    return value
