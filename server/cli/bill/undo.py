"""`ratewright bill undo`: a posted run of the cycle is taken back by two people."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from rating.counted import counted
from server.cli import by_service
from server.cli.bill import Accounts  # noqa: TC001 -- read when the command is called
from server.cli.done import done_at
from server.cli.homes import HERE, AsJson, Place

if TYPE_CHECKING:
    from billing.documents.undoing import Undoing
    from billing.store.home import Home
    from server.cli.remote.service import Service

_SHOWN = 50  # documents; --json has all


def undo(
    *,
    run: Annotated[int, Parameter(name="--run", help="The run's number.")],
    reason: Annotated[str, Parameter(help="The reason; it is kept with your name.")],
    accounts: Accounts = None,
    withdraw: Annotated[bool, Parameter(name="--withdraw", negative="", help="Take back a proposal that is not agreed to yet.")] = False,
    dry_run: Annotated[bool, Parameter(name="--dry-run", negative="", help="Say what would happen, and store nothing.")] = False,
    at: Place = HERE,
    as_json: AsJson = False,
) -> int:
    """Propose that a posted run is undone; the same command by another person undoes it: its documents are void, and it counts no more.

    Documents that are paid, credited or corrected by a later bill, or in a closed month, prevent it, unless --accounts leaves them out.
    With --dry-run exit status 1 says that something prevents it.
    """
    import msgspec

    from billing.documents import undoing
    from rating.errors import UserError
    from server.cli import output, practice
    from server.cli.bill import account_ids
    from server.cli.ledger.common import who

    if withdraw and dry_run:
        raise UserError("--withdraw has nothing to show", "leave out --dry-run, or --withdraw", exit_status=2)
    named = account_ids(accounts)

    def here(home: Home) -> Undoing:
        if withdraw:
            return undoing.withdraw(home, run, reason, who(home), accounts=named)
        return undoing.undo(home, run, reason, who(home), accounts=named, dry_run=dry_run)

    def there(service: Service) -> Undoing:
        if withdraw:
            return service.follow_ups.withdraw(run, reason, named)
        return service.follow_ups.undo(run, reason, named, dry_run=dry_run)

    opened, done = done_at(at, here, there)
    remedies = by_service.in_texts([each.remedy for each in done.blockers], at)
    blockers = tuple(msgspec.structs.replace(each, remedy=text) for each, text in zip(done.blockers, remedies, strict=True))
    done = msgspec.structs.replace(done, blockers=blockers)
    practice.say(opened, as_json=as_json)
    if as_json:
        output.print_json(practice.marked(opened, done))
    else:
        _print(done, named, at)
    return 1 if done.blockers else 0


def _print(done: Undoing, named: frozenset[str] | None, at: Place) -> None:
    from server.cli import output
    from server.cli.bill import amounts

    name = f"run {done.run_id} of {done.bill_date}"
    whose = f" for {counted(done.accounts, 'account')}" if done.others else ""
    if done.state == "withdrawn":
        print(f"the proposal of {done.proposed_by} to undo {name}{whose} is withdrawn")
        return
    rows = [
        (each.number, each.account_id, each.on_date, output.amount(each.total_micros, each.currency), each.currency)
        for each in done.documents[:_SHOWN]
    ]
    if rows:
        output.print_table(("document", "account", "date", "total", "currency"), rows, right=("total",))
    if len(done.documents) > _SHOWN:
        print(f"... and {len(done.documents) - _SHOWN:,} more (--json lists all)")
    for each in done.blockers:
        print(f"in the way: {', '.join(each.account_ids)}: {each.reason}; remedy: {each.remedy}")
    if done.blockers:
        return
    about = f"{counted(len(done.documents), 'document')} of {amounts(done.total_micros)}"
    rest = f"; it still counts for {counted(done.others, 'other account')} that it computed"
    about += rest if done.others else f", {counted(done.accounts, 'account')} that it computed"
    freed = f"; {amounts(done.freed_micros)} that was set against them is free again" if done.freed_micros else ""
    if done.state == "undone":
        print(f"{name} {'would be' if done.dry_run else 'is'} undone{whose}, as {done.proposed_by} proposed: {about}{freed}")
        if not done.dry_run:
            print("the next run of these accounts bills what is due, as if it had not been")
        return
    print(f"{'would propose' if done.dry_run else 'proposed'} to undo {name}{whose}: {about}{freed}")
    if not done.dry_run:
        only = f" --accounts {','.join(sorted(named))}" if named else ""
        command = by_service.for_another(f"ratewright bill undo --run {done.run_id}{only} --reason ...", at)
        print(f"another person agrees to it: {command}")
