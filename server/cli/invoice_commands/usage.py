"""`ratewright invoice usage`: itemised usage."""

from __future__ import annotations

from pathlib import Path  # noqa: TC003 -- read when the command is called
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from server.cli.homes import DEFAULT_HOME, AsJson, HomeFolder
from server.cli.invoice import InvoiceNumber  # noqa: TC001 -- read when the command is called

if TYPE_CHECKING:
    from billing.documents.usage_list import UsageList

_COLUMNS = ("time", "subscription", "number", "with", "line", "quantity", "free", "unit", "charge", "currency")
_UNITS = {1: "s", 2: "messages", 3: "bytes"}
_MILLISECONDS = 1000


def usage(
    number: InvoiceNumber,
    /,
    *,
    subscription: Annotated[str | None, Parameter(help="Only of this subscription.")] = None,
    csv: Annotated[Path | None, Parameter(help="Write the records to this CSV file.")] = None,
    home: HomeFolder = DEFAULT_HOME,
    as_json: AsJson = False,
) -> int:
    """Every record behind the usage lines of an invoice: when, with whom, how much, how much of it free, and what it cost."""
    from billing.documents.usage_list import usage_list
    from billing.store.home import Home
    from server.cli import output, practice

    with Home.open(home) as opened:
        found = usage_list(opened, number, subscription)
    if csv is not None:
        _write(found, csv)
    if as_json:
        output.print_json(practice.marked(opened, found))
        return 0
    practice.say(opened)
    if csv is None:
        output.print_table(_COLUMNS, _rows(found), right=("quantity", "free", "charge"))
        print()
    lines = [
        (
            each.line_no,
            each.text,
            f"{each.records:,}",
            output.amount(each.charge_micros, found.currency),
            output.amount(each.amount_micros, found.currency),
        )
        for each in found.lines
    ]
    output.print_table(("line", "text", "records", "charges", "amount"), lines, right=("line", "records", "charges", "amount"))
    for each in found.lines:
        if each.due_elsewhere:
            print(f"line {each.line_no}: nothing of this charge stands here any more; its records are on the invoice of who pays it")
        elif each.records and each.charge_micros != each.exact_micros:
            net = output.amount(each.exact_micros, found.currency)
            print(f"line {each.line_no}: its prices hold tax; without it all that was billed of its charges is {net}")
    if csv is not None:
        print(f"{len(found.records):,} records are in {csv}")
    return 0


def _rows(found: UsageList) -> list[tuple[str, ...]]:
    from zoneinfo import ZoneInfo

    from billing.documents.usage_list import local_time
    from rating.model import QuantityUnit
    from server.cli import output

    zone = ZoneInfo(found.timezone)
    rows: list[tuple[str, ...]] = []
    for each in found.records:
        unit = QuantityUnit(each.quantity_unit)
        is_time = unit is QuantityUnit.MILLISECOND
        quantity, free = (f"{value / _MILLISECONDS:.0f}" if is_time else str(value) for value in (each.quantity, each.free_quantity))
        name = "s" if is_time else "bytes" if unit is QuantityUnit.BYTE else "messages"
        head = (local_time(each.start_us, zone), each.subscription_id, each.number, each.other, each.text)
        rows.append((*head, quantity, free, name, output.amount(each.charge_micros, found.currency), found.currency))
    return rows


def _write(found: UsageList, file: Path) -> None:
    import csv

    from billing.store import access

    with access.users_mask(), file.open("w", encoding="utf-8", newline="") as handle:
        writer = csv.writer(handle)
        writer.writerow(_COLUMNS)
        writer.writerows(_rows(found))
