"""Explains how an `Outcome` came about, as text for people (en, zh) and as plain objects for programs.

Both follow the one order of composition (`stages`). Before anything is written, the parts are added up again and must give the
charge (`check`): an explanation is never a story. Refuses a language without words with UserError.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from rating.errors import UserError
from rating.explain.check import check_parts
from rating.explain.objects import object_of
from rating.explain.stages import COMPOSITION, Stage
from rating.explain.texts import WORDS, lines_of

if TYPE_CHECKING:
    from rating.outcome import Outcome

__all__ = ["COMPOSITION", "LANGUAGES", "Stage", "as_json", "as_text", "check_parts"]

LANGUAGES: Final = tuple(WORDS)


def as_text(outcome: Outcome, language: str = "en") -> str:
    """Lines that a customer's agent can read out; ends without a line break."""
    if language not in WORDS:
        raise UserError(f'there are no words for language "{language}"', f"use one of {', '.join(LANGUAGES)}", exit_status=2)
    check_parts(outcome)
    return "\n".join(lines_of(outcome, WORDS[language]))


def as_json(outcome: Outcome) -> dict[str, object]:
    """Everything that is known of how the charge came about; see `rating.explain.objects` for units and form."""
    check_parts(outcome)
    return object_of(outcome)
