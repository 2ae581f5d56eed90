"""`ratewright controls`: the books, both sides, and exit status 1 when one does not balance."""

from __future__ import annotations

from server.cli.homes import DEFAULT_HOME, AsJson, HomeFolder


def controls(*, home: HomeFolder = DEFAULT_HOME, as_json: AsJson = False) -> int:
    """Check that the books balance, each side computed from another place. Exit status 1 if one does not."""
    from billing.controls import books
    from billing.store.home import Home
    from server.cli import output

    with Home.open(home) as opened:
        found = books(opened)
    failed = [book for book in found if not book.ok]
    if as_json:
        output.print_json({"books": found})
        return 1 if failed else 0
    rows = [("ok" if book.ok else "FAILED", book.name, f"{book.left:,}", f"{book.right:,}", book.unit) for book in found]
    output.print_table(("", "book", "left", "right", "unit"), rows, right=("left", "right"))
    for book in failed:
        print(f"\n{book.name} differs by {book.left - book.right:,} {book.unit}:")
        output.print_table(("term", "figure"), [(name, f"{value:,}") for name, value in book.terms.items()], right=("figure",))
    print(f"\n{len(found) - len(failed)} of {len(found)} books balance")
    return 1 if failed else 0
