"""A choice among versions of a record, or of a call that lacks a segment: what it is worth, which bills it changes, and doing it."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from billing.enquiries.version_bills import OnBill, on_bill
from billing.enquiries.void_bills import held_to
from billing.left_out.telling import UnbilledRecord
from billing.runs.selection.left_out import LeftOut, Outlook
from billing.suspense import choosing, resolving
from billing.suspense.choosing import Worth
from billing.suspense.deciding import Deciding
from billing.suspense.final_version import FinalVersion, final_version
from billing.suspense.proposals import Proposal, Subject
from billing.suspense.selection import checked_ids
from billing.suspense.versions import Versions
from rating.errors import UserError

if TYPE_CHECKING:
    from billing.catalogue import Operator
    from billing.store.home import Home
    from billing.suspense.selection import Asking


@dataclasses.dataclass(frozen=True)
class Shown:
    """Versions of an event (None: a call or session of which a segment is missing), and what is chosen of them, if anything is."""

    record: int
    found: Versions | None = None
    differences: Mapping[str, tuple[Any, ...]] = dataclasses.field(default_factory=dict)
    worths: tuple[Worth, ...] = ()
    closed: FinalVersion | None = None
    bill: OnBill | None = None
    subject: Subject | None = None
    place: int = -1
    told: UnbilledRecord | None = None
    given_back: UnbilledRecord | None = (
        None  # what becomes of the version on the bill, where the chosen one is of another account or of none
    )
    owners: tuple[str, ...] = ()  # account ids, of each version; empty for no owner
    held_to: Mapping[UnbilledRecord, str] = dataclasses.field(
        default_factory=dict
    )  # the first bill date that no hold keeps back, where one does
    needs_second: bool = False
    proposal: Proposal | None = None
    waiting: Sequence[Proposal] = ()  # proposals about the event that nobody has decided on

    @property
    def about(self) -> set[int]:
        """The records that the choice is about."""
        return {self.record} if self.found is None else {each for ids in self.found.suspense_ids.values() for each in ids}


def versions(home: Home, record: int, asked: Asking, keep: str, by: Operator) -> Shown:
    """The versions of a record in conflict, and the choice of the one that `keep` names; with an empty `keep`, no choice."""
    found = resolving.versions(home, asked.seq, record)
    place = resolving.place_of(found, keep) if keep else -1
    if keep:
        resolving.require_open(home, found, place)
    shown = Shown(
        record,
        found,
        resolving.differences(home, found),
        choosing.worths(home, found),
        final_version(home, found),
        on_bill(home, found),
        place=place,
        owners=choosing.owners(home, found),
    )
    shown = dataclasses.replace(shown, waiting=choosing.waiting_proposals(home, shown.about))
    if not keep:
        return shown
    subject, _ = choosing.subject(home, found, place, record)
    second = choosing.needs_second(home, subject, by.uid)
    shown = dataclasses.replace(shown, subject=subject, told=choosing.to_come(home, found, place), needs_second=second)
    if shown.bill is not None and shown.bill.account_id != shown.owners[place]:
        shown = dataclasses.replace(shown, given_back=choosing.to_come(home, found, found.names.index(shown.bill.version)))
    held = {each for each in (shown.told, shown.given_back) if each is not None and each.reason is LeftOut.HELD}
    return dataclasses.replace(shown, held_to=held_to(home, found.seq, held))


def incomplete(home: Home, record: int, asked: Asking, by: Operator) -> Shown:
    """The choice to make a call or session of the segments that are there."""
    subject = choosing.subject_incomplete(home, record, asked)
    return Shown(record, subject=subject, needs_second=choosing.needs_second(home, subject, by.uid))


def decide(home: Home, shown: Shown, asked: Asking, note: str, by: Operator) -> Shown:
    """Do what is chosen, or save it for a second person."""
    assert shown.subject is not None, shown
    if shown.needs_second:
        return dataclasses.replace(shown, proposal=choosing.propose(home, shown.subject, by, asked.now_us, reason=note, about=shown.about))
    what = Deciding(by, asked.now_us, note)
    if shown.found is None:
        resolving.keep_incomplete(home, asked.seq, shown.record, what)
    else:
        resolving.resolve(home, shown.found, shown.subject.keep, what, asked.definitions)
    return shown


def number_of(record: str) -> int:
    """The number of a record that may be in conflict. Raises UserError for an id that is none."""
    (identifier,) = checked_ids([record])
    if not (identifier.isascii() and identifier.isdecimal()):
        raise UserError(
            f"{record} is not a version of an event in conflict", "`usage suspense --reason conflicting` shows them", exit_status=2
        )
    return int(identifier)


def bill_date(shown: Shown, told: UnbilledRecord | None) -> str:
    """The date of the first run that may bill a version; empty where none does, or a hold has no end by then."""
    if told is None or not is_to_come(told):
        return ""
    return shown.held_to.get(told, "") if told.reason is LeftOut.HELD else told.next_bill_date


def is_to_come(told: UnbilledRecord) -> bool:
    """Return whether a run bills a version."""
    return told.outlook is Outlook.LATER and bool(told.account_id)
