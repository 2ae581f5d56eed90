"""Refusal of a file without any usable row: it is a wrong file or a wrong source, where single broken rows go to suspense.

A single row that nothing is wrong with but the line break behind it says that the source is right: it waits in suspense.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from mediation.formats.registry import is_in_lines
from mediation.reasons import EXPLANATIONS, Reason
from rating.counted import counted
from rating.errors import UnusableFileError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mediation.sources.model import Source

_ONE_CUT_OFF: Final = {str(Reason.TRUNCATED_RECORD): 1}


class NoRowsError(UnusableFileError):
    """A file without a single row."""


def refuse_unusable(name: str, source: Source, rows: int, rejected: Mapping[str, int]) -> None:
    """Raise UnusableFileError when the file has no rows, or none that could be read. `rejected` maps a reason to rows."""
    if rows == 0:
        raise NoRowsError(f"{name} holds no rows", "check that the switch has written it; nothing was stored")
    if sum(rejected.values()) < rows or (rejected == _ONE_CUT_OFF and is_in_lines(source.format)):
        return
    reason, count = max(rejected.items(), key=lambda item: item[1])
    reasons = f"{reason}" if count == rows else f"most often {reason}"
    raise UnusableFileError(
        f"no row of {name} can be read as source {source.name}: {counted(rows, 'row')}, {reasons}",
        f"name another --source, nothing was stored; {EXPLANATIONS[Reason(reason)]}",
    )
