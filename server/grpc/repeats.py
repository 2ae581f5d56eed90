"""Repeats of calls that count once: what they may show now.

The answer of the first call is stored as it was given, under the roles of then. A repeat has it where the roles of now show as much: names
and numbers as whole, accounts of all legal entities that the first call was about. The account is looked up again, and the audit trail
names the subject.

Refuses: PERMISSION_DENIED: REPEAT_NOT_ALLOWED, ENTITY_NOT_ALLOWED.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

import grpc

from billing.accounts.lookup import legal_entity_of_key
from server.grpc import entrance
from server.grpc.refusals import Refusal

if TYPE_CHECKING:
    from billing.acting import Terms
    from billing.store.home import Home
    from billing.store.requests import Kept

_ACCOUNT: Final = re.compile(r"account (\d+)(.*)", re.DOTALL)


def require_terms(home: Home, first: Kept) -> None:
    """Refuse a repeat that may show less than its first call; its subject is that of the first call."""
    if first.subject:
        entrance.about(first.subject)
    if (found := _ACCOUNT.fullmatch(first.subject)) is not None:
        key = int(found[1])
        entrance.about_known_account(key, legal_entity_of_key(home, key), found[2])
    elif first.subject.startswith(entrance.ISSUER):
        name = first.subject.removeprefix(entrance.ISSUER)
        entrance.about_issuer("" if name == entrance.NAMELESS else name)
    if not _shows(first.terms):
        message = "the first call with this request_id was answered under roles that show more than those of its operator do now"
        remedy = "read what it did by a call of another name; a role that needs a reason for whole numbers gives it again"
        raise Refusal(grpc.StatusCode.PERMISSION_DENIED, "REPEAT_NOT_ALLOWED", message, {"remedy": remedy})


def _shows(then: Terms) -> bool:
    """Return whether all that was shown then may be shown now: of each legal entity by the role for it."""
    now = entrance.entities()
    if now is not None and (then.entities is None or not set(then.entities) <= set(now)):
        return False
    entrance.about_entities(then.entities or ())
    return then.is_masked or not entrance.mask().hides
