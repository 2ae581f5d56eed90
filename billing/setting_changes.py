"""Settings put by a person, and the agreement of another where they loosen a guard."""

from __future__ import annotations

import datetime as dt
import hashlib
from typing import TYPE_CHECKING, Final, NamedTuple

import sqlalchemy as sa

from billing.persons import Who
from billing.store import approvals, commit_points, settings, tables
from rating.dates import utc_date
from rating.errors import ChangedError, UserError
from rating.identifiers import one_line

if TYPE_CHECKING:
    from billing.store.approvals import Agreement, Approval
    from billing.store.home import Home

_DAYS_TO_MEND: Final = 5
_DIGITS: Final = 18
_ETAG_BYTES: Final = 8


class Wanted(NamedTuple):
    """The value that a setting is to have. `etag`: of the setting as it was read; empty: it may have changed since."""

    name: str
    value: str
    reason: str = ""
    etag: str = ""


class Asked(NamedTuple):
    """A value that waits for another person. `proposal`: its number."""

    value: str
    by_name: str
    reason: str
    proposal: int


class Standing(NamedTuple):
    """A setting as it is. `by_name` is empty where it was never set, `agreed_by` where no second person was needed.

    `etag`: another one after each change, each proposal and the end of one.
    """

    name: str
    value: str
    about: str
    by_name: str
    agreed_by: str
    reason: str
    waits: Asked | None
    etag: str


class Changed(NamedTuple):
    """The setting after a call that set it. `changed`: False where the value holds or waits already."""

    changed: bool
    after: Standing


def standing(connection: sa.Connection, seq: int | None = None) -> dict[str, Standing]:
    """Every setting by its name, in the order of SETTINGS; as of `seq` if it is given."""
    newest = {each.name: each for each in settings.changes(connection, seq)}
    agreed, waits = approvals.agreed_by(connection), {each.subject: each for each in settings.pending(connection, seq)}
    found = {}
    for name in settings.SETTINGS:
        change = newest.get(name)
        second = "" if change is None else agreed.get(change.commit_seq, "")
        found[name] = _standing(name, change, second, waits.get(name))
    return found


def put(home: Home, name: str, value: str, by_name: str, by_uid: int, now_us: int, *, reason: str = "") -> bool:  # noqa: PLR0913, PLR0917 -- one argument a column
    """Set a value as `change` does. Returns whether anything was stored."""
    return change(home, Wanted(name, value, reason), Who(by_name, by_uid, now_us)).changed


def change(home: Home, wanted: Wanted, who: Who, *, dry_run: bool = False) -> Changed:
    """Set a value, or ask for it where it loosens a guard. Nothing is stored where it is that already, or waits for another person already.

    Raises UserError for an unknown name, a value that cannot be meant, and without a reason where one is needed; ChangedError where the
    setting is not as it was read.
    """
    _require_sense(wanted.name, wanted.value)
    wanted = wanted._replace(reason=one_line(wanted.reason, "the reason"))
    with home.begin(dry_run=dry_run) as connection:
        require_etag(connection, wanted.name, wanted.etag)
        stored = _put(home, connection, wanted, who)
        after = standing(connection)[wanted.name]
        if stored and not dry_run:
            commit_points.reached("setting.before_commit")
    if stored and not dry_run:
        commit_points.reached("setting.committed")
    return Changed(stored, after)


def stored_by(home: Home, name: str, commit_seq: int) -> Changed:
    """The setting as a commit left it. `changed`: that commit set it, or asked for the value."""
    row = tables.billing_settings.c
    with home.connect() as connection:
        stored = connection.execute(sa.select(row.setting_id).where(row.commit_seq == commit_seq, row.name == name)).first()
        return Changed(stored is not None, standing(connection, commit_seq)[name])


def agree(home: Home, agreement: Agreement, etag: str = "") -> str:
    """Let a value hold that another person asked for. Returns it.

    Raises UserError as `approvals.require_may_agree` does, and ChangedError where the setting is not as it was read.
    """
    with home.begin() as connection:
        require_etag(connection, agreement.approval.subject, etag)
        approvals.require_may_agree(agreement.approval, agreement.who)
        seq = home.next_commit_seq(connection, approvals.COMMIT_KIND, agreement.who.now_us)
        approvals.agree(connection, agreement, seq)
        value = settings.text(connection, agreement.approval.subject)
        commit_points.reached("agreement.before_commit")
    commit_points.reached("agreement.committed")
    return value


def require_known(name: str) -> None:
    """Raises UserError for an unknown name."""
    if name not in settings.SETTINGS:
        raise UserError(f"there is no setting {name}", f"settings: {', '.join(settings.SETTINGS)}", exit_status=2)


def require_etag(connection: sa.Connection, name: str, etag: str) -> None:
    """Raises ChangedError where a setting is not as it was when it had this mark. Empty: nothing is compared."""
    found = standing(connection).get(name) if etag else None
    if etag and (found is None or found.etag != etag):
        raise ChangedError(f"{name} was changed, or asked for, since it was read", "read the setting again, then decide")


def _put(home: Home, connection: sa.Connection, wanted: Wanted, who: Who) -> bool:
    name, value, reason = wanted.name, wanted.value, wanted.reason
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
        home.require_clock(connection, who.now_us)
    seq = home.next_commit_seq(connection, "setting", who.now_us)
    if before is not None:
        approvals.supersede(connection, before, who, seq)
    row = settings.Change(name, value, who.by_name, who.by_uid, who.now_us, seq, reason.strip())
    connection.execute(tables.billing_settings.insert().values(**row._asdict()))
    if is_loose:
        approvals.propose(connection, approvals.ProposalContent(approvals.SETTING, name, {"value": value}, reason.strip()), who, seq)
    if name == settings.CLOCK_AHEAD:
        _note_finding(connection, row)
    return True


def _standing(name: str, change: settings.Change | None, agreed_by: str, waits: Approval | None) -> Standing:
    known, marks = settings.SETTINGS[name], (0 if change is None else change.commit_seq, 0 if waits is None else waits.approval_id)
    return Standing(
        name=name,
        value=known.default if change is None else change.value,
        about=known.about,
        by_name="" if change is None else change.by_name,
        agreed_by=agreed_by,
        reason="" if change is None else change.reason,
        waits=None if waits is None else Asked(settings.wanted_value(waits), waits.by_name, waits.reason, waits.approval_id),
        etag=hashlib.blake2b(f"{name} {marks}".encode(), digest_size=_ETAG_BYTES).hexdigest(),
    )


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
    require_known(name)
    known = settings.SETTINGS[name]
    if known.choices and value not in known.choices:
        raise UserError(f"{name} cannot be {value!r}", f"it is one of {', '.join(known.choices)}", exit_status=2)
    if known.default.isdecimal() and not (value.isascii() and value.isdecimal() and len(value) <= _DIGITS and int(value) <= known.most):
        raise UserError(f"{name} cannot be {value!r}", f"give a whole number from 0 to {known.most}", exit_status=2)
