"""The subscription that pays for a served id at an instant: a dated fact, looked up when usage is priced and never stored with it.

A `Guide` is the facts as of one sequence number. Spans are half open; those of one served id do not overlap (import refuses that). Of facts
with the same beginning the one learned last holds: it gives the end of a span that was open.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import sqlalchemy as sa
from numpy.typing import NDArray

from billing.store import bulk
from billing.store.tables import guiding_facts, subscriptions
from rating.dates import NEVER

if TYPE_CHECKING:
    from billing.store.home import Home

NOBODY = -1


class Spans(NamedTuple):
    """The facts that hold, by served id and time: those of id i are rows first[i] up to first[i + 1], at least one."""

    ids: pa.Array[Any]
    first: NDArray[np.int64]
    from_us: NDArray[np.int64]
    to_us: NDArray[np.int64]
    subscription_key: NDArray[np.int64]


def accounts_of_moved_numbers(connection: sa.Connection, seq: int) -> set[int]:
    """Accounts (keys) that have, or had, a number which several accounts had."""
    fact, subscription = guiding_facts.c, subscriptions.c
    query = sa.select(fact.served_id, subscription.account_key).join_from(
        guiding_facts, subscriptions, fact.subscription_key == subscription.subscription_key
    )
    held = query.where(fact.commit_seq <= seq).distinct().subquery()
    moved = sa.select(held.c.served_id).group_by(held.c.served_id).having(sa.func.count() > 1)
    return set(connection.execute(sa.select(held.c.account_key).where(held.c.served_id.in_(moved))).scalars())


class Guide:
    """Guiding facts, sorted by served id and time."""

    def __init__(self, home: Home, seq: int) -> None:
        fact = guiding_facts.c
        query = sa.select(fact.served_id, fact.from_us, fact.to_us, fact.subscription_key, fact.commit_seq, fact.fact_id)
        with home.connect() as connection:
            learned = bulk.read_by(connection, query.where(fact.commit_seq <= seq), fact.fact_id)
        learned = learned.sort_by([(name, "ascending") for name in ("served_id", "from_us", "commit_seq", "fact_id")]).combine_chunks()
        learned = learned.filter(_holding(learned))
        encoded = _encoded(learned["served_id"])
        self._ids = encoded.dictionary
        # facts of id i: rows first[i] .. first[i+1], at least one
        self._first = np.searchsorted(encoded.indices.to_numpy(), np.arange(len(self._ids) + 1))
        self._from_us = learned["from_us"].to_numpy()
        self._to_us = _ends(learned)
        self._subscription = learned["subscription_key"].to_numpy()
        self._numbers, self._number_codes = _numbers_among(self._ids)

    @property
    def spans(self) -> Spans:
        """All facts, for lookups of another kind."""
        return Spans(self._ids, self._first, self._from_us, self._to_us, self._subscription)

    def resolve(self, served_id: pa.Array[Any] | pa.ChunkedArray[Any], start_us: NDArray[np.int64]) -> NDArray[np.int64]:
        """subscription_key of each row, `NOBODY` where no span of the id holds its start. Both columns have one row an event."""
        owner = np.full(len(start_us), NOBODY, dtype=np.int64)
        if len(self._subscription) == 0 or len(start_us) == 0:
            return owner
        fact = self._last_fact_before(self._codes(served_id), start_us)
        found = fact >= 0
        inside = found & (start_us < self._to_us[fact])
        owner[inside] = self._subscription[fact[inside]]
        return owner

    def throughout(self, served_id: pa.Array[Any], from_us: int, to_us: int) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
        """subscription_key of each id, and whether it is that at every instant of [from_us, to_us).

        An unknown id has `NOBODY` throughout.
        """
        codes = self._codes(served_id)
        owner, steady = np.full(len(codes), NOBODY, dtype=np.int64), codes == NOBODY
        first = self._first[np.where(steady, 0, codes)]
        single = ~steady & (self._first[np.where(steady, 0, codes) + 1] - first == 1)
        rows = np.flatnonzero(single)
        fact = first[rows]
        whole = (self._from_us[fact] <= from_us) & (self._to_us[fact] >= to_us)
        owner[rows[whole]] = self._subscription[fact[whole]]
        steady[rows[whole]] = True
        return owner, steady

    def knows_number(self, number: NDArray[np.int64], start_us: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Return whether each E.164 number (its digits as an integer) is one of this installation at its instant."""
        known = np.zeros(len(number), np.bool_)
        if len(self._numbers):
            place = np.minimum(np.searchsorted(self._numbers, number), len(self._numbers) - 1)
            codes = np.where(self._numbers[place] == number, self._number_codes[place], NOBODY)
            fact = self._last_fact_before(codes, start_us)
            known = (fact >= 0) & (start_us < self._to_us[fact])
        return known

    def _codes(self, served_id: pa.Array[Any] | pa.ChunkedArray[Any]) -> NDArray[np.int64]:
        """Position of each row's id among the known ids, -1 for an unknown one. Each distinct text is looked up once."""
        whole: Any = served_id.combine_chunks() if isinstance(served_id, pa.ChunkedArray) else served_id
        encoded = whole if isinstance(whole, pa.DictionaryArray) else whole.dictionary_encode()
        known: Any = pc.index_in(encoded.dictionary.cast(pa.string()), value_set=self._ids)
        codes: NDArray[np.int64] = known.fill_null(NOBODY).to_numpy().astype(np.int64)
        indices: NDArray[np.int32] = encoded.indices.fill_null(-1).to_numpy()
        return np.append(codes, NOBODY)[indices]  # a null id is index -1, the stranger at the end

    def _last_fact_before(self, codes: NDArray[np.int64], start_us: NDArray[np.int64]) -> NDArray[np.int64]:
        """Row of the last fact of the id that begins at or before the start; -1 none.

        Nearly every id has one fact; the rows of the few that changed hands step forward until their next fact is too late.
        """
        stranger = codes == NOBODY
        safe = np.where(stranger, 0, codes)
        fact = self._first[safe]
        end = self._first[safe + 1]
        rows = np.flatnonzero(~stranger & (end - fact > 1))
        while len(rows):
            following = fact[rows] + 1
            goes_on = following < end[rows]
            goes_on[goes_on] = self._from_us[following[goes_on]] <= start_us[rows[goes_on]]
            rows = rows[goes_on]
            fact[rows] += 1
        return np.where(stranger | (start_us < self._from_us[fact]), -1, fact)


def _holding(learned: pa.Table) -> pa.Array[Any]:
    """A mask of the facts that hold, of facts sorted by id, beginning and commit: the last of each beginning, unless it is empty."""
    codes, starts = _encoded(learned["served_id"]).indices.to_numpy(), learned["from_us"].to_numpy()
    last = np.append((codes[1:] != codes[:-1]) | (starts[1:] != starts[:-1]), True)[: len(codes)]
    return pa.array(last & (_ends(learned) > starts))


def _ends(learned: pa.Table) -> NDArray[np.int64]:
    to_us: Any = learned["to_us"]
    ends: NDArray[np.int64] = to_us.fill_null(NEVER).to_numpy()
    return ends


def _encoded(ids: pa.ChunkedArray[Any]) -> Any:  # noqa: ANN401 -- an array, or a value of any type
    """Ids in one piece, each distinct text once."""
    return pa.concat_arrays([*ids.chunks, pa.array([], pa.string())]).dictionary_encode()


def _numbers_among(ids: pa.Array[Any]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The ids that are E.164 numbers, as integers in ascending order, and the position of each among the ids."""
    numeric: Any = pc.match_substring_regex(ids, "^[1-9][0-9]{0,14}$")
    codes = np.flatnonzero(numeric.to_numpy(zero_copy_only=False))
    texts: Any = ids.filter(numeric)
    whole: Any = pc.cast(texts, pa.int64())
    numbers = whole.to_numpy()
    order = np.argsort(numbers)
    return numbers[order], codes[order]
