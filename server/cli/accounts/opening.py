"""`ratewright accounts open`: one new account."""

from __future__ import annotations

from typing import Annotated, Literal

from cyclopts import Parameter

from server.cli.accounts.common import AccountId, DryRun  # noqa: TC001 -- cyclopts reads annotations
from server.cli.homes import HERE, AsJson, Place


def open_(
    account: AccountId,
    /,
    *,
    name: Annotated[str, Parameter(help="Name of the customer.")],
    currency: Annotated[str, Parameter(help="Such as CNY.")],
    timezone: Annotated[str, Parameter(help="Such as Asia/Shanghai.")],
    bill_day: Annotated[str, Parameter(help="1 to 31; clamped to the end of shorter months.")],
    opened_on: Annotated[str, Parameter(help="First day of the account on its clock, such as 2026-01-31.")],
    language: Annotated[str, Parameter(help="Language of its documents.")] = "en",
    billed_through: Annotated[str, Parameter(help="For an account that was billed elsewhere: the first day that is billed here.")] = "",
    dunning_policy: str = "standard",
    payment_days: Annotated[str, Parameter(help="Days from the bill date to the due date.")] = "14",
    legal_entity: Annotated[str, Parameter(help="Legal entity that bills it; the one without a name by default.")] = "",
    category: Literal["normal", "staff", "test"] = "normal",
    dry_run: DryRun = False,
    at: Place = HERE,
    as_json: AsJson = False,
) -> int:
    """Open one account, as an import of accounts.csv with one row. `accounts activate` begins its subscriptions."""
    from billing.accounts import opening
    from server.cli.accounts.common import perform

    fields = {
        "account_id": account,
        "name": name,
        "currency": currency,
        "timezone": timezone,
        "bill_day": bill_day,
        "language": language,
        "opened_on": opened_on,
        "billed_through": billed_through,
        "dunning_policy": dunning_policy,
        "payment_days": payment_days,
        "legal_entity": legal_entity,
        "category": category,
    }
    return perform(
        at, as_json, dry_run, lambda home, asked: opening.open_account(home, fields, asked), lambda changes: changes.open(fields)
    )
