"""Policies of dunning: their content (`model`), their files (`reading`), and those that are valid in a home (`stored`)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rating.on_use import names_on_use

if TYPE_CHECKING:
    from billing.dunning_policy.model import CLEAR, Action, Policy, Step, hash_of
    from billing.dunning_policy.reading import POLICY_FOLDER, content_of, doubts, package_policies, parse_policy, read_policy
    from billing.dunning_policy.stored import Added, Kept, add, keep, kept, names_of, policies

__all__ = [
    "CLEAR",
    "POLICY_FOLDER",
    "Action",
    "Added",
    "Kept",
    "Policy",
    "Step",
    "add",
    "content_of",
    "doubts",
    "hash_of",
    "keep",
    "kept",
    "names_of",
    "package_policies",
    "parse_policy",
    "policies",
    "read_policy",
]

__getattr__ = names_on_use(__name__, __file__)
