"""Reason codes of charges and credits by hand: data, in reason_codes.yaml beside this file."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import Final

import msgspec

from rating.errors import UserError

FILE: Final = Path(__file__).parent / "reason_codes.yaml"


class Reason(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A reason, and the codes of a line that it makes. `needs_text`: the code alone does not explain enough."""

    code: str
    charge_code: int
    revenue_code: int
    names: dict[str, str]
    needs_text: bool = False

    def name(self, language: str) -> str:
        """Its name in a language, in English where there is none."""
        return self.names.get(language.partition("-")[0]) or self.names["en"]


@functools.cache
def reasons() -> dict[str, Reason]:
    """All reasons by code."""
    return {each.code: each for each in msgspec.yaml.decode(FILE.read_bytes(), type=tuple[Reason, ...])}


def reason_of(code: str) -> Reason:
    """The reason with this code. Raises UserError that names all of them."""
    found = reasons().get(code)
    if found is None:
        raise UserError(f"there is no reason {code!r}", f"reasons: {', '.join(sorted(reasons()))}", exit_status=2)
    return found
