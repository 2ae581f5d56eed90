"""A finance client: lists the invoices of a server, shows one with its lines, and how its account stands in dunning.

.venv/bin/python examples/finance_client.py --address 127.0.0.1:50051 --token-file ratewright-home/keys/local-token
.venv/bin/python examples/finance_client.py --ca keys/ca.pem --token-file keys/finance-1.token    # over TLS
"""

from __future__ import annotations

import argparse
import datetime as dt
import json
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from server.client import CallError, Connection, Finance, day, micros

if TYPE_CHECKING:
    from google.type import money_pb2

    from ratewright.v1 import dunning_service_pb2 as dunning_pb
    from ratewright.v1 import invoice_service_pb2 as invoice_pb

MICROS_PER_UNIT = 1_000_000
ALL_ACCOUNTS = "accounts/-"


def main() -> int:
    """Show invoices; the exit status is 1 when the server refuses or cannot be reached."""
    options = _options()
    try:
        with Connection(options.address, token_file=options.token_file, ca=options.ca) as connection:
            _show(Finance(connection), options)
    except CallError as error:
        sys.stderr.write(f"error: {error}\n")
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
    parser.add_argument("--ca", type=Path, help="certificate of the authority, ca.pem: calls are made over TLS")
    return parser.parse_args()


def _count(text: str) -> int:
    if int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text} is not 1 or more")
    return int(text)


def _show(finance: Finance, options: argparse.Namespace) -> None:
    parent = f"accounts/{options.account}"
    listed = list(finance.invoices(parent, limit=options.limit))
    if not listed:
        print("no invoices yet")
        return
    invoice = finance.invoice(_name(finance, parent, options.invoice) if options.invoice else listed[0].name)
    state = finance.dunning(invoice.account, options.as_of)
    if options.json:
        print(json.dumps({"invoice": _plain_invoice(invoice), "dunning": _plain_state(state)}, ensure_ascii=False, indent=2))
        return
    for each in listed:
        amounts = f"total {_money(each.total):>14}, open {_money(each.open):>14}"
        print(f"{each.name}  issued {day(each.issue_date)}  {amounts}, due {day(each.due_date)}")
    _print_invoice(invoice)
    _print_state(state)


def _name(finance: Finance, parent: str, wanted: str) -> str:
    """The name of an invoice that is asked for by name or number; of a number alone, all accounts are asked."""
    if "/" in wanted:
        return wanted
    if parent == ALL_ACCOUNTS:
        found = (invoice.name for invoice in finance.invoices(where=f"number = {wanted}"))
        return next(found, f"{parent}/invoices/{wanted}")  # the server says that there is none
    return f"{parent}/invoices/{wanted}"


def _print_invoice(invoice: invoice_pb.Invoice) -> None:
    last_day = day(invoice.period_to) - dt.timedelta(days=1)  # the API's periods end on the day after
    print(f"\ninvoice {invoice.number} of {invoice.account}, {day(invoice.period_from)} to {last_day}")
    for line in invoice.lines:
        print(f"  {line.line_no:>3}  {line.kind:<10} {line.text:<48} {_micros(line.amount_micros):>14}")
    print(f"  net {_money(invoice.net)}, tax {_money(invoice.tax)}, total {_money(invoice.total)}")
    lines_micros = sum(line.amount_micros for line in invoice.lines)
    agreed = lines_micros == micros(invoice.total)
    print(f"  the lines add up to {_micros(lines_micros)}: {'as the total says' if agreed else 'NOT the total'}")


def _print_state(state: dunning_pb.DunningState) -> None:
    barred = "barred" if state.outgoing_barred else "not barred"
    print(f"\n{state.name} on {day(state.as_of)}: past due {_money(state.overdue)} for {state.days_past_due} days, {barred}")
    print(f"  policy asks for: {state.policy_action or 'nothing'}; taken: {', '.join(step.action for step in state.steps) or 'nothing'}")


def _plain_invoice(invoice: invoice_pb.Invoice) -> dict[str, object]:
    return {
        "number": invoice.number,
        "account": invoice.account,
        "period_from": str(day(invoice.period_from)),
        "period_to": str(day(invoice.period_to)),
        "total": _money(invoice.total),
        "lines": [{"text": line.text, "kind": line.kind, "amount_micros": line.amount_micros} for line in invoice.lines],
    }


def _plain_state(state: dunning_pb.DunningState) -> dict[str, object]:
    return {
        "name": state.name,
        "as_of": str(day(state.as_of)),
        "overdue": _money(state.overdue),
        "days_past_due": state.days_past_due,
        "policy_action": state.policy_action,
        "outgoing_barred": state.outgoing_barred,
        "steps": [step.action for step in state.steps],
    }


def _money(money: money_pb2.Money) -> str:
    return f"{_micros(micros(money))} {money.currency_code}"


def _micros(micros: int) -> str:
    whole, rest = divmod(abs(micros), MICROS_PER_UNIT)
    places = f"{rest:06d}".rstrip("0").ljust(2, "0")
    return f"{'-' if micros < 0 else ''}{whole}.{places}"


if __name__ == "__main__":
    sys.exit(main())
