"""Meaning of each field of the language, and what holds without it: for the reference (`docs/tariffs.md`) and for editors (`json_schema`).

Texts are Markdown without a full stop. Every field of every entry has one; those that several entries share have it once, where they are
declared. Nothing else reads them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from tariffs.reference.field_texts.catalogues import OF_CATALOGUES
from tariffs.reference.field_texts.plans import OF_PLANS

if TYPE_CHECKING:
    from collections.abc import Mapping

    import msgspec

    from tariffs.reference.field_texts.meanings import Meaning

MEANINGS: Final[Mapping[type[msgspec.Struct], Mapping[str, Meaning]]] = {**OF_CATALOGUES, **OF_PLANS}


def meaning(kind: type[msgspec.Struct], written: str) -> Meaning:
    """The meaning of a field of an entry, by the name it is written under."""
    return next(MEANINGS[each][written] for each in kind.__mro__ if written in MEANINGS.get(each, {}))
