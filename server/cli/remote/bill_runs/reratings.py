"""Re-ratings by a service: `ratewright bill rerate|rerate-list|rerate-approve|rerate-reject|rerate-apply --server`."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

from billing.rerate import jobs
from billing.rerate.figures import Beyond, Difference, Figures
from billing.rerate.jobs import Job, Step
from billing.rerate.request import Request
from ratewright.v1 import bill_run_service_pb2 as pb
from ratewright.v1 import bill_run_service_pb2_grpc as stubs
from ratewright.v1 import billing_results_pb2 as results
from server.cli.remote.bill_runs.values import run_id
from server.cli.remote.calling import by_currency, day, last
from server.cli.remote.operations import fitting, named, waited
from server.client import date, micros

if TYPE_CHECKING:
    from collections.abc import Iterable

    from server.cli.remote.operations import Report
    from server.client import Connection


class Reratings:
    """Calls of BillRunService about re-ratings."""

    def __init__(self, service: Connection) -> None:
        self._service = service
        self._stub = stubs.BillRunServiceStub(service.channel)

    def plan(
        self, plan: str, version: int, months: str, accounts: Iterable[str] | None, threads: int, report: Report, *, dry_run: bool
    ) -> tuple[Figures, Job | None]:
        """`bill rerate`: figures, and the job where one is stored."""
        wanted = pb.PlanReratingRequest(
            plan=plan,
            version=fitting(version, "--version"),
            months=months,
            accounts=named(accounts),
            threads=fitting(threads, "--threads"),
            validate_only=dry_run,
        )
        asked = self._service.call(self._stub.PlanRerating, wanted)
        found = waited(self._service, asked, results.Rerating(), report)
        return _figures(found), _job(found) if found.name else None

    def apply(self, job_id: int, issued_on: dt.date, threads: int, report: Report) -> Job:
        """`bill rerate-apply`."""
        wanted = pb.ApplyReratingRequest(name=_name(job_id), issue_date=date(issued_on), threads=fitting(threads, "--threads"))
        asked = self._service.call(self._stub.ApplyRerating, wanted)
        return _job(waited(self._service, asked, results.Rerating(), report))

    def decide(self, job_id: int, kind: str, note: str) -> Job:
        """`bill rerate-approve|rerate-reject`."""
        if kind == jobs.APPROVED:
            return _job(self._service.call(self._stub.ApproveRerating, pb.ApproveReratingRequest(name=_name(job_id), note=note)))
        return _job(self._service.call(self._stub.RejectRerating, pb.RejectReratingRequest(name=_name(job_id), note=note)))

    def list_jobs(self) -> list[Job]:
        """`bill rerate-list`."""
        return [_job(each) for each in self._service.call(self._stub.ListReratings, pb.ListReratingsRequest()).reratings]


def _name(job_id: int) -> str:
    return f"reratings/{job_id}"


def _job(found: results.Rerating) -> Job:
    return Job(
        job_id=int(last(found.name)),
        request=Request(
            plan=found.plan,
            version=found.version,
            first_day=dt.date.fromisoformat(day(found.from_date)),
            after_day=dt.date.fromisoformat(day(found.to_date)),
            accounts=tuple(last(each) for each in found.accounts) if found.restricted else None,
        ),
        pinned_seq=found.pinned_commit,
        figures=_figures(found),
        by_name=found.planned_by,
        by_uid=found.planned_by_number,
        state=found.state,
        decided_by=found.decided_by,
        run_ids=tuple(run_id(each) for each in found.bill_runs),
        existed=found.existed,
        steps=tuple(Step(each.kind, each.operator, each.time.ToMicroseconds(), each.note) for each in found.steps),
    )


def _figures(found: results.Rerating) -> Figures:
    return Figures(
        accounts=found.account_count,
        dearer=found.dearer_count,
        cheaper=found.cheaper_count,
        unchanged=found.unchanged_count,
        net_micros=by_currency(found.net),
        tax_micros=by_currency(found.tax),
        by_revenue_code=dict(sorted(found.net_micros_by_revenue_code.items(), key=_currency_and_code)),
        deciles={each.currency_code: list(each.net_micros) for each in found.deciles},
        largest=tuple(_difference(each) for each in found.largest),
        left_alone=tuple(last(each) for each in found.left_alone),
        quarantined=dict(sorted(found.quarantined.items())),
        beyond={account_id: _beyond(found.beyond[account_id]) for account_id in sorted(found.beyond)},
        moved=tuple(last(each) for each in found.moved),
    )


def _currency_and_code(of: tuple[str, int]) -> tuple[str, int]:
    currency, code = of[0].split()
    return currency, int(code)


def _difference(found: results.AccountDifference) -> Difference:
    return Difference(last(found.account), found.net.currency_code, micros(found.net), micros(found.tax))


def _beyond(found: results.GivenBeyond) -> Beyond:
    return Beyond(micros(found.amount), found.amount.currency_code, tuple(found.credit_notes))
