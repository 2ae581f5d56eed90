"""`ratewright usage suspense write-off`: a proposal to give records up, which a second person has to approve."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from rating.counted import counted
from server.cli import by_service
from server.cli.done import done_at
from server.cli.homes import HERE, AsJson, Place
from server.cli.usage.suspense_common import BillDate, Note, OfSource, Reasons  # noqa: TC001 -- cyclopts reads the annotations

if TYPE_CHECKING:
    from billing.store.home import Home
    from billing.suspense.proposals import Proposal


def write_off(
    *records: Annotated[str, Parameter(name="ID", help="Records, as the list calls them.")],
    source: OfSource = "",
    reason: Reasons = [],  # noqa: B006 -- cyclopts reads it and nobody changes it
    note: Note = "",
    date: BillDate = None,
    at: Place = HERE,
    as_json: AsJson = False,
) -> int:
    """Propose to write records off: they will never be billed. A second person's `usage suspense approve` does it.

    Choose records by their ids, or by source or reason. The proposal is about the records that wait when it is made.
    """
    from billing.suspense.selection import Selection, checked_ids
    from server.actions import suspense
    from server.cli import output, practice
    from server.cli.usage import suspense_common as common

    selection = Selection(source, tuple(reason), checked_ids(records))
    day = common.day_of(date)

    def here(home: Home) -> Proposal:
        _, saved = suspense.write_off(home, selection, note, common.act(home), common.asking(home, day))
        assert saved is not None, selection
        return saved

    opened, saved = done_at(at, here, lambda service: service.suspense.write_off(selection, note, day))
    subject = saved.subject
    practice.say(opened, as_json=as_json)
    if as_json:
        output.print_json(practice.marked(opened, common.proposal_json(saved)))
        return 0
    print(f"{counted(subject.rows, 'record')}, worth {common.money(subject.estimated, subject.unknown)}")
    approve = by_service.for_another(f"ratewright usage suspense approve {saved.proposal_id}", at)
    print(f"saved as proposal {saved.proposal_id}; next: another person runs `{approve}`")
    return 0
