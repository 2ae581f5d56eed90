"""Changes between two versions of a catalogue: in words, for which prices and plans, and whether any customer may pay more.

Things are matched by what bills know them by: prices, zones and grants by their ids, plans, add-ons and calendars by name, tax classes
by code. A new name is listed once, and everything that names it is compared under it. What only follows from something else is not listed
again: plans with add-ons follow from plan and add-on. Version, instant and content hash differ always and are no change.
Pure: two catalogues in, changes out, the catalogue's own first, then prices, then plans.
"""

from __future__ import annotations

from tariffs.changes.change import Change, Effect
from tariffs.changes.comparison import changes
from tariffs.changes.page import SHOWN, lines

__all__ = ["SHOWN", "Change", "Effect", "changes", "lines"]
