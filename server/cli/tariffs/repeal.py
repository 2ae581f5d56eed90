"""`ratewright tariffs repeal`: end a published version."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from rating.counted import counted
from server.cli.done import done_at
from server.cli.homes import HERE, AsJson, Place

if TYPE_CHECKING:
    from billing.store.home import Home
    from server.actions.tariffs.versions import Repealed


def repeal(
    name: Annotated[str, Parameter(name="IDENTITY@VERSION")],
    /,
    *,
    from_: Annotated[str, Parameter(name="--from")],
    reason: str,
    at: Place = HERE,
    as_json: AsJson = False,
) -> int:
    """End a published version: from then on nothing is sold by it, until another version takes effect.

    No earlier version comes back. A version that is repealed before it takes effect never does.

    Parameters
    ----------
    name
        The version, such as mobile@2.
    from_
        First date or instant without sale: a date on the catalogue's clock, or an instant with offset; not in the past.
    reason
        The reason; it is kept.
    at
        Home folder, or the service.
    as_json
        Print JSON.

    """
    from billing import catalogue as store
    from server.actions.tariffs import versions
    from server.cli import output
    from server.cli.tariffs.common import act_of
    from server.cli.tariffs.instants import read, told

    wanted = store.version_name(name)

    def repeal_here(home: Home) -> Repealed:
        from_us = read(from_, versions.timezone_of(home, name), "--from")
        return versions.repeal(home, name, act_of(home), from_us=from_us, reason=reason)

    _, (decision, left, timezone) = done_at(at, repeal_here, lambda service: service.tariffs.repeal(name, from_, reason))
    if as_json:
        told_as = {"by": decision.by._asdict(), "content_hash": decision.content_hash.hex(), "subscriptions_without_a_plan": left}
        output.print_json({**decision._asdict(), **told_as})
        return 0
    print(f"{wanted}: repealed from {told(decision.detail['from_us'], timezone)} on by {decision.by.name}")
    if left:
        print(f"  without a plan from then on: {counted(left, 'subscription')}; publish a version that follows, or give other plans")
    return 0
