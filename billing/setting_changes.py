"""Settings put by a person, and the agreement of another where they loosen a guard."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Final

from billing.persons import Who
from billing.store import approvals, commit_points, settings, tables
from rating.dates import utc_date
from rating.errors import UserError
from rating.identifiers import one_line

if TYPE_CHECKING:
    import sqlalchemy as sa

    from billing.store.approvals import Agreement
    from billing.store.home import Home

_DAYS_TO_MEND: Final = 5
_DIGITS: Final = 18


def put(home: Home, name: str, value: str, by_name: str, by_uid: int, now_us: int, *, reason: str = "") -> bool:  # noqa: PLR0913, PLR0917 -- one argument a column
    """Set a value, or ask for it where it loosens a guard. False where it is that already, or waits for another person already.

    Raises UserError for an unknown name, a value that cannot be meant, and without a reason where one is needed.
    """
    _require_sense(name, value)
    reason = one_line(reason, "the reason")
    with home.begin() as connection:
        held, before = settings.text(connection, name), approvals.waiting(connection, approvals.SETTING, name)
        is_loose = settings.loosens(name, value, held)
        if held == value or (is_loose and before is not None and before.payload == _payload(value)):
            return False
        if (is_loose or name == settings.CLOCK_AHEAD) and not reason.strip():
            what = f"setting {name} to {value} loosens a guard, and" if is_loose else f"setting {name}"
            raise UserError(f"{what} needs a reason", "say why with --reason", exit_status=2)
        if name == settings.CLOCK_AHEAD and int(value) > (last := home.head_seq(connection)):
            raise UserError(f"{name} cannot be {value}: the last commit is {last}", "give the number that the error names", exit_status=2)
        if name != settings.CLOCK_AHEAD:
            home.require_clock(connection, now_us)
        who = Who(by_name, by_uid, now_us)
        seq = home.next_commit_seq(connection, "setting", now_us)
        if before is not None:
            approvals.supersede(connection, before, who, seq)
        row = settings.Change(name, value, by_name, by_uid, now_us, seq, reason.strip())
        connection.execute(tables.billing_settings.insert().values(**row._asdict()))
        if is_loose:
            approvals.propose(connection, approvals.Wanted(approvals.SETTING, name, {"value": value}, reason.strip()), who, seq)
        if name == settings.CLOCK_AHEAD:
            _note_finding(connection, row)
        commit_points.reached("setting.before_commit")
    commit_points.reached("setting.committed")
    return True


def agree(home: Home, agreement: Agreement) -> str:
    """Let a value hold that another person asked for. Returns it. Raises UserError as `approvals.require_may_agree` does."""
    with home.begin() as connection:
        approvals.require_may_agree(agreement.approval, agreement.who)
        seq = home.next_commit_seq(connection, approvals.COMMIT_KIND, agreement.who.now_us)
        approvals.agree(connection, agreement, seq)
        value = settings.text(connection, agreement.approval.subject)
        commit_points.reached("agreement.before_commit")
    commit_points.reached("agreement.committed")
    return value


def _payload(value: str) -> str:
    return approvals.encoded({"value": value})


def _note_finding(connection: sa.Connection, change: settings.Change) -> None:
    """Note for a later look: one person alone may say that the clock was ahead, since nothing else is stored until it is said."""
    today = utc_date(change.at_us)
    values = {
        "name": settings.CLOCK_FINDING,
        "run_id": None,
        "text": f"{change.by_name} says that the clock was ahead through commit {change.value}: {change.reason}",
        "left_side": int(change.value),
        "right_side": 0,
        "unit": "commits",
        "owner": change.by_name,
        "due_on": (today + dt.timedelta(days=_DAYS_TO_MEND)).isoformat(),
        "found_us": change.at_us,
        "commit_seq": change.commit_seq,
    }
    connection.execute(tables.control_findings.insert().values(**values))


def _require_sense(name: str, value: str) -> None:
    known = settings.SETTINGS.get(name)
    if known is None:
        raise UserError(f"there is no setting {name}", f"settings: {', '.join(settings.SETTINGS)}", exit_status=2)
    if known.choices and value not in known.choices:
        raise UserError(f"{name} cannot be {value!r}", f"it is one of {', '.join(known.choices)}", exit_status=2)
    if known.default.isdecimal() and not (value.isascii() and value.isdecimal() and len(value) <= _DIGITS and int(value) <= known.most):
        raise UserError(f"{name} cannot be {value!r}", f"give a whole number from 0 to {known.most}", exit_status=2)
