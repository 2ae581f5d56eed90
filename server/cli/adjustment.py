"""`ratewright adjustment add|list|reasons`: charges and credits by hand."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import cyclopts
from cyclopts import Parameter

from server.cli.done import done_at
from server.cli.homes import HERE, AsJson, Place

if TYPE_CHECKING:
    from billing.documents.adjusting import Adjustment

app = cyclopts.App(name="adjustment", help="Charges and credits by hand.")


@app.command
def add(
    *,
    reference: Annotated[str, Parameter(help="Your own id of it; the same one counts once.")],
    account: Annotated[str, Parameter(help="Id of the account.")],
    subscription: Annotated[str, Parameter(help="Id of a subscription of it; of the account itself if not given.")] = "",
    date: Annotated[str, Parameter(help="The day it is about: it is billed with the period that holds it.")],
    amount: Annotated[
        str,
        Parameter(help="Above zero a charge, below a credit, such as -12.50; as the catalogue states prices.", allow_leading_hyphen=True),
    ],
    reason_code: Annotated[str, Parameter(help="As `adjustment reasons` shows them.")],
    text: Annotated[
        str, Parameter(help="Text of the invoice line; by default the name of the reason, in the language of the document.")
    ] = "",
    catalogue: Annotated[str, Parameter(help="The catalogue whose tax class it has.")],
    tax_class: Annotated[str, Parameter(help="The tax class.")],
    dry_run: Annotated[bool, Parameter(name="--dry-run", negative="", help="Say what would happen, and store nothing.")] = False,
    at: Place = HERE,
    as_json: AsJson = False,
) -> int:
    """Enter a charge or credit. Above the limit another person gives the same command before it counts."""
    from billing.documents import adjusting
    from server.cli import output, practice
    from server.cli.bill import parse_date
    from server.cli.ledger.common import who
    from server.cli.payment.common import micros_of

    wanted = adjusting.AdjustmentRequest(
        reference=reference,
        account_id=account,
        on_date=parse_date(date),
        amount_micros=micros_of(amount),
        reason_code=reason_code,
        text=text,
        catalogue=catalogue,
        tax_class=tax_class,
        subscription_id=subscription,
    )
    opened, done = done_at(
        at,
        lambda home: adjusting.add(home, wanted, who(home), dry_run=dry_run),
        lambda service: service.adjustments.add(wanted, dry_run=dry_run),
    )
    practice.say(opened, as_json=as_json)
    if as_json:
        output.print_json(practice.marked(opened, done))
        return 0
    amount_shown = f"{output.amount(done.amount_micros, done.currency)} {done.currency}"
    shown = f"{amount_shown} for account {done.account_id} on {done.on_date} ({done.reason_code})"
    if done.existed:
        print(f"adjustment {done.reference} exists: {shown}, {done.state}")
    else:
        print(f"adjustment {done.reference}{' would be' if dry_run else ''}: {shown}, {done.state}")
    return 0


@app.command(name="list")
def list_(
    *,
    account: Annotated[str | None, Parameter(help="Only of this account.")] = None,
    at: Place = HERE,
    as_json: AsJson = False,
) -> int:
    """List charges and credits by hand, with the invoice that has each."""
    from billing.documents import adjusting
    from server.cli import output, practice

    opened, found = done_at(at, lambda home: adjusting.list_all(home, account), lambda service: service.adjustments.list_all(account))
    practice.say(opened, as_json=as_json)
    if as_json:
        output.print_json(practice.marked(opened, found))
        return 0
    rows = [
        (each.reference, each.account_id, each.subscription_id, each.on_date, output.amount(each.amount_micros, each.currency),
         each.currency, each.reason_code, each.text, each.by_name, each.approved_by, _state(each))
        for each in found
    ]  # fmt: skip
    columns = ("reference", "account", "subscription", "date", "amount", "currency", "reason", "text", "by", "approved by", "state")
    output.print_table(columns, rows, right=("amount",))
    return 0


def _state(found: Adjustment) -> str:
    """The state; of a retracted one with the act that took its decision back."""
    from server.cli.bill import instant

    if not found.retracted_by:
        return found.state
    return f"{found.state} by {found.retracted_by}, {instant(found.retracted_us)} UTC: {found.retracted_why}"


@app.command(name="reasons")
def reasons_(*, at: Place = HERE, as_json: AsJson = False) -> int:
    """List the reason codes of charges and credits by hand. No home is opened: all have the same."""
    from server.cli import output

    if at.server is None:
        from billing.charges.reasons import reasons

        found = list(reasons().values())
    else:
        from server.cli.remote.service import connected

        with connected(at) as service:
            found = service.adjustments.reasons()
    if as_json:
        output.print_json(found)
        return 0
    rows = [(each.code, each.names["en"], each.names["zh"], each.charge_code, each.revenue_code) for each in found]
    output.print_table(("code", "name", "名称", "charge code", "revenue code"), rows)
    return 0
