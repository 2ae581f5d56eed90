"""Topic ledger: postings are one chain that commits whole or not at all. The ledger of ours has no transfers that are only reserved."""

from __future__ import annotations

from typing import Any, Final

import sqlalchemy as sa

from billing import ledger
from billing.store import tables
from rating.errors import UserError
from tests.vectors.billing import desk, listed
from tests.vectors.billing.form import Case, ListedError, Shape

ITS_OWN, OF_THE_CHAIN = "its own error", "linked_event_failed"


def chain(case: Case) -> dict[str, Any]:
    """Postings of one transaction, of which one cannot be: it exists with another amount."""
    names = [text.split()[0] for text in case.given["chain"]]
    fails = case.given["failure"]
    if any(("linked" in text.split()) is (place == len(names) - 1) for place, text in enumerate(case.given["chain"])):
        raise ListedError("more than one chain, or one that has no end")
    if fails not in names:
        message = f"{fails!r} is none of {names}"
        raise ValueError(message)
    books = desk.home()
    _post(books, case, {fails: 2})
    before = _count(books)
    results = dict.fromkeys(names, OF_THE_CHAIN)
    try:
        _post(books, case, dict.fromkeys(names, 1))
    except UserError as error:
        results |= {name: ITS_OWN for name in names if f"posting {case.id}-{name} line" in error.message}
    return {"results": results, "posted": _count(books) - before}


def _post(books: Any, case: Case, amounts: dict[str, int]) -> None:  # noqa: ANN401 -- a Desk
    postings = [
        ledger.Posting(f"{case.id}-{name}", 1, "line", "cash", "revenue:1", "EUR", amount, "2026-02-01") for name, amount in amounts.items()
    ]
    with books.home.begin() as connection:
        ledger.post(connection, postings, books.home.next_commit_seq(connection, "ledger", books.act.now_us))


def _count(books: Any) -> int:  # noqa: ANN401 -- a Desk
    with books.home.connect() as connection:
        return int(connection.execute(sa.select(sa.func.count()).select_from(tables.postings)).scalar_one())


SHAPES: Final = (
    Shape("chain failure", "?results ?posted", chain),
    Shape("pending ?*", "*", reason=listed.RESERVED),
    Shape("any_sequence_of_transfers", "invariant", reason=listed.ANY_SEQUENCE),
)
