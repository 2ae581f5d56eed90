"""The role in which a call is made: one that may make it for the account or legal entity that is asked about.

An operator may have several roles, some of them limited to a legal entity each. Of several that may make a call for the
same entity the one that shows more of names and numbers is used, and recorded.

Refuses: PERMISSION_DENIED: ROLE_MISSING.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import grpc

from billing.operators import Role
from server.access.masking import mask_for
from server.grpc.refusals import Refusal

if TYPE_CHECKING:
    from collections.abc import Set as AbstractSet

    from server.access.identity import Caller
    from server.access.roles import Rule


class Fitting(NamedTuple):
    """The roles of an operator that may make a call: for all legal entities, and `limited` to one each."""

    everywhere: frozenset[Role]
    limited: frozenset[tuple[Role, str]]

    def within(self, needed: frozenset[Role]) -> Fitting:
        """Those of them that are needed."""
        return Fitting(self.everywhere & needed, frozenset(each for each in self.limited if each[0] in needed))

    def entities(self) -> frozenset[str] | None:
        """The legal entities to which they are limited; None: all."""
        return None if self.everywhere else frozenset(entity for _, entity in self.limited)

    def of(self, entity: str | None) -> frozenset[Role]:
        """Those that hold for accounts of an entity."""
        return self.everywhere | {role for role, limit in self.limited if limit == entity}

    def chosen(self, about: AbstractSet[str | None] | None, *, has_reason: bool) -> frozenset[Role]:
        """The roles of a call about some entities, one each; None: no entity was named, and those of each that there may be.

        Of several the first of those that show most.
        """
        if about is None and self.everywhere:
            about = {None}
        each_of = self.entities() or {None} if about is None else about
        held = [self.of(entity) for entity in each_of]
        return frozenset(min(some, key=lambda role: (mask_for({role}, has_reason=has_reason).hides, role)) for some in held if some)

    def names(self, about: AbstractSet[str | None] | None, *, has_reason: bool) -> str:
        """The same in words."""
        return ",".join(sorted(self.chosen(about, has_reason=has_reason)))


def fitting_roles(found: Caller, rule: Rule, call: str) -> Fitting:
    """The roles for a call. Raises Refusal where there is none."""
    limited = frozenset((role, entity) for role, entity in found.limited if rule.by_entity and role in rule.roles)
    fitting = Fitting(found.roles & rule.roles, limited)
    if any(fitting):
        return fitting
    held = ", ".join(sorted([*found.roles, *(f"{role} of {entity}" for role, entity in found.limited)])) or "none"
    needed = _words(rule.roles)
    raise Refusal(
        grpc.StatusCode.PERMISSION_DENIED, "ROLE_MISSING", f"{call} needs the role {needed}; {found.name} has {held}", {"roles": needed}
    )


def _words(needed: frozenset[Role]) -> str:
    return " or ".join(sorted(needed)) or "of no operator"
