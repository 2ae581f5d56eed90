"""Dunning by a service: states, runs and their undoing, policies."""

from __future__ import annotations

from typing import TYPE_CHECKING

import grpc
import msgspec

from billing.dunning import Change, History, PutBack, Run, Undo, Undone
from billing.dunning.looking import pick
from billing.dunning.steps import UNDO_ASKED, UNDONE
from billing.dunning.undoing import reason_of, undone_before
from billing.dunning_policy import Action, Added, Kept, Policy, Step
from ratewright.v1 import dunning_service_pb2 as pb
from ratewright.v1 import dunning_service_pb2_grpc as stubs
from server.cli.remote.calling import PAGE_SIZE, account, day, last, tail
from server.client import CallError, date, micros

if TYPE_CHECKING:
    import datetime as dt

    from server.client import Connection


class Dunning:
    """Calls of DunningService. A state without a date is as of today where the account is, by the clock of the service."""

    def __init__(self, service: Connection) -> None:
        self._service = service
        self._stub = stubs.DunningServiceStub(service.channel)

    def show(self, account_id: str, as_of: dt.date | None) -> History:
        """`dunning show`."""
        asked = pb.GetDunningStateRequest(
            name=f"{account(account_id)}/dunningState", as_of=None if as_of is None else date(as_of), show_undone=True
        )
        found = self._service.call(self._stub.GetDunningState, asked)
        return History(
            account_id=account_id,
            as_of=day(found.as_of),
            level=found.policy_level,
            action=found.policy_action,
            oldest_due_on=day(found.oldest_due_date) or None,
            overdue_micros=micros(found.overdue),
            currency=found.overdue.currency_code,
            barred=found.outgoing_barred,
            policy=found.policy,
            held_level=found.held_level,
            steps=tuple(map(_step, found.steps)),
            taken_level=found.taken_level,
            taken_action=found.taken_action,
            taken_on=day(found.taken_date),
        )

    def run(self, as_of: dt.date) -> list[Change]:
        """`dunning run`."""
        return list(map(_step, self._service.call(self._stub.RunDunning, pb.RunDunningRequest(date=date(as_of))).steps))

    def preview(self, as_of: dt.date) -> tuple[list[Change], str]:
        """`dunning preview`: the steps, and why a run would refuse now."""
        found = self._service.call(self._stub.RunDunning, pb.RunDunningRequest(date=date(as_of), validate_only=True))
        return list(map(_step, found.steps)), found.refusal

    def runs(self) -> list[Run]:
        """`dunning list`."""
        asked = pb.ListDunningRunsRequest(page_size=PAGE_SIZE)
        return [_run(each) for each in self._service.pages(self._stub.ListDunningRuns, asked, "dunning_runs")]

    def undo(self, run_id: int, reason: str, *, dry_run: bool) -> Undo:
        """`dunning undo`: asked for, or agreed to where another person has asked."""
        reason, found = reason_of(reason), pick(self.runs(), run_id)
        if found.state == UNDONE:  # whoever gives the command: who may not ask for it either
            return undone_before(found)
        name = f"dunningRuns/{found.run_id}"
        asked = pb.UndoDunningRunRequest(name=name, reason=reason, validate_only=dry_run)
        if found.state != UNDO_ASKED:
            return _undo(self._service.call(self._stub.UndoDunningRun, asked))
        agreed = pb.ApproveDunningUndoRequest(name=name, reason=reason, validate_only=dry_run)
        try:
            return _undo(self._service.call(self._stub.ApproveDunningUndo, agreed))
        except CallError as error:
            if error.code != grpc.StatusCode.PERMISSION_DENIED:
                raise
            return self._told_that_it_waits(asked, error)

    def _told_that_it_waits(self, asked: pb.UndoDunningRunRequest, denied: CallError) -> Undo:
        """The service's answer to one who may not agree to what waits, but may ask. Raises `denied` for one who may do neither."""
        try:
            return _undo(self._service.call(self._stub.UndoDunningRun, asked))
        except CallError as error:
            raise (denied if error.code == grpc.StatusCode.PERMISSION_DENIED else error) from None

    def add_policy(self, content: bytes, *, dry_run: bool) -> tuple[Added, list[str]]:
        """`dunning policy add|check`: the policy, and what is doubtful."""
        done = self._service.call(self._stub.AddDunningPolicy, pb.AddDunningPolicyRequest(content=content, validate_only=dry_run))
        return Added(_policy(done.policy), done.policy.hash, done.already_added, done.replaced_hash), list(done.doubts)

    def policies(self) -> list[Kept]:
        """`dunning policy list`."""
        found = self._service.call(self._stub.ListDunningPolicies, pb.ListDunningPoliciesRequest())
        return [
            Kept(
                policy=_policy(each),
                policy_hash=each.hash,
                origin=each.origin,
                holds=each.holds,
                by_name=each.added_by,
                by_uid=each.added_by_number,
                at_us=each.add_time.ToMicroseconds(),
                commit_seq=each.commit_seq,
            )
            for each in found.policies
        ]


def _step(found: pb.DunningStep) -> Change:
    run_id = int(last(found.dunning_run)) if found.dunning_run else None
    undoing = None
    if found.HasField("undoing") and run_id is not None:
        told = found.undoing
        at_us = told.undo_time.ToMicroseconds()
        undoing = Undone(run_id, day(found.date), told.undone_by, at_us, told.reason, told.asked_by, told.asked_reason)
    return Change(
        account_id=tail(found.account),
        level_before=found.level_before,
        level=found.level,
        action=found.action,
        oldest_due_on=day(found.oldest_due_date) or None,
        overdue_micros=micros(found.overdue),
        currency=found.overdue.currency_code,
        as_of=day(found.date),
        policy=found.policy,
        policy_hash=found.policy_hash,
        run_id=run_id,
        undone=undoing is not None,
        undoing=undoing,
    )


def _run(found: pb.DunningRun) -> Run:
    return Run(
        run_id=int(last(found.name)),
        as_of=day(found.date),
        by_name=found.run_by,
        by_uid=found.run_by_number,
        at_us=found.run_time.ToMicroseconds(),
        commit_seq=found.commit_seq,
        reminded=found.remind_count,
        barred=found.bar_count,
        cleared=found.clear_count,
        state=found.state,
        reason=found.reason,
        asked_reason=found.undo_asked_reason,
        asked_by=found.undo_asked_by,
        asked_by_uid=found.undo_asked_by_number if found.HasField("undo_asked_by_number") else None,
        undone_by=found.undone_by,
        undone_seq=found.undo_commit_seq if found.HasField("undo_commit_seq") else None,
        undone_at_us=found.undo_time.ToMicroseconds() if found.HasField("undo_time") else None,
    )


def _undo(done: pb.DunningUndo) -> Undo:
    return Undo(
        run_id=int(last(done.dunning_run)),
        as_of=day(done.date),
        reason=done.reason,
        waits=done.waits,
        existed=done.already_undone,
        asked_by=done.asked_by,
        accounts=tuple(
            PutBack(tail(each.account), each.level_undone, each.action_undone, each.level, each.action, each.bar) for each in done.accounts
        ),
    )


def _policy(found: pb.DunningPolicy) -> Policy:
    return Policy(found.policy, tuple(map(_policy_step, found.steps)))


def _policy_step(found: pb.DunningPolicyStep) -> Step:
    after = int(found.after) if found.after.isdecimal() else Action(found.after) if found.after else None
    step = Step(found.level, Action(found.action), found.days_past_due, after=after, days_after=found.days_after)
    return step if found.amount_min == step.amount_min else msgspec.structs.replace(step, amount_min=found.amount_min)
