"""Selection of records for a command, and the data by which they are found.

A record is called by an id: the number of its row in the table `suspense`, or `e-` and the beginning of the event's key (in hex digits).
The second form names an event that rating refused, or a segment of a call that is not whole.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from typing import TYPE_CHECKING, Final, NamedTuple

from mediation.sources.model import Source
from rating.errors import NotFoundError, UserError

if TYPE_CHECKING:
    from collections.abc import Iterable

KEY_DIGITS: Final = 12  # of an event's key in an id
_KEY_DIGITS_MIN: Final = 6


class Selection(NamedTuple):
    """Selected records: all that waits of a source, for some reasons, or with some ids (as `Entry.id` has them). Empty: any."""

    source: str = ""
    reasons: tuple[str, ...] = ()
    ids: tuple[str, ...] = ()

    @property
    def suspense_ids(self) -> set[int]:
        """Ids that are numbers."""
        return {int(each) for each in self.ids if each.isascii() and each.isdecimal()}

    def wants(self, suspense_id: int | None, key: bytes | None, source: str, reason: str) -> bool:
        """Return whether a record is selected. `suspense_id` None: rating refused it."""
        chosen = self.source in {"", source} and (not self.reasons or reason in self.reasons)
        return chosen and (not self.ids or any(names(each, suspense_id, key) for each in self.ids))


class Asking(NamedTuple):
    """The commit, the definitions of sources, and the bill date by which rating refuses (None: as the bill runs did)."""

    seq: int
    now_us: int
    definitions: Mapping[str, Source] = {}
    bill_date: dt.date | None = None
    known_by_seq: int | None = None  # only records committed by this number


def identifier(suspense_id: int | None, event_key: bytes | None) -> str:
    """The id of a record."""
    return str(suspense_id) if suspense_id is not None else f"e-{(event_key or b'').hex()[:KEY_DIGITS]}"


def checked_ids(texts: Iterable[str]) -> tuple[str, ...]:
    """Ids of a command line. Raises UserError for a text that is none."""
    found = tuple(texts)
    for text in found:
        digits = text.removeprefix("e-").lower()
        is_key = text.startswith("e-") and len(digits) >= _KEY_DIGITS_MIN and set(digits) <= set("0123456789abcdef")
        if not is_key and not (text.isascii() and text.isdecimal() and len(text) <= 18):  # noqa: PLR2004 -- an id of the store
            raise UserError(f"{text!r} names no record", "give ids as `ratewright usage suspense` shows them, such as 12", exit_status=2)
    return found


def refuse_unknown(ids: Iterable[str], known: Iterable[tuple[int | None, bytes | None]]) -> None:
    """Raise NotFoundError where an id names nothing that waits."""
    there = list(known)
    missing = [each for each in ids if not any(names(each, suspense_id, key) for suspense_id, key in there)]
    if missing:
        what = f"no record {missing[0]} waits" if len(missing) == 1 else f"no records {', '.join(missing)} wait"
        raise NotFoundError(what, "`ratewright usage suspense` shows what waits; `usage suspense show ID` what became of one")


def names(text: str, suspense_id: int | None, key: bytes | None) -> bool:
    """Return whether an id is that of a record."""
    if text.startswith("e-"):
        return suspense_id is None and key is not None and key.hex().startswith(text[2:].lower())
    return suspense_id is not None and int(text) == suspense_id
