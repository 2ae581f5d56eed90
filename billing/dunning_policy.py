"""Dunning policies: data, one YAML file each in `billing/policies`. Amounts are in the account's currency; conditions are inclusive."""

from __future__ import annotations

import enum
from pathlib import Path
from typing import Final

import msgspec

from rating.errors import UserError
from rating.money import MoneyError, parse_micros

POLICY_FOLDER: Final = Path(__file__).parent / "policies"
CLEAR: Final = 0


class Action(enum.StrEnum):
    """What a step does."""

    REMIND = "remind"
    BAR_OUTGOING = "bar_outgoing"


class Step(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A step of a policy: it applies when all its conditions hold."""

    level: int
    action: Action
    days_past_due: int  # of the oldest item that is past due, 1 = the day after its due date
    amount_min: str = "0.01"  # past due in total, in the account's currency

    @property
    def amount_min_micros(self) -> int:
        """The least amount past due, in micro-units."""
        return parse_micros(self.amount_min)


class Policy(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Steps of growing severity."""

    name: str
    steps: tuple[Step, ...]


def load_policies(folder: Path = POLICY_FOLDER) -> dict[str, Policy]:
    """Every policy in a folder by its name. Raises UserError that names file and remedy for one that is wrong."""
    policies = {}
    for file in sorted(folder.glob("*.yaml")):
        policy = _read(file)
        policies[policy.name] = policy
    return policies


def _read(file: Path) -> Policy:
    """Raises UserError when the file is not a policy."""
    try:
        policy = msgspec.yaml.decode(file.read_bytes(), type=Policy)
        for step in policy.steps:
            parse_micros(step.amount_min)
    except (msgspec.ValidationError, msgspec.DecodeError, MoneyError) as error:
        raise UserError(f"{file}: {error}", "mend the policy; billing/policies/standard.yaml shows the form") from error
    levels = [step.level for step in policy.steps]
    if levels != sorted(set(levels)) or any(level <= CLEAR for level in levels):
        raise UserError(f"{file}: levels {levels} do not grow from 1", "number the steps by severity: 1, 2, 3")
    return policy
