"""Roles for acts that one operator asks for and another agrees to by the same call.

To ask needs a role of the call that is not the approver's; to agree needs the role approver.

Refuses: PERMISSION_DENIED: ROLE_MISSING.
"""

from __future__ import annotations

from typing import Final

import grpc

from billing import acting
from billing.operators import Role
from billing.persons import Turn
from server.access.roles import rule_of
from server.grpc import entrance
from server.grpc.refusals import Refusal

_WHAT: Final = {Turn.ASKS: "to ask for it", Turn.AGREES: "to agree to what another operator asks for"}
_AS_ASKED: Final = "agree to what waits as it was asked for: ratewright approvals list"


def require_role(turn: Turn, nothing: str) -> None:
    """Raises Refusal ROLE_MISSING where the operator of this call has no role for its turn.

    `nothing`: what an approver would have to find, such as `nothing of that amount`, where the turn is to ask.
    """
    held, caller, call = entrance.roles_held(), entrance.caller(), acting.current().call
    if held is None or caller is None:  # an entrance that is not guarded
        return
    needed = frozenset({Role.APPROVER}) if turn is Turn.AGREES else rule_of(call).roles - {Role.APPROVER}
    if not held & needed:
        names = " or ".join(sorted(needed))
        message = f"{call} needs the role {names} {_WHAT[turn]}; {caller.name} has {', '.join(sorted(held)) or 'none'}"
        told = {"roles": names}
        if turn is Turn.ASKS and Role.APPROVER in held:
            message, told["remedy"] = f"{message}, and {nothing} waits for another person", _AS_ASKED
        raise Refusal(grpc.StatusCode.PERMISSION_DENIED, "ROLE_MISSING", message, told)
    entrance.in_turn(needed)
