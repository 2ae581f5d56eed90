"""Settings of an operator, as rows that are only ever added: the newest of a name is effective, as of a sequence number if one is given.

A name without a row has its default, which is beside it in SETTINGS. Values are text; `integer` and `text` read them.

Some settings guard: approvals, limits, bounds. What tightens a guard is effective at once. What loosens it needs a reason and waits
(`billing.store.approvals`): it is effective only from the commit on by which another person agrees.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

import msgspec
import sqlalchemy as sa

from billing.store import approvals, tables
from rating.errors import UserError

if TYPE_CHECKING:
    from billing.store.approvals import Approval


class Setting(NamedTuple):
    """A setting: `choices` empty means a whole number, or free text where the default is not one.

    `guards`: the higher a number, or the earlier among the choices, the looser.
    """

    default: str
    about: str
    choices: tuple[str, ...] = ()
    guards: bool = False
    most: int = 10**15  # of a number; amounts stay far below the end of int64


class Change(NamedTuple):
    """One row. `reason` is empty where none was given."""

    name: str
    value: str
    by_name: str
    by_uid: int
    at_us: int
    commit_seq: int
    reason: str = ""


CLOCK_AHEAD: Final = "clock_ahead_through"
ACCESS: Final = "access"
ANYONE, SERVER = "any", "server"  # values of ACCESS
CLOCK_FINDING: Final = "the clock was set back"  # name of the finding that CLOCK_AHEAD leaves

SETTINGS: Final = {
    "approval": Setting(
        "none", "whether another person approves a bill run before it numbers its invoices", ("none", "required"), guards=True
    ),
    "reopen_periods_max": Setting("3", "how many bill periods before the newest a run may compute again", guards=True, most=1_200),
    "lines_per_day_max": Setting("15", "lines of a subscription and day above which its account goes into quarantine", guards=True),
    "days_ahead_max": Setting("70", "how many days ahead of the bill date a fee may be charged", guards=True, most=36_500),
    "adjustment_limit_micros": Setting(
        "100000000",
        "charges and credits by hand need another person above this sum of a person or an account in 30 days (micro-units)",
        guards=True,
    ),
    "give_back_limit_micros": Setting(
        "100000000",
        "credit notes, voids, refunds and reopened payments need another person above this sum of a person or an account in 30 days"
        " (micro-units)",
        guards=True,
    ),
    "late_usage_limit_micros": Setting(
        "100000000",
        "decisions on usage that came too late need another person above this sum of a person or an account in 30 days (micro-units)",
        guards=True,
    ),
    "write_off_limit_micros": Setting(
        "0", "write-offs need another person above this sum of a person or an account in 30 days (micro-units)", guards=True
    ),
    "abnormal_bill_floor_micros": Setting(
        "100000000", "after months of nothing a bill above this amount is out of the ordinary (micro-units of its currency)", guards=True
    ),
    "document_data": Setting(
        "any", "whether a bill run demands that no data is missing for documents (`documents check`)", ("any", "required"), guards=True
    ),
    "allocation_order": Setting("instruction, oldest", "what a payment settles first"),
    "claim_codes": Setting("", "charge codes of costs and interest, such as costs=810 811; interest=820"),
    ACCESS: Setting(
        ANYONE,
        "whether persons act in this home by the service alone (server), or by commands on its machine too (any)",
        (ANYONE, SERVER),
        guards=True,
    ),
    CLOCK_AHEAD: Setting("0", "the last commit that was made while the clock was ahead: later commands may have earlier times"),
}


def text(connection: sa.Connection, name: str, default: str | None = None, seq: int | None = None) -> str:
    """The value of a setting as of `seq`; its default where it was never set."""
    value = connection.execute(_holding(name, seq).order_by(tables.billing_settings.c.setting_id.desc())).scalars().first()
    if value is not None:
        return str(value)
    return SETTINGS[name].default if default is None else default


def integer(connection: sa.Connection, name: str, default: int | None = None, seq: int | None = None) -> int:
    """The value of a setting that is a whole number."""
    return int(text(connection, name, None if default is None else str(default), seq))


def changes(connection: sa.Connection, seq: int | None = None) -> list[Change]:
    """Every change that holds or held, as of `seq` if it is given, oldest first.

    One that another person agreed to has the commit of that agreement.
    """
    row, decision = tables.billing_settings.c, tables.approval_decisions.c
    holds_from = sa.func.coalesce(decision.commit_seq, row.commit_seq)
    columns = (row.name, row.value, row.by_name, row.by_uid, row.at_us, holds_from, sa.func.coalesce(row.reason, ""))
    query = _holding(None, seq).with_only_columns(*columns).order_by(row.setting_id)
    return [Change(*values) for values in connection.execute(query)]


def pending(connection: sa.Connection, seq: int | None = None) -> list[Approval]:
    """Proposals of settings that wait for another person to agree, or did as of `seq`."""
    found = approvals.list_all(connection) if seq is None else approvals.waiting_at(connection, seq)
    return [each for each in found if each.kind == approvals.SETTING]


def wanted_value(found: Approval) -> str:
    """The value that a proposal asks for."""
    return str(msgspec.json.decode(found.payload)["value"])


def require_open_to_shells(connection: sa.Connection) -> None:
    """Raises UserError where persons act by the service alone, for what a person signs in a shell on the machine."""
    if text(connection, ACCESS) == SERVER:
        message = f"persons act in this home by the service alone: its setting `{ACCESS}` is {SERVER}"
        raise UserError(
            message,
            "give it with --server and your own token, where --help names a call; what has none waits until the setting is any again",
        )


def loosens(name: str, value: str, held: str) -> bool:
    """Return whether a value would guard less than the one that is effective."""
    known = SETTINGS[name]
    if not known.guards:
        return False
    return known.choices.index(value) < known.choices.index(held) if known.choices else int(value) > int(held)


def strictest(connection: sa.Connection, name: str, seqs: tuple[int | None, ...]) -> str:
    """The value that guards most, of those that hold as of several sequence numbers (None: now)."""
    found = text(connection, name, seq=seqs[0])
    for seq in seqs[1:]:
        other = text(connection, name, seq=seq)
        found = other if loosens(name, found, other) else found
    return found


def _holding(name: str | None, seq: int | None) -> sa.Select[tuple[str]]:
    """Values that are or were effective: those that needed no agreement, and those that were agreed to by `seq`."""
    row, asked, decision = tables.billing_settings, tables.approvals, tables.approval_decisions
    agreed = sa.and_(decision.c.approval_id == asked.c.approval_id, decision.c.kind == approvals.AGREED)
    if seq is not None:
        agreed = sa.and_(agreed, decision.c.commit_seq <= seq)
    asked_for = sa.and_(asked.c.commit_seq == row.c.commit_seq, asked.c.kind == approvals.SETTING)
    query = sa.select(row.c.value).select_from(row).outerjoin(asked, asked_for).outerjoin(decision, agreed)
    query = query.where(sa.or_(asked.c.approval_id.is_(None), decision.c.decision_id.is_not(None)))
    if name is not None:
        query = query.where(row.c.name == name)
    return query if seq is None else query.where(row.c.commit_seq <= seq)
