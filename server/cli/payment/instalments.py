"""`ratewright payment instalments agree|end|list`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import cyclopts
from cyclopts import Parameter

from server.cli.done import done_at
from server.cli.homes import HERE, AsJson, Place
from server.cli.payment import common

if TYPE_CHECKING:
    import datetime as dt

    from billing.payments.instalments import Plan
    from server.cli.practice import Opened

app = cyclopts.App(name="instalments", help="Instalment plans: what is open in dated parts, by which reminders go.")


@app.command
def agree(
    *,
    plan_id: Annotated[str, Parameter(name="--id", help="Your own id of the plan; the same one counts once.")],
    account: common.AccountId,
    date: common.OnDate,
    part: Annotated[list[str], Parameter(name="--part", negative="", help="A part as DATE=AMOUNT; may be repeated.")] = [],  # noqa: B006 -- never changed
    parts: Annotated[int, Parameter(help="Instead: so many equal parts, a month apart.")] = 0,
    first: Annotated[str | None, Parameter(help="The date of the first of equal parts.")] = None,
    invoice: common.Numbers = [],  # noqa: B006 -- never changed
    note: common.Note = "",
    dry_run: common.DryRun = False,
    at: Place = HERE,
    as_json: AsJson = False,
) -> int:
    """Agree on parts for what is open of an account, all of it or some invoices. Payments settle the earliest part first."""
    from billing.payments.instalments import PlanRequest
    from server.actions import payments
    from server.cli.bill import parse_date

    dated = tuple(_part(text) for text in part)
    first_on = None if first is None else parse_date(first)
    wanted = PlanRequest(plan_id, account, parse_date(date), tuple(invoice), dated, parts, first_on, note)
    opened, plan = done_at(
        at,
        lambda home: payments.agree_plan(home, wanted, common.act(home, dry_run=dry_run)),
        lambda service: service.agreements.agree(wanted, dry_run=dry_run),
    )
    _print(opened, [plan], as_json=as_json, dry_run=dry_run)
    return 0


@app.command
def end(
    plan_id: Annotated[str, Parameter(name="PLAN", help="Id of the plan.")],
    /,
    *,
    date: common.OnDate,
    note: common.Note = "",
    dry_run: common.DryRun = False,
    at: Place = HERE,
    as_json: AsJson = False,
) -> int:
    """End a plan: its invoices have their own due dates again, also for what is open again later."""
    from server.actions import payments
    from server.cli.bill import parse_date

    on = parse_date(date)
    opened, plan = done_at(
        at,
        lambda home: payments.end_plan(home, plan_id, on, note, common.act(home, dry_run=dry_run)),
        lambda service: service.agreements.end(plan_id, on, note, dry_run=dry_run),
    )
    _print(opened, [plan], as_json=as_json, dry_run=dry_run)
    return 0


@app.command(name="list")
def list_(*, account: common.OfAccount = None, date: common.OnDateOrToday = None, at: Place = HERE, as_json: AsJson = False) -> int:
    """List plans and their parts with their state on a date: running, behind, finished or replaced by a later plan."""
    from billing.payments.instalments import list_plans
    from server import clock
    from server.cli.bill import parse_date

    day = None if date is None else parse_date(date)
    opened, found = done_at(
        at,
        lambda home: list_plans(home, day or clock.today(home), common.known(home, account)),
        lambda service: service.agreements.list_plans(day, account),
    )
    _print(opened, found, as_json=as_json, dry_run=False)
    return 0


def _part(text: str) -> tuple[dt.date, int]:
    from server.cli.bill import parse_date

    when, _, amount = text.partition("=")
    return parse_date(when), common.micros_of(amount, "--part")


def _print(opened: Opened, plans: list[Plan], *, as_json: bool, dry_run: bool) -> None:
    from server.cli import output, practice

    practice.say(opened, as_json=as_json)
    if as_json:
        output.print_json(practice.marked(opened, common.plain(plans)))
        return
    for plan in plans:
        existed = " (agreed before; nothing changed)" if plan.existed else ""
        told = f"{common.money(plan.open_micros, plan.currency)} open"
        print(f"plan {plan.plan_id} of account {plan.account_id}, agreed {plan.agreed_on} by {plan.by_name}: {plan.state}, {told}{existed}")
        rows = [
            (
                part.part_no,
                part.due_on,
                part.number,
                output.amount(part.amount_micros, plan.currency),
                output.amount(part.open_micros, plan.currency),
            )
            for part in plan.parts
        ]
        output.print_table(("part", "due on", "invoice", "amount", "open"), rows, right=("part", "amount", "open"))
    common.print_tried(dry_run=dry_run)
