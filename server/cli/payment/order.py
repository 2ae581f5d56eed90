"""`ratewright payment order`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from server.cli.done import done_at
from server.cli.homes import HERE, AsJson, Place
from server.cli.payment import common

if TYPE_CHECKING:
    from billing.setting_changes import Standing
    from billing.store.home import Home
    from server.cli.remote.service import Service


def order(
    words: Annotated[
        str | None, Parameter(name="ORDER", help="Such as `instruction, claims, oldest`; without it, what holds is shown.")
    ] = None,
    /,
    *,
    claims: Annotated[str | None, Parameter(help="Charge codes of costs and of interest, such as `costs=810 811; interest=820`.")] = None,
    dry_run: common.DryRun = False,
    at: Place = HERE,
    as_json: AsJson = False,
) -> int:
    """Show or set the order in which payments settle open invoices.

    The words are: instruction, what the payer names; claims, costs before interest; oldest, the oldest due date.

    Settlements of before stay as they are; a new order applies to later payments.
    """
    from billing import setting_changes
    from billing.allocations.order import CLAIMS_SETTING, ORDER_SETTING, parse_claims, parse_order
    from server.actions import settings
    from server.cli import output, practice
    from server.cli.ledger.common import who

    wanted = {}
    if words is not None:
        wanted[ORDER_SETTING] = ", ".join(parse_order(words))
    if claims is not None:
        parse_claims(claims)
        wanted[CLAIMS_SETTING] = claims

    def here(home: Home) -> list[Standing]:
        for name, value in () if dry_run else wanted.items():
            setting_changes.change(home, setting_changes.Wanted(name, value), who(home))
        return settings.list_all(home)

    def there(service: Service) -> list[Standing]:
        for name, value in () if dry_run else wanted.items():
            service.settings.change(name, value)
        return service.settings.list_all()

    opened, standing = done_at(at, here, there)
    known = {each.name: each.value for each in standing}
    found = {name: known[name] for name in (ORDER_SETTING, CLAIMS_SETTING)} | wanted
    practice.say(opened, as_json=as_json)
    if as_json:
        output.print_json(practice.marked(opened, found))
    else:
        print(f"payments settle: {found[ORDER_SETTING]}")
        print(f"claims: {found[CLAIMS_SETTING] or 'all charges are principal'}")
        common.print_tried(dry_run=dry_run)
    return 0
