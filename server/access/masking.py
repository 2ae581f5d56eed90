"""Names and numbers of customers, masked for operators who do not need them.

An operator sees them whole in one of the roles of WHOLE; in the role support alone where the call gives a reason, which the audit trail
has. Masked, a number shows its last four characters, one of less than ten a third of them; a name of three letters or more its first one,
where the script has capitals: in others a letter may be a whole name. A street or an e-mail address shows nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from billing.accounts.parties.fields import Masking
from billing.accounts.parties.kinds import USUAL_NAMES
from billing.operators import Role

if TYPE_CHECKING:
    from collections.abc import Iterable

WHOLE: Final = frozenset({Role.OPERATOR, Role.FINANCE, Role.ADMIN})
SHOWN_DIGITS: Final = 4
FOUR_SHOWN_FROM: Final = 10  # characters of a number that shows SHOWN_DIGITS: of a shorter one they would be too much of it
NAME_PART_MIN: Final = 3
_HIDDEN: Final = "*"
_NOTHING_SHOWN: Final = _HIDDEN * 3


class Mask:
    """Masks names and numbers, or leaves them whole."""

    def __init__(self, *, hides: bool) -> None:
        self.hides = hides

    def number(self, text: str) -> str:
        """A number, with its last SHOWN_DIGITS; of one of less than FOUR_SHOWN_FROM characters the last third."""
        if not self.hides:
            return text
        count = SHOWN_DIGITS if len(text) >= FOUR_SHOWN_FROM else len(text) // 3
        shown = text[len(text) - count :]
        return _HIDDEN * (len(text) - len(shown)) + shown

    def name(self, text: str) -> str:
        """A name, with the first letter of a part of NAME_PART_MIN characters or more. Its length is not shown."""
        if not self.hides or not text:
            return text
        first = "".join(text.split(maxsplit=1)[:1])
        has_case = first[:1].lower() != first[:1].upper()
        return f"{first[0] if has_case and len(first) >= NAME_PART_MIN else ''}{_NOTHING_SHOWN}"

    def fact_name(self, text: str) -> str:
        """The name of a party's fact: one that people chose may hold the customer's."""
        return text if not self.hides or text in USUAL_NAMES else _NOTHING_SHOWN

    def field(self, masking: Masking, value: object) -> object:
        """The value of a field of a party's fact, by its masking; what is no text is whole."""
        if not self.hides or not isinstance(value, str) or not value or masking is Masking.WHOLE:
            return value
        return {Masking.NAME: self.name, Masking.NUMBER: self.number}.get(masking, lambda _: _NOTHING_SHOWN)(value)


def mask_for(roles: Iterable[Role], *, has_reason: bool) -> Mask:
    """The mask for an operator with these roles."""
    held = frozenset(roles)
    return Mask(hides=not (held & WHOLE or (has_reason and Role.SUPPORT in held)))
