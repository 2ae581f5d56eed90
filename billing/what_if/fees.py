"""Fees of the month, as a bill of it has them: recurring ones, in advance or in arrears, are the month's own, one-offs those of its days.

Lines are those of `billing.runs.settlement.fees_due`. What is due to one subscription of a pattern is due to all of them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from billing.charges.charge_keys import Kind
from billing.charges.proration import clip
from billing.runs.contracts.currencies import Currencies
from billing.runs.settlement.fees_due import fee_lines, plan_at
from billing.runs.settlement.inputs import Inputs

if TYPE_CHECKING:
    import datetime as dt

    from billing.charges.lines import Lines
    from billing.runs.contracts.contracts import Contracts
    from billing.runs.selection.scope import Scope


class Due(NamedTuple):
    """A fee of one subscription in the month, which is charged `times` (one-off fees may be more than once)."""

    plan: str
    name: str
    micros: int
    times: int


def lines(contracts: Contracts, scope: Scope) -> Lines:
    """The lines of all subscriptions, exact and rounded to the minor unit."""
    return fee_lines(Inputs(contracts, scope, Currencies(contracts)))


def dues(models: Contracts, scope: Scope) -> list[list[Due]]:
    """The fees of each subscription. A fee of several tax classes is one."""
    place = {key: number for number, key in enumerate(models.facts.subscription_keys.tolist())}
    found: list[dict[tuple[int, int, int], Due]] = [{} for _ in place]
    for line in lines(models, scope):
        number = place[int(line["subscription_key"])]
        key = (int(line["kind"]), int(line["catalogue"]), int(line["price_id"]))
        before = found[number].get(key)
        due = before or _Named(models, scope, number).due(line)
        micros = int(line["exact_micros"]) + (before.micros if before is not None else 0)
        found[number][key] = due._replace(micros=micros, times=int(line["events"]))
    return [list(each.values()) for each in found]


class _Named:
    """Names of the fees of a subscription (index), and the plan of the month that has each."""

    def __init__(self, models: Contracts, scope: Scope, index: int) -> None:
        facts = models.facts
        account = int(facts.subscription_account[index])
        period = scope.periods[account][0]
        parts = [(each.plan, clip(each.span, period)) for each in models.spans[index]]
        self._spans = models.spans[index]
        self._held: list[tuple[str, dt.date]] = [(plan, part.start) for plan, part in parts if part is not None]
        self._plan_at = plan_at(models, facts.zones[facts.account_zone[account]])
        self._price_list = models.price_list

    def due(self, line: Any) -> Due:  # noqa: ANN401 -- a row of LINE
        """The fee of a line, without its amount."""
        identity, price_id = self._price_list.identities[int(line["catalogue"])], int(line["price_id"])
        plan, name = (self._recurring if line["kind"] == Kind.RECURRING else self._once)(identity, price_id)
        return Due(plan, name, 0, 0)

    def _recurring(self, identity: str, price_id: int) -> tuple[str, str]:
        """Plan and name of a recurring fee: of the plans that have it, the last one charges it for the days of all."""
        held = ((plan, self._plan_at(plan, day)) for plan, day in reversed(self._held) if plan.startswith(f"{identity}/"))
        found = ((plan, version.recurring) for plan, version in held if version is not None)
        return next((plan, fee.name) for plan, of_plan in found for fee in of_plan if fee.price_id == price_id)

    def _once(self, identity: str, price_id: int) -> tuple[str, str]:
        """A plan of the subscription that has a one-off fee, those of the month first."""
        names = dict.fromkeys([*(plan for plan, _ in self._held), *(each.plan for each in self._spans)])
        own = (plan for plan in names if plan.startswith(f"{identity}/"))
        found = ((plan, version.one_offs) for plan in own for _, version in self._price_list.plan_versions(plan))
        return next((plan, fee.name) for plan, of_plan in found for fee in of_plan if fee.price_id == price_id)
