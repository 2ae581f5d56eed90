"""Telephone numbers of a block in E.164, by the source's numbering rules."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from mediation.sources.rules import NUMBER_TYPES, NumberType, Plain
from mediation.values import columns, numbers_kernel
from mediation.values.columns import Numbers

if TYPE_CHECKING:
    from mediation.records.rows import Block, Spans
    from mediation.sources.rules import Numbering

_KINDS: Final = {
    NumberType.AS_WRITTEN: numbers_kernel.AS_WRITTEN,
    NumberType.INTERNATIONAL: numbers_kernel.INTERNATIONAL,
    NumberType.NATIONAL: numbers_kernel.NATIONAL,
    NumberType.SUBSCRIBER: numbers_kernel.SUBSCRIBER,
    NumberType.NO_NUMBER: numbers_kernel.NO_NUMBER,
}


class Rules(NamedTuple):
    """A numbering as the kernel takes it."""

    texts: NDArray[np.uint8]
    limits: NDArray[np.int32]
    groups: NDArray[np.int32]
    plain: int
    shortest: int


def read(block: Block, spans: Spans, numbering: Numbering, type_column: str = "") -> Numbers:
    """Value and digits of each field; `type_column` says what the digits are, where the source has such a column."""
    value, digits = np.zeros(block.size, np.int64), np.zeros(block.size, np.int8)
    types = np.zeros(0, np.int8) if not type_column else number_types(block, block.spans(type_column), numbering)
    numbers_kernel.read_numbers(block.data, spans.begin, spans.end, types, *_rules(numbering), value, digits)
    return Numbers(value, digits)


def of_texts(data: NDArray[np.uint8], spans: Spans, numbering: Numbering, value: NDArray[np.int64]) -> Numbers:
    """The same of fields of `data`, as written. The values are put into `value`."""
    digits = np.empty(value.size, np.int8)
    numbers_kernel.read_numbers(data, *spans, np.zeros(0, np.int8), *_rules(numbering), value, digits)
    return Numbers(value, digits)


def number_types(block: Block, spans: Spans, numbering: Numbering) -> NDArray[np.int8]:
    """The type of each row's number; a word that is not known leaves the number as written."""
    known = NUMBER_TYPES | {word.upper(): type_ for word, type_ in numbering.types.items()}
    found = columns.words(block, spans, tuple(known))
    kinds = np.array([*(_KINDS[type_] for type_ in known.values()), numbers_kernel.AS_WRITTEN, numbers_kernel.AS_WRITTEN], np.int8)
    return kinds[found]  # -2 empty and -1 unknown are the last two


def _rules(numbering: Numbering) -> Rules:
    groups = (
        (numbering.international_prefix, *numbering.more_international_prefixes),
        (numbering.trunk_prefix, *numbering.more_trunk_prefixes) if numbering.country_code else (),
        numbering.short_codes,
        (numbering.country_code,),
        (numbering.area_code,),
    )
    return _compiled(groups, numbering.plain is Plain.NATIONAL, numbering.shortest)


@functools.lru_cache(maxsize=64)
def _compiled(groups: tuple[tuple[str, ...], ...], is_national: bool, shortest: int) -> Rules:  # noqa: FBT001 - a key of the cache
    texts = [text for group in groups for text in group]
    limits = np.cumsum([0, *map(len, texts)]).astype(np.int32)
    begins = np.cumsum([0, *map(len, groups)]).astype(np.int32)
    plain = numbers_kernel.NATIONAL if is_national else numbers_kernel.INTERNATIONAL
    return Rules(np.frombuffer("".join(texts).encode(), np.uint8), limits, begins, plain, shortest)
