"""Cases, by id, that our model answers differently on purpose, each with the reason. One that passes all the same fails the run.

Differences that follow from a rule rather than from a case (an event of more than 31 days, say) need no entry: see `verdicts`.
"""

from __future__ import annotations

from typing import Final

LISTED: Final[dict[str, str]] = {}
