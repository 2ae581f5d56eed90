"""Circumstances of events besides service and destination, as far as rules of published tariffs ask for them, as columns for the engine.

Only what some rule or price asks is read from usage and worked out: most tariffs ask nothing, and then nothing is made. Not known here yet:
customer groups and chosen numbers (there are no such facts), and which network is the home one: a row without a visited network is at home.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from billing.charges.lines import Int64s
from billing.runs.contracts.columns import digits_of, int64, one_chunk
from billing.runs.contracts.rule_inputs import asked
from rating.schema import Direction
from rating.tables import no_circumstances

if TYPE_CHECKING:
    from collections.abc import Callable

    from billing.runs.contracts.contracts import Contracts

UNKNOWN: Final = -1
_POSSIBLE_DIGITS: Final = 15


class Whose(NamedTuple):
    """Owners of events, by index of the run's facts; -1 none."""

    account: Int64s
    holding: Int64s


def circumstances(
    usage: pa.Table, start_us: Int64s, whose: Whose, contracts: Contracts, is_subscriber: Callable[[Int64s, Int64s], npt.NDArray[np.bool_]]
) -> npt.NDArray[np.void] | None:
    """One row an event of `usage`, None where nothing is asked. `is_subscriber(number, start_us)`: whether a number is of this network."""
    wanted = asked(contracts.price_list.catalogues)
    if not any(wanted._replace(short_code=False)):
        return None
    rows = no_circumstances(usage.num_rows)
    other = int64(usage["other_e164"], missing=UNKNOWN)
    if wanted.direction:
        rows["direction"] = usage["direction"].to_numpy()
    if wanted.on_net:
        rows["on_net"] = np.where(other > 0, is_subscriber(other, start_us), UNKNOWN)
    if wanted.origin:
        _fill_origin(rows, usage, other)
    if wanted.visited:
        rows["visited"] = int64(usage["serving_plmn"])
    if wanted.rating_group:
        rows["rating_group"] = int64(usage["rating_group"])
    if wanted.content:
        rows["content_micros"] = _content(usage, whose, contracts)
    if wanted.home_clock:
        rows["home_clock"] = _home_clock(whose, contracts)
    return rows


def _fill_origin(rows: npt.NDArray[np.void], usage: pa.Table, other: Int64s) -> None:
    """The calling number: the served one of what the subscriber begins, else the other one."""
    served = as_numbers(one_chunk(usage["served_id"]))
    begins = usage["direction"].to_numpy() == int(Direction.ORIGINATING)
    number = np.where(begins, served, other)
    known = number > 0
    rows["origin"] = np.where(known, number, 0)
    rows["origin_digits"] = np.where(known, digits_of(np.maximum(number, 0)), 0)


def as_numbers(served_id: pa.Array[Any]) -> Int64s:
    """Served ids of at most 15 digits as integers, UNKNOWN for any other text. Each distinct text is read once."""
    encoded: Any = served_id if isinstance(served_id, pa.DictionaryArray) else served_id.dictionary_encode()
    texts = encoded.dictionary.cast(pa.string())
    is_number: Any = pc.match_substring_regex(texts, f"^[1-9][0-9]{{0,{_POSSIBLE_DIGITS - 1}}}$")
    only_numbers: Any = pc.if_else(is_number, texts, pa.scalar(None, pa.string()))
    numbers: Any = only_numbers.cast(pa.int64()).fill_null(UNKNOWN)
    values: Int64s = numbers.to_numpy(zero_copy_only=False)[encoded.indices.to_numpy()] if len(texts) else np.zeros(0, np.int64)
    return values


def _content(usage: pa.Table, whose: Whose, contracts: Contracts) -> Int64s:
    """The content provider's amount where it is in the currency of the plan's catalogue, else UNKNOWN."""
    price_list = contracts.price_list
    names = sorted({price_list.currency(identity) for identity in price_list.identities})

    def currency(plan: str) -> int:
        identity = plan.partition("/")[0]
        return names.index(price_list.currency(identity)) if identity in price_list.identities else UNKNOWN

    wanted = contracts.of_holdings(whose.holding, currency, UNKNOWN)
    given: Any = pc.index_in(usage["source_currency"].cast(pa.string()), value_set=pa.array(names, pa.string()))
    has = (int64(given, missing=UNKNOWN - 1) == wanted) & (wanted >= 0)
    return np.where(has, int64(usage["source_amount_micros"], missing=UNKNOWN), UNKNOWN)


def _home_clock(whose: Whose, contracts: Contracts) -> Int64s:
    """Time zones of the accounts, as the tables number them; UNKNOWN where no tariff names the zone."""
    timezones = contracts.price_list.tables.timezones
    places = {name: place for place, name in enumerate(timezones)}
    facts = contracts.facts
    by_account = np.array([places.get(zone, UNKNOWN) for zone in facts.zones], np.int64)[facts.account_zone]
    if not by_account.size:
        return np.full(len(whose.account), UNKNOWN, np.int64)
    clocks: Int64s = np.where(whose.account >= 0, by_account[whose.account], UNKNOWN)
    return clocks
