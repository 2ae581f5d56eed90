"""Which records are perhaps known already: a hash index and sequence bitmaps, in memory, with a snapshot file each.

See README.md for what they promise, and `HashIndex` and `SequenceBitmaps` for how to ask.
"""

from mediation.once.hash_index import HashIndex
from mediation.once.sequence_bitmaps import SequenceBitmaps
from mediation.once.verdicts import Verdict, Verdicts

__all__ = ["HashIndex", "SequenceBitmaps", "Verdict", "Verdicts"]
