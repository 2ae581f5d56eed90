"""Acts on the books and their findings."""

from __future__ import annotations

from typing import TYPE_CHECKING

from billing.controls import findings
from billing.runs.states import By
from rating.dates import utc_date
from rating.errors import UserError

if TYPE_CHECKING:
    import datetime as dt

    from billing.controls import Book
    from billing.controls.findings import Finding
    from billing.payments.writing import Act
    from billing.store.home import Home


def check(home: Home) -> list[Book]:
    """Compute every book, or raise UserError about a home that holds what no command writes."""
    from billing.controls import books

    try:
        return books(home)
    except UserError:
        raise
    except Exception as error:
        what = " ".join(f"{type(error).__name__}: {error}".split())[:200]
        remedy = "`ratewright db check` and `ratewright ledger check` look for what was changed; put back the last good copy of the home"
        raise UserError(f"the books of {home.path} cannot be worked out: {what}", remedy) from error


def keep(home: Home, books: list[Book], act: Act) -> list[Finding]:
    """Keep books that do not balance as findings of the person who acts. All findings that are open."""
    if act.dry_run:
        return [each for each in findings.findings(home) if each.is_open]
    return findings.keep(home, books, 0, act.by.name, utc_date(act.now_us), act.now_us)


def assign(home: Home, finding_id: int, owner: str, due_on: dt.date, act: Act, etag: str = "") -> Finding:  # noqa: PLR0913, PLR0917 -- what, by whom, and as read
    """Give a finding an owner and a day by which it is due. `etag`: of the finding as it was read."""
    return findings.assign(home, finding_id, owner, due_on, By(act.by.name, act.by.uid), act.now_us, etag=etag, dry_run=act.dry_run)


def close(home: Home, finding_id: int, note: str, act: Act, etag: str = "") -> Finding:
    """Close a finding. `etag`: of the finding as it was read."""
    return findings.close(home, finding_id, note, By(act.by.name, act.by.uid), act.now_us, etag=etag, dry_run=act.dry_run)
