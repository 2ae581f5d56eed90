"""Holders of the events of a run and their buckets, as the arrays the engine takes.

A *holder* is one plan of one subscription in one open period. A *group* is the holders of one subscription in one period; its shape
(`billing.runs.usage.entitlements`) says what they draw on. Everything here is whole columns: shapes are laid end to end and copied for
each group.

Buckets stand in this order: those of groups, group by group; those that members of a rating unit share; those that earlier periods left.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np
import numpy.typing as npt

from billing.charges.grants import granted_once
from billing.charges.lines import Int64s
from billing.runs.contracts.fact_columns import groups as number_groups
from billing.runs.usage.entitlements import Part
from rating.engine import Buckets

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from billing.runs.usage.entitlements import Shape

_PART: Final = np.dtype([(name, np.int64) for name in ("slot", "amount", "from_us", "to_us", "priority")])
NO_HOLDER: Final = -1


class Groups(NamedTuple):
    """Subscriptions in periods, by index; `account` pays for both. `shape`: number of the shape of each."""

    subscription: Int64s
    account: Int64s
    place: Int64s
    shape: Int64s
    together: Int64s | None = None  # equal for groups that have shared allowances together; None: those of an account in one place


class Extra(NamedTuple):
    """A bucket that is in no shape, and its holders."""

    part: Part
    holders: tuple[int, ...]


@dataclasses.dataclass(frozen=True, eq=False)
class Layout:
    """Places of the holders and buckets of each group. `shared_bucket`: the bucket of each group's shared parts, group by group."""

    groups: Groups
    holder_first: Int64s  # by group, and one more
    bucket_first: Int64s  # by group, and one more
    shared_first: Int64s  # by group, and one more: rows of shared_bucket
    shared_bucket: Int64s
    buckets: Buckets

    @property
    def has_buckets(self) -> npt.NDArray[np.bool_]:
        """By holder: whether it has any. One without need not be looked at by the engine."""
        has: npt.NDArray[np.bool_] = np.diff(self.buckets.holder_from) > 0
        return has


def lay_out(groups: Groups, shapes: Sequence[Shape], make_extras: Callable[[Int64s], Sequence[Extra]] | None = None) -> Layout:
    """The holders and buckets of `groups`. `make_extras` gets the first holder of each group."""
    used, local = np.unique(groups.shape, return_inverse=True)
    flat, told = _Flat([shapes[number] for number in used.tolist()]), groups
    groups = groups._replace(shape=local.reshape(-1))
    holder_first, bucket_first, shared_first = (_firsts(counts[groups.shape]) for counts in (flat.plans, flat.own.count, flat.shared.count))
    own = flat.own.parts[_ranges(flat.own.first[groups.shape], flat.own.count[groups.shape])]
    common, common_of = _common(groups, flat)
    extras = make_extras(holder_first[:-1]) if make_extras is not None else ()
    parts = np.concatenate([own, common, _parts([each.part for each in extras])])
    pairs = [
        _pairs(groups, holder_first, bucket_first, flat.own),
        _pairs(groups, holder_first, shared_first, flat.shared),
        np.array([(holder, number) for number, each in enumerate(extras) for holder in each.holders], np.int64).reshape(-1, 2),
    ]
    pairs[1][:, 1] = common_of[pairs[1][:, 1]]
    pairs[1] = np.unique(pairs[1], axis=0)  # two parts of one member may be in one bucket
    for pair, base in zip(pairs[1:], (len(own), len(own) + len(common)), strict=True):
        pair[:, 1] += base
    buckets = _buckets(parts, np.concatenate(pairs), int(holder_first[-1]))
    return Layout(told, holder_first, bucket_first, shared_first, common_of + len(own), buckets)


class _Kind:
    """The own or the shared parts of all shapes, laid end to end: of shape s, rows first[s] up to first[s] + count[s]."""

    def __init__(self, parts: Sequence[Sequence[Part]]) -> None:
        self.count = np.array([len(each) for each in parts], np.int64)
        self.first = _firsts(self.count)[:-1]
        self.parts = _parts([part for each in parts for part in each])
        drawn = [[(plan, number) for number, part in enumerate(each) for plan in part.plans] for each in parts]
        drawn = [sorted(each) for each in drawn]
        self.pair_count = np.array([len(each) for each in drawn], np.int64)
        self.pair_first = _firsts(self.pair_count)[:-1]
        self.pairs = np.array([pair for each in drawn for pair in each], np.int64).reshape(-1, 2)  # plan, part within the shape


class _Flat:
    """All shapes as arrays."""

    def __init__(self, shapes: Sequence[Shape]) -> None:
        self.plans = np.array([each.plans for each in shapes], np.int64)
        self.own = _Kind([each.own for each in shapes])
        self.shared = _Kind([each.shared for each in shapes])
        self.pots = [(pot, each.period) for each in shapes for pot in each.shared_pots]  # behind the rows of `shared`
        self.once = np.array([pot.allowance.granted_once for pot, _ in self.pots], np.bool_)
        assert len(self.pots) == len(self.shared.parts), "every shared part has its pot"


def _common(groups: Groups, flat: _Flat) -> tuple[npt.NDArray[np.void], Int64s]:
    """Buckets that members of an account share in a period, and for each member's part the number of its bucket."""
    count = flat.shared.count[groups.shape]
    member = np.repeat(np.arange(len(count)), count)
    rows = _ranges(flat.shared.first[groups.shape], count)
    parts = flat.shared.parts[rows]
    if not len(parts):
        return parts, np.zeros(0, np.int64)
    together = groups.account * (int(groups.place.max()) + 1) + groups.place if groups.together is None else groups.together
    bucket, first = number_groups([together[member], parts["slot"]])
    common = parts[first]
    once = flat.once[rows]
    common["amount"] = 0
    np.add.at(common["amount"], bucket, np.where(once, 0, parts["amount"]))
    if once.any():
        common["amount"] += _granted_once(bucket[once], rows[once], len(common), flat)
    np.minimum.at(common["priority"], bucket, parts["priority"])
    np.minimum.at(common["from_us"], bucket, parts["from_us"])
    np.maximum.at(common["to_us"], bucket, parts["to_us"])
    return common, bucket


def _granted_once(bucket: Int64s, rows: Int64s, buckets: int, flat: _Flat) -> Int64s:
    """Amounts that members are granted once, by bucket. `rows`: their parts. Members that are alike count as one."""
    amounts = np.zeros(buckets, np.int64)
    pairs = np.unique(bucket * len(flat.pots) + rows)
    owner, part = np.divmod(pairs, len(flat.pots))
    starts = np.flatnonzero(np.concatenate([[True], owner[1:] != owner[:-1]]))
    known: dict[tuple[int, ...], int] = {}
    for number, first, last in zip(owner[starts].tolist(), starts.tolist(), [*starts[1:].tolist(), owner.size], strict=True):
        of_bucket = tuple(part[first:last].tolist())
        if of_bucket not in known:
            known[of_bucket] = granted_once([flat.pots[each] for each in of_bucket])
        amounts[number] = known[of_bucket]
    return amounts


def _pairs(groups: Groups, holder_first: Int64s, part_first: Int64s, kind: _Kind) -> npt.NDArray[np.int64]:
    """(holder, part) of every group, by group and holder."""
    count = kind.pair_count[groups.shape]
    group = np.repeat(np.arange(len(count)), count)
    pairs = kind.pairs[_ranges(kind.pair_first[groups.shape], count)]
    return pairs + np.stack([holder_first[group], part_first[group]], axis=1)


def _buckets(parts: npt.NDArray[np.void], pairs: npt.NDArray[np.int64], holders: int) -> Buckets:
    holder, bucket = pairs[:, 0], pairs[:, 1]
    if (holder[1:] < holder[:-1]).any():
        order = np.argsort(holder, kind="stable")
        holder, bucket = holder[order], bucket[order]
    return Buckets.of(
        slot=parts["slot"].astype(np.int32),
        amount=parts["amount"].copy(),
        mark=np.zeros(len(parts), np.int64),
        from_us=parts["from_us"].copy(),
        to_us=parts["to_us"].copy(),
        priority=parts["priority"].astype(np.int32),
        holder_from=_firsts(np.bincount(holder, minlength=holders)),
        held=bucket.astype(np.int32),
    )


def _parts(parts: Sequence[Part]) -> npt.NDArray[np.void]:
    return np.array([tuple(each[: len(_PART.names or ())]) for each in parts], _PART)


def _firsts(counts: npt.NDArray[np.int64]) -> Int64s:
    """0 and the running sums of `counts`."""
    firsts: Int64s = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
    return firsts


def _ranges(first: Int64s, count: Int64s) -> Int64s:
    """first[0], first[0] + 1, .. (count[0] of them), first[1], .. laid end to end."""
    before = _firsts(count)
    ranges: Int64s = np.repeat(first - before[:-1], count) + np.arange(before[-1])
    return ranges
