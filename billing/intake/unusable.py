"""A file of which nothing can be used is a wrong file or a wrong source: it is refused whole, where single broken rows go to suspense."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mediation.reasons import EXPLANATIONS, Reason
from rating.errors import UnusableFileError

if TYPE_CHECKING:
    from collections.abc import Mapping


class NoRowsError(UnusableFileError):
    """A file without a single row."""


def refuse_unusable(name: str, source: str, rows: int, rejected: Mapping[str, int]) -> None:
    """Raise UnusableFileError when the file has no rows, or none that could be read. `rejected` maps a reason to rows."""
    if rows == 0:
        raise NoRowsError(f"{name} holds no rows", "check that the switch has written it; nothing was stored")
    if sum(rejected.values()) < rows:
        return
    reason, count = max(rejected.items(), key=lambda item: item[1])
    reasons = f"{reason}" if count == rows else f"most often {reason}"
    raise UnusableFileError(
        f"no row of {name} can be read as source {source}: {rows} {'row' if rows == 1 else 'rows'}, {reasons}",
        f"name another --source, nothing was stored; {EXPLANATIONS[Reason(reason)]}",
    )
