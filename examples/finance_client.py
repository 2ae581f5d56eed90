"""A finance client: lists the invoices of a server, shows one with its lines, and how its account stands in dunning.

    .venv/bin/python examples/finance_client.py --address 127.0.0.1:50051 --token-file ratewright-home/keys/local-token

It uses nothing of Ratewright but the generated code in `ratewright.v1`, as a client in any language would.
"""

from __future__ import annotations

import argparse
import datetime as dt
import json
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import grpc
from google.rpc import error_details_pb2
from google.type import date_pb2
from grpc_status import rpc_status

from ratewright.v1 import dunning_service_pb2 as dunning_pb
from ratewright.v1 import dunning_service_pb2_grpc as dunning_grpc
from ratewright.v1 import invoice_service_pb2 as invoice_pb
from ratewright.v1 import invoice_service_pb2_grpc as invoice_grpc

if TYPE_CHECKING:
    from collections.abc import Iterator

    from google.type import money_pb2

MICROS_PER_UNIT = 1_000_000
NANOS_PER_UNIT = 1_000_000_000
DEADLINE_S = 30
PAGE_SIZE_MAX = 1_000
ALL_ACCOUNTS = "accounts/-"


def main() -> int:
    """Show invoices; the exit status is 1 when the server refuses or cannot be reached."""
    options = _options()
    try:
        with grpc.insecure_channel(options.address) as channel:
            _show(channel, options)
    except OSError as error:
        sys.stderr.write(f"error: {error}\n")
        return 1
    except grpc.RpcError as error:
        sys.stderr.write(f"error: {_refusal(error)}\n")
        return 1
    return 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="List invoices, show one with its lines, and the dunning state of its account.")
    parser.add_argument("--address", default="127.0.0.1:50051", help="HOST:PORT of `ratewright serve`")
    parser.add_argument("--account", default="-", help="account id; - for all accounts")
    parser.add_argument("--invoice", help="number or name of the invoice to show; default: the first one listed")
    parser.add_argument("--limit", type=_count, default=10, help="how many invoices to list, at least 1")
    parser.add_argument(
        "--as-of", type=dt.date.fromisoformat, help="date of the dunning state, such as 2026-11-20; default: the server's today"
    )
    parser.add_argument("--json", action="store_true", help="print the invoice and the dunning state as JSON")
    parser.add_argument(
        "--token-file", type=Path, default=os.environ.get("RATEWRIGHT_TOKEN_FILE"), help="file with a token; default: RATEWRIGHT_TOKEN_FILE"
    )
    return parser.parse_args()


def _metadata(token_file: Path | None) -> tuple[tuple[str, str], ...]:
    """The metadata that shows the token; none without one."""
    return () if token_file is None else (("authorization", f"Bearer {token_file.read_text(encoding='ascii').strip()}"),)


def _count(text: str) -> int:
    if int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text} is not 1 or more")
    return int(text)


def _date(day: dt.date | None) -> date_pb2.Date | None:
    return None if day is None else date_pb2.Date(year=day.year, month=day.month, day=day.day)


def _show(channel: grpc.Channel, options: argparse.Namespace) -> None:
    metadata = _metadata(options.token_file)
    invoices = invoice_grpc.InvoiceServiceStub(channel)
    parent = f"accounts/{options.account}"
    listed = list(_list(invoices, parent, options.limit, metadata))
    if not listed:
        print("no invoices yet")
        return
    name = _name(invoices, parent, options.invoice, metadata) if options.invoice else listed[0].name
    invoice = invoices.GetInvoice(invoice_pb.GetInvoiceRequest(name=name), timeout=DEADLINE_S, metadata=metadata)
    dunning = dunning_grpc.DunningServiceStub(channel)
    asked = dunning_pb.GetDunningStateRequest(name=f"{invoice.account}/dunningState", as_of=_date(options.as_of))
    state = dunning.GetDunningState(asked, timeout=DEADLINE_S, metadata=metadata)
    if options.json:
        print(json.dumps({"invoice": _plain_invoice(invoice), "dunning": _plain_state(state)}, ensure_ascii=False, indent=2))
        return
    for each in listed:
        amounts = f"total {_money(each.total):>14}, open {_money(each.open):>14}"
        print(f"{each.name}  issued {_day(each.issue_date)}  {amounts}, due {_day(each.due_date)}")
    _print_invoice(invoice)
    _print_state(state)


def _name(stub: invoice_grpc.InvoiceServiceStub, parent: str, wanted: str, metadata: tuple[tuple[str, str], ...]) -> str:
    """The name of an invoice that is asked for by name or number; of a number alone, all invoices are searched."""
    if "/" in wanted:
        return wanted
    if parent == ALL_ACCOUNTS:
        found = (invoice.name for invoice in _list(stub, parent, sys.maxsize, metadata) if invoice.number == wanted)
        return next(found, f"{parent}/invoices/{wanted}")  # the server says that there is none
    return f"{parent}/invoices/{wanted}"


def _list(
    stub: invoice_grpc.InvoiceServiceStub, parent: str, limit: int, metadata: tuple[tuple[str, str], ...]
) -> Iterator[invoice_pb.Invoice]:
    """Up to `limit` invoices, page by page."""
    token = ""
    while limit > 0:
        page = stub.ListInvoices(
            invoice_pb.ListInvoicesRequest(parent=parent, page_size=min(limit, PAGE_SIZE_MAX), page_token=token),
            timeout=DEADLINE_S,
            metadata=metadata,
        )
        yield from page.invoices
        limit -= len(page.invoices)
        token = page.next_page_token
        if not token:
            return


def _print_invoice(invoice: invoice_pb.Invoice) -> None:
    last_day = dt.date.fromisoformat(_day(invoice.period_to)) - dt.timedelta(days=1)  # the API's periods end on the day after
    print(f"\ninvoice {invoice.number} of {invoice.account}, {_day(invoice.period_from)} to {last_day}")
    for line in invoice.lines:
        print(f"  {line.line_no:>3}  {line.kind:<10} {line.text:<48} {_micros(line.amount_micros):>14}")
    print(f"  net {_money(invoice.net)}, tax {_money(invoice.tax)}, total {_money(invoice.total)}")
    lines_micros = sum(line.amount_micros for line in invoice.lines)
    agreed = lines_micros == invoice.total.units * MICROS_PER_UNIT + invoice.total.nanos // 1_000
    print(f"  the lines add up to {_micros(lines_micros)}: {'as the total says' if agreed else 'NOT the total'}")


def _print_state(state: dunning_pb.DunningState) -> None:
    barred = "barred" if state.outgoing_barred else "not barred"
    print(f"\n{state.name} on {_day(state.as_of)}: past due {_money(state.overdue)} for {state.days_past_due} days, {barred}")
    print(f"  policy asks for: {state.policy_action or 'nothing'}; taken: {', '.join(step.action for step in state.steps) or 'nothing'}")


def _plain_invoice(invoice: invoice_pb.Invoice) -> dict[str, object]:
    return {
        "number": invoice.number,
        "account": invoice.account,
        "period_from": _day(invoice.period_from),
        "period_to": _day(invoice.period_to),
        "total": _money(invoice.total),
        "lines": [{"text": line.text, "kind": line.kind, "amount_micros": line.amount_micros} for line in invoice.lines],
    }


def _plain_state(state: dunning_pb.DunningState) -> dict[str, object]:
    return {
        "name": state.name,
        "as_of": _day(state.as_of),
        "overdue": _money(state.overdue),
        "days_past_due": state.days_past_due,
        "policy_action": state.policy_action,
        "outgoing_barred": state.outgoing_barred,
        "steps": [step.action for step in state.steps],
    }


def _money(money: money_pb2.Money) -> str:
    return f"{_micros(money.units * MICROS_PER_UNIT + money.nanos // (NANOS_PER_UNIT // MICROS_PER_UNIT))} {money.currency_code}"


def _micros(micros: int) -> str:
    whole, rest = divmod(abs(micros), MICROS_PER_UNIT)
    places = f"{rest:06d}".rstrip("0").ljust(2, "0")
    return f"{'-' if micros < 0 else ''}{whole}.{places}"


def _day(date: date_pb2.Date) -> str:
    return f"{date.year:04d}-{date.month:02d}-{date.day:02d}"


def _refusal(error: grpc.RpcError) -> str:
    """The server's sentence and the reason programs can act on."""
    if not isinstance(error, grpc.Call):
        return str(error)
    status = rpc_status.from_call(error)
    for detail in status.details if status is not None else ():
        info = error_details_pb2.ErrorInfo()
        if detail.Unpack(info):
            return f"{error.details()} ({info.reason})"
    return f"{error.code().name}: {error.details()}"


if __name__ == "__main__":
    sys.exit(main())
