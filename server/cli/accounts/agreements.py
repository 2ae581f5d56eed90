"""`ratewright accounts terms|discount|tax|category|hold|payer|sponsor|pool|bill-day|close|retract`: what is agreed, as dated facts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

from cyclopts import Parameter

from server.cli.accounts.common import AccountId, DryRun, FromDate, Named, Reason, ToDate  # noqa: TC001 -- cyclopts reads annotations
from server.cli.homes import HERE, AsJson, Place

if TYPE_CHECKING:
    import msgspec

Kinds = Annotated[tuple[str, ...], Parameter(name="--kind", help="Kind of line, such as usage; may be given more than once. None: all.")]
Codes = Annotated[tuple[int, ...], Parameter(name="--charge-code", help="May be given more than once. None: all.")]
Nobody = Annotated[bool, Parameter(name="--nobody", negative="", help="End what was agreed.")]


def terms(
    name: Named,
    /,
    *,
    from_: FromDate,
    to: ToDate = None,
    language: Annotated[str | None, Parameter(help="Language of its documents.")] = None,
    payment_days: Annotated[int | None, Parameter(help="Days from the bill date to the due date.")] = None,
    dunning_policy: str | None = None,
    minimum_months: Annotated[int | None, Parameter(help="Minimum term of the contract in months; 0 is none.")] = None,
    early_end_waived: Annotated[bool, Parameter(negative="", help="No fee is due for an early end.")] = False,
    dry_run: DryRun = False,
    at: Place = HERE,
    as_json: AsJson = False,
) -> int:
    """Record terms of one contract that differ from those of its plan. A subscription can have its own minimum term alone."""
    from billing.accounts.kinds import TermsFact

    detail = TermsFact(language, payment_days, dunning_policy, minimum_months, early_end_waived)
    return _agree(at, as_json, dry_run, name, ("terms", from_, to, detail))


def discount(
    name: Named,
    discount_name: Annotated[str, Parameter(name="NAME", help="Its name on the invoice.")],
    /,
    *,
    from_: FromDate,
    to: ToDate = None,
    percent: Annotated[str | None, Parameter(help="Such as 12.5.")] = None,
    amount: Annotated[str | None, Parameter(help="Off each bill period, in the account's currency.")] = None,
    kinds: Kinds = (),
    charge_codes: Codes = (),
    own_charge_code: Annotated[int, Parameter(help="Charge code of the discount's own line.")] = 0,
    own_revenue_code: Annotated[int, Parameter(help="Revenue code of the discount's own line.")] = 0,
    dry_run: DryRun = False,
    at: Place = HERE,
    as_json: AsJson = False,
) -> int:
    """Agree a discount with one customer: a percentage or an amount off each bill period, of an account or a subscription."""
    from billing.accounts.kinds import DiscountFact
    from rating.errors import UserError
    from server.actions.accounts import percent_ppm
    from server.cli.accounts.common import micros

    if (percent is None) == (amount is None):
        raise UserError("a discount is a percentage or an amount", "give one of --percent and --amount", exit_status=2)
    off = (percent_ppm(percent, "--percent"), 0) if percent is not None else (0, micros(amount or "", "--amount"))
    detail = DiscountFact(discount_name, *off, kinds, charge_codes, own_charge_code, own_revenue_code)
    return _agree(at, as_json, dry_run, name, ("discount", from_, to, detail))


def tax(
    account: AccountId,
    /,
    *,
    from_: FromDate,
    to: ToDate = None,
    exempt: Annotated[tuple[str, ...], Parameter(help="Tax class, or * for all; may be given more than once.")] = (),
    instead: Annotated[tuple[str, ...], Parameter(help="CLASS=OTHER: taxed as the other; may be given more than once.")] = (),
    certificate: Annotated[str, Parameter(help="Number of the document that proves it.")] = "",
    place: Annotated[
        Literal["home", "other_eu", "reverse_charge", "outside"],
        Parameter(help="Place of supply; reverse_charge and outside need --exempt '*'. It changes no amount."),
    ] = "home",
    dry_run: DryRun = False,
    at: Place = HERE,
    as_json: AsJson = False,
) -> int:
    """Exempt an account from tax classes, or tax it by other classes, in periods that end within the span."""
    from billing.accounts.kinds import TaxFact
    from rating.errors import UserError

    pairs = [pair.partition("=") for pair in instead]
    if any(not old or not new for old, _, new in pairs):
        raise UserError("--instead: a pair is written CLASS=OTHER", "write it as standard=reduced", exit_status=2)
    detail = TaxFact(exempt, {old: new for old, _, new in sorted(pairs)}, certificate, place)
    return _agree(at, as_json, dry_run, account, ("tax", from_, to, detail))


def category(
    account: AccountId,
    wanted: Annotated[Literal["normal", "staff", "test"], Parameter(name="CATEGORY")],
    /,
    *,
    from_: FromDate,
    dry_run: DryRun = False,
    at: Place = HERE,
    as_json: AsJson = False,
) -> int:
    """Make an account a normal, staff (billed, shown apart) or test one (rated, never invoiced)."""
    from billing.accounts.kinds import CategoryFact

    return _agree(at, as_json, dry_run, account, ("category", from_, None, CategoryFact(wanted)))


def hold(
    account: AccountId,
    /,
    *,
    from_: FromDate,
    to: ToDate = None,
    reason: Reason = "",
    dry_run: DryRun = False,
    at: Place = HERE,
    as_json: AsJson = False,
) -> int:
    """Make no bill for an account, and all billed with it, while the bill date lies in the span; the first one after catches up."""
    from billing.accounts.kinds import HoldFact

    return _agree(at, as_json, dry_run, account, ("hold", from_, to, HoldFact(reason)))


def payer(
    name: Named,
    payer_account: Annotated[str, Parameter(name="PAYER", help="The account that pays; not given with --nobody.")] = "",
    /,
    *,
    from_: FromDate,
    to: ToDate = None,
    kinds: Kinds = (),
    charge_codes: Codes = (),
    nobody: Nobody = False,
    dry_run: DryRun = False,
    at: Place = HERE,
    as_json: AsJson = False,
) -> int:
    """Let another account pay from a bill date on: for an account or some of its charges, or for one subscription (a split bill)."""
    from billing.accounts.kinds import PayerFact

    detail = PayerFact(_somebody(payer_account, nobody), kinds, charge_codes)
    return _agree(at, as_json, dry_run, name, ("payer", from_, to, detail))


def sponsor(
    account: AccountId,
    sponsor_account: Annotated[str, Parameter(name="SPONSOR", help="The account that pays; not given with --nobody.")] = "",
    /,
    *,
    from_: FromDate,
    to: ToDate = None,
    kinds: Kinds = (),
    charge_codes: Codes = (),
    nobody: Nobody = False,
    dry_run: DryRun = False,
    at: Place = HERE,
    as_json: AsJson = False,
) -> int:
    """Let another account pay for some charges (content, a service, a fee) from a bill date on."""
    from billing.accounts.kinds import SponsorFact

    detail = SponsorFact(_somebody(sponsor_account, nobody), kinds, charge_codes)
    return _agree(at, as_json, dry_run, account, ("sponsor", from_, to, detail))


def pool(
    account: AccountId,
    root: Annotated[str, Parameter(name="ROOT", help="The account whose pool it joins; not given with --nobody.")] = "",
    /,
    *,
    from_: FromDate,
    to: ToDate = None,
    nobody: Nobody = False,
    dry_run: DryRun = False,
    at: Place = HERE,
    as_json: AsJson = False,
) -> int:
    """Share allowances with other accounts, from a bill date on."""
    from billing.accounts.kinds import PoolFact

    return _agree(at, as_json, dry_run, account, ("pool", from_, to, PoolFact(_somebody(root, nobody))))


def bill_day(
    account: AccountId,
    day: Annotated[int, Parameter(name="DAY", help="1 to 31; clamped to the end of shorter months.")],
    /,
    *,
    from_: FromDate,
    dry_run: DryRun = False,
    at: Place = HERE,
    as_json: AsJson = False,
) -> int:
    """Change the bill day of an account and of all that are billed with it: the running cycle ends as it would, then comes a stub."""
    from billing.accounts import agreements
    from server.cli.accounts.common import date, perform

    begin = date(from_, "--from")
    return perform(
        at,
        as_json,
        dry_run,
        lambda home, asked: agreements.change_bill_day(home, asked, account, day, begin),
        lambda changes: changes.change_bill_day(account, day, begin),
    )


def close(
    account: AccountId,
    /,
    *,
    on: Annotated[str, Parameter(name="--on", help="The first day without the account.")],
    reason: Reason = "",
    dry_run: DryRun = False,
    at: Place = HERE,
    as_json: AsJson = False,
) -> int:
    """Close an account: its subscriptions end that day, and what is due then is its final bill."""
    from billing.accounts import agreements
    from server.cli.accounts.common import date, perform

    day = date(on, "--on")
    return perform(
        at,
        as_json,
        dry_run,
        lambda home, asked: agreements.close(home, asked, account, day, reason),
        lambda changes: changes.close(account, day, reason),
    )


def retract(
    account: AccountId,
    fact: Annotated[int, Parameter(name="FACT", help="The fact's number, as `accounts show` lists it.")],
    /,
    *,
    reason: Annotated[str, Parameter(help="The reason; it is kept.")],
    of_subscription: Annotated[bool, Parameter(negative="", help="The fact is about a subscription of the account.")] = False,
    dry_run: DryRun = False,
    at: Place = HERE,
    as_json: AsJson = False,
) -> int:
    """Retract a fact about an account or one of its subscriptions: it counts as if it had never been recorded.

    The next run corrects what was billed by it.
    """
    from billing.accounts import agreements
    from server.cli.accounts.common import perform

    return perform(
        at,
        as_json,
        dry_run,
        lambda home, asked: agreements.retract(home, asked, account, fact, reason, of_subscription=of_subscription),
        lambda changes: changes.retract(account, fact, reason, of_subscription=of_subscription),
    )


def _somebody(account: str, nobody: bool) -> str:  # noqa: FBT001 -- an option of a command
    """The account that is named; empty with `--nobody`. Raise UserError for both or neither."""
    from rating.errors import UserError

    if bool(account) == nobody:
        raise UserError("name an account, or say --nobody", "--nobody ends what was agreed before", exit_status=2)
    return account


def _agree(
    at: Place,
    as_json: bool,  # noqa: FBT001 -- an option of a command
    dry_run: bool,  # noqa: FBT001 -- an option of a command
    name: str,
    fact: tuple[str, str, str | None, msgspec.Struct],
) -> int:
    from billing.accounts import agreements
    from server.cli.accounts.common import perform, span

    kind, from_, to, detail = fact
    begin, end = span(from_, to)
    return perform(
        at,
        as_json,
        dry_run,
        lambda home, asked: agreements.agree_with(home, asked, name, kind, begin, end, detail),
        lambda changes: changes.agree(name, kind, begin, end, detail),
    )
