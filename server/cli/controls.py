"""`ratewright controls`: the books, both sides, and exit status 1 when one does not balance; and the findings that are kept of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import cyclopts
from cyclopts import Parameter

from server.cli.done import done_at
from server.cli.homes import HERE, AsJson, Place

if TYPE_CHECKING:
    from collections.abc import Sequence

    from billing.controls import Book
    from billing.controls.findings import Finding
    from billing.store.home import Home

app = cyclopts.App(name="controls", help="Check that the books balance.")
findings_app = cyclopts.App(name="findings", help="Books that did not balance: owner and due date of each finding.")
app.command(findings_app)
FindingNumber = Annotated[int, Parameter(name="FINDING", help="Its number.")]


@app.default
def controls(
    *,
    keep: Annotated[bool, Parameter(negative="", help="Keep what does not balance as findings.")] = False,
    at: Place = HERE,
    as_json: AsJson = False,
) -> int:
    """Check that the books balance, each side computed from another place. Exit status 1 if one does not."""
    from server.actions import controls as acts
    from server.cli import output
    from server.cli.payment.common import act

    def here(home: Home) -> list[Book]:
        books = acts.check(home)
        if keep:
            acts.keep(home, books, act(home, dry_run=False))
        return books

    _, found = done_at(at, here, lambda service: service.controls.check(keep=keep))
    failed = [book for book in found if not book.ok]
    if as_json:
        output.print_json({"books": found})
        return 1 if failed else 0
    rows = [(_state(book), book.name, f"{book.left:,}", f"{book.right:,}", book.unit) for book in found]
    output.print_table(("", "book", "left", "right", "unit"), rows, right=("left", "right"))
    print_not_compared([book for book in found if book.ok])
    for book in failed:
        print(f"\n{book.name} differs by {book.left - book.right:,} {book.unit}:")
        output.print_table(("term", "figure"), [(name, f"{value:,}") for name, value in book.terms.items()], right=("figure",))
    print(f"\n{len(found) - len(failed)} of {len(found)} books balance")
    return 1 if failed else 0


def print_not_compared(books: Sequence[Book]) -> None:
    """Count for each book the things that it did not compare, by reason."""
    for book in books:
        if book.not_compared:
            print(f"{book.name}: " + ", ".join(f"{name}: {figure:,}" for name, figure in book.not_compared.items()))


def _state(book: Book) -> str:
    if not book.ok:
        return "FAILED"
    return "none" if book.not_compared and not book.left else "ok"


@findings_app.default
def list_(
    *,
    every: Annotated[bool, Parameter(name="--all", negative="", help="Closed ones as well.")] = False,
    at: Place = HERE,
    as_json: AsJson = False,
) -> int:
    """List what is open: the book, both sides, its owner and its due date."""
    from billing.controls import findings

    _, found = done_at(
        at,
        lambda home: [each for each in findings.findings(home) if every or each.is_open],
        lambda service: service.controls.findings(every=every),
    )
    _print(found, as_json=as_json)
    return 0


findings_app.command(list_, name="list")


@findings_app.command
def assign(
    finding: FindingNumber,
    /,
    *,
    owner: Annotated[str, Parameter(help="The person who clears it up.")],
    due: Annotated[str, Parameter(help="By which day, such as 2025-11-08.")],
    at: Place = HERE,
    as_json: AsJson = False,
) -> int:
    """Assign a finding to an owner."""
    from server.actions import controls as acts
    from server.cli.bill import parse_date
    from server.cli.payment.common import act

    due_on = parse_date(due)
    _, found = done_at(
        at,
        lambda home: acts.assign(home, finding, owner, due_on, act(home, dry_run=False)),
        lambda service: service.controls.assign(finding, owner, due_on),
    )
    _print([found], as_json=as_json)
    return 0


@findings_app.command
def close(
    finding: FindingNumber,
    /,
    *,
    note: Annotated[str, Parameter(help="A note on what was done; it is kept with your name.")],
    at: Place = HERE,
    as_json: AsJson = False,
) -> int:
    """Close a finding."""
    from server.actions import controls as acts
    from server.cli.payment.common import act

    _, found = done_at(
        at,
        lambda home: acts.close(home, finding, note, act(home, dry_run=False)),
        lambda service: service.controls.close(finding, note),
    )
    _print([found], as_json=as_json)
    return 0


def _print(found: Sequence[Finding], *, as_json: bool) -> None:
    from server.cli import output

    if as_json:
        output.print_json({"findings": found})
        return
    if not found:
        print("no finding is open")
        return
    rows = [
        (
            each.finding_id,
            each.name,
            each.text,
            each.owner,
            each.due_on,
            f"closed by {each.closed_by}: {each.note}" if each.closed_by else "open",
        )
        for each in found
    ]
    output.print_table(("finding", "book", "what", "owner", "due", "state"), rows, right=("finding",))
