"""Policies of dunning: steps of growing severity, each with the conditions under which it applies. Data, no code.

Amounts are in the account's currency; conditions are inclusive. A policy is known by the hash of what it says, however it is
written.
"""

from __future__ import annotations

import enum
import hashlib
from typing import Final

import msgspec

from rating.money import parse_micros

CLEAR: Final = 0


class Action(enum.StrEnum):
    """Act of a step."""

    REMIND = "remind"
    BAR_OUTGOING = "bar_outgoing"


class Step(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """A step of a policy: it applies when all its conditions hold.

    `after`: the action or level of an earlier step, which must have been taken `days_after` days before or earlier, since the account was
    last clear. It is asked when an account comes to the step, and no more while it stays there.
    """

    level: int
    action: Action
    days_past_due: int  # of the oldest item that is past due, 1 = the day after its due date
    amount_min: str = "0.01"  # past due in total, in the account's currency
    after: Action | int | None = None
    days_after: int = 0

    @property
    def amount_min_micros(self) -> int:
        """The least amount past due, in micro-units."""
        return parse_micros(self.amount_min)


class Policy(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """Steps of growing severity."""

    name: str
    steps: tuple[Step, ...]


def document_of(policy: Policy) -> bytes:
    """Document of a policy, as JSON in one form: fields in order, without those that are left at their defaults."""
    return msgspec.json.encode(policy, order="sorted")


def hash_of(policy: Policy) -> str:
    """SHA-256 of the document, in hexadecimal."""
    return hashlib.sha256(document_of(policy)).hexdigest()
