"""Events with charges, and none of these on a bill: the document that had it is void, or the account was for tests when it was computed.

`standing_charges` has the one answer. It is asked about few events: those that such a document may have had, and those computed for tests
that are a customer's by now. A run bills them while their period is open to their owner, as after a void. Where it is closed to that
account they are late usage (`billing.left_out.history`).
"""

from __future__ import annotations

import collections
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import sqlalchemy as sa

from billing.accounts import picture
from billing.accounts.facts import in_chunks
from billing.guiding import Guide, accounts_of_moved_numbers
from billing.intake import marks, view
from billing.runs.contracts.agreements import TEST
from billing.runs.contracts.columns import int64, one_chunk
from billing.runs.contracts.counted_charges import OWNER, Counting, charge_paths, read_charges
from billing.runs.contracts.counted_runs import Looked, looked
from billing.runs.contracts.uninvoiced_accounts import DaysForTests
from billing.runs.selection.standing_charges import VoidDocument, on_bills, void_documents
from billing.store import tables
from rating.dates import day_of, local_date
from rating.schema import KEY
from rating.status import REFUSALS_FROM

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    import numpy.typing as npt

    from billing.store.home import Home

    Bools = npt.NDArray[np.bool_]

_COLUMNS: Final = ["event_key", OWNER, "status", "period_from"]
_USAGE: Final = ("event_key", "served_id", "start_us", marks.COMMIT_SEQ)


def off_bills(home: Home, seq: int, only: Collection[bytes] | None = None) -> pa.Array[Any]:
    """Keys of such events as of `seq`, in order; of these keys alone, if they are given. Without those of accounts that are for tests."""
    with home.connect() as connection:
        doubts = _doubts(connection, seq)
        if not doubts.account_keys or (only is not None and not only):
            return pa.array([], KEY)
        wanted = pc.field(OWNER).isin(pa.array(doubts.account_keys, pa.int64()))
        if only is not None:
            wanted &= pc.field("event_key").isin(pa.array(sorted(only), KEY))
        candidates, counting = set[bytes](), Counting(connection, seq)
        for run in looked(connection, seq):
            charges = counting.billed(run.run_id, read_charges(home.path, charge_paths(connection, run.run_id), _COLUMNS, wanted))
            keys: list[Any] = charges.filter(pa.array(doubts.of(connection, run, charges)))["event_key"].to_pylist()
            candidates.update(keys)
        off = candidates - on_bills(home, connection, seq, candidates)
        return pa.array(sorted(off - _of_tests(home, connection, seq, off)), KEY)


class _Doubts(NamedTuple):
    """The accounts (keys) with charges that may be on no bill: of void documents, and those that were ever for tests.

    `tests`: the days on which these are for tests now. `moved`: those whose numbers others have, or had; `changed`: events that lost
    versions.
    """

    voids: dict[int, list[VoidDocument]]
    tested: frozenset[int]
    tests: DaysForTests
    moved: frozenset[int]
    changed: pa.Array[Any]

    @property
    def account_keys(self) -> list[int]:
        """All of them, ascending."""
        return sorted(self.voids.keys() | self.tested)

    def of(self, connection: sa.Connection, run: Looked, charges: pa.Table) -> Bools:
        """Mask of the charges of a run that may be on no bill."""
        priced = charges["status"].to_numpy() < int(REFUSALS_FROM)
        owner, day = int64(charges[OWNER]), int64(charges["period_from"].cast(pa.int32()))
        changed: Any = pc.is_in(one_chunk(charges["event_key"]), value_set=self.changed)
        then = DaysForTests(connection, self.tested, run.pinned_seq)
        pairs, place = np.unique(np.stack([owner, day], axis=1), axis=0, return_inverse=True)
        void, tested, still = (np.zeros(len(pairs), np.bool_) for _ in range(3))
        for row, (key, number) in enumerate(pairs.tolist()):
            void[row] = any(each.may_have_had(run.run_id, number) for each in self.voids.get(key, ()))
            tested[row] = key in self.tested and then.holds(key, day_of(number))
            still[row] = tested[row] and self.tests.holds(key, day_of(number)) and key not in self.moved
        place = place.reshape(-1)
        return np.asarray(priced & (void[place] | (tested[place] & (~still[place] | changed.to_numpy(zero_copy_only=False)))))


def _doubts(connection: sa.Connection, seq: int) -> _Doubts:
    voids: dict[int, list[VoidDocument]] = collections.defaultdict(list)
    for each in void_documents(connection, seq):
        voids[each.account_key].append(each)
    tested, row = frozenset(_ever_for_tests(connection, seq)), tables.suspense.c
    marked = sa.select(row.event_key).where(row.event_key.is_not(None), row.reason != marks.SUPERSEDED, row.commit_seq <= seq)
    changed = {bytes(key) for key in connection.execute(marked.distinct()).scalars()} if tested else set()
    moved = frozenset(accounts_of_moved_numbers(connection, seq)) if tested else frozenset[int]()
    return _Doubts(voids, tested, DaysForTests(connection, tested, seq), moved, marks.keys_array(sorted(changed)))


def _ever_for_tests(connection: sa.Connection, seq: int) -> Iterable[int]:
    """Accounts (keys) that were ever said to be for tests on any day, whether that is retracted or not."""
    account, fact = tables.accounts.c, tables.account_facts.c
    yield from connection.execute(sa.select(account.account_key).where(account.category == TEST, account.commit_seq <= seq)).scalars()
    told = sa.select(fact.account_key, fact.detail).where(fact.kind == "category", fact.commit_seq <= seq)
    for key, detail in connection.execute(told):
        if msgspec.json.decode(detail).get("category") == TEST:
            yield int(key)


def _of_tests(home: Home, connection: sa.Connection, seq: int, keys: Collection[bytes]) -> set[bytes]:
    """Those of some events that are of an account for tests now, by the version that counts."""
    if not keys:
        return set()
    rows = view.of_keys(home, _USAGE, seq, marks.keys_array(sorted(keys)))
    rows = rows.filter(pa.array(~marks.is_hidden(rows, marks.hidden(connection, seq))))
    names: list[Any] = rows["event_key"].to_pylist()
    starts = int64(rows["start_us"]).tolist()
    owners = Guide(home, seq).resolve(one_chunk(rows["served_id"]), int64(rows["start_us"])).tolist()
    column, account_of = tables.subscriptions.c, dict[int, int]()
    for lot in in_chunks(sorted(set(owners))):
        query = sa.select(column.subscription_key, column.account_key).where(column.subscription_key.in_(lot))
        account_of |= {int(key): int(account) for key, account in connection.execute(query)}
    accounts = set(account_of.values())
    tests = DaysForTests(connection, accounts, seq)
    ever = {key for key in accounts if tests.ever(key)}
    customers = picture.load(connection, ever, seq).customers if ever else {}
    found = set[bytes]()
    for name, start_us, subscription in zip(names, starts, owners, strict=True):
        customer = customers.get(account_of.get(subscription, 0))
        if customer is not None and customer.key in ever and customer.is_for_tests(local_date(start_us, customer.timezone)):
            found.add(name)
    return found
