"""`ratewright usage suspense limit`: above which value a correction needs a second person."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from server.cli.done import done_at
from server.cli.homes import HERE, AsJson, Place
from server.cli.usage.suspense_common import Note  # noqa: TC001 -- cyclopts reads the annotations

if TYPE_CHECKING:
    from billing.store.home import Home
    from billing.suspense.limits import Limit
    from server.cli.remote.service import Service


def limit(
    amount: Annotated[
        str | None, Parameter(name="AMOUNT", help="In units of every currency, such as 500 or 0; without it, the limit is shown.")
    ] = None,
    /,
    *,
    note: Note = "",
    at: Place = HERE,
    as_json: AsJson = False,
) -> int:
    """Show or set the value above which a correction needs a second person. Write-offs of any value need one.

    A limit does not hold for corrections of the person who raised it. Every setting is kept, with who made it and why.
    """
    from billing.suspense import limits
    from rating.errors import UserError
    from rating.money import MoneyError, parse_micros
    from server import clock, operator
    from server.cli import output
    from server.cli.usage.suspense_common import instant

    try:
        micros = None if amount is None else parse_micros(amount)
    except MoneyError as error:
        raise UserError(f"the limit: {error}", "write it as 500 or 12.50", exit_status=2) from error

    def here(home: Home) -> tuple[list[Limit], int]:
        if micros is not None:
            limits.set_limit(home, micros, operator.current(), clock.now_us(home), reason=note)
        with home.connect() as connection:
            return limits.limits(connection), limits.limit_micros(connection, operator.current().uid)

    def there(service: Service) -> tuple[list[Limit], int]:
        return service.suspense.limit() if micros is None else service.suspense.set_limit(micros, note)

    _, (found, holds) = done_at(at, here, there)
    if as_json:
        output.print_json({"limit_micros": holds, "history": found})
        return 0
    rows = [(output.amount(each.micros, ""), each.by_name, instant(each.at_us) if each.commit_seq else "", each.reason) for each in found]
    output.print_table(("limit", "by", "at (UTC)", "reason"), rows, right=("limit",))
    print(f"for you, corrections worth more than {output.amount(holds, '')} need a second person")
    return 0
