"""Intake of a claimed file: its records are taken, or the reason is given why none of them may be.

A file is taken again where it was written to meanwhile: then there are more records in it, and those that were taken add nothing.
An archive is as many files as it has members: what is good among them is taken, and the archive is rejected for the first that is not.
A file without records is a mistake if it is empty. It is a quiet hour if it has at least a header, a trailer or an empty line.
"""

from __future__ import annotations

import collections
import contextlib
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Final, NamedTuple

import msgspec

from billing.collection import control_totals, routing, sequences, stored, watching
from billing.collection.folders import base_name
from billing.collection.stored import REJECTED, RESENT, TAKEN, Collected, Details
from billing.intake.reports import IntakeReport
from billing.intake.unusable import NoRowsError
from billing.store import commit_points
from mediation.bytes import containers
from mediation.bytes.reader import fingerprint, shown
from mediation.sources.model import Source
from rating.errors import UnusableFileError, UserError

if TYPE_CHECKING:
    from pathlib import Path

    from billing.collection.claims import Claim
    from billing.intake.taking import Intake
    from billing.store.home import Home
    from mediation.decoded import Decoded

READINGS_MAX: Final = 3  # of a file that somebody goes on writing


class Verdict(NamedTuple):
    """A file before it is noted. `raw_file_ids`: those that are to know where they lie in the archive."""

    collected: Collected
    source: Source | None
    reports: Sequence[IntakeReport]
    raw_file_ids: Sequence[int]


class Reading:
    """Takes claimed files into one home. `scratch_folder` is where archives are unpacked."""

    def __init__(
        self, home: Home, intake: Intake, sources: Sequence[Source], scratch_folder: Callable[[], Path], now_us: Callable[[], int]
    ) -> None:
        self._home = home
        self._intake = intake
        self._sources = sources
        self._scratch_folder = scratch_folder
        self._now_us = now_us

    def verdict(self, claim: Claim) -> Verdict:
        """Have intake take the file, or say why it must not."""
        source: Source | None = None
        try:
            source = routing.route(claim.name, self._sources)
            taken = self._take(claim, source)
        except control_totals.ControlTotalsError as error:
            return _rejected(claim, source, error, Details(error.totals.said, error.totals.counted, error.remedy))
        except (routing.RoutingError, UnusableFileError) as error:
            return _rejected(claim, source, error, Details(remedy=error.remedy))
        raw_file_ids, first_name = self._new_among(taken.reports)
        state = RESENT if taken.reports and not raw_file_ids else TAKEN
        notes = [f"the same records as {first_name}; nothing was added"] if state == RESENT else []
        if not taken.reports:
            notes.append("holds no records")
        if source.file_sequence is not None and sequences.numbered(base_name(claim.name), source.file_sequence) is None:
            notes.append("its name has no number, so files missing beside it are not noticed")
        notes += [f"at least {calls:,} of its calls count from {other} as well" for other, calls in taken.details().twice.items()]
        name = stored.shown_name(claim.name)
        raw_file_id = raw_file_ids[0] if raw_file_ids else None
        collected = Collected(name, claim.claimed_us, source.name, state, raw_file_id, "; ".join(notes), taken.details())
        return Verdict(collected, source, taken.reports, raw_file_ids)

    def _take(self, claim: Claim, source: Source) -> _Taken:
        """Take the file; again when it was written to meanwhile, since then there are more records in it."""
        for _ in range(READINGS_MAX):
            before = watching.seen(claim.path)
            try:
                taken = self._take_members(claim, source)
            except UnusableFileError:
                if watching.seen(claim.path) == before:
                    raise
                continue
            if watching.seen(claim.path) == before:
                commit_points.reached("collect.taken")
                return taken
        raise UserError(
            f"{stored.shown_name(claim.name)} is still being written to, though it looked finished",
            "have the switch write under another name and rename, or give a longer --settle; the file is tried again",
        )

    def _take_members(self, claim: Claim, source: Source) -> _Taken:
        """Take the file, or each file of an archive: the good ones are taken, even if others are refused."""
        taken = _Taken([], [])
        refused: list[UnusableFileError] = []
        with containers.files_in(claim.path, self._scratch_folder()) as members:
            for member in members:
                name = base_name(stored.shown_name(claim.name)) if member.path == claim.path else member.name
                try:
                    self._take_member(name, member, source, taken)
                except UnusableFileError as error:
                    error.message = error.message.replace(shown(member.path), name)  # where it lies now tells the reader nothing
                    refused.append(error)
        if refused:
            if len(members) > 1:
                were = f"{len(refused):,} {'was' if len(refused) == 1 else 'were'}"
                refused[0].message += f"; of {len(members):,} files {were} refused, the others are taken"
            raise refused[0]
        return taken

    def _take_member(self, name: str, member: containers.Member, source: Source, taken: _Taken) -> None:
        def check(decoded: Decoded) -> None:
            if source.header is not None or source.trailer is not None:
                taken.totals.append(control_totals.checked(name, decoded, source))

        own_name = stored.shown_name(base_name(member.name))
        try:
            taken.reports.append(self._intake.take_file(member.path, source, self._now_us(), accept=check, file_name=own_name))
        except NoRowsError:  # an hour without calls, where the file has at least a header or an empty line to say so
            if member.size_bytes == 0:
                raise

    def _new_among(self, reports: Sequence[IntakeReport]) -> tuple[list[int], str]:
        """Raw files that collection had not noted before, in order; and the name under which it noted the others."""
        found, first_name = [], ""
        for report in reports:
            raw_file_id = stored.raw_file_id(self._home, report.source, report.commit_seq)
            if raw_file_id is None:
                continue
            # One that was taken and never noted: we were killed in between, or somebody took it in by hand.
            noted_as = stored.first_collected(self._home, raw_file_id) if report.already_taken else None
            if noted_as is None:
                found.append(raw_file_id)
            else:
                first_name = noted_as
        return found, first_name


class _Taken(NamedTuple):
    """Reports of intake on a file, or on each file of an archive; none for a file without rows."""

    reports: list[IntakeReport]
    totals: list[control_totals.Totals]

    def details(self) -> Details:
        """Control totals, and calls that other sources report too, added up over an archive."""
        said: collections.Counter[str] = collections.Counter()
        counted: collections.Counter[str] = collections.Counter()
        for each in self.totals:
            said.update(each.said)
            counted.update(each.counted)
        twice: collections.Counter[str] = collections.Counter()
        for report in self.reports:
            twice.update(report.told_twice)
        return Details(dict(said), dict(counted), twice=dict(twice))


def _rejected(claim: Claim, source: Source | None, error: UserError, details: Details) -> Verdict:
    name = stored.NO_SOURCE if source is None else source.name
    with contextlib.suppress(UserError):  # of one that cannot be read
        details = msgspec.structs.replace(details, sha256=fingerprint(claim.path).sha256.hex())
    reason = error.message.replace(shown(claim.path), base_name(stored.shown_name(claim.name)))
    return Verdict(Collected(stored.shown_name(claim.name), claim.claimed_us, name, REJECTED, None, reason, details), source, (), ())
