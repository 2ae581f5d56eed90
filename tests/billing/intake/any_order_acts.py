"""Deliveries and acts of people upon them, in any order: what a random intake does, one act a method."""

from __future__ import annotations

import gzip
from typing import TYPE_CHECKING, Any, Final

from billing.catalogue import Operator
from billing.intake import marks, view
from billing.intake.assembly import segment_groups
from billing.intake.taking import Intake
from billing.suspense import deciding, proposals, recycling, resolving, taking_back, writing_off
from billing.suspense.deciding import Deciding, Verdict
from billing.suspense.selection import Asking, Selection
from billing.suspense.waiting import waiting
from mediation.decode import decode
from mediation.definitions.file import read_source
from rating.errors import UserError
from rating.schema import UsageFlag
from tests.billing.intake.any_order_world import (
    CARRIER,
    CARRIER_YAML,
    COUNTER,
    COUNTER_YAML,
    LATER_S,
    MENDED_WORDS,
    NOW_S,
    PBX,
    PBX_YAML,
    WORDS,
    Counted,
)

if TYPE_CHECKING:
    import random
    from collections.abc import Sequence
    from pathlib import Path

    import pyarrow as pa

    from billing.intake.reports import IntakeReport
    from billing.store.home import Home
    from mediation.sources.model import Source
    from tests.billing.intake.any_order_world import Line, MadeUp

SECOND_US: Final = 1_000_000
STREAMED: Final = 0.5  # how many of the deliveries that could be a stream are one
ANA, BEN = Operator("ana", 2001), Operator("ben", 2002)
_COLUMNS: Final = ("source", "record_id", "call_ref", "start_us", "duration_us", "bytes_up", "bytes_down", "units", "served_id", "flags")


class Acts:
    """One home, what was delivered to it, and what is known of it outside."""

    def __init__(self, home: Home, folder: Path, made_up: MadeUp, rng: random.Random) -> None:
        self.home, self.folder, self.made_up, self.rng = home, folder, made_up, rng
        self.now_us = NOW_S * SECOND_US
        self.received = 0  # rows that intake was given and did not recognise as a file that came before
        self.is_mended = False
        self.sources = {name: self._source(name, text) for name, text in ((COUNTER, COUNTER_YAML), (PBX, PBX_YAML))}
        self.sources[CARRIER] = self._source(CARRIER, CARRIER_YAML.format(words=WORDS))
        self.intake = Intake(home)
        self.files: list[tuple[Path, Source]] = []
        self.seen: dict[str, set[str]] = {}  # versions of each event that could be read
        self.unread: list[Line] = []
        self.resolved: set[str] = set()
        self.told: list[str] = []  # what was done, for whoever looks at a failure

    def _source(self, name: str, text: str) -> Source:
        path = self.folder / f"{name}.yaml"
        path.write_text(text)
        return read_source(path)

    # Deliveries

    def deliver(self, lines: Sequence[Line]) -> None:
        """Lines as a file for each source, or a batch of a stream."""
        for name in sorted({line.source for line in lines}):
            mine = [line for line in lines if line.source == name]
            if all(line.can_stream for line in mine) and self.rng.random() < STREAMED:
                self._stream(mine)
            else:
                self._file(mine)

    def deliver_again(self) -> None:
        """A file under another name, packed otherwise."""
        if not self.files:
            return
        path, source = self.rng.choice(self.files)
        again = self.folder / f"again{len(self.told)}-{path.name}.gz"
        again.write_bytes(gzip.compress(path.read_bytes().replace(b"\n", self.rng.choice((b"\r\n", b"\n")))))
        self._note(f"again {path.name}", self.intake.take_file(again, self.sources[source.name], self.now_us), path)

    def write(self, lines: Sequence[Line]) -> Path:
        """A file of these lines."""
        path = self.folder / f"f{len(self.told)}-{lines[0].source}.csv"
        path.write_text("".join(f"{line.text}\n" for line in lines))
        return path

    def _file(self, lines: Sequence[Line]) -> None:
        path, source = self.write(lines), self.sources[lines[0].source]
        report = self.intake.take_file(path, source, self.now_us)
        self._note(f"file {path.name}", report, path)
        if not report.already_taken:
            self.files.append((path, source))
        self._saw(lines)

    def _stream(self, lines: Sequence[Line]) -> None:
        path, source = self.write(lines), self.sources[lines[0].source]
        decoded = decode(path, source, hash_key=self.home.hash_key)
        self._note(f"stream {path.name}", self.intake.take_batch(source.name, decoded, self.now_us), path)
        self._saw(lines)

    def _note(self, what: str, report: IntakeReport, path: Path) -> None:
        found = {name: rows for name, rows in report.rows.items() if rows}
        self.told.append(f"{what} -> {found}\n    " + "\n    ".join(path.read_text().splitlines()))
        assert report.received == sum(report.rows.values())
        assert report.already_taken or report.received == len(path.read_text().splitlines()) or what.startswith("again")
        self.received += report.received

    def _saw(self, lines: Sequence[Line]) -> None:
        for line in lines:
            if line.is_clear or (self.is_mended and line.version):
                self._saw_version(line)
            else:
                self.unread.append(line)

    def _saw_version(self, line: Line) -> None:
        versions = self.seen.setdefault(line.event, set())
        if line.version not in versions:
            self.resolved.discard(line.event)
        versions.add(line.version)

    # What happens to a home

    def seal(self) -> None:
        """The journal becomes Parquet, and the index is written."""
        self.told.append("seal")
        self.intake.seal(self.now_us)

    def restart(self) -> None:
        """Another process takes over."""
        self.told.append("restart")
        self.intake = Intake(self.home)

    def tick(self, hours: int = 0) -> None:
        """Calls whose time is up so many hours from now go into suspense."""
        self.told.append(f"tick {hours}")
        self.intake.assemble(self.now_us, self.now_us + hours * 3600 * SECOND_US)

    # Suspense

    def mend(self) -> None:
        """The definition is mended, and what could not be read is read."""
        self.is_mended = True
        self.sources[CARRIER] = self._source(CARRIER, CARRIER_YAML.format(words=MENDED_WORDS))
        self.recycle()

    def recycle(self, source: str = CARRIER) -> None:
        """Everything that waits is tried again."""
        self.told.append(f"recycle {source}")
        found = recycling.recycle(self.home, Selection(source=source), self._deciding(), self._asking())
        self.told.append(f"    {found.outcomes} left {found.left}")
        if self.is_mended:
            for line in [line for line in self.unread if line.version]:
                self._saw_version(line)
            self.unread = [line for line in self.unread if not line.version]

    def resolve(self) -> bool:
        """Decide one conflict; whether there was one."""
        rows = [row for row in self._waiting().to_pylist() if row["reason"] == marks.CONFLICTING]
        if not rows:
            return False
        row = self.rng.choice(rows)
        found = resolving.versions(self.home, self._head(), row["suspense_id"])
        record = found.rows["record_id"][0].as_py()
        event = self._event(record)
        wanted = self.made_up.winners[event] * SECOND_US
        durations = found.rows["duration_us"].to_pylist()
        assert len(set(found.names)) == len(durations)
        if wanted not in durations:
            return False  # the one to be kept has not come
        place = durations.index(wanted)
        self.told.append(f"resolve {event} {found.names[place]} of {durations}")
        resolving.resolve(self.home, found, found.names[place], self._deciding(), self.sources)
        self.resolved.add(event)
        return True

    def take_back(self) -> None:
        """A choice is taken back, where nothing stands against that."""
        with self.home.connect() as connection:
            chosen = [each.suspense_id for each in deciding.newest(connection, 1_000) if each.verdict in {Verdict.KEPT, Verdict.DROPPED}]
        if not chosen:
            return
        record = self.rng.choice(chosen)
        try:
            agreed = self._deciding()._replace(approved_by=BEN)  # what it is worth is not known, so two people take it back
            _, found = taking_back.take_back(self.home, record, agreed, self._asking())
        except UserError as error:
            self.told.append(f"take back {record} -> {error}")
            return
        event = self._event(found.rows["record_id"][0].as_py())
        self.told.append(f"take back {record} of {event}")
        self.resolved.discard(event)

    def _event(self, record: str) -> str:
        return next(each for each in (record, f"c.{record}") if each in self.made_up.winners)

    def give_up_row(self) -> None:
        """Write off a row that nobody can read."""
        hopeless = [str(row["suspense_id"]) for row in self._waiting().to_pylist() if ",never," in row["raw"]]
        if hopeless:
            self._write_off(self.rng.choice(hopeless))

    def decide_calls(self) -> None:
        """Keep or write off the calls in suspense that will never be whole."""
        for row in self._waiting().to_pylist():
            if row["reason"] == segment_groups.MISSING_SEGMENT:
                self._decide_call(row["suspense_id"], row["raw"].partition(" ")[0].removeprefix("call_ref="))

    def _decide_call(self, suspense_id: int, call_ref: str) -> None:
        if call_ref in self.made_up.fate.keep:
            self.told.append(f"keep {call_ref}")
            resolving.keep_incomplete(self.home, self._head(), suspense_id, self._deciding())
        elif call_ref in self.made_up.fate.write_off:
            self._write_off(str(suspense_id))

    def _write_off(self, name: str) -> None:
        self.told.append(f"write off {name}")
        chosen = Selection(ids=(name,))
        subject = writing_off.subject(self.home, chosen, self._asking())
        made = proposals.propose(self.home, subject, ANA, self.now_us, reason="nobody will pay for it")
        made = proposals.decide(self.home, made.proposal_id, BEN, self.now_us, accept=True)
        what = Deciding(made.by, self.now_us, made.reason, made.approved_by, made.proposal_id)
        writing_off.apply_write_off(self.home, made, what, chosen, self._asking())

    # At the end

    def settle_all(self) -> None:
        """Everything has come: time goes on, and people decide all there is to decide."""
        self.mend()
        self.now_us = LATER_S * SECOND_US
        self.recycle()
        for _ in range(4):  # the choices of before, taken back and made anew
            while self.resolve():
                pass
            self.take_back()
        while self.resolve():
            pass
        self.tick(100)
        self.decide_calls()
        self.tick(100)

    def counting(self) -> list[Counted]:
        """What counts, in order."""
        rows = view.usage(self.home, _COLUMNS, self._head()).to_pylist()
        return sorted((_counted(row) for row in rows), key=repr)

    def differences(self) -> list[str]:
        """What counts and should not, what should and does not, and what waits."""
        found, wanted = self.counting(), self.made_up.counts
        waits = [f"waits: {row['suspense_id']} {row['reason']} {row['raw']}" for row in self._waiting().to_pylist()]
        return [
            *(f"too much: {each}" for each in found if each not in wanted),
            *(f"lacks: {each}" for each in wanted if each not in found),
            *waits,
        ]

    def uncertain(self) -> set[str]:
        """Events of which several versions came and nobody chose one."""
        return {event for event, versions in self.seen.items() if len(versions) > 1 and event not in self.resolved}

    def _waiting(self) -> pa.Table:
        with self.home.connect() as connection:
            return waiting(connection, self.home.head_seq(connection))

    def _head(self) -> int:
        with self.home.connect() as connection:
            return self.home.head_seq(connection)

    def _asking(self) -> Asking:
        return Asking(self._head(), self.now_us, self.sources)

    def _deciding(self) -> Deciding:
        return Deciding(ANA, self.now_us, "looked into")


def _counted(row: dict[str, Any]) -> Counted:
    record = row["call_ref"] if row["flags"] & UsageFlag.ASSEMBLED else row["record_id"]
    if row["source"] == PBX:
        record = record.partition("/")[0]
    seconds = None if row["duration_us"] is None else row["duration_us"] // SECOND_US
    began_s = int(row["start_us"].timestamp())
    return Counted(row["source"], record, began_s, seconds, row["bytes_up"], row["bytes_down"], row["units"], row["served_id"])
