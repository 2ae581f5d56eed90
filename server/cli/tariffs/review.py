"""`ratewright tariffs review`: a second person approves or rejects a draft."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from server.cli.done import done_at
from server.cli.homes import HERE, AsJson, Place

if TYPE_CHECKING:
    from server.actions.tariffs.reviews import Compared


def review(
    name: Annotated[str, Parameter(name="IDENTITY@VERSION")],
    /,
    *,
    reject: Annotated[bool, Parameter(negative="")] = False,
    note: str = "",
    content: Annotated[str, Parameter(name="--hash")] = "",
    at: Place = HERE,
    as_json: AsJson = False,
) -> int:
    """Approve the newest draft of a version, or reject it; show what it changes and what is doubtful. Its author cannot approve it.

    Look first: `tariffs diff`, `tariffs sheet` and `tariffs what-if` take the name of a draft too. You are identified by the account of the
    operating system that runs the command, or by your token. Both people must have the right to write the home folder.

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
    at
        Home folder, or the service.
    as_json
        Print JSON.

    """
    from server.actions.tariffs import reviews
    from server.cli import output
    from server.cli.tariffs.common import act_of

    _, (decision, compared) = done_at(
        at,
        lambda home: reviews.review(home, name, act_of(home), accept=not reject, note=note, content=content),
        lambda service: service.tariffs.review(name, accept=not reject, note=note, content=content),
    )
    if as_json:
        said = {"by": decision.by._asdict(), "content_hash": decision.content_hash.hex()}
        output.print_json({**decision._asdict(), **said, **_plain(compared)})
        return 0
    label = f"{decision.identity}@{decision.version}"
    for line in _lines(label, decision.identity, compared):
        print(line)
    print(f"{label} is {decision.kind.value} by {decision.by.name}, content {decision.content_hash.hex()[:12]}")
    return 0


def _lines(name: str, identity: str, compared: Compared) -> list[str]:
    from server.cli.tariffs import warning_lines
    from tariffs.changes import lines

    if compared.before is None:
        return [f"{name} is the first version: there is nothing to compare it with", *warning_lines.lines(compared.warnings)]
    told = [f"  {line}" for line in lines(compared.changes)]
    return [f"{name} against {identity}@{compared.before}:", *told, *warning_lines.lines(compared.warnings)]


def _plain(compared: Compared) -> dict[str, object]:
    return {
        "compared_with": compared.before,
        "changes": [each._asdict() for each in compared.changes],
        "warnings": compared.warnings,
    }
