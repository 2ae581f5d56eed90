"""One collector at work: from a finished file to its records in the store and its place in the archive.

Each step of a file may be followed by a kill. For each, the action of the next collector that comes by:

    claimed     renamed into our folder                          takes it as if it had just claimed it
    taken       journal and commit of intake                     intake knows the file and adds nothing
    noted       a row of collected_files, with where it will go  only moves it
    moved       in the archive, or among the rejected            nothing is left to do

So a record can be lost at no step: the file has a place at each, and leaves the claims only when its records count. None can count
twice: a file with content that was taken adds nothing, and single records are compared with the stored ones.

A file that cannot be used, that does not hold what its trailer says, or that no source wants is rejected whole, with its reason. Any other
trouble (a locked database, a full disk) leaves the claim where it is; it is tried again in the next round.
"""

from __future__ import annotations

import collections
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

import msgspec

from billing.collection import routing, stored, watching
from billing.collection.folders import REASON_SUFFIX, Folders, base_name, free_path, make, move, moving
from billing.collection.reading import Reading, Verdict
from billing.collection.stored import REJECTED, TAKEN, Collected
from billing.intake.taking import Intake
from billing.store import access, commit_points
from mediation.sources.model import Source
from rating.dates import utc_date, utc_time
from rating.errors import UserError

if TYPE_CHECKING:
    from billing.collection.claims import Claim, Claims
    from billing.store.home import Home

LOCK_WAIT_S: Final = 600.0  # a collector has time: another one may be taking in a large file
UNWANTED_AGE_US: Final = 15 * 60 * 1_000_000  # after which a file that no source wants is rejected
FAILING_MAX: Final = 3  # claims that fail before no new file is claimed

Clock = Callable[[], int]


class Clocks(NamedTuple):
    """Both in microseconds UTC. They differ in a practice home whose day is moved: file times are of the machine alone."""

    now_us: Clock  # of the home: dates what is stored
    machine_us: Clock  # of the machine: how long ago a file was changed


class FileReport(msgspec.Struct, frozen=True):
    """Result for one file. `received` and `rows` are those of intake."""

    file: str
    source: str
    state: str
    received: int
    rows: dict[str, int]
    reason: str
    remedy: str


class Trouble(NamedTuple):
    """A claim that could not be finished for now."""

    file: str
    error: UserError


class Round(NamedTuple):
    """Result of one look at the folder. `waiting`: files that are not finished yet."""

    done: Sequence[FileReport]
    troubles: Sequence[Trouble]
    waiting: int


class Rules(NamedTuple):
    """Settings of a collector."""

    sources: Sequence[Source]
    settle_us: int  # how long a file must have stayed the same


class Collector:
    """Takes files from one folder into one home, alone or beside others."""

    def __init__(self, home: Home, folders: Folders, claims: Claims, rules: Rules, clocks: Clocks) -> None:
        self._home = home
        self._folders = folders
        self._claims = claims
        self._rules = rules
        self._now_us = clocks.now_us
        self._machine_us = clocks.machine_us
        self._stability = watching.Stability(rules.settle_us)
        self._markers = sorted({source.marker for source in rules.sources if source.marker})
        self.intake = Intake(home, lock_wait_s=LOCK_WAIT_S)
        self._reading = Reading(home, self.intake, rules.sources, claims.scratch_folder, clocks.now_us)

    def round(self, tick_us: int, tell: Callable[[FileReport], None], stop: Callable[[], bool]) -> Round:
        """First what was left among the claims, then every finished file. `stop` is asked between files; `tick_us` is a steady clock."""
        done: list[FileReport] = []
        troubles: list[Trouble] = []

        def finish(claim: Claim) -> None:
            try:
                report = self._finish(claim)
            except (UserError, OSError) as error:
                troubles.append(Trouble(stored.shown_name(claim.name), as_user_error(error)))
                return
            tell(report)
            done.append(report)

        for claim in self._claims.left():
            if stop():
                return Round(done, troubles, 0)
            self._claims.refresh(claim, self._marker_of(claim.name))
            finish(claim)
        finished, waiting = self._finished(tick_us)
        for name, seen in finished:
            if stop() or len(troubles) >= FAILING_MAX:
                break
            claimed = self._claim(name, seen)
            if claimed is not None:
                finish(claimed)
        return Round(done, troubles, waiting)

    def _finished(self, tick_us: int) -> tuple[list[tuple[str, watching.Seen]], int]:
        """Files to take, oldest first, and how many others there are."""
        files = watching.listing(self._folders)
        usage = watching.without_markers(files, self._markers)
        found = [
            (name, files[name])
            for name in self._stability.finished(files, self._marker_of, tick_us)
            if name in usage and (self._is_wanted(name) or self._is_old(files[name]))
        ]
        return found, len(usage) - len(found)

    def _is_wanted(self, name: str) -> bool:
        return any(routing.wants(source, name) for source in self._rules.sources)

    def _is_old(self, seen: watching.Seen) -> bool:
        """True if an unwanted file is old enough to reject: a young one may still be in transfer under a name not known as such."""
        return self._machine_us() - seen.changed_ns // 1000 >= UNWANTED_AGE_US

    def _marker_of(self, name: str) -> str:
        return routing.marker_of(name, self._rules.sources)

    def _claim(self, name: str, expected: watching.Seen) -> Claim | None:
        """Make a file ours, if it is still the one that was seen; None where it is not, or another collector was faster."""
        marker = self._marker_of(name)
        claim = self._claims.claim(name, marker, self._now_us(), lambda name, us: stored.find(self._home, name, us) is not None)
        if claim is None:
            return None
        if watching.seen(claim.path) != expected and self._claims.put_back(claim, marker):
            return None
        return claim

    def _finish(self, claim: Claim) -> FileReport:
        """Take all steps from the claim on that are not done yet."""
        before = stored.find(self._home, claim.name, claim.claimed_us)
        verdict = self._reading.verdict(claim) if before is None else Verdict(before, None, (), ())
        collected = verdict.collected
        with moving(self._folders, self._now_us()):
            target = self._target(claim, collected)
            if before is None:
                archived = stored.Archived(target, verdict.raw_file_ids)
                stored.note(self._home, collected, verdict.source, archived, self._now_us())
            self._move(claim, collected, target)
        self._claims.forget(claim)
        return _report(verdict)

    def _target(self, claim: Claim, collected: Collected) -> Path:
        """Path to which the file goes. The caller holds `moving`."""
        name = base_name(claim.name)
        if collected.state == REJECTED:
            return free_path(self._folders.rejected, name, lambda _path: False)
        folder = self._folders.archive / utc_date(claim.claimed_us).isoformat() / collected.source
        make(folder)
        if collected.state == TAKEN and collected.raw_file_id is not None:
            known = stored.archived_path(self._home, collected.raw_file_id)
            if known is not None and Path(known).parent.is_dir() and not Path(known).exists():
                return Path(known)
        return free_path(folder, name, lambda path: stored.is_archived_path(self._home, path))

    def _move(self, claim: Claim, collected: Collected, target: Path) -> None:
        """Move the reason first, then the ready file, then the file: while it is among the claims, a collector will do the rest."""
        if collected.state == REJECTED:
            _write_reason(target, claim, collected)
            commit_points.reached("collect.reason_written")
        marker = self._marker_of(claim.name)
        if marker and claim.marker_path(marker).exists():
            move(claim.marker_path(marker), free_path(target.parent, target.name + marker, lambda _path: False))
        move(claim.path, target)
        commit_points.reached("collect.moved")


def as_user_error(error: UserError | OSError) -> UserError:
    """A failure of the operating system on a file or disk, as an error for the person who watches over collection."""
    if isinstance(error, UserError):
        return error
    place = f"{error.filename}: " if error.filename is not None else ""
    return UserError(f"{place}{error.strerror or error}", "check the disk and the rights on it; the file is tried again")


def _write_reason(target: Path, claim: Claim, collected: Collected) -> None:
    """Write the reason beside a rejected file, for the person who finds it there."""
    reason = {
        "file": collected.file_name,
        "source": collected.source or None,
        "claimed_at": utc_time(claim.claimed_us).isoformat(),
        "reason": collected.reason,
        "remedy": collected.details.remedy,
        "control_totals": {"said": collected.details.said, "counted": collected.details.counted} if collected.details.said else None,
    }
    path = target.with_name(target.name + REASON_SUFFIX)
    try:
        with access.users_mask():
            path.write_bytes(msgspec.json.format(msgspec.json.encode(reason), indent=2) + b"\n")
    except OSError as error:
        raise UserError(f"{path} cannot be written: {error.strerror}", "make room, or give the right to write there") from error


def _report(verdict: Verdict) -> FileReport:
    collected = verdict.collected
    rows: collections.Counter[str] = collections.Counter()
    for each in verdict.reports:
        rows.update(each.rows)
    received = sum(each.received for each in verdict.reports)
    return FileReport(
        collected.file_name, collected.source, collected.state, received, dict(rows), collected.reason, collected.details.remedy
    )
