"""`ratewright dunning list|undo`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from rating.dates import utc_time
from server.cli.done import done_at
from server.cli.homes import HERE, AsJson, Place

if TYPE_CHECKING:
    from billing.dunning import Run, Undo


def list_(*, at: Place = HERE, as_json: AsJson = False) -> int:
    """List the runs that took steps, oldest first, by whom and when, and which of them are undone."""
    from billing import dunning
    from server.cli import output, practice

    opened, found = done_at(at, dunning.runs, lambda service: service.dunning.runs())
    practice.say(opened, as_json=as_json)
    if as_json:
        output.print_json(practice.marked(opened, found))
    elif not found:
        print("dunning has taken no steps")
    else:
        columns = ("run", "date", "remind", "bar", "clear", "by", "at (UTC)", "commit", "state", "reason")
        output.print_table(columns, [_row(each) for each in found], right=("run", "remind", "bar", "clear", "commit"))
    return 0


def undo(
    *,
    run: Annotated[int, Parameter(name="--run", help="The run's number, as `dunning list` shows it.")],
    reason: Annotated[str, Parameter(help="The reason; it is kept with your name.")],
    dry_run: Annotated[bool, Parameter(name="--dry-run", negative="", help="Show what would be undone, and store nothing.")] = False,
    at: Place = HERE,
    as_json: AsJson = False,
) -> int:
    """Propose to undo the newest run. When another person gives the same command, levels and bars are again as before the run."""
    from billing import dunning
    from server.cli import output, practice
    from server.cli.ledger.common import who

    opened, done = done_at(
        at,
        lambda home: dunning.undo(home, run, reason, who(home), dry_run=dry_run),
        lambda service: service.dunning.undo(run, reason, dry_run=dry_run),
    )
    practice.say(opened, as_json=as_json)
    if as_json:
        output.print_json(practice.marked(opened, {"dry_run": dry_run, **_fields(done)}))
    else:
        _print(done, dry_run=dry_run)
    return 0


def _fields(done: Undo) -> dict[str, object]:
    import msgspec

    return msgspec.structs.asdict(done)


def _row(run: Run) -> tuple[object, ...]:
    at = f"{utc_time(run.at_us):%Y-%m-%d %H:%M}"
    from server.cli.dunning import undone_because, undone_by

    if run.undoing is not None:
        state, reason = undone_by(run.undoing), undone_because(run.undoing)
    else:
        state, reason = f"counts; {run.asked_by} asks to undo it" if run.state == "undo_asked" else run.state, run.reason
    figures = (run.reminded, run.barred, run.cleared)
    return (run.run_id, run.as_of, *figures, run.by_name or "not known", at, run.commit_seq, state, reason)


def _print(done: Undo, *, dry_run: bool) -> None:
    from server.cli import output

    if done.existed:
        print(f"run {done.run_id} of {done.as_of} was undone before; nothing changed")
        return
    rows = [
        (each.account_id, f"{each.level_undone} {each.action_undone}", f"{each.level} {each.action}".rstrip(), each.bar)
        for each in done.accounts
    ]
    output.print_table(("account", "step undone", "last step then", "fact"), rows)
    if done.waits:
        print(f"run {done.run_id} of {done.as_of} counts until another person gives the same command")
    else:
        print(f"run {done.run_id} of {done.as_of} is undone; {done.asked_by} had asked for it")
    if dry_run:
        print("only tried: nothing was stored")
