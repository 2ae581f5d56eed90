"""Warnings about a catalogue as text: a line each with file, place and remedy; of a code no more than can be read."""

from __future__ import annotations

import collections
from typing import TYPE_CHECKING, Final

from rating.counted import counted
from server.actions.tariffs.checks import row

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from rating.errors import Problem
    from tariffs.documents.document import Finding
    from tariffs.warnings import Warning  # noqa: A004 -- see there

SHOWN_MAX: Final = 20  # of one code


def lines(found: Sequence[Warning], locate: Callable[[Finding], Problem] | None = None) -> Iterator[str]:
    """Lines to print. Without `locate` (a catalogue from the store) the place is that in the catalogue."""
    shown: collections.Counter[str] = collections.Counter()
    for warning in found:
        shown[warning.code] += 1
        if shown[warning.code] <= SHOWN_MAX:
            told = row(warning, locate)
            where = f"{told['file']}: {told['path']}" if told["file"] else told["path"]
            yield f"  warning {warning.code}: {where}: {told['message']}; remedy: {told['remedy']}"
    for code, count in shown.items():
        if count > SHOWN_MAX:
            yield f"  and {counted(count - SHOWN_MAX, 'more warning')} {code}; --json has them all"
