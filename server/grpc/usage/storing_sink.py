"""The end of usage streams: Arrow bytes become canonical usage in the stream's own thread, and are stored by the one writer.

Only sources that the server was started with are taken: a mistyped name would make one record two, and a client on the network must not
be able to name a file of the server. The columns of a source do not matter here, since a stream's are fixed; its name and its
numbering do.
"""

from __future__ import annotations

import logging
import re
import threading
from typing import TYPE_CHECKING, Final

from billing import acting
from billing.acting import Via
from billing.intake.taking import Intake
from billing.store.home import BUSY_TIMEOUT_MS
from mediation import stream
from mediation.definitions import named
from mediation.sources import model
from rating.errors import UserError, quoted
from server.grpc.refusals import not_found
from server.grpc.usage import arrow_batches
from server.grpc.usage.group_commit import GroupCommit
from server.grpc.usage.usage_stream import Receipt

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from concurrent.futures import Future

    from billing.intake.reports import IntakeReport
    from billing.store.home import Home
    from mediation.decoded import Decoded

CALL: Final = "ratewright.v1.UsageService/StreamUsage"
DEFAULT_SOURCES: Final = ("stream",)
REJECT_BYTES: Final = 4_096  # what a row that could not be read takes beside its text, from its decoding until it stands in suspense
DECODED_MAX: Final = 2  # batches that are decoded and not yet among those that wait
_NAME: Final = re.compile(r"[a-z0-9][a-z0-9_-]{0,39}")
_DEFINITIONS: Final = (".yaml", ".yml")
_log = logging.getLogger(__name__)


def stream_sources(names: Sequence[str]) -> list[model.Source]:
    """Sources to take streams of: a plain name (numbers arrive in E.164), or a YAML file that defines one."""
    return [_stream_source(name) for name in names]


class StoringSink:
    """Stores batches of usage streams in a home, many with one sync."""

    def __init__(self, home: Home, taken: Sequence[model.Source], clock_us: Callable[[], int]) -> None:
        self._home = home
        self._actor = acting.of_process(CALL)._replace(via=Via.SERVICE)  # one commit has batches of many operators
        self._sources = {source.name: source for source in taken}
        self._clock_us = clock_us
        self._writer: GroupCommit[tuple[str, Decoded], Receipt] = GroupCommit(self._store)
        self._intake = Intake(home, gives_up=self._writer.is_late)
        self._decoded = threading.BoundedSemaphore(DECODED_MAX)

    def open(self, source: str) -> None:
        """Check that `source` is one for streams; SOURCE_UNKNOWN when not."""
        self._find(source)

    def submit(self, source: str, arrow_ipc: bytes) -> Future[Receipt]:
        """Decode one batch and queue it. A stream that is held back holds its batch undecoded."""
        with self._decoded:
            batch = arrow_batches.read_batch(arrow_ipc, stream.STREAM_V1)
            decoded = stream.to_usage(batch, self._find(source), hash_key=self._home.hash_key)
            return self._writer.submit((source, decoded), size_bytes(decoded))

    def end_by(self, within_s: float) -> None:
        """Store what waits, but begin nothing that the store may keep waiting for longer than `within_s` from now."""
        self._writer.end_by(max(within_s - BUSY_TIMEOUT_MS / 1_000, 0.0))

    def close(self, wait_s: float) -> bool:
        """True where everything that waits is answered; returns after `wait_s` from a disk that does not answer."""
        has_answered = self._writer.close(wait_s)
        if not has_answered:
            _log.error("the store did not answer within %s s; what was not acked is to be sent again", wait_s)
        return has_answered

    def _find(self, name: str) -> model.Source:
        source = self._sources.get(name)
        if source is None:
            raise not_found("SOURCE_UNKNOWN", f"source {quoted(name)} is not one that this server takes streams of", {"source": name})
        return source

    def _store(self, group: Sequence[tuple[str, Decoded]]) -> list[Receipt]:
        with acting.acting_as(self._actor):
            return [_receipt(report) for report in self._intake.take_batches(group, self._clock_us())]


def size_bytes(decoded: Decoded) -> int:
    """The memory that a batch occupies until it is stored."""
    return decoded.usage.nbytes + sum(len(reject.raw) + REJECT_BYTES for reject in decoded.rejects)


def _stream_source(name: str) -> model.Source:
    if name.endswith(_DEFINITIONS):
        return named.find(name)
    if _NAME.fullmatch(name) is None:
        raise UserError(
            f"{quoted(name)} cannot be the name of a source",
            "use up to 40 small letters, digits, - and _, or name a YAML file that defines a source",
            exit_status=2,
        )
    return model.Source(name=name, format=model.Format.FREESWITCH, layouts=())


def _receipt(report: IntakeReport) -> Receipt:
    rows = report.rows
    accepted = sum(rows.get(name, 0) for name in ("answered", "unanswered", "waiting"))
    receipt = Receipt(
        report.commit_seq,
        accepted,
        rows.get("duplicate", 0),
        rows.get("conflicting", 0),
        rows.get("rejected", 0) + rows.get("suspended", 0),
        rows.get("absorbed", 0),
    )
    assert sum(receipt[1:]) == report.received, "every row of a batch has one outcome"
    return receipt
