"""Records that are perhaps known already: a hash index and sequence bitmaps, in memory, with a snapshot file each.

See README.md for what they promise, and `HashIndex` and `SequenceBitmaps` for how to ask.
"""

from mediation.known_records.hash_index import HashIndex
from mediation.known_records.sequence_bitmaps import SequenceBitmaps
from mediation.known_records.verdicts import Verdict, Verdicts

__all__ = ["HashIndex", "SequenceBitmaps", "Verdict", "Verdicts"]
