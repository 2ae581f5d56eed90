"""`ratewright quote --compare`: a customer's real month on every plan, cheapest first."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rating.errors import UserError

if TYPE_CHECKING:
    from pathlib import Path

    from billing.what_if.all_plans import Comparison, Offer

_REMEDY = "such as ratewright quote --compare --account A000001 --period 2026-10"


def compare(account: str | None, period: str | None, plans: str, subscription: str, home: Path, language: str, *, as_json: bool) -> int:
    """Compare and print."""
    from billing.store.home import Home
    from billing.what_if import all_plans, month
    from server.cli import output

    if account is None or period is None:
        raise UserError(f"--compare needs {'--account' if account is None else '--period'}", _REMEDY, exit_status=2)
    of_month = month.parse(period)
    with Home.open(home) as opened:
        found = all_plans.compare(opened, account, of_month, identity=plans, subscription_id=subscription)
    if as_json:
        output.print_json(found)
    else:
        _show(found, language)
    return 0


def _show(found: Comparison, language: str) -> None:
    from server.cli import output

    print(f"{found.account_id} in {found.month}: {', '.join(found.subscriptions)} on {', '.join(found.plans_now)}")
    print(f"Amounts in {found.currency} without tax, for the calendar month; what earlier months left of allowances is left out.")
    rows = [_row("as it is", found.now, found, language), *(_row(each.plan, each, found, language) for each in found.offers)]
    head = ("plan", "title", "total", "fees", "usage", "against now", "events without a price")
    output.print_table(head, rows, right=head[2:6])
    if any(each.lost_events for each in found.offers):
        print("plans that leave events without a price which have one now stand last, whatever they cost")


def _row(name: str, offer: Offer, found: Comparison, language: str) -> tuple[str, ...]:
    from server.cli import output

    def amount(micros: int) -> str:
        return output.amount(micros, found.currency)

    title = offer.title.get(language) or offer.title.get("en", "")
    own = " (now)" if offer.plan in found.plans_now else ""
    against = offer.total_micros - found.now.total_micros
    refused = ", ".join(f"{count} {status}" for status, count in sorted(offer.without_price.items()))
    amounts = (amount(offer.total_micros), amount(offer.fee_micros), amount(offer.usage_micros))
    return (f"{name}{own}", title, *amounts, f"{'+' if against > 0 else ''}{amount(against)}", refused)
