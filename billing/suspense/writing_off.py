"""Giving records up: they are never billed. It takes a reason and a second person, for any value.

A record in suspense stays hidden as it is. An event that rating refused counts so far: a mark takes it out, so that no later number or
price brings it back. What is written off stays in the books as suspended or rejected.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from billing.suspense import deciding, proposals
from billing.suspense.deciding import Verdict
from billing.suspense.selection import refuse_unknown
from billing.suspense.valued import valued
from billing.suspense.waiting import WRITTEN_OFF
from mediation.sources.model import BUILT_IN
from rating.errors import UserError
from rating.on_use import ModuleOnUse
from rating.schema import USAGE_V1

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import sqlalchemy as sa

    from billing.intake import taking
    from billing.store.home import Home
    from billing.suspense.deciding import Deciding
    from billing.suspense.proposals import Proposal
    from billing.suspense.selection import Asking, Selection
    from billing.suspense.valued import Valued
else:
    taking = ModuleOnUse("billing.intake.taking")


class WrittenOff(msgspec.Struct, frozen=True):
    """Records that were given up, each once, and what they may have been worth by currency."""

    commit_seq: int
    rows: int
    estimated: dict[str, int]
    unknown: int


def subject(home: Home, selection: Selection, asking: Asking) -> proposals.Subject:
    """The subject of a proposal to write the selected records off. Raises UserError when no record is selected."""
    records = valued(home, selection, asking)
    refuse_unknown(selection.ids, _names(records))
    if not records.table.num_rows:
        raise UserError("no record that waits is chosen", "`ratewright usage suspense` shows what waits, with sources and reasons")
    value, once = records.value, records.once()
    date = "" if asking.bill_date is None else asking.bill_date.isoformat()
    made = proposals.Subject(proposals.WRITE_OFF, int(once.sum()), value.sums(once), value.unknown(once), bill_date=date)
    return msgspec.structs.replace(made, source=selection.source, reasons=selection.reasons, ids=selection.ids)


def apply_write_off(home: Home, proposal: Proposal, what: Deciding, selection: Selection, asking: Asking) -> WrittenOff:
    """Write off what an approved proposal chose: of the records that were there when it was made, those that still wait."""
    proposals.require_ready(proposal, proposals.WRITE_OFF)
    records = valued(home, selection, asking._replace(known_by_seq=proposal.commit_seq))
    rows: list[tuple[Any, Any]] = _names(records)
    keys = [key for suspense_id, key in rows if suspense_id is None]
    value, once = records.value, records.once()

    def also(connection: sa.Connection, commit_seq: int, _: Sequence[str], mark_ids: Mapping[bytes, int]) -> None:
        ids = [suspense_id if suspense_id is not None else mark_ids.get(key) for suspense_id, key in rows]
        if None in ids:
            raise UserError("an event to be written off changed meanwhile: another version of it came", "nothing was stored; look again")
        deciding.record(connection, [(each, Verdict.WRITTEN_OFF, "") for each in ids if each is not None], what, commit_seq)
        detail = {"rows": len(rows), "records": int(once.sum()), "estimated": value.sums(once), "unknown": value.unknown(once)}
        proposals.record(connection, proposal.proposal_id, proposals.State.APPLIED, what.by, what.at_us, commit_seq, detail)

    marks = [taking.Mark(key, WRITTEN_OFF) for key in keys]
    commit_seq = taking.Intake(home).take_recycled(USAGE_V1.empty_table(), marks, what.at_us, sources=BUILT_IN, also=also)
    return WrittenOff(commit_seq, int(once.sum()), value.sums(once), value.unknown(once))


def written_off_by(home: Home, proposal_id: int) -> WrittenOff | None:
    """Records that an approved proposal has written off; None where it has not yet, or by a version that did not keep it."""
    found = proposals.applied(home, proposal_id)
    if found is None or "records" not in found.detail:
        return None
    return WrittenOff(found.commit_seq, found.detail["records"], found.detail["estimated"], found.detail["unknown"])


def _names(records: Valued) -> list[tuple[Any, Any]]:
    """Id and event key of each record."""
    return list(zip(records.table["suspense_id"].to_pylist(), records.table["event_key"].to_pylist(), strict=True))
