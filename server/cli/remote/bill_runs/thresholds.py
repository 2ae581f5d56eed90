"""Interim bills by a service: `ratewright bill thresholds --server`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from billing.documents.interim import Interim, InterimRun, Limit, PassedBy
from ratewright.v1 import bill_run_service_pb2 as pb
from ratewright.v1 import bill_run_service_pb2_grpc as stubs
from ratewright.v1 import billing_results_pb2 as results
from server.cli.remote.bill_runs.values import run_id
from server.cli.remote.calling import day, last
from server.cli.remote.operations import fitting, waited
from server.client import date, micros

if TYPE_CHECKING:
    import datetime as dt

    from server.cli.remote.operations import Report
    from server.client import Connection


class Thresholds:
    """Calls of BillRunService about bills in mid-cycle."""

    def __init__(self, service: Connection) -> None:
        self._service = service
        self._stub = stubs.BillRunServiceStub(service.channel)

    def bill(self, bill_date: dt.date, threads: int, report: Report, *, dry_run: bool) -> InterimRun:
        """`bill thresholds`."""
        wanted = pb.BillThresholdsRequest(bill_date=date(bill_date), threads=fitting(threads, "--threads"), validate_only=dry_run)
        asked = self._service.call(self._stub.BillThresholds, wanted)
        found = waited(self._service, asked, results.ThresholdBilling(), report)
        return InterimRun(
            run_id=run_id(found.bill_run),
            date=day(found.bill_date),
            invoices=found.invoice_count,
            reached=tuple(_interim(each) for each in found.reached),
            limits=tuple(_limit(each) for each in found.limits),
            held=tuple(_interim(each) for each in found.held),
            passed_by=tuple(PassedBy(last(each.account), each.subscription_id, each.display_name, each.reason) for each in found.passed_by),
            refused=found.refused,
        )


def _interim(found: results.ReachedThreshold) -> Interim:
    return Interim(
        account_id=last(found.account),
        subscription_id=found.subscription_id,
        threshold=found.display_name,
        threshold_micros=micros(found.threshold),
        unbilled_micros=micros(found.unbilled),
        period_from=day(found.period_from),
        currency=found.threshold.currency_code,
    )


def _limit(found: results.ReachedLimit) -> Limit:
    return Limit(
        account_id=last(found.account),
        subscription_id=found.subscription_id,
        limit=found.display_name,
        limit_micros=micros(found.limit),
        spent_micros=micros(found.spent),
        window_from=day(found.window_from),
        action=found.action,
        currency=found.limit.currency_code,
    )
