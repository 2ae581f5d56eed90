"""The table of calls and roles (`roles.yaml`): the one place that says who may make which call."""

from __future__ import annotations

import functools
from importlib import resources
from typing import TYPE_CHECKING

import msgspec

from billing.operators import Role

if TYPE_CHECKING:
    from collections.abc import Mapping


class Rule(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The rule of one call. `records`: the audit trail has each answer; refusals are always in it.

    `by_entity`: the call names one account, and the entrance hears of it before anything is done: roles that are limited to a legal entity
    may make it for an account of that entity.
    """

    roles: frozenset[Role] = frozenset()
    anybody: bool = False
    records: bool = True
    by_entity: bool = False


NOBODY = Rule()


@functools.cache
def rules() -> Mapping[str, Rule]:
    """The rule of each call, by a name such as ratewright.v1.InvoiceService/GetInvoice."""
    text = resources.files("server.access").joinpath("roles.yaml").read_bytes()
    services = msgspec.yaml.decode(text, type=dict[str, dict[str, Rule]])
    return {f"{service}/{call}": rule for service, calls in services.items() for call, rule in calls.items()}


def rule_of(call: str) -> Rule:
    """The rule of a call; one that the table does not have is made by no role."""
    return rules().get(call, NOBODY)
