"""`ratewright payment order`."""

from __future__ import annotations

from typing import Annotated

from cyclopts import Parameter

from server.cli.homes import DEFAULT_HOME, AsJson, HomeFolder
from server.cli.payment import common


def order(
    words: Annotated[
        str | None, Parameter(name="ORDER", help="Such as `instruction, claims, oldest`; without it, what holds is shown.")
    ] = None,
    /,
    *,
    claims: Annotated[str | None, Parameter(help="Charge codes of costs and of interest, such as `costs=810 811; interest=820`.")] = None,
    dry_run: common.DryRun = False,
    home: HomeFolder = DEFAULT_HOME,
    as_json: AsJson = False,
) -> int:
    """Show or set the order in which payments settle open invoices.

    The words are: instruction, what the payer names; claims, costs before interest; oldest, the oldest due date.

    Settlements of before stay as they are; a new order applies to later payments.
    """
    from billing import setting_changes
    from billing.allocations.order import CLAIMS_SETTING, ORDER_SETTING, parse_claims, parse_order
    from billing.store import settings
    from billing.store.home import Home
    from server import clock, operator
    from server.cli import output, practice

    wanted = {}
    if words is not None:
        wanted[ORDER_SETTING] = ", ".join(parse_order(words))
    if claims is not None:
        parse_claims(claims)
        wanted[CLAIMS_SETTING] = claims
    by = operator.current()
    with Home.open(home) as opened:
        for name, value in () if dry_run else wanted.items():
            setting_changes.put(opened, name, value, by.name, by.uid, clock.now_us(opened))
        with opened.connect() as connection:
            found = {name: settings.text(connection, name) for name in (ORDER_SETTING, CLAIMS_SETTING)} | wanted
    practice.say(opened, as_json=as_json)
    if as_json:
        output.print_json(practice.marked(opened, found))
    else:
        print(f"payments settle: {found[ORDER_SETTING]}")
        print(f"claims: {found[CLAIMS_SETTING] or 'all charges are principal'}")
        common.print_tried(dry_run=dry_run)
    return 0
