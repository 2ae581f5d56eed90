"""One rule for ids that people give to something new: accounts, subscriptions, payments, references.

An id is compared character by character, so two of them must not look alike. Stored ids stay as they are: the rule applies
only to a new id, and `ratewright db check` names stored ids that break it. Ids that a bank gives in its files stay as they are.
"""

from __future__ import annotations

import unicodedata
from typing import Final

from rating.errors import UserError

CHARS_MAX: Final = 64
"""Of an account's or a subscription's id."""
REFERENCE_CHARS_MAX: Final = 128
"""Of the id of a payment, deposit, refund, promise or plan, and of the reference of a credit or an adjustment."""
PLAIN: Final = "^[0-9A-Za-z][0-9A-Za-z_.:@-]{0,63}$"
"""RE2 pattern of ids that certainly keep the rule, for whole columns."""


def wrong(identifier: str, chars_max: int = REFERENCE_CHARS_MAX) -> tuple[str, str] | None:
    """A message that follows the id, and the remedy; None where the id may be new."""
    if not identifier.strip() or len(identifier) > chars_max:
        return ("is empty" if not identifier.strip() else f"has {len(identifier)} characters"), f"use 1 to {chars_max} characters"
    if not identifier.isprintable():  # categories C and Z, a blank alone excepted: no control, direction mark or second kind of blank
        return "holds a character that cannot be seen", "use letters, digits, marks and single blanks"
    if identifier != identifier.strip() or "  " in identifier:
        return "has a blank at an end, or two in a row", "use single blanks between words"
    if not unicodedata.is_normalized("NFC", identifier):
        return "is not in normal form (NFC)", f"write it as {unicodedata.normalize('NFC', identifier)!r}"
    if not identifier[0].isalnum():
        return f"begins with {identifier[0]!r}", "let it begin with a letter or a digit"
    return None


def require_new(identifier: str, what: str, chars_max: int = REFERENCE_CHARS_MAX) -> None:
    """Raises UserError where the id of something new (`what`) breaks the rule. Stored ids are looked up first, and stay valid."""
    found = wrong(identifier, chars_max)
    if found is not None:
        raise UserError(f"the id of the {what} {found[0]}: {identifier!r}", found[1], exit_status=2)


def one_line(text: str, what: str) -> str:
    """A reason or note, without spaces around it. Raises UserError where it could pass for other lines of a history that shows it."""
    plain = text.strip()
    if not plain.isprintable():
        raise UserError(f"{what} has line breaks or signs that cannot be printed", "write it as one line of plain text", exit_status=2)
    return plain


def reason(text: str, what: str) -> str:
    """The reason of something, as `one_line`. Raises UserError where there is none."""
    if not text.strip():
        raise UserError(f"{what} needs a reason", "say why with --reason", exit_status=2)
    return one_line(text, f"the reason of {what}")
