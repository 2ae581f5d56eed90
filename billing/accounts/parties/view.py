"""A party on a day: the names, addresses, tax ids and bank accounts that documents of that day have. Pure.

Of facts of one kind and name that hold on the day, the one with the latest from_date counts.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from billing.accounts.parties import kinds

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Iterable, Mapping

    from billing.accounts.parties.stored import PartyFact

_Detail = TypeVar("_Detail")


class Party:
    """The facts that hold of one party on a day, by kind and name."""

    def __init__(self, day: dt.date, facts: Iterable[PartyFact]) -> None:
        self.day = day
        in_order = sorted((fact for fact in facts if fact.holds_on(day)), key=lambda fact: (fact.from_date, fact.commit_seq))
        self.facts: Mapping[tuple[str, str], PartyFact] = {(fact.kind, fact.name): fact for fact in in_order}

    def named(self, kind: type[_Detail]) -> dict[str, _Detail]:
        """Every detail of a kind by its name, in the order of names."""
        of_kind = {name: fact.detail for (_, name), fact in sorted(self.facts.items()) if type(fact.detail) is kind}
        return dict(of_kind)

    def only(self, kind: type[_Detail]) -> _Detail | None:
        """The detail of a kind that has one fact at a time; None where there is none."""
        return self.named(kind).get(kinds.UNNAMED)

    def one_of(self, kind: type[_Detail], *names: str) -> _Detail | None:
        """The detail of the first of these names that there is, else of the first of all; None where the kind has none."""
        found: dict[str, Any] = self.named(kind)
        for name in names:
            if name in found:
                return found[name]  # type: ignore[no-any-return]  # of the kind that was asked for
        return next(iter(found.values()), None)
