"""DunningService: the state of an account on a day and the steps that come, runs and their undoing, and policies."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from billing import dunning, dunning_policy
from billing.persons import Who
from ratewright.v1 import dunning_service_pb2 as pb
from ratewright.v1 import dunning_service_pb2_grpc
from rating.errors import NotFoundError, as_shown, quoted
from server.actions import dunning as actions
from server.grpc import calls, convert, dunning_messages, entrance, paging
from server.grpc.finance import values
from server.grpc.refusals import invalid, not_found

if TYPE_CHECKING:
    import grpc

    from billing.payments.writing import Act
    from server.grpc.calls import Door

POLICY_BYTES_MAX: Final = 1 << 20
_FILE: Final = "policy"  # what problems call a file that was sent
_DIGITS_MAX: Final = 18


class DunningService(dunning_service_pb2_grpc.DunningServiceServicer):
    """Servicer of ratewright.v1.DunningService over one home. `page_token_key` signs the tokens of its pages."""

    def __init__(self, door: Door, page_token_key: bytes) -> None:
        self._door, self._home, self._key = door, door.home, page_token_key

    def GetDunningState(self, request: pb.GetDunningStateRequest, context: grpc.ServicerContext) -> pb.DunningState:
        """The state on the day of the request, or today where the account is."""

        def find() -> pb.DunningState:
            account_id = convert.parse_dunning_state_name(request.name)
            given = values.day_or_none(request, "as_of")
            try:
                entrance.about_account(self._home, account_id)
                as_of = given or actions.today(self._home, account_id, self._door.clock_us())
                history = dunning.history(self._home, account_id, as_of)
                coming = dunning.coming(self._home, account_id, as_of)
            except NotFoundError as error:
                told = {"account": account_id, "remedy": error.remedy}
                raise not_found("ACCOUNT_UNKNOWN", f"no account has the id {as_shown(account_id)}", told) from error
            state = dunning_messages.state(request.name, history, coming, as_of, show_undone=request.show_undone)
            state.practice = self._home.is_practice
            return state

        return calls.read(context, find)

    def RunDunning(self, request: pb.RunDunningRequest, context: grpc.ServicerContext) -> pb.RunDunningResponse:
        """The steps that are due on a date: taken, or shown."""

        def act(by: Act) -> pb.RunDunningResponse:
            day = values.day(request, "date")
            if by.dry_run:
                refusal = dunning.refusal(self._home, day, by.now_us)
                return self._ran(dunning.preview(self._home, day), refusal)
            return self._ran(dunning.run(self._home, day, by.now_us, by=by.by))

        def recover(commit_seq: int) -> pb.RunDunningResponse:
            return self._ran(dunning.steps_of(self._home, commit_seq))

        return values.write(self._door, request, context, act, recover, pb.RunDunningResponse, self._ran)

    def ListDunningRuns(self, request: pb.ListDunningRunsRequest, context: grpc.ServicerContext) -> pb.ListDunningRunsResponse:
        """A page of runs, oldest first."""

        def find() -> pb.ListDunningRunsResponse:
            page = paging.page(request, self._key)
            after = page.after_number or 0
            rows, token = page.parted([each for each in dunning.runs(self._home) if each.run_id > after], lambda each: each.run_id)
            return pb.ListDunningRunsResponse(dunning_runs=map(dunning_messages.run, rows), next_page_token=token)

        return calls.read(context, find)

    def UndoDunningRun(self, request: pb.UndoDunningRunRequest, context: grpc.ServicerContext) -> pb.DunningUndo:
        """A run that an operator asks to be undone."""
        return self._undo(request, context, agrees=False)

    def ApproveDunningUndo(self, request: pb.ApproveDunningUndoRequest, context: grpc.ServicerContext) -> pb.DunningUndo:
        """A run that is undone, as another operator agrees."""
        return self._undo(request, context, agrees=True)

    def AddDunningPolicy(self, request: pb.AddDunningPolicyRequest, context: grpc.ServicerContext) -> pb.AddDunningPolicyResponse:
        """A policy that is checked, or added."""

        def act(by: Act) -> pb.AddDunningPolicyResponse:
            return self._added(request, by.by.name, by.by.uid, by.now_us, dry_run=by.dry_run)

        def recover(_: int) -> pb.AddDunningPolicyResponse:
            who = calls.actor()
            again = pb.AddDunningPolicyRequest(content=request.content)
            return self._added(again, who.name, who.uid, self._door.clock_us(), dry_run=True)

        def answer(done: dunning_policy.Added) -> pb.AddDunningPolicyResponse:
            who = calls.actor()
            return _policy_answer(done, (who.name, who.uid), dry_run=False)

        return values.write(self._door, request, context, act, recover, pb.AddDunningPolicyResponse, answer)

    def ListDunningPolicies(self, _request: pb.ListDunningPoliciesRequest, context: grpc.ServicerContext) -> pb.ListDunningPoliciesResponse:
        """Every policy that is known."""

        def find() -> pb.ListDunningPoliciesResponse:
            return pb.ListDunningPoliciesResponse(policies=map(dunning_messages.kept_policy, actions.policies(self._home)))

        return calls.read(context, find)

    def _ran(self, steps: list[dunning.Change], refusal: str = "") -> pb.RunDunningResponse:
        run_id = steps[0].run_id if steps else None
        return pb.RunDunningResponse(
            dunning_run=dunning_messages.run_name(run_id),
            steps=map(dunning_messages.step, steps),
            refusal=refusal,
            practice=self._home.is_practice,
        )

    def _undo(
        self, request: pb.UndoDunningRunRequest | pb.ApproveDunningUndoRequest, context: grpc.ServicerContext, *, agrees: bool
    ) -> pb.DunningUndo:
        def act(by: Act) -> pb.DunningUndo:
            run_id = _run_id(request.name)
            entrance.about(f"dunning run {run_id}")
            who = Who(by.by.name, by.by.uid, by.now_us)
            return dunning_messages.undo(dunning.undo(self._home, run_id, request.reason, who, agrees=agrees, dry_run=by.dry_run))

        def recover(_: int) -> pb.DunningUndo:
            run = next(each for each in dunning.runs(self._home) if each.run_id == _run_id(request.name))
            day = convert.date(run.as_of)
            return pb.DunningUndo(dunning_run=request.name, date=day, waits=not agrees, asked_by=run.asked_by, reason=request.reason)

        return values.write(self._door, request, context, act, recover, pb.DunningUndo, dunning_messages.undo)

    def _added(
        self, request: pb.AddDunningPolicyRequest, name: str, uid: int, now_us: int, *, dry_run: bool
    ) -> pb.AddDunningPolicyResponse:
        if len(request.content) > POLICY_BYTES_MAX:
            raise invalid("MALFORMED_REQUEST", f"content: it has more than {POLICY_BYTES_MAX} bytes", {"field": "content"})
        policy = dunning_policy.parse_policy(request.content, _FILE)
        done = dunning_policy.add(self._home, policy, (name, uid), now_us, etag=request.etag, dry_run=dry_run)
        return _policy_answer(done, (name, uid), dry_run=dry_run)


def _policy_answer(done: dunning_policy.Added, by: tuple[str, int], *, dry_run: bool) -> pb.AddDunningPolicyResponse:
    return pb.AddDunningPolicyResponse(
        policy=dunning_messages.policy(done.policy, done.policy_hash, "home", by, holds=not dry_run or done.existed),
        already_added=done.existed,
        replaced_hash=done.replaces,
        doubts=dunning_policy.doubts(done.policy),
    )


def _run_id(name: str) -> int:
    """The number of a run."""
    text = values.identity(name, "dunningRuns", "dunning_run")
    if not (text.isascii() and text.isdecimal() and len(text) <= _DIGITS_MAX):
        form = "dunningRuns/{dunning_run}"
        raise invalid("MALFORMED_NAME", f"{quoted(name)} does not have the form {form}", {"form": form})
    return int(text)
