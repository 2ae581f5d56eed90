"""`ratewright bill unbilled|opening|alarms`."""

# ruff: noqa: RUF001 - Chinese sentences have Chinese punctuation
from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Final, Literal

import cyclopts
from cyclopts import Parameter

from rating.counted import counted
from server.cli import by_service
from server.cli.done import done_at
from server.cli.homes import HERE, AsJson, Place

if TYPE_CHECKING:
    from billing.documents.enquiry import Enquiry

HEADS: Final = {
    "en": "Account {}, not billed up to {}; provisional, without tax",
    "zh": "账户 {}，截至 {} 尚未出账；暂计，不含税",
}
_NOTHING: Final = {"en": "nothing waits for an invoice", "zh": "没有尚未出账的费用"}
alarms = cyclopts.App(name="alarms", help="Abnormal bills: list them, record that the customer was informed, or dismiss them.")
AlarmId = Annotated[int, Parameter(name="ALARM", help="Its number, as `bill alarms list` shows it.")]
DryRun = Annotated[bool, Parameter(name="--dry-run", negative="", help="Say what would happen, and store nothing.")]


def unbilled(
    account: Annotated[str, Parameter(name="ACCOUNT", help="Id of the account.")],
    /,
    *,
    date: Annotated[str | None, Parameter(help="Usage before this date, which is not included; all usage up to now by default.")] = None,
    language: Annotated[Literal["en", "zh"] | None, Parameter(help="Language; the account's own by default.")] = None,
    at: Place = HERE,
    as_json: AsJson = False,
) -> int:
    """Show the charges of an account that are on no invoice yet, by subscription and charge: provisional, without tax."""
    from billing.documents.enquiry import enquire
    from server import clock
    from server.cli import output, practice
    from server.cli.bill import parse_date

    through = None if date is None else parse_date(date)
    opened, found = done_at(
        at,
        lambda home: enquire(home, account, through, clock.now_us(home), language),
        lambda service: service.unbilled.of(account, through, language),
    )
    if as_json:
        output.print_json(practice.marked(opened, found))
    else:
        practice.say(opened, found.language)
        _print(found)
    return 0


def opening(
    *,
    date: Annotated[str | None, Parameter(help="Date of the documents; today (UTC) by default.")] = None,
    dry_run: DryRun = False,
    at: Place = HERE,
    as_json: AsJson = False,
) -> int:
    """Make documents of what imported accounts owed before. Items that have theirs are left alone."""
    from billing.documents import openings
    from server import clock
    from server.cli import output, practice
    from server.cli.bill import amounts, parse_date
    from server.cli.ledger.common import who

    on = None if date is None else parse_date(date)
    opened, done = done_at(
        at,
        lambda home: openings.open_items(home, who(home), clock.today(home) if on is None else on, dry_run=dry_run),
        lambda service: service.follow_ups.open_items(on, dry_run=dry_run),
    )
    if as_json:
        output.print_json(practice.marked(opened, done))
    else:
        practice.say(opened)
        if done.proposal:
            print(
                f"proposal {done.proposal} waits for another person: {counted(done.documents, 'opening item')}; another person: "
                + by_service.for_another(f"ratewright approvals agree {done.proposal}", at)
            )
        else:
            print(f"opening documents{' that would be made' if dry_run else ''}: {done.documents}, {amounts(done.total_micros)}")
        if done.needs_second and dry_run:
            print("another person would have to agree: more is to customers' credit than one person may give back alone")
        if done.refused:
            print(f"without --dry-run this is refused: {done.refused}")
    return 1 if done.refused else 0


@alarms.command(name="list")
def list_(
    *,
    every: Annotated[
        bool, Parameter(name="--all", negative="", help="Also those whose customer was informed, and those that were dismissed.")
    ] = False,
    at: Place = HERE,
    as_json: AsJson = False,
) -> int:
    """List open alarms: the customer is not informed yet, and they are not dismissed."""
    from billing.documents import alarms as found_alarms
    from server.cli import output, practice

    opened, found = done_at(
        at, lambda home: found_alarms.list_all(home, only_open=not every), lambda service: service.follow_ups.alarms(every=every)
    )
    practice.say(opened, as_json=as_json)
    if as_json:
        output.print_json(practice.marked(opened, found))
        return 0
    rows = [
        (each.alarm_id, each.kind.replace("_", " "), each.account_id, each.period_from, output.amount(each.reached_micros, each.currency),
         output.amount(each.limit_micros, each.currency), each.currency, each.state, each.note)
        for each in found
    ]  # fmt: skip
    columns = ("alarm", "kind", "account", "period from", "reached", "limit", "currency", "state", "note")
    output.print_table(columns, rows, right=("alarm", "reached", "limit"))
    return 0


@alarms.command
def told(
    alarm: AlarmId,
    /,
    *,
    note: Annotated[str, Parameter(help="The way in which the customer was informed.")] = "",
    at: Place = HERE,
) -> int:
    """Record that the customer knows of an alarm."""
    return _decide(at, alarm, "told", note)


@alarms.command
def dismiss(
    alarm: AlarmId,
    /,
    *,
    note: Annotated[str, Parameter(help="The reason why the customer need not be informed.")],
    at: Place = HERE,
) -> int:
    """Dismiss an alarm: the customer need not know of it."""
    return _decide(at, alarm, "dismissed", note)


def _decide(at: Place, alarm: int, kind: str, note: str) -> int:
    from billing.documents import alarms as found_alarms
    from server.cli.ledger.common import who

    _, changed = done_at(
        at,
        lambda home: found_alarms.decide(home, alarm, kind, note, who(home)),
        lambda service: service.follow_ups.decide_alarm(alarm, kind, note),
    )
    print(f"alarm {alarm} is {kind}" if changed else f"alarm {alarm} is {kind} already; nothing changed")
    return 0


def _print(found: Enquiry) -> None:
    from server.cli import output
    from server.cli.languages import words
    from server.cli.pages import invoice

    language = found.language if found.language in HEADS else "en"
    print(HEADS[language].format(found.account_id, output.last_day(found.through)))
    rows = [
        (
            each.subscription_id,
            invoice.of_class(each.text, each.tax_name, invoice.WORDS[language]),
            output.periods(each.period_from, each.period_to, each.days),
            invoice.events_text(each),
            output.amount(each.amount_micros, each.currency),
        )
        for each in found.lines
    ]
    if not rows:
        print(_NOTHING[language])
        return
    columns = words(("subscription", "charge", "period", "events", "amount"), language)
    output.print_table(columns, rows, right=columns[3:])
    for currency, micros in sorted(found.net_micros.items()):
        print(f"{output.amount(micros, currency)} {currency}")
