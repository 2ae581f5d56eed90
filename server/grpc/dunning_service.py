"""DunningService: the state of an account on a day, and the steps taken for it."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from billing import accounts, dunning
from ratewright.v1 import dunning_service_pb2 as pb
from ratewright.v1 import dunning_service_pb2_grpc
from rating.dates import utc_time
from rating.errors import NotFoundError, quoted
from server.grpc import convert, entrance
from server.grpc.refusals import answering, not_found

if TYPE_CHECKING:
    from collections.abc import Callable

    import grpc

    from billing.store.home import Home


class DunningService(dunning_service_pb2_grpc.DunningServiceServicer):
    """Servicer of ratewright.v1.DunningService over one home. `clock_us` gives microseconds UTC."""

    def __init__(self, home: Home, clock_us: Callable[[], int]) -> None:
        self._home = home
        self._clock_us = clock_us

    def GetDunningState(self, request: pb.GetDunningStateRequest, context: grpc.ServicerContext) -> pb.DunningState:
        """The state on the day of the request, or today where the account is."""
        with answering(context):
            account_id = convert.parse_dunning_state_name(request.name)
            given = convert.parse_date(request.as_of, "as_of") if request.HasField("as_of") else None
            try:
                entrance.about_account(self._home, account_id)
                as_of = given or self._today(account_id)
                history = dunning.history(self._home, account_id, as_of)
            except NotFoundError as error:
                raise not_found("ACCOUNT_UNKNOWN", f"no account has the id {quoted(account_id)}", {"account": account_id}) from error
            state = _state(request.name, history, as_of)
            state.practice = self._home.is_practice
            return state
        raise AssertionError("the call was ended above")

    def _today(self, account_id: str) -> dt.date:
        zone = ZoneInfo(accounts.timezone_of(self._home, account_id))
        return utc_time(self._clock_us()).astimezone(zone).date()


def _state(name: str, history: dunning.History, as_of: dt.date) -> pb.DunningState:
    state = pb.DunningState(
        name=name,
        as_of=convert.date(as_of),
        overdue=convert.money(history.currency, history.overdue_micros),
        policy_level=history.level,
        policy_action=history.action,
        outgoing_barred=history.barred,
        steps=[_step(step) for step in history.steps if not step.undone],
    )
    if history.oldest_due_on is not None:
        state.oldest_due_date.CopyFrom(convert.date(history.oldest_due_on))
        state.days_past_due = (as_of - dt.date.fromisoformat(history.oldest_due_on)).days
    return state


def _step(step: dunning.Change) -> pb.DunningStep:
    return pb.DunningStep(
        level_before=step.level_before, level=step.level, action=step.action, overdue=convert.money(step.currency, step.overdue_micros)
    )
