"""BillRunService: starts operations, previews one account, and takes decisions on runs and re-ratings.

A call that takes long stores an operation, starts its process and returns. What the request alone shows to be wrong is refused by the
call; what the work refuses is the error of its operation. `undoing` and `follow_up` have further calls.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from billing.persons import Who
from billing.rerate import jobs
from billing.runs import quarantine, start, states, trial
from billing.runs.cycle import Order, abandon
from billing.runs.reports import run_report
from billing.runs.states import By, Step
from ratewright.v1 import bill_run_pb2 as runs
from ratewright.v1 import bill_run_service_pb2 as pb
from ratewright.v1 import bill_run_service_pb2_grpc
from ratewright.v1 import billing_results_pb2 as results
from server.actions import bill_runs
from server.actions.threads import thread_count
from server.grpc import calls, convert, paging
from server.grpc.bill_runs import messages, names, starting
from server.grpc.bill_runs.follow_up import FollowUpCalls
from server.grpc.bill_runs.undoing import UndoingCalls
from server.grpc.entrance import about, about_account, require_accounts
from server.grpc.refusals import invalid
from server.operations.work import previewed

if TYPE_CHECKING:
    import grpc

    from billing.payments.writing import Act
    from server.grpc.calls import Door


class BillRunService(starting.Starting, FollowUpCalls, UndoingCalls, bill_run_service_pb2_grpc.BillRunServiceServicer):
    """Servicer of ratewright.v1.BillRunService over one home."""

    def __init__(self, door: Door, page_token_key: bytes) -> None:
        starting.Starting.__init__(self, door)
        FollowUpCalls.__init__(self, door, page_token_key)

    def PreviewBill(self, request: pb.PreviewBillRequest, context: grpc.ServicerContext) -> runs.BillPreview:
        """Compute what a run would bill one account now."""

        def find() -> runs.BillPreview:
            account_id, day = names.parse_account(request.account), convert.parse_date(request.bill_date, "bill_date")
            about_account(self._door.home, account_id)
            order = Order(accounts=frozenset({account_id}))
            found = bill_runs.preview(self._door.home, day, order, self._door.clock_us, threads=thread_count(0))
            answer = messages.preview(previewed(found, whole_max=len(found.drafts)), practice=self._door.home.is_practice)
            others = {each.account.rpartition("/")[2] for each in answer.bills} | set(answer.quarantined) | set(answer.put_aside)
            require_accounts(self._door.home, others)
            return answer

        return calls.read(context, find)

    def GetBillRun(self, request: pb.GetBillRunRequest, context: grpc.ServicerContext) -> runs.BillRun:
        """One run with its figures."""
        return calls.read(context, lambda: self._run(names.parse_run_name(request.name)))

    def ListBillRuns(self, request: pb.ListBillRunsRequest, context: grpc.ServicerContext) -> pb.ListBillRunsResponse:
        """One page, newest first."""

        def find() -> pb.ListBillRunsResponse:
            home, page = self._door.home, paging.page(request, self._page_token_key)
            rows, token = page.parted(bill_runs.page(home, page.after_number, page.limit), lambda each: each.run_id)
            listed = [messages.bill_run(each, practice=home.is_practice) for each in rows]
            return pb.ListBillRunsResponse(bill_runs=listed, next_page_token=token)

        return calls.read(context, find)

    def CompareBillRun(self, request: pb.CompareBillRunRequest, context: grpc.ServicerContext) -> runs.BillRunComparison:
        """The list of a computed run beside the last period."""
        run = names.parse_run_name
        return calls.read(context, lambda: messages.comparison(trial.compare(self._door.home, run(request.name))))

    def ApproveBillRun(self, request: pb.ApproveBillRunRequest, context: grpc.ServicerContext) -> runs.BillRun:
        """Approve the list of a run that another operator started."""
        return self._decided(request, context, states.APPROVED)

    def RejectBillRun(self, request: pb.RejectBillRunRequest, context: grpc.ServicerContext) -> runs.BillRun:
        """Reject the list of a run."""
        return self._decided(request, context, states.DECISION_REJECTED)

    def AbandonBillRun(self, request: pb.AbandonBillRunRequest, context: grpc.ServicerContext) -> runs.BillRun:
        """Give up a run that has numbered nothing; one that was given up stays so."""

        def act(act: Act) -> runs.BillRun:
            home, run_id = self._door.home, names.parse_run_name(request.name)
            about(f"bill run {run_id}")
            found = self._run(run_id)
            if found.state != states.ABANDONED:
                day = bill_runs.require_unfinished(home, run_id)
                abandon(home, day, Step(act.now_us, By(act.by.name, act.by.uid)), dry_run=act.dry_run)
                found = self._run(run_id)
                found.state = states.ABANDONED
            return found

        return calls.write(self._door, request, context, runs.BillRun, act, lambda _: self._run(names.parse_run_name(request.name)))

    def ListQuarantinedAccounts(
        self, request: pb.ListQuarantinedAccountsRequest, context: grpc.ServicerContext
    ) -> pb.ListQuarantinedAccountsResponse:
        """Accounts that runs did not bill."""

        def find() -> pb.ListQuarantinedAccountsResponse:
            run_id = names.parse_run_name(request.bill_run) if request.bill_run else None
            found = quarantine.parked(self._door.home, run_id, every=request.show_billed)
            return pb.ListQuarantinedAccountsResponse(accounts=[messages.quarantined(each) for each in found])

        return calls.read(context, find)

    def ListReratings(self, _request: pb.ListReratingsRequest, context: grpc.ServicerContext) -> pb.ListReratingsResponse:
        """All re-ratings, oldest first."""

        def find() -> pb.ListReratingsResponse:
            found = jobs.jobs(self._door.home)
            return pb.ListReratingsResponse(reratings=[messages.rerating(each.request, each.figures, each) for each in found])

        return calls.read(context, find)

    def ApproveRerating(self, request: pb.ApproveReratingRequest, context: grpc.ServicerContext) -> results.Rerating:
        """Approve a re-rating that another operator planned."""
        return self._rerating_decided(request, context, jobs.APPROVED)

    def RejectRerating(self, request: pb.RejectReratingRequest, context: grpc.ServicerContext) -> results.Rerating:
        """Reject a re-rating."""
        return self._rerating_decided(request, context, jobs.REJECTED)

    def _run(self, run_id: int) -> runs.BillRun:
        with self._door.home.connect() as connection:
            current = states.find(connection, run_id)
            waits = current.state == states.COMPUTED and start.waits_for_approval(connection, current)
        report = run_report(self._door.home, run_id)
        return messages.bill_run(report, practice=self._door.home.is_practice, needs_approval=waits)

    def _decided(
        self, request: pb.ApproveBillRunRequest | pb.RejectBillRunRequest, context: grpc.ServicerContext, kind: str
    ) -> runs.BillRun:
        def act(act: Act) -> runs.BillRun:
            run_id, by = names.parse_run_name(request.name), By(act.by.name, act.by.uid)
            names.require_texts(request)
            _require_note(request.note, kind)
            about(f"bill run {run_id}")
            before.append(self._run(run_id))
            return answer(states.decide(self._door.home, run_id, kind, by, request.note, act.now_us, dry_run=act.dry_run))

        def answer(decided: states.Run) -> runs.BillRun:
            """The run as it was before, with the decision."""
            found, name = before[-1], calls.actor().name
            found.state, found.decided_by = decided.state, name
            if kind == states.APPROVED:
                found.approved_by, found.needs_approval = name, False
            return found

        before: list[runs.BillRun] = []

        def recover(_commit_seq: int) -> runs.BillRun:
            found = self._run(names.parse_run_name(request.name))
            found.decided_by = calls.actor().name  # who repeats the call has made it
            return found

        return calls.write(self._door, request, context, runs.BillRun, act, recover, answer)

    def _rerating_decided(
        self, request: pb.ApproveReratingRequest | pb.RejectReratingRequest, context: grpc.ServicerContext, kind: str
    ) -> results.Rerating:
        def act(act: Act) -> results.Rerating:
            job_id, who = names.parse_rerating_name(request.name), Who(act.by.name, act.by.uid, act.now_us)
            names.require_texts(request)
            _require_note(request.note, kind)
            about(f"re-rating {job_id}")
            return answer(jobs.decide(self._door.home, job_id, kind, request.note, who, dry_run=act.dry_run))

        def answer(job: jobs.Job) -> results.Rerating:
            return messages.rerating(job.request, job.figures, job)

        def recover(_commit_seq: int) -> results.Rerating:
            wanted = names.parse_rerating_name(request.name)
            job = next(each for each in jobs.jobs(self._door.home) if each.job_id == wanted)
            return messages.rerating(job.request, job.figures, job)

        return calls.write(self._door, request, context, results.Rerating, act, recover, answer)


def _require_note(note: str, kind: str) -> None:
    if kind != states.APPROVED and not note.strip():
        raise invalid("MALFORMED_REQUEST", "note: say why", {"field": "note"})
