"""Size limits of the files of a catalogue, so that any input is refused in bounded time and memory.

Far above any catalogue in use (the largest public rate deck has some 50,000 rows, all assigned prefixes of the world are 320,000), and
small enough that what is refused is refused within a few seconds: a byte of YAML costs about a hundred bytes of memory and a
microsecond, a byte of CSV about ten and a tenth of that.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

MIB: Final = 1 << 20

FILES_MAX: Final = 200  # YAML files of a folder
FOLDER_ENTRIES_MAX: Final = 10_000  # files of any kind that a folder may hold
YAML_BYTES_MAX: Final = 4 * MIB  # a file
FOLDER_YAML_BYTES_MAX: Final = 8 * MIB  # all YAML files of a folder
YAML_NODES_MAX: Final = 500_000  # values and names of fields in all YAML files of a folder
LIST_ENTRIES_MAX: Final = 100_000  # entries of one list, such as the inline prefixes of a zone
PLANS_MAX: Final = 2_000
BANDS_MAX: Final = 1_000  # bands of a calendar
CLAIMS_MAX: Final = 5_000  # pairs of bands of a calendar that begin at one time with one weight: each is searched for a common day
STEPS_MAX: Final = 1_000  # steps of a rate: their increments have a common denominator
FALLBACKS_MAX: Final = 20  # plans that may be asked after a plan, those of its fallbacks included
BILL_TERMS_MAX: Final = 100  # volume tiers of a plan, and so its discounts off bills, its thresholds, and the shares of a fee
RULES_MAX: Final = 5_000_000  # of all plans together, those of decks in each plan that names them
CANDIDATES_MAX: Final = 10_000_000  # rules that all kinds of destination of a plan and service may ask, one after the other
FINDINGS_MAX: Final = 20_000  # mistakes that are told
CHECK_FINDINGS_MAX: Final = 2_000  # mistakes that are looked for in what could be read: a remedy may list what there is

_ENTRIES_MAX: Final = {
    "plans": PLANS_MAX,
    "bands": BANDS_MAX,
    "fallbacks": FALLBACKS_MAX,
    "rates": BANDS_MAX,
    "steps": STEPS_MAX,
    **dict.fromkeys(("volume_tiers", "invoice_discounts", "bill_thresholds", "shares"), BILL_TERMS_MAX),
}

CSV_BYTES_MAX: Final = 256 * MIB
CSV_ROWS_MAX: Final = 2_000_000
CSV_CELL_CHARS_MAX: Final = 16 * MIB  # a whole country's prefixes in one cell
CELL_PREFIXES_MAX: Final = 100_000  # prefixes that one cell of a rate deck may stand for, ranges written out


def entries_max(place: Sequence[str | int]) -> int:
    """Return how many entries the list at a place of the document may have."""
    return _ENTRIES_MAX.get(str(place[-1]), LIST_ENTRIES_MAX) if place else LIST_ENTRIES_MAX
