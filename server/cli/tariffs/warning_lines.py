"""Warnings about a catalogue as text: a line each with file, place and remedy; of a code no more than can be read."""

from __future__ import annotations

import collections
from typing import TYPE_CHECKING, Final

from rating.counted import counted

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

SHOWN_MAX: Final = 20  # of one code


def lines(found: Sequence[Mapping[str, str]]) -> Iterator[str]:
    """Lines to print, of rows as `server.actions.tariffs.checks.row` makes them. Of a catalogue from the store no file is named."""
    shown: collections.Counter[str] = collections.Counter()
    for told in found:
        shown[told["code"]] += 1
        if shown[told["code"]] <= SHOWN_MAX:
            where = f"{told['file']}: {told['path']}" if told["file"] else told["path"]
            yield f"  warning {told['code']}: {where}: {told['message']}; remedy: {told['remedy']}"
    for code, count in shown.items():
        if count > SHOWN_MAX:
            yield f"  and {counted(count - SHOWN_MAX, 'more warning')} {code}; --json has them all"
