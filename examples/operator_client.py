"""An operator's client: runs the bills of a date and waits for their end, or shows what a run would bill.

    .venv/bin/python examples/operator_client.py --date 2026-11-01 --preview
    .venv/bin/python examples/operator_client.py --date 2026-11-01 --ca keys/ca.pem --token-file keys/operator-1.token    # over TLS

Ended and called again, it goes on with the same run: with --request-id the same call is answered from what is stored.
"""

from __future__ import annotations

import argparse
import datetime as dt
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from server.client import CallError, Connection, Operator, micros

if TYPE_CHECKING:
    from collections.abc import Iterable

    from google.type import money_pb2

    from ratewright.v1 import operation_pb2

MICROS_PER_CENT = 10_000


def main() -> int:
    """Run the bills; the exit status is 1 when the server refuses or cannot be reached."""
    options = _options()
    try:
        with Connection(options.address, token_file=options.token_file, ca=options.ca) as connection:
            _run(Operator(connection), options)
    except CallError as error:
        sys.stderr.write(f"error: {error}\n{f'  remedy: {error.remedy}' if error.remedy else ''}".rstrip() + "\n")
        return 1
    return 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Run the bills of a date over gRPC.")
    parser.add_argument("--address", default="127.0.0.1:50051", help="HOST:PORT of `ratewright serve`")
    parser.add_argument("--date", type=dt.date.fromisoformat, required=True, help="bill date, such as 2026-11-01")
    parser.add_argument("--preview", action="store_true", help="show what a run would bill; nothing is stored")
    parser.add_argument("--request-id", default="", help="own id of the run: a repeat is answered from what is stored")
    parser.add_argument(
        "--token-file", type=Path, default=os.environ.get("RATEWRIGHT_TOKEN_FILE"), help="file with a token; default: RATEWRIGHT_TOKEN_FILE"
    )
    parser.add_argument("--ca", type=Path, help="certificate of the authority, ca.pem: calls are made over TLS")
    return parser.parse_args()


def _run(operator: Operator, options: argparse.Namespace) -> None:
    if options.preview:
        preview = operator.preview_bills(options.date, progress=_tell)
        print(f"{preview.bill_count:,} bills would be made: net {_amounts(preview.net)}, tax {_amounts(preview.tax)}")
        return
    run = operator.run_bills(options.date, request_id=options.request_id, progress=_tell)
    spans = ", ".join(f"{each.first} .. {each.last}" for each in run.numbers) or "no invoice"
    print(f"{run.name} of {options.date} is {run.state}: {run.invoice_count:,} invoices {spans}, total {_amounts(run.total)}")


def _tell(metadata: operation_pb2.OperationMetadata) -> None:
    """The progress of the operation."""
    if metadata.total:
        sys.stderr.write(f"{metadata.stage}: {metadata.done:,} of {metadata.total:,}\n")


def _amounts(amounts: Iterable[money_pb2.Money]) -> str:
    return (
        ", ".join(
            f"{micros(each) // 1_000_000:,}.{micros(each) % 1_000_000 // MICROS_PER_CENT:02d} {each.currency_code}" for each in amounts
        )
        or "0"
    )


if __name__ == "__main__":
    sys.exit(main())
