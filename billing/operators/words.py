"""Words of operators, as they are stored."""

from __future__ import annotations

import enum
from typing import Final


class Role(enum.StrEnum):
    """The roles that an operator may have; `server/access/roles.yaml` says which calls each may make."""

    SWITCH = "switch"  # sends usage
    OPERATOR = "operator"  # runs cycle jobs
    FINANCE = "finance"
    AUDITOR = "auditor"  # reads all, changes nothing
    SUPPORT = "support"  # answers customers
    APPROVER = "approver"  # agrees to what others ask for
    ADMIN = "admin"  # operators, keys, roles


class OperatorKind(enum.StrEnum):
    """An operator is one of these."""

    PERSON = "person"
    MACHINE = "machine"


class KeyKind(enum.StrEnum):
    """Keys that are issued. The account of the operating system is part of the operator itself."""

    TOKEN = "token"  # noqa: S105 -- a word
    CERTIFICATE = "certificate"


OPERATOR: Final = "operator"  # kinds of revocations
KEY: Final = "key"
GRANT: Final = "grant"
FIRST_NUMBER: Final = 2**32  # of operators without an account of the operating system: above all numbers of such accounts
COMMIT_KIND: Final = "operator"


def has_account(number: int) -> bool:
    """Return whether the number of an operator is the one of an account of the operating system."""
    return number < FIRST_NUMBER
