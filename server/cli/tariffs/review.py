"""`ratewright tariffs review`: a second person approves or rejects a draft."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from server.cli.homes import DEFAULT_HOME, AsJson, HomeFolder

if TYPE_CHECKING:
    from rating.model import Catalogue
    from tariffs.changes import Change
    from tariffs.warnings import Warning  # noqa: A004 -- see there


def review(
    name: Annotated[str, Parameter(name="IDENTITY@VERSION")],
    /,
    *,
    reject: Annotated[bool, Parameter(negative="")] = False,
    note: str = "",
    content: Annotated[str, Parameter(name="--hash")] = "",
    home: HomeFolder = DEFAULT_HOME,
    as_json: AsJson = False,
) -> int:
    """Approve the newest draft of a version, or reject it; show what it changes and what is doubtful. Its author cannot approve it.

    Look first: `tariffs diff`, `tariffs sheet` and `tariffs what-if` take the name of a draft too. You are identified by the account of the
    operating system that runs the command.

    Parameters
    ----------
    name
        The draft, such as mobile@2.
    reject
        Give it back to its author.
    note
        A note for the author and later readers.
    content
        Hash of the content, or its beginning, such as 5cd335e14c4a: a draft saved since with other content is refused.
    home
        Home folder; both people must have the right to write it.
    as_json
        Print JSON.

    """
    from billing.store.home import Home
    from server.actions.tariffs import reviews
    from server.cli import output
    from server.cli.tariffs.common import act_of

    with Home.open(home) as opened:
        decision, compared = reviews.review(opened, name, act_of(opened), accept=not reject, note=note, content=content)
    if as_json:
        said = {"by": decision.by._asdict(), "content_hash": decision.content_hash.hex()}
        output.print_json({**decision._asdict(), **said, **_plain(*compared)})
        return 0
    label = f"{decision.identity}@{decision.version}"
    for line in _lines(label, *compared):
        print(line)
    print(f"{label} is {decision.kind.value} by {decision.by.name}, content {decision.content_hash.hex()[:12]}")
    return 0


def _lines(name: str, before: Catalogue | None, changed: list[Change], doubts: list[Warning]) -> list[str]:
    from server.cli.tariffs import warning_lines
    from tariffs.changes import lines

    if before is None:
        return [f"{name} is the first version: there is nothing to compare it with", *warning_lines.lines(doubts)]
    told = [f"  {line}" for line in lines(changed)]
    return [f"{name} against {before.identity}@{before.version}:", *told, *warning_lines.lines(doubts)]


def _plain(before: Catalogue | None, changed: list[Change], doubts: list[Warning]) -> dict[str, object]:
    from server.actions.tariffs import checks

    return {
        "compared_with": None if before is None else before.version,
        "changes": [each._asdict() for each in changed],
        "warnings": [checks.row(each) for each in doubts],
    }
