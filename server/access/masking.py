"""Names and numbers of customers, masked for operators who do not need them.

An operator sees them whole in one of the roles of WHOLE; in the role support alone where the call gives a reason, which the audit trail
has. Masked, a number shows its last four digits, and a name its first letter; a street or an e-mail address shows nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from billing.accounts.parties.fields import Masking
from billing.operators import Role

if TYPE_CHECKING:
    from collections.abc import Iterable

WHOLE: Final = frozenset({Role.OPERATOR, Role.FINANCE, Role.ADMIN})
SHOWN_DIGITS: Final = 4
_HIDDEN: Final = "*"
_NOTHING_SHOWN: Final = _HIDDEN * 3


class Mask:
    """Masks names and numbers, or leaves them whole."""

    def __init__(self, *, hides: bool) -> None:
        self.hides = hides

    def number(self, text: str) -> str:
        """A number, with its last SHOWN_DIGITS digits; a shorter one is hidden whole."""
        if not self.hides:
            return text
        shown = text[-SHOWN_DIGITS:] if len(text) > SHOWN_DIGITS else ""
        return _HIDDEN * (len(text) - len(shown)) + shown

    def name(self, text: str) -> str:
        """A name, with its first letter alone. Its length is not shown."""
        return text if not self.hides or not text else f"{text[0]}{_NOTHING_SHOWN}"

    def field(self, masking: Masking, value: object) -> object:
        """The value of a field of a party's fact, by its masking; what is no text is whole."""
        if not self.hides or not isinstance(value, str) or not value or masking is Masking.WHOLE:
            return value
        return {Masking.NAME: self.name, Masking.NUMBER: self.number}.get(masking, lambda _: _NOTHING_SHOWN)(value)


def mask_for(roles: Iterable[Role], *, has_reason: bool) -> Mask:
    """The mask for an operator with these roles."""
    held = frozenset(roles)
    return Mask(hides=not (held & WHOLE or (has_reason and Role.SUPPORT in held)))
