"""`ratewright usage suspense recycle`: records come back, as they are or corrected."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from server.cli.done import done_at
from server.cli.homes import HERE, AsJson, Place
from server.cli.usage.suspense_common import Definitions, Note, OfSource, Reasons  # noqa: TC001 -- cyclopts reads the annotations

if TYPE_CHECKING:
    from billing.store.home import Home
    from billing.suspense.recycling import Recycled


def recycle(
    *records: Annotated[str, Parameter(name="ID", help="Records, as the list calls them.")],
    source: OfSource = "",
    reason: Reasons = [],  # noqa: B006 -- cyclopts reads it and nobody changes it
    correction: Annotated[int | None, Parameter(help="Bring back what this saved correction is about, corrected.")] = None,
    definition: Definitions = [],  # noqa: B006 -- as above
    note: Note = "",
    at: Place = HERE,
    as_json: AsJson = False,
) -> int:
    """Bring records back: they bill as if they had come in time. Rows that could not be read are read again by the source's definition.

    Choose records by their ids, by source or reason, or by a saved correction. What still cannot be read stays where it is. Events that
    rating refused need no recycling once a number or a price is there: the next bill run prices them.
    """
    from billing.suspense.selection import Selection, checked_ids
    from server.actions import suspense
    from server.cli import output, practice
    from server.cli.usage import suspense_common as common

    selection = Selection(source, tuple(reason), checked_ids(records))
    suspense.require_choice(selection, correction)
    common.refuse_definitions(at, definition)

    def here(home: Home) -> Recycled:
        asked, act = common.asking(home, None, definition), common.act(home)
        if correction is None:
            return suspense.recycle(home, selection, note, act, asked)
        return suspense.apply_correction(home, correction, note, act, asked)

    opened, done = done_at(at, here, lambda service: service.suspense.recycle(selection, correction, note))
    practice.say(opened, as_json=as_json)
    if as_json:
        output.print_json(practice.marked(opened, done))
    else:
        _print(done)
    return 0


def _print(done: Recycled) -> None:
    for outcome, rows in done.outcomes.items():
        print(f"{rows:,} came back: {outcome}" if outcome != "duplicate" else f"{rows:,} dropped: the event is known already")
    for problem, rows in done.left.items():
        print(f"{rows:,} stay: {problem}")
    if not done.outcomes and not done.left:
        print("nothing to bring back")
