"""Operators of the service: persons and machines, the keys by which they are known, and their roles.

The first operator of a home is made by the account that owns its folder, and is an admin. From then on admins alone change operators, and
none of them gives a role to themselves.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from rating.on_use import names_on_use

if TYPE_CHECKING:
    from billing.operators.changing import Limits, add, close, grant, issue_key, require_admin, revoke_grant, revoke_key
    from billing.operators.reading import Generation, Identity, OperatorRow, generation, known_by_key, list_operators, of_name, of_number
    from billing.operators.words import KeyKind, OperatorKind, Role

__all__ = [
    "Generation",
    "Identity",
    "KeyKind",
    "Limits",
    "OperatorKind",
    "OperatorRow",
    "Role",
    "add",
    "close",
    "generation",
    "grant",
    "issue_key",
    "known_by_key",
    "list_operators",
    "of_name",
    "of_number",
    "require_admin",
    "revoke_grant",
    "revoke_key",
]

__getattr__ = names_on_use(__name__, __file__)
