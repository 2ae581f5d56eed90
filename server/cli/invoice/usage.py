"""`ratewright invoice usage`: itemised usage."""

# ruff: noqa: RUF001 - Chinese sentences have Chinese punctuation
from __future__ import annotations

from pathlib import Path  # noqa: TC003 -- read when the command is called
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from rating.counted import counted
from server.cli.done import done_at
from server.cli.homes import HERE, AsJson, Overwrite, Place
from server.cli.invoice import InvoiceNumber, full
from server.cli.languages import Language, word, words

if TYPE_CHECKING:
    from billing.documents.usage_list import Record, UsageList

_COLUMNS = ("time", "subscription", "number", "with", "line", "quantity", "free", "unit", "charge", "currency")
_NOTES = {
    "en": {
        "elsewhere": "line {}: this charge is no longer on this invoice; its records are on the invoice of the account that pays it",
        "net": "line {}: its prices hold tax; without it all that was billed of its charges is {}",
        "written": "{records} in {file}",
        "none": "{} has no line of usage",
        "late": "line {}, {} {}, bills {} by decision {}: ratewright usage too-late --decided",
    },
    "zh": {
        "elsewhere": "第 {} 项：此项费用已不在本账单上；其记录见付费账户的账单",
        "net": "第 {} 项：价格含税；其费用已计不含税金额合计 {}",
        "written": "共 {number:,} 条记录，已写入 {file}",
        "none": "{} 没有使用费项目",
        "late": "第 {} 项（{} {}）收取迟到用量，记录 {}，决定 {}：ratewright usage too-late --decided",
    },
}


def usage(
    number: InvoiceNumber,
    /,
    *,
    subscription: Annotated[str | None, Parameter(help="Only of this subscription.")] = None,
    csv: Annotated[Path | None, Parameter(help="Write the records to this CSV file.")] = None,
    overwrite: Overwrite = False,
    language: Language = "en",
    at: Place = HERE,
    as_json: AsJson = False,
) -> int:
    """List every record behind the usage lines of an invoice: time, other party, quantity, free quantity and charge."""
    from billing.documents.usage_list import usage_list
    from billing.store import output_files
    from server.cli import output, practice

    if csv is not None:
        output_files.require_free(csv, overwrite=overwrite)
    opened, found = done_at(
        at, lambda home: usage_list(home, full(home, number), subscription), lambda service: service.usage_lists.usage(number, subscription)
    )
    if csv is not None:
        output_files.write(csv, _as_csv(found), overwrite=overwrite)
    if as_json:
        output.print_json(practice.marked(opened, found))
        return 0
    practice.say(opened, language)
    if not found.lines and csv is None:
        print(_NOTES[language]["none"].format(found.number))
        _print_late(found, language)
        return 0
    if csv is None:
        columns = tuple("号码" if language == "zh" and name == "number" else word(name, language) for name in _COLUMNS)  # a subscriber's
        output.print_table(columns, _rows(found, language), right=[columns[place] for place in (5, 6, 8)])
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
    columns = words(("line", "text", "records", "charges", "amount"), language)
    output.print_table(columns, lines, right=[columns[place] for place in (0, 2, 3, 4)])
    notes = _NOTES[language]
    for each in found.lines:
        if each.due_elsewhere:
            print(notes["elsewhere"].format(each.line_no))
        elif each.records and each.charge_micros != each.exact_micros:
            print(notes["net"].format(each.line_no, output.amount(each.exact_micros, found.currency)))
    _print_late(found, language)
    if csv is not None:
        size = len(found.records)
        print(notes["written"].format(records=counted(size, "record is", "records are"), number=size, file=csv))
    return 0


def _print_late(found: UsageList, language: Language) -> None:
    """The lines that bill late usage by decision: their records are in another list."""
    from rating.counted import counted
    from server.cli import output

    for each in found.late_lines:
        records = counted(each.records, "late record") if language == "en" else f"{each.records:,} 条"
        amount = output.amount(each.amount_micros, found.currency)
        print(_NOTES[language]["late"].format(each.line_no, amount, found.currency, records, each.decision_id))


def _rows(found: UsageList, language: str | None = None) -> list[tuple[str, ...]]:
    """Rows of the table in a language, volumes in the unit of their price; without one those of the file, in seconds and bytes."""
    from zoneinfo import ZoneInfo

    from billing.documents.usage_list import local_time
    from server.cli import output

    zone = ZoneInfo(found.timezone)
    units = {each.line_no: each.unit for each in found.lines}
    rows: list[tuple[str, ...]] = []
    for each in found.records:
        head = (local_time(each.start_us, zone), each.subscription_id, each.number, each.other, each.text)
        told = _quantities(each, units[each.line_no], language)
        rows.append((*head, *told, output.amount(each.charge_micros, found.currency), found.currency))
    return rows


def _quantities(record: Record, unit: str, language: str | None) -> tuple[str, str, str]:
    """Quantity, what of it is free, and the unit of both."""
    from rating.durations import seconds_text
    from rating.explain.volumes import BYTE, volume_text
    from rating.model import QuantityUnit

    both = (record.quantity, record.free_quantity)
    if record.quantity_unit == QuantityUnit.MILLISECOND:
        used, free = (seconds_text(value) for value in both)
        return used, free, word("s", language or "en")
    if record.quantity_unit == QuantityUnit.BYTE:
        if language is None:
            return str(both[0]), str(both[1]), "bytes"
        used, free = (volume_text(value, unit or BYTE) for value in both)
        return used, free, unit or BYTE
    name = unit if unit and language is not None else "message"
    singular = language is not None and record.quantity == 1
    return str(both[0]), str(both[1]), word(name if singular else f"{name}s", language or "en")


def _as_csv(found: UsageList) -> bytes:
    import csv
    import io

    from rating import spreadsheet_cells

    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow(_COLUMNS)
    writer.writerows(map(spreadsheet_cells.row, _rows(found)))
    return text.getvalue().encode()
