"""Assembly as intake does it: stored segments and new ones become rows that bill, and stored rows that are no longer right are withdrawn.

The rows that a group of segments makes are a pure function of the set of its segments and the rules of its source (mediation/assembly).
So each commit makes the groups that it touches afresh, from all their stored segments and the new ones, and compares: what is not there
yet is appended, what is there and no longer made is marked `superseded`. Order of arrival, lateness and recycling cannot matter.

A group is the segments of one source that share a call_ref. A segment is a row with the flag PARTIAL: it never bills. All segments of a
group count alike, as its state says (table assemblies). They are `absorbed` once the rows are made that hold them, else `waiting`. They
are `suspended` when the group was not whole in time (`missing_segment`) or its segments contradict each other (`segments_disagree`). A
suspended group has one row in suspense, under a key of its own that no stored row has. Made rows carry the flag ASSEMBLED and belong to
no file (raw_file_id, raw_offset and raw_length are 0); they count as `assembled`, beside what was received. Times are microseconds.
"""

from __future__ import annotations

import collections
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from billing.intake.assembly import changes as assembly_changes
from billing.intake.assembly import restarts, segment_groups
from billing.intake.assembly.changes import OUTCOME_OF_STATE
from billing.intake.assembly.group_verdicts import AssembledState, decision, verdict
from billing.intake.assembly.look import Look, groups, look, names, taken, values
from billing.intake.assembly.segment_groups import KEPT, Past
from billing.intake.columns import Quantities
from billing.intake.day_counts import CountPlace
from billing.intake.known_records import reused_names
from billing.intake.settle import Outcome
from mediation.assembly.assemble import Groups, assemble
from mediation.assembly.chains import State
from mediation.assembly.rules import Rule, Terms, terms
from rating.schema import USAGE_V1, UsageFlag

if TYPE_CHECKING:
    from collections.abc import Collection

    from billing.intake.arrivals import Change
    from billing.intake.assembly.restarts import Restart
    from billing.store.home import Home
    from mediation.sources.model import Source

_TAKES_PART: Final = np.array([each in {Outcome.WAITING, Outcome.RECYCLED} for each in Outcome])  # by outcome
_NOTE_CHARACTERS_MAX: Final = 2000
_EMPTY: Final = USAGE_V1.empty_table()


class AssemblyResult(NamedTuple):
    """Results of assembly for the commit that is about to be stored (commit N).

    usage: the batch as it is to be stored: segments of a call whose name was used before have another call_ref (see reused_names).
    outcome: one a row of the batch: as given, but segments that were WAITING are now WAITING, ABSORBED or SUSPENDED.
    made: rows to append in commit N (USAGE_V1, flag ASSEMBLED). They are in `counts`; their raw_file_id stays 0.
    superseded: stored made rows (USAGE_V1): a mark each, reason `superseded`, through_seq N-1; a new one of the same key may be in
    `made`. They are in `counts`.
    suspense: rows of table suspense, without commit_seq and through_seq: a group each. raw_file_id None: that of the batch.
    settled: (suspense_id, kind, reason) of decisions on groups that are no longer suspended, or for another cause.
    groups: rows of table assemblies, without commit_seq.
    counts: to be added to intake_counts: made and superseded rows as `assembled`, and stored segments that change their outcome.
    """

    usage: pa.Table
    outcome: NDArray[np.int8]
    made: pa.Table
    superseded: pa.Table
    suspense: Sequence[dict[str, Any]]
    settled: Sequence[tuple[int, str, str]]
    groups: Sequence[dict[str, Any]]
    counts: Mapping[CountPlace, Quantities]

    @property
    def is_empty(self) -> bool:
        """True if there is nothing to store besides the batch."""
        return not self.groups


def settle_partials(  # noqa: PLR0913 - the batch, and what was decided of it so far
    home: Home,
    usage: pa.Table,
    outcome: NDArray[np.int8],
    *,
    changes: Sequence[Change] = (),
    sources: Mapping[str, Source],
    now_us: int,
) -> AssemblyResult:
    """Put together the segments of a batch that is about to be stored, with those stored before. The caller holds the intake lock.

    `usage`, `outcome`: the batch after settle and split_calls. Rows with the flag PARTIAL take part whose outcome is WAITING (what
    `outcome_of_flags` says of a new segment) or RECYCLED (which it stays).
    `changes`: marks of this batch on stored rows (conflicts, corrections): these rows take no part. Moving their counts is the caller's.
    `sources`: by name, those of the batch that are known (a stream may have none: then the rules that its group was last put together
    by hold, else `join` with 36 hours).
    A batch without segments that changes none either costs one look at its flags.
    """
    is_segment = _is_segment(usage)
    new_rows = np.flatnonzero(is_segment & _TAKES_PART[outcome])
    changed = [change.rows.filter(pa.array(_is_segment(change.rows))) for change in changes]
    restarted = restarts.among(usage, outcome)
    corrected = _made_before(usage)
    if not new_rows.size and not restarted and not any(table.num_rows for table in (corrected, *changed)):
        return _nothing(usage, outcome)
    usage, new = _with_calls_told_apart(home, usage, new_rows, sources)
    wanted = _terms_by_name(new, sources)
    also = {name for table in (corrected, *changed) for name in names(table)}
    with home.connect() as connection:
        pasts = segment_groups.waiting_totals(connection, {each.source for each in restarted})
        pasts |= segment_groups.pasts(connection, sorted(wanted.keys() | also))
    wanted |= dict.fromkeys(sorted(pasts.keys() - wanted.keys()))
    found = look(home, groups(home, wanted, pasts), new, new_rows, changed)
    return _settled(home, found, outcome, restarted, now_us, corrected)._replace(usage=usage)


def is_due(home: Home, now_us: int) -> bool:
    """Return whether `overdue` has anything to do. Needs no lock."""
    return bool(_due(home, now_us))


def overdue(home: Home, now_us: int) -> AssemblyResult:
    """Suspend groups whose time is up at `now_us`, and make those that a person decided to be complete.

    The batch is empty. The caller holds the intake lock.
    """
    pasts, nothing = _due(home, now_us), np.zeros(0, np.int8)
    if not pasts:
        return _nothing(USAGE_V1.empty_table(), nothing)
    found = look(home, groups(home, dict.fromkeys(pasts), pasts), USAGE_V1.empty_table(), np.zeros(0, np.int64), [])
    return _settled(home, found, nothing, (), now_us)


def _due(home: Home, now_us: int) -> dict[str, Past]:
    with home.connect() as connection:
        return segment_groups.overdue(connection, now_us) | segment_groups.kept(connection, home.hash_key)


def _nothing(usage: pa.Table, outcome: NDArray[np.int8]) -> AssemblyResult:
    return AssemblyResult(usage, outcome, _EMPTY, _EMPTY, (), (), (), {})


def _is_segment(rows: pa.Table) -> NDArray[np.bool_]:
    mask: NDArray[np.bool_] = (rows.column("flags").to_numpy() & int(UsageFlag.PARTIAL)) != 0
    return mask


def _made_before(usage: pa.Table) -> pa.Table:
    """Rows of the batch that were put together once and come back corrected."""
    is_made = (usage.column("flags").to_numpy() & int(UsageFlag.ASSEMBLED)) != 0
    return usage.filter(pa.array(is_made)) if is_made.any() else usage.slice(0, 0)


def _with_calls_told_apart(
    home: Home, usage: pa.Table, rows: NDArray[np.int64], sources: Mapping[str, Source]
) -> tuple[pa.Table, pa.Table]:
    """The batch with different calls of one name told apart, and its segments, which are `rows`."""
    new = taken(usage, rows)
    known = _terms_by_name(new, sources)
    of_row = names(new)
    start_us = new.column("start_us").cast(pa.int64()).to_numpy()
    apart_us = np.array([max(reused_names.APART_US, (known[name] or Terms()).timeout_us) for name in of_row], np.int64)
    with home.connect() as connection:
        pasts = segment_groups.pasts(connection, sorted(known))
        renamed = reused_names.told_apart(connection, of_row, start_us, apart_us, pasts)
    if not renamed:
        return usage, new
    usage = reused_names.with_names(usage, {int(rows[place]): name for place, name in renamed.items()})
    return usage, taken(usage, rows)


def _terms_by_name(new: pa.Table, sources: Mapping[str, Source]) -> dict[str, Terms | None]:
    """The groups of new segments, with their terms by the source's rules for the service of the first one; None: not known."""
    found: dict[str, Terms | None] = {}
    known: dict[tuple[str, int], Terms | None] = {}
    for name, service in zip(names(new), values(new, "service"), strict=True):
        if name in found:
            continue
        source = name.partition("\n")[0]
        if (source, service) not in known:
            rules = sources.get(source)
            known[source, service] = None if rules is None else terms(rules, service) or Terms()
        found[name] = known[source, service]
    return found


def _settled(  # noqa: PLR0913, PLR0917 - what is known of the groups and of the batch
    home: Home, seen: Look, outcome: NDArray[np.int8], restarted: Collection[Restart], now_us: int, corrected: pa.Table | None = None
) -> AssemblyResult:
    """Make the groups afresh and compare with what is stored. `corrected`: made rows of the batch, which may begin elsewhere now."""
    made, found = _assembled(home, seen, restarted)
    verdicts = [verdict(group, each, now_us) for group, each in zip(seen.groups, found, strict=True)]
    appended, superseded = assembly_changes.compared(seen.stored, made)
    counts: dict[CountPlace, Quantities] = collections.defaultdict(Quantities)
    assembly_changes.count(counts, appended, Outcome.ASSEMBLED, 1)
    assembly_changes.count(counts, superseded, Outcome.ASSEMBLED, -1)
    assembly_changes.move_stored(counts, seen, verdicts)
    after = np.array([OUTCOME_OF_STATE[each.state] for each in verdicts], np.int8)
    settled = outcome.copy()
    waits = settled[seen.new_rows] == Outcome.WAITING
    settled[seen.new_rows[waits]] = after[seen.group[seen.stored_rows :][waits]]
    decisions = [each for each in map(decision, seen.groups, verdicts) if each is not None]
    suspense = assembly_changes.suspense_rows(seen, verdicts)
    beginning = made if corrected is None else pa.concat_tables([made, corrected])
    states = assembly_changes.states(seen, verdicts, beginning) + restarts.rows(restarted)
    return AssemblyResult(USAGE_V1.empty_table(), settled, appended, superseded, suspense, decisions, states, counts)


def _assembled(home: Home, seen: Look, restarted: Collection[Restart]) -> tuple[pa.Table, list[AssembledState]]:
    """Rows that the groups make, without those of groups that were written off, and what assembly found of each group."""
    has_new = np.bincount(seen.group[seen.stored_rows :], minlength=len(seen.groups)) > 0
    present, group = np.unique(seen.group, return_inverse=True)
    chosen = [seen.groups[place] for place in present.tolist()]
    rules = np.array([each.terms.rule for each in chosen], np.int8)
    complete = np.array([each.in_suspense.decision == KEPT for each in chosen], np.bool_)
    complete |= restarts.closed(home, seen.segments, group, rules == Rule.JOIN, restarted)
    made = assemble(seen.segments, Groups(group, rules, complete), home.hash_key)
    found = [AssembledState(None, "", bool(new)) for new in has_new]
    for place, state, note in zip(present.tolist(), made.state.tolist(), made.note, strict=True):
        found[place] = AssembledState(State(state), note[:_NOTE_CHARACTERS_MAX], bool(has_new[place]))
    written_off = np.array([each.is_written_off for each in chosen], np.bool_)
    return made.events.filter(pa.array(~written_off[made.group])), found
