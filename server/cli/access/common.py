"""Options and texts that the commands of operators and their keys share."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

if TYPE_CHECKING:
    from collections.abc import Sequence

    from billing.operators import KeyKind
    from billing.store.home import Home

Reason = Annotated[str, Parameter(name="--reason", help="The reason; it is kept with your name.")]
Days = Annotated[int, Parameter(name="--days", help="For how many days from now it holds.")]
DAYS_MAX = 825


def until_us(now_us: int, days: int) -> int:
    """The instant at which a key ends that holds for some days. Raises UserError for a number of days that cannot be."""
    from rating.dates import DAY_US
    from rating.errors import UserError

    if not 0 < days <= DAYS_MAX:
        raise UserError(f"--days {days} is not between 1 and {DAYS_MAX}", "a key is replaced before it gets old", exit_status=2)
    return now_us + days * DAY_US


def instant(at_us: int | None) -> str:
    """Such as `2026-12-01 09:30 UTC`; empty for none."""
    from rating.dates import utc_time

    return "" if at_us is None else f"{utc_time(at_us):%Y-%m-%d %H:%M} UTC"


def print_keys(home: Home, kind: KeyKind, *, as_json: bool) -> None:
    """List the keys of a kind that hold now, of all operators."""
    from billing import operators
    from server import clock
    from server.cli import output

    now_us = clock.now_us(home)
    with home.connect() as connection:
        found = operators.list_operators(connection)
    keys = [
        (each.name, key) for each in found for key in each.keys if key.kind == kind.value and key.until_us > now_us and not each.is_closed
    ]
    if as_json:
        output.print_json([{"operator": name, **key._asdict()} for name, key in keys])
        return
    rows: Sequence[Sequence[object]] = [(key.key_id, name, key.subject, instant(key.from_us), instant(key.until_us)) for name, key in keys]
    output.print_table(("key", "operator", "id", "issued", "ends"), rows, right=("key",))


def revoke(home: Home, key_id: int, kind: KeyKind, reason: str) -> str:
    """Let a key of a kind hold no more; returns the name of its operator."""
    from billing import operators
    from rating.errors import NotFoundError
    from server.cli.ledger.common import who

    with home.connect() as connection:
        found = operators.list_operators(connection)
    known = any(key.key_id == key_id and key.kind == kind.value for each in found for key in each.keys)
    if not known:
        raise NotFoundError(
            f"no {kind.value} {key_id} holds", f"`ratewright {'tokens' if kind.value == 'token' else 'certs'} list` shows those that hold"
        )
    return operators.revoke_key(home, key_id, reason, who(home)).name
