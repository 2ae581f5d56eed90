"""Rights to operations: they are cancelled and gone on with by operators who may start them."""

from __future__ import annotations

from typing import Final

import grpc

from server.access.roles import rule_of
from server.grpc.entrance import caller
from server.grpc.refusals import Refusal

_SERVICE: Final = "ratewright.v1.BillRunService"
_CALLS: Final = {  # by which each kind of operation is started
    "bill_run": "RunBills",
    "preview": "RunBills",
    "retry": "RetryBillRun",
    "thresholds": "BillThresholds",
    "rerating": "PlanRerating",
    "apply_rerating": "ApplyRerating",
    "month_end": "CloseMonth",
    "what_if": "RunWhatIf",
}


def require_role(kind: str) -> None:
    """Raises Refusal ROLE_MISSING where the operator of this call may not start operations of a kind."""
    found, call = caller(), f"{_SERVICE}/{_CALLS[kind]}"
    if found is not None and not found.roles & rule_of(call).roles:
        needed = " or ".join(sorted(rule_of(call).roles))
        message = f"an operation of {call} needs the role {needed}; {found.name} has {', '.join(sorted(found.roles)) or 'none'}"
        raise Refusal(grpc.StatusCode.PERMISSION_DENIED, "ROLE_MISSING", message, {"roles": needed})
