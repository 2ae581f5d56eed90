"""`ratewright usage too-late`: usage that no run bills any more."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

from cyclopts import Parameter

from server.cli.homes import DEFAULT_HOME, AsJson, HomeFolder

if TYPE_CHECKING:
    from billing.too_late.listing import Listed

SHOWN_ROWS = 50


def too_late(
    *,
    account: Annotated[str | None, Parameter(help="Only of this account.", allow_leading_hyphen=True)] = None,
    limit: Annotated[int, Parameter(help="How many records to show, oldest first; JSON has all.")] = SHOWN_ROWS,
    language: Annotated[Literal["en", "zh"], Parameter(help="Language of the reasons.")] = "en",
    home: HomeFolder = DEFAULT_HOME,
    as_json: AsJson = False,
) -> int:
    """List usage that runs have left out for good: record, account, age, reason, and what it was worth by the tariff of its time.

    Worth is an estimate of each record alone, without allowances and without tax. `bill explain RECORD` tells more of one record.
    """
    from billing.store.home import Home
    from billing.too_late.listing import listed
    from server.cli import output, progress
    from server.clock import now_us

    with Home.open(home) as opened, progress.show("too late", "files and runs") as report:
        found = listed(opened, now_us(opened), account, progress=report)
    if as_json:
        output.print_json(found)
    else:
        _print(found, limit, language)
    return 0


def _print(found: Listed, limit: int, language: str) -> None:
    from billing.runs.left_out import REASONS
    from server.cli import output
    from server.cli.bill import instant

    if not found.records:
        print("no usage is too late for a bill")
        return
    rows = [
        (each.record.record_id, each.record.source, each.record.account_id, each.record.subscription_id, instant(each.record.start_us),
         each.age_days, _worth(each.worth_micros, each.currency), each.currency, each.record.run_id,
         REASONS[each.record.reason].words[language])
        for each in found.records[:limit]
    ]  # fmt: skip
    columns = ("record", "source", "account", "subscription", "start (UTC)", "days old", "worth", "currency", "run", "reason")
    output.print_table(columns, rows, right=("days old", "worth", "run"))
    if len(found.records) > limit:
        print(f"... and {len(found.records) - limit:,} more: --limit, or --json")
    print()
    sums = [(each.account_id, f"{each.records:,}", _worth(each.worth_micros, each.currency), each.currency) for each in found.sums]
    output.print_table(("account", "records", "worth", "currency"), sums, right=("records", "worth"))


def _worth(micros: int, currency: str) -> str:
    from server.cli import output

    return output.amount(micros, currency) if currency else "unknown"
