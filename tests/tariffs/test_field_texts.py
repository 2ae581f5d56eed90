"""Every field of the language has its meaning, and no meaning is of a field that there is not."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tariffs.documents.decode import fields_of
from tariffs.language import entries, plans
from tariffs.language.words import Entry
from tariffs.reference.field_texts import MEANINGS, meaning

if TYPE_CHECKING:
    import msgspec

KINDS = {
    each
    for module in (entries, plans)
    for each in vars(module).values()
    if isinstance(each, type) and issubclass(each, Entry) and each is not Entry
}


@pytest.mark.parametrize("kind", sorted(KINDS, key=lambda kind: kind.__name__))
def test_every_field_has_a_meaning(kind: type[msgspec.Struct]) -> None:
    for written, field in fields_of(kind).items():
        text, without = meaning(kind, written)
        assert text
        assert not text.endswith(".")
        assert not (field.required and without), written


@pytest.mark.parametrize("kind", sorted(MEANINGS, key=lambda kind: kind.__name__))
def test_no_meaning_is_left_over(kind: type[msgspec.Struct]) -> None:
    assert kind in KINDS
    assert MEANINGS[kind].keys() <= fields_of(kind).keys()


def test_a_field_that_may_be_left_out_says_what_holds_then() -> None:
    """But for one in whose place another stands."""
    silent = {
        f"{kind.__name__}.{written}"
        for kind in KINDS
        for written, field in fields_of(kind).items()
        if not field.required and not meaning(kind, written).without
    }
    assert {each.partition(".")[2] for each in silent} == {
        "rate",
        "rates",
        "steps",
        "flat",
        "package",
        "per",
        "quantity",
        "money",
        "service",
        "percent",
        "amount",
    }
