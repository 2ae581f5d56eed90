"""`ratewright tariffs review`: a second person approves or rejects a draft."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from server.cli.homes import DEFAULT_HOME, AsJson, HomeFolder

if TYPE_CHECKING:
    from billing.catalogue import Decision
    from billing.store.home import Home
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
    from billing import catalogue as store
    from billing.store.home import Home
    from server import operator
    from server.cli import output
    from server.clock import now_us

    with Home.open(home) as opened:
        decision = store.review(opened, name, operator.current(), now_us(opened), accept=not reject, note=note, content=content)
        compared = _compared(opened, decision)
    if as_json:
        said = {"by": decision.by._asdict(), "content_hash": decision.content_hash.hex()}
        output.print_json({**decision._asdict(), **said, **_plain(*compared)})
        return 0
    label = f"{decision.identity}@{decision.version}"
    for line in _lines(label, *compared):
        print(line)
    print(f"{label} is {decision.kind.value} by {decision.by.name}, content {decision.content_hash.hex()[:12]}")
    return 0


def _compared(home: Home, decision: Decision) -> tuple[Catalogue | None, list[Change], list[Warning]]:
    """The version before the decided content, what changes, and what is doubtful. Later drafts make no difference."""
    from billing import catalogue as store
    from billing.catalogue.gates import version_before
    from billing.catalogue.stored import publications_of
    from tariffs.changes import changes
    from tariffs.warnings import warn

    saved = (each.catalogue for each in reversed(store.drafts(home, decision.identity)))
    draft = next(each for each in saved if (each.version, each.content_hash) == (decision.version, decision.content_hash))
    with home.connect() as connection:
        before = version_before(connection, draft)
        others = [each.catalogue for each in publications_of(connection) if each.catalogue.identity == draft.identity]
    return before, [] if before is None else changes(before, draft), warn(draft, before=before, others=others)


def _lines(name: str, before: Catalogue | None, changed: list[Change], doubts: list[Warning]) -> list[str]:
    from server.cli.tariffs import warning_lines
    from tariffs.changes import lines

    if before is None:
        return [f"{name} is the first version: there is nothing to compare it with", *warning_lines.lines(doubts)]
    told = [f"  {line}" for line in lines(changed)]
    return [f"{name} against {before.identity}@{before.version}:", *told, *warning_lines.lines(doubts)]


def _plain(before: Catalogue | None, changed: list[Change], doubts: list[Warning]) -> dict[str, object]:
    from server.cli.tariffs import warning_lines

    return {
        "compared_with": None if before is None else before.version,
        "changes": [each._asdict() for each in changed],
        "warnings": [warning_lines.row(each) for each in doubts],
    }
