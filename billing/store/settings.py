"""What an operator may set, as rows that are only ever added: the newest of a name holds, as of a sequence number if one is given.

A name that nobody set has its default, which stands beside it in SETTINGS. Values are text; `integer` and `text` read them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

import sqlalchemy as sa

from billing.store import commit_points, tables
from rating.errors import UserError

if TYPE_CHECKING:
    from billing.store.home import Home


class Setting(NamedTuple):
    """A setting: `choices` empty means a whole number, or free text where the default is not one."""

    default: str
    about: str
    choices: tuple[str, ...] = ()


class Change(NamedTuple):
    """One row."""

    name: str
    value: str
    by_name: str
    by_uid: int
    at_us: int
    commit_seq: int


CLOCK_AHEAD: Final = "clock_ahead_through"

SETTINGS: Final = {
    "approval": Setting("none", "whether another person approves a bill run before it numbers its invoices", ("none", "required")),
    "reopen_periods_max": Setting("3", "how many bill periods before the newest a run may compute again"),
    "lines_per_day_max": Setting("15", "lines of a subscription and day above which its account goes into quarantine"),
    "days_ahead_max": Setting("70", "how many days ahead of the bill date a fee may be charged"),
    "adjustment_limit_micros": Setting("100000000", "charges and credits by hand above this amount need another person (micro-units)"),
    "write_off_limit_micros": Setting("0", "write-offs above this amount need another person (micro-units)"),
    "abnormal_bill_floor_micros": Setting(
        "100000000", "after months of nothing a bill above this amount is out of the ordinary (micro-units of its currency)"
    ),
    "allocation_order": Setting("instruction, oldest", "what a payment settles first"),
    "claim_codes": Setting("", "charge codes of costs and interest, such as costs=810 811; interest=820"),
    CLOCK_AHEAD: Setting("0", "the last commit that was made while the clock was ahead: later commands may have earlier times"),
}


def text(connection: sa.Connection, name: str, default: str | None = None, seq: int | None = None) -> str:
    """The value of a setting as of `seq`; its default where nobody set it."""
    row = tables.billing_settings.c
    query = sa.select(row.value).where(row.name == name).order_by(row.setting_id.desc())
    value = connection.execute(query if seq is None else query.where(row.commit_seq <= seq)).scalars().first()
    if value is not None:
        return str(value)
    return SETTINGS[name].default if default is None else default


def integer(connection: sa.Connection, name: str, default: int | None = None, seq: int | None = None) -> int:
    """The value of a setting that is a whole number."""
    return int(text(connection, name, None if default is None else str(default), seq))


def changes(connection: sa.Connection) -> list[Change]:
    """Every change, oldest first."""
    row = tables.billing_settings.c
    query = sa.select(*(row[name] for name in Change._fields)).order_by(row.setting_id)
    return [Change(*values) for values in connection.execute(query)]


def put(home: Home, name: str, value: str, by_name: str, by_uid: int, now_us: int) -> bool:  # noqa: PLR0913, PLR0917 -- one argument a column
    """Set a value; False where it is that already. Raises UserError for an unknown name or a value that cannot be meant."""
    _require_sense(name, value)
    with home.begin() as connection:
        if text(connection, name) == value:
            return False
        if name == CLOCK_AHEAD and int(value) > (last := home.head_seq(connection)):
            raise UserError(f"{name} cannot be {value}: the last commit is {last}", "give the number that the error names", exit_status=2)
        seq = home.next_commit_seq(connection, "setting", now_us)
        row = Change(name, value, by_name, by_uid, now_us, seq)
        connection.execute(tables.billing_settings.insert().values(**row._asdict()))
        commit_points.reached("setting.before_commit")
    commit_points.reached("setting.committed")
    return True


def _require_sense(name: str, value: str) -> None:
    known = SETTINGS.get(name)
    if known is None:
        raise UserError(f"there is no setting {name}", f"settings: {', '.join(SETTINGS)}", exit_status=2)
    if known.choices and value not in known.choices:
        raise UserError(f"{name} cannot be {value!r}", f"it is one of {', '.join(known.choices)}", exit_status=2)
    if known.default.isdecimal() and not (value.isascii() and value.isdecimal()):
        raise UserError(f"{name} cannot be {value!r}", "give a whole number, 0 or more", exit_status=2)
