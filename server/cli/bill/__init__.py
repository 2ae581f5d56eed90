"""`ratewright bill`: the bill cycle. Commands are named by import path and imported when called."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Final

import cyclopts
from cyclopts import Parameter

from rating.dates import utc_time
from server.actions.threads import thread_count as thread_count

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Mapping

DAYS_MAX = 31
_ACCOUNTS_BYTES_MAX = 256 << 20  # ten million ids
_FOLDER = "server.cli.bill"
# name, module and function, what the list of commands says about it
BILL_COMMANDS = (
    ("run", "run:run", "Price, number and post what is due."),
    ("preview", "preview:preview", "Show what a run would bill now."),
    ("trial", "decisions:trial", "Compare a computed run with the last period."),
    ("approve", "decisions:approve", "Approve the list of a computed run."),
    ("reject", "decisions:reject", "Reject the list of a computed run."),
    ("abandon", "run:abandon", "Give up a run that has numbered nothing."),
    ("due", "due:due", "List the bill dates that are due to be run today."),
    ("undo", "undo:undo", "Take a posted run back, with a second person."),
    ("list", "history:list_", "List bill runs."),
    ("quarantine", "quarantine:quarantine", "List accounts that runs did not bill, with the reason."),
    ("retry", "quarantine:retry", "Bill what a run put into quarantine."),
    ("thresholds", "thresholds:thresholds", "Make interim bills of usage that reached a bill threshold."),
    ("rerate", "rerate:rerate", "Plan a re-rating: compute what a version changes in billed periods."),
    ("rerate-list", "rerate:rerate_list", "List re-ratings."),
    ("rerate-approve", "rerate:rerate_approve", "Approve a re-rating that another person planned."),
    ("rerate-reject", "rerate:rerate_reject", "Reject a re-rating."),
    ("rerate-apply", "rerate:rerate_apply", "Bill an approved re-rating."),
    ("unbilled", "enquiry:unbilled", "Show the charges of an account that are not billed yet."),
    ("alarms", "enquiry:alarms", "Abnormal bills: list them, record that the customer was informed, or dismiss them."),
    ("opening", "enquiry:opening", "Make opening documents of what imported accounts owed before."),
    ("refused", "events:refused", "List events that a run could not price."),
    ("explain", "events:explain", "Explain the charge of a record, or why no bill has it."),
    ("verify", "events:verify", "Price a sample again with the plain reference, and compare."),
)

app = cyclopts.App(name="bill", help="Run the bill cycle, or preview one account.")
for _name, _path, _summary in BILL_COMMANDS:
    app.command(f"{_FOLDER}.{_path}", name=_name, help=_summary)

BillDate = Annotated[str, Parameter(name="--date", help="Bill date, such as 2025-11-01. Periods are billed whose last day is before it.")]
Threads = Annotated[int, Parameter(help="Threads that price usage and write charges; 0 for one a processor.")]
_RUN_DIGITS: Final = 18  # what a database keeps has as many
RunName = Annotated[str, Parameter(name="--run", help="A run's number, or latest.")]
Accounts = Annotated[
    str | None,
    Parameter(help="Only these accounts and those of their rating units: a,b or @file with one id a line.", allow_leading_hyphen=True),
]


def parse_date(text: str) -> dt.date:
    """A date of the command line. Raises UserError when it is none."""
    from billing.days import DayError, read_day
    from rating.errors import UserError

    try:
        return read_day(text)
    except DayError as error:
        raise UserError(str(error), error.remedy, exit_status=2) from None


def bill_date(date: str | None, period: str | None, bill_day: int | None) -> dt.date:
    """The bill date: as it is, or as the date on which the period ends that begins on the bill day of a month.

    `--period 2025-10 --bill-day 1` is 2025-11-01. Raises UserError for both, or neither.
    """
    from billing.charges.periods import next_bill_date
    from rating.errors import UserError

    if (date is None) == (period is None):
        raise UserError("say which date to bill", "give --date 2025-11-01, or --period 2025-10 (with --bill-day 1)", exit_status=2)
    if date is not None:
        if bill_day is not None:
            raise UserError("--bill-day goes with --period", "leave it out, or give --period 2025-10", exit_status=2)
        return parse_date(date)
    day = 1 if bill_day is None else bill_day
    if not 1 <= day <= DAYS_MAX:
        raise UserError(f"--bill-day {day} is not a day of a month", "give 1 .. 31", exit_status=2)
    return next_bill_date(parse_date(f"{period}-01"), day)


def account_ids(text: str | None) -> frozenset[str] | None:
    """Ids of `--accounts`. Raises UserError for a file that cannot be read."""
    from pathlib import Path

    from rating import definition_file
    from rating.errors import UserError

    if text is None:
        return None
    if text.startswith("@"):
        try:
            words = definition_file.read(Path(text[1:]), _ACCOUNTS_BYTES_MAX).decode("utf-8").split("\n")
        except (OSError, UnicodeDecodeError) as error:
            raise UserError(
                f"the list of accounts {text[1:]} cannot be read: {error}", "give a text file, one id a line", exit_status=2
            ) from error
    else:
        words = text.split(",")
    return frozenset(word.strip() for word in words if word.strip())


def amounts(by_currency: Mapping[str, int]) -> str:
    """Such as `1,234.50 CNY`."""
    from server.cli import output

    return ", ".join(f"{output.amount(micros, currency)} {currency}" for currency, micros in sorted(by_currency.items())) or "0"


def run_id(name: str) -> int | None:
    """A run's number, None for the latest."""
    from rating.errors import UserError, quoted

    if name == "latest":
        return None
    if not (name.isascii() and name.isdecimal() and len(name) <= _RUN_DIGITS):
        raise UserError(f"{quoted(name)} is not a run", "give its number, or latest", exit_status=2)
    return int(name)


def instant(instant_us: int) -> str:
    """An instant in UTC, to the second."""
    moment = utc_time(instant_us)
    return moment.strftime("%Y-%m-%d %H:%M:%S")
