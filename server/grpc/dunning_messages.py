"""Messages of dunning."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

from ratewright.v1 import dunning_service_pb2 as pb
from server.grpc import convert

if TYPE_CHECKING:
    from collections.abc import Iterable

    from billing import dunning
    from billing.dunning_policy import Kept, Policy


def run_name(run_id: int | None) -> str:
    """The name of a run; empty for none."""
    return f"dunningRuns/{run_id}" if run_id else ""


def state(name: str, history: dunning.History, coming: Iterable[dunning.Coming], as_of: dt.date, *, show_undone: bool) -> pb.DunningState:
    """The state of an account on a date."""
    message = pb.DunningState(
        name=name,
        as_of=convert.date(as_of),
        overdue=convert.money(history.currency, history.overdue_micros),
        policy_level=history.level,
        policy_action=history.action,
        outgoing_barred=history.barred,
        steps=[step(each) for each in history.steps if show_undone or not each.undone],
        policy=history.policy,
        taken_level=history.taken_level,
        taken_action=history.taken_action,
        held_level=history.held_level,
        coming_steps=[_coming(each, history.currency) for each in coming],
    )
    if history.oldest_due_on is not None:
        message.oldest_due_date.CopyFrom(convert.date(history.oldest_due_on))
        message.days_past_due = (as_of - dt.date.fromisoformat(history.oldest_due_on)).days
    if history.taken_on:
        message.taken_date.CopyFrom(convert.date(history.taken_on))
    return message


def step(found: dunning.Change) -> pb.DunningStep:
    """A step that was taken, or is previewed."""
    message = pb.DunningStep(
        level_before=found.level_before,
        level=found.level,
        action=found.action,
        overdue=convert.money(found.currency, found.overdue_micros),
        account=f"accounts/{found.account_id}",
        date=convert.date(found.as_of),
        dunning_run=run_name(found.run_id),
        policy=found.policy,
        policy_hash=found.policy_hash,
        undoing=None if found.undoing is None else _undoing(found.undoing),
    )
    if found.oldest_due_on is not None:
        message.oldest_due_date.CopyFrom(convert.date(found.oldest_due_on))
    return message


def run(found: dunning.Run) -> pb.DunningRun:
    """A run that took steps."""
    return pb.DunningRun(
        name=run_name(found.run_id),
        date=convert.date(found.as_of),
        run_by=found.by_name,
        run_time=convert.timestamp(found.at_us),
        remind_count=found.reminded,
        bar_count=found.barred,
        clear_count=found.cleared,
        state=found.state,
        undo_asked_by=found.asked_by,
        undone_by=found.undone_by,
        reason=found.reason,
        run_by_number=found.by_uid,
        commit_seq=found.commit_seq,
        undo_asked_reason=found.asked_reason,
        undo_asked_by_number=found.asked_by_uid,
        undo_commit_seq=found.undone_seq,
        undo_time=None if found.undone_at_us is None else convert.timestamp(found.undone_at_us),
    )


def undo(found: dunning.Undo) -> pb.DunningUndo:
    """The undoing of a run."""
    back = [
        pb.DunningPutBack(
            account=f"accounts/{each.account_id}",
            level_undone=each.level_undone,
            action_undone=each.action_undone,
            level=each.level,
            action=each.action,
            bar=each.bar,
        )
        for each in found.accounts
    ]
    return pb.DunningUndo(
        dunning_run=run_name(found.run_id),
        date=convert.date(found.as_of),
        waits=found.waits,
        already_undone=found.existed,
        asked_by=found.asked_by,
        accounts=back,
        reason=found.reason,
    )


def kept_policy(found: Kept) -> pb.DunningPolicy:
    """A policy that is known."""
    message = policy(found.policy, found.policy_hash, found.origin, (found.by_name, found.by_uid), holds=found.holds)
    message.commit_seq = found.commit_seq
    if found.at_us:
        message.add_time.CopyFrom(convert.timestamp(found.at_us))
    return message


def policy(found: Policy, policy_hash: str, origin: str, by: tuple[str, int], *, holds: bool) -> pb.DunningPolicy:
    """A policy with its steps. `by`: name and number of who added it."""
    steps = [
        pb.DunningPolicyStep(
            level=each.level,
            action=each.action.value,
            days_past_due=each.days_past_due,
            amount_min=each.amount_min,
            after="" if each.after is None else str(each.after),
            days_after=each.days_after,
        )
        for each in found.steps
    ]
    return pb.DunningPolicy(
        policy=found.name, hash=policy_hash, origin=origin, holds=holds, added_by=by[0], added_by_number=by[1], steps=steps
    )


def _undoing(found: dunning.Undone) -> pb.DunningUndoing:
    return pb.DunningUndoing(
        undone_by=found.by_name,
        undo_time=convert.timestamp(found.at_us),
        reason=found.reason,
        asked_by=found.asked_by,
        asked_reason=found.asked_reason,
    )


def _coming(found: dunning.Coming, currency: str) -> pb.ComingDunningStep:
    overdue = convert.money(currency, found.overdue_micros)
    return pb.ComingDunningStep(date=convert.date(found.on), level=found.level, action=found.action, overdue=overdue)
