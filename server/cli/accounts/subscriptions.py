"""`ratewright accounts activate|change-plan|add-on|pause|resume|outage|end|revive|transfer|untransfer`: what happens to a subscription."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from server.cli.accounts.common import DryRun, FromDate, OnDate, Reason, SubscriptionId, ToDate  # noqa: TC001 -- cyclopts reads annotations
from server.cli.homes import HERE, AsJson, Place

if TYPE_CHECKING:
    import datetime as dt

    from billing.accounts.recording import Asked
    from billing.store.home import Home

Now = Annotated[bool, Parameter(name="--now", negative="", help="From today on.")]
At = Annotated[str | None, Parameter(name="--on", help="From this day on.")]
AtCycleEnd = Annotated[bool, Parameter(name="--at-cycle-end", negative="", help="From the next bill date on.")]
AddOn = Annotated[str, Parameter(name="ADD-ON", help="Its name in the catalogue.")]


def activate(
    subscription: SubscriptionId,
    /,
    *,
    account: Annotated[str, Parameter(help="Id of the account that owns it.")],
    plan: Annotated[str, Parameter(help="Such as mobile/smart-m, or mobile/smart-m+travel.")],
    from_: FromDate,
    number: Annotated[tuple[str, ...], Parameter(help="A number it has from that day on; may be given more than once.")] = (),
    quarantine_days: Annotated[int, Parameter(help="Days for which a number of a former subscription must have been free.")] = 90,
    dry_run: DryRun = False,
    at: Place = HERE,
    as_json: AsJson = False,
) -> int:
    """Begin a subscription, with its numbers. A day in the past is billed by the next run."""
    from billing.accounts import lifecycle
    from server.cli.accounts.common import date, perform

    wanted = lifecycle.Activation(subscription, account, plan, date(from_, "--from"), number, quarantine_days)
    return perform(
        at, as_json, dry_run, lambda home, asked: lifecycle.activate(home, asked, wanted), lambda changes: changes.activate(wanted)
    )


def change_plan(
    subscription: SubscriptionId,
    /,
    *,
    to: Annotated[str, Parameter(help="The new plan, such as mobile/smart-l.")],
    now: Now = False,
    on: At = None,
    at_cycle_end: AtCycleEnd = False,
    dry_run: DryRun = False,
    at: Place = HERE,
    as_json: AsJson = False,
) -> int:
    """Give a subscription another plan: now, on a day (back-dated ones correct earlier bills), or at the end of the cycle."""
    from billing.accounts import lifecycle
    from server.cli.accounts.common import date_or_none, perform

    _require_one(now, on, at_cycle_end)
    day = date_or_none(on, "--on")
    return perform(
        at,
        as_json,
        dry_run,
        lambda home, asked: lifecycle.change_plan(home, asked, subscription, to, _today(home, asked, subscription) if now else day),
        lambda changes: changes.change_plan(subscription, to, day, now=now),
    )


def add(
    subscription: SubscriptionId,
    add_on: AddOn,
    /,
    *,
    now: Now = False,
    on: At = None,
    at_cycle_end: AtCycleEnd = False,
    dry_run: DryRun = False,
    at: Place = HERE,
    as_json: AsJson = False,
) -> int:
    """Buy an add-on for a subscription."""
    return _add_on(subscription, add_on, (now, on, at_cycle_end), dry_run, at, as_json, adds=True)


def remove(
    subscription: SubscriptionId,
    add_on: AddOn,
    /,
    *,
    now: Now = False,
    on: At = None,
    at_cycle_end: AtCycleEnd = False,
    dry_run: DryRun = False,
    at: Place = HERE,
    as_json: AsJson = False,
) -> int:
    """Give an add-on of a subscription back."""
    return _add_on(subscription, add_on, (now, on, at_cycle_end), dry_run, at, as_json, adds=False)


def pause(
    subscription: SubscriptionId,
    /,
    *,
    from_: FromDate,
    to: ToDate = None,
    reason: Reason = "",
    dry_run: DryRun = False,
    at: Place = HERE,
    as_json: AsJson = False,
) -> int:
    """Pause a subscription. Without --to it is paused until it is resumed."""
    from billing.accounts import lifecycle
    from server.cli.accounts.common import perform, span

    begin, end_ = span(from_, to)
    return perform(
        at,
        as_json,
        dry_run,
        lambda home, asked: lifecycle.pause(home, asked, subscription, begin, end_, reason),
        lambda changes: changes.pause(subscription, begin, end_, reason),
    )


def resume(
    subscription: SubscriptionId,
    /,
    *,
    on: OnDate,
    dry_run: DryRun = False,
    at: Place = HERE,
    as_json: AsJson = False,
) -> int:
    """End a pause: the day is the first one with service again."""
    from billing.accounts import lifecycle
    from server.cli.accounts.common import date, perform

    day = date(on, "--on")
    return perform(
        at,
        as_json,
        dry_run,
        lambda home, asked: lifecycle.resume(home, asked, subscription, day),
        lambda changes: changes.resume(subscription, day),
    )


def outage(
    subscription: SubscriptionId,
    /,
    *,
    from_: FromDate,
    to: Annotated[str, Parameter(name="--to", help="Last day without service, included.")],
    reason: Reason = "",
    ticket: Annotated[str, Parameter(help="Number of the outage's ticket.")] = "",
    dry_run: DryRun = False,
    at: Place = HERE,
    as_json: AsJson = False,
) -> int:
    """Record days on which the operator could not serve: fees that say so are not charged for them."""
    from billing.accounts import lifecycle
    from server.cli.accounts.common import date, day_after, perform

    begin = date(from_, "--from")
    end_ = day_after(date(to, "--to"), begin)
    return perform(
        at,
        as_json,
        dry_run,
        lambda home, asked: lifecycle.outage(home, asked, subscription, begin, end_, reason, ticket),
        lambda changes: changes.outage(subscription, begin, end_, reason, ticket),
    )


def end(
    subscription: SubscriptionId,
    /,
    *,
    on: Annotated[str, Parameter(name="--on", help="The first day without service.")],
    reason: Reason = "",
    dry_run: DryRun = False,
    at: Place = HERE,
    as_json: AsJson = False,
) -> int:
    """End a subscription, and free its numbers. Asked for again with another day, that day holds; its numbers stay until a later one."""
    from billing.accounts import lifecycle
    from server.cli.accounts.common import date, perform

    day = date(on, "--on")
    return perform(
        at,
        as_json,
        dry_run,
        lambda home, asked: lifecycle.end(home, asked, subscription, day, reason),
        lambda changes: changes.end(subscription, day, reason),
    )


def revive(
    subscription: SubscriptionId,
    /,
    *,
    reason: Reason = "",
    dry_run: DryRun = False,
    at: Place = HERE,
    as_json: AsJson = False,
) -> int:
    """Undo the end of a subscription: it is as if it had never ended. Its numbers stay free until `number give` gives them again."""
    from billing.accounts import lifecycle
    from server.cli.accounts.common import perform

    return perform(
        at,
        as_json,
        dry_run,
        lambda home, asked: lifecycle.revive(home, asked, subscription, reason),
        lambda changes: changes.revive(subscription, reason),
    )


def transfer(
    subscription: SubscriptionId,
    /,
    *,
    to: Annotated[str, Parameter(help="The account that has it from that day on.")],
    on: OnDate,
    as_: Annotated[str, Parameter(name="--as", help="Id of the subscription under the new owner.")],
    dry_run: DryRun = False,
    at: Place = HERE,
    as_json: AsJson = False,
) -> int:
    """Give a subscription with its plan and numbers to another account. No fee is due for its end or its beginning."""
    from billing.accounts import lifecycle
    from server.cli.accounts.common import date, perform

    day = date(on, "--on")
    return perform(
        at,
        as_json,
        dry_run,
        lambda home, asked: lifecycle.transfer(home, asked, subscription, to, day, as_),
        lambda changes: changes.transfer(subscription, to, day, as_),
    )


def untransfer(
    subscription: Annotated[str, Parameter(name="SUBSCRIPTION", help="Id of the subscription under the new owner.")],
    /,
    *,
    reason: Annotated[str, Parameter(help="The reason; it is kept.")],
    dry_run: DryRun = False,
    at: Place = HERE,
    as_json: AsJson = False,
) -> int:
    """Take a transfer back: the owner before has the subscription again, with its end and its numbers, and the new one never was.

    It is possible as long as the new one is on no bill.
    """
    from billing.accounts.handovers import taking_back
    from server.cli.accounts.common import perform

    return perform(
        at,
        as_json,
        dry_run,
        lambda home, asked: taking_back.untransfer(home, asked, subscription, reason),
        lambda changes: changes.untransfer(subscription, reason),
    )


def _add_on(
    subscription: str,
    name: str,
    when: tuple[bool, str | None, bool],
    dry_run: bool,  # noqa: FBT001 -- an option of a command
    at: Place,
    as_json: bool,  # noqa: FBT001 -- an option of a command
    *,
    adds: bool,
) -> int:
    from billing.accounts import lifecycle
    from server.cli.accounts.common import date_or_none, perform

    _require_one(*when)
    now, on, _ = when
    day = date_or_none(on, "--on")
    return perform(
        at,
        as_json,
        dry_run,
        lambda home, asked: lifecycle.change_add_on(
            home, asked, subscription, name, _today(home, asked, subscription) if now else day, adds=adds
        ),
        lambda changes: changes.change_add_on(subscription, name, day, now=now, adds=adds),
    )


def _require_one(now: bool, on: str | None, at_cycle_end: bool) -> None:  # noqa: FBT001 -- an option of a command
    from rating.errors import UserError

    if [now, on is not None, at_cycle_end].count(True) != 1:
        raise UserError("say when: one of --now, --on and --at-cycle-end", "--at-cycle-end is from the next bill date on", exit_status=2)


def _today(home: Home, asked: Asked, subscription: str) -> dt.date:
    """The day of --now. Without it a change without a day is from the end of the cycle on."""
    from billing.accounts import lifecycle

    return lifecycle.today(home, subscription, asked.now_us)
