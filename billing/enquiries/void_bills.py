"""Usage on a bill that is void, and on no other: the run that bills it next, or why none does."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

import msgspec

from billing.accounts.kept_back import first_not_held
from billing.accounts.picture import account_keys, load
from billing.accounts.still_open import open_from
from billing.enquiries.usage_bills import charged
from billing.left_out.telling import UnbilledRecord, of_next_run
from billing.runs.selection.left_out import LeftOut
from rating.status import REFUSALS_FROM

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from billing.enquiries.usage_bills import Charged, Line
    from billing.store.home import Home


class OnVoid(msgspec.Struct, frozen=True):
    """A record, the void invoice and the line that had it, and what is to come. `rerated`: a re-rating has billed its period since.

    `held_to`: where a hold keeps back the run that `to_come` tells of, the first bill date that no hold keeps back; empty where it has no
    end, or the period is closed by then.
    """

    event_key: str
    invoice: str
    line_no: int
    to_come: UnbilledRecord
    rerated: bool = False
    held_to: str = ""

    @property
    def bill_date(self) -> str:
        """The date of the run that bills it; empty where none is known that does, or a re-rating may have billed it."""
        return self.to_come.next_bill_date if self.to_come.reason is LeftOut.NOT_DUE and not self.rerated else ""


def void_line(charges: Sequence[Charged]) -> Line | None:
    """The line of a void invoice that had an event, where no line that stands has it and nothing else became of it. Of its last owner."""
    own = [each for each in charges if each.account_key == charges[-1].account_key]
    if own[-1].status >= REFUSALS_FROM or own[-1].aside or any(each.line is not None and not each.line.is_void for each in own):
        return None
    return next((each.line for each in reversed(own) if each.line is not None), None)


def on_void(home: Home, starts: Mapping[bytes, int]) -> list[OnVoid]:
    """Those of some events (keys, with their starts) that are on void invoices alone, as of now."""
    with home.connect() as connection:
        seq = home.head_seq(connection)
    found = charged(home, seq, sorted(starts))
    gone = to_come(home, seq, {key: line for key, each in found.items() if (line := void_line(each)) is not None}, starts)
    return [msgspec.structs.replace(each, rerated=bool(found[bytes.fromhex(each.event_key)][-1].rerated)) for each in gone]


def to_come(home: Home, seq: int, lines: Mapping[bytes, Line], starts: Mapping[bytes, int]) -> list[OnVoid]:
    """The future of events on these lines of void invoices, in order of time."""
    if not lines:
        return []
    keys = sorted(lines)
    by_key = {each.event_key: each for each in of_next_run(home, seq, {key: starts[key] for key in keys})}
    known = [(key.hex(), lines[key]) for key in keys if key.hex() in by_key]
    made = [OnVoid(key, line.number, line.line_no, by_key[key]) for key, line in known]
    held = held_to(home, seq, {each.to_come for each in made if each.to_come.reason is LeftOut.HELD})
    made = [msgspec.structs.replace(each, held_to=held.get(each.to_come, "")) for each in made]
    return sorted(made, key=lambda each: (each.to_come.start_us, each.event_key))


def held_to(home: Home, seq: int, held: Collection[UnbilledRecord]) -> dict[UnbilledRecord, str]:
    """The first bill date that no hold keeps back, of records whose next run a hold keeps back. The hold may be over by now.

    Without those whose hold has no end, or whose period is closed by then.
    """
    found: dict[UnbilledRecord, str] = {}
    with home.connect() as connection:
        for each in held:
            (key,) = account_keys(connection, [each.account_id]).values()
            picture = load(connection, [key], seq)
            open_day = open_from(connection, picture, key)
            day = first_not_held(picture, picture.customers[key], dt.date.fromisoformat(each.next_bill_date), open_day)
            if day is not None and not (each.closes_on and day.isoformat() >= each.closes_on):
                found[each] = day.isoformat()
    return found
