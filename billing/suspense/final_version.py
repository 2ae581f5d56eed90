"""The version of a record that a bill has for good: the period of its charge is closed, so no later bill takes it off."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import pyarrow as pa
import pyarrow.compute as pc
import sqlalchemy as sa

from billing import late_decisions
from billing.accounts import picture, still_open
from billing.left_out.off_bills import off_bills
from billing.left_out.taken_off import taken_off
from billing.runs.contracts.counted_charges import OWNER, Counting, charge_paths, read_charges
from billing.runs.contracts.counted_runs import looked
from billing.runs.contracts.uninvoiced_accounts import DaysForTests
from billing.store import tables
from rating.schema import KEY
from rating.status import REFUSALS_FROM

if TYPE_CHECKING:
    from billing.store.home import Home
    from billing.suspense.versions import Versions

_CHARGE: Final = ("event_key", OWNER, "status", "period_from")


class FinalVersion(NamedTuple):
    """`name`: of the version, as `Versions.names` has it."""

    name: str
    account_id: str
    period_from: dt.date


def final_version(home: Home, found: Versions) -> FinalVersion | None:
    """The version that is on the bill of a closed period; None where none is, or the next bill takes it off."""
    seq = found.seq
    with home.connect() as connection:
        runs, counting = looked(connection, seq), Counting(connection, seq)
        paths = {run.run_id: charge_paths(connection, run.run_id) for run in runs}
    key = pa.array([found.event_key], KEY)
    for run in runs:
        wanted = pc.field("event_key").isin(key)
        rows = counting.billed(run.run_id, read_charges(home.path, paths[run.run_id], _CHARGE, wanted)).to_pylist()
        if not rows:
            continue
        (charge,) = rows
        own = [found.event_key]
        if charge["status"] >= int(REFUSALS_FROM) or len(taken_off(home, seq, own)) or len(off_bills(home, seq, own)):
            return None
        with home.connect() as connection:
            if DaysForTests(connection, [charge[OWNER]], seq).holds(charge[OWNER], charge["period_from"]):
                return None
            known = picture.load(connection, [charge[OWNER]])
            open_from = still_open.open_from(connection, known, charge[OWNER])
        if charge["period_from"] >= open_from:
            return None
        name = _name(found, run.pinned_seq)
        return FinalVersion(name, known.customers[charge[OWNER]].account_id, charge["period_from"])
    return None


class DecidedVersion(NamedTuple):
    """A decision on late usage, and the name of the version that it is about."""

    name: str
    decision_id: int


def decided_version(home: Home, found: Versions) -> DecidedVersion | None:
    """The version of an event on which a person decided, since it came too late; None where there is no decision, or it was taken back."""
    with home.connect() as connection:
        known = late_decisions.decided(connection, found.seq)
        decisions: dict[Any, int] = dict(zip(known.keys.to_pylist(), known.decision_id.tolist(), strict=True))
        number = decisions.get(found.event_key)
        if number is None:
            return None
        row = tables.late_decisions.c
        commit = connection.execute(sa.select(row.commit_seq).where(row.decision_id == number)).scalar_one()
    return DecidedVersion(_name(found, int(commit)), number)


def _name(found: Versions, seq: int) -> str:
    """The version that counted as of a commit, where none was in doubt: the last that was stored by then."""
    return max((commit, name) for name, stored in zip(found.names, found.stored, strict=True) for commit in stored if commit <= seq)[1]
