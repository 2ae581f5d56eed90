"""Counts of day passes that events of a document opened, by fee, priced by the kernel.

The charge of an event before discount, money and caps holds the fees of the passes that it opens. Nothing else of it depends on them. So
usage is priced with a power of two as the fee of each pass, and with none: the difference gives the passes that an event opened.
"""

from __future__ import annotations

import collections
import copy
import dataclasses
from typing import TYPE_CHECKING, Final

import numpy as np

from billing.documents.due import priced_usage
from billing.documents.grounds import ground_of
from billing.invoicing.drafts import iso
from rating.model import BucketKind

if TYPE_CHECKING:
    from billing.charges.lines import Int64s
    from billing.documents.finding import Document
    from billing.documents.grounds import Ground
    from billing.runs.contracts.contracts import Contracts
    from billing.runs.usage.pricing import Priced
    from billing.store.home import Home

Key = tuple[int, str, int, int]  # subscription_key, first day of the period, charge_code and price_id
Opened = collections.Counter[int]  # by fee in micro-units: how often
FEES_AT_ONCE: Final = 24  # powers of two that stay far below the limit of money, whatever else an event costs


def opened(home: Home, document: Document) -> dict[Key, Opened]:
    """Openings by line of usage. Raises UserError where the periods of the document cannot be priced again."""
    with home.connect() as connection:
        ground = ground_of(home, connection, document)
    definitions = ground.contracts.price_list.tables.definitions
    fees = sorted({int(fee) for fee in definitions["fee"][definitions["kind"] == int(BucketKind.DAY_PASS)] if fee})
    found: dict[Key, Opened] = {}
    without = _priced(home, ground, {})
    for first in range(0, len(fees), FEES_AT_ONCE):
        bits = {fee: 1 << place for place, fee in enumerate(fees[first : first + FEES_AT_ONCE])}
        for number, priced in _priced(home, ground, bits).items():
            _count(found, bits, priced, priced.rated.gross_micros - without[number].rated.gross_micros, ground.contracts)
    return found


def _priced(home: Home, ground: Ground, fees: dict[int, int]) -> dict[int, Priced]:
    """The usage of a ground by group, with other fees for day passes: `fees` by the real one, none for all that are not named."""
    price_list = copy.copy(ground.contracts.price_list)
    definitions = price_list.tables.definitions.copy()
    passes = definitions["kind"] == int(BucketKind.DAY_PASS)
    definitions["fee"] = [fees.get(int(fee), 0) if is_pass else int(fee) for fee, is_pass in zip(definitions["fee"], passes, strict=True)]
    price_list.tables = dataclasses.replace(price_list.tables, definitions=definitions)
    found: dict[int, Priced] = {}
    priced_usage(home, ground._replace(contracts=ground.contracts.under(price_list)), found.__setitem__)
    return found


def _count(found: dict[Key, Opened], bits: dict[int, int], priced: Priced, code: Int64s, contracts: Contracts) -> None:
    tables, keys = contracts.price_list.tables, contracts.facts.subscription_keys
    for row in np.flatnonzero(code).tolist():
        price, period_from = int(priced.rated.price[row]), iso(int(priced.period_from[row]))
        key = (int(keys[priced.subscription[row]]), period_from, int(tables.charge_code[price]), int(tables.price_ids[price]))
        of_key = found.setdefault(key, collections.Counter())
        of_key.update(fee for fee, bit in bits.items() if int(code[row]) & bit)
