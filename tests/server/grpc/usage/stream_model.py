"""A plain model of usage streams: lists of batches, and one set of known records. It shares no code with the service."""

from __future__ import annotations

from typing import NamedTuple

ROWS_MAX = 8  # of a batch that can be stored, where the test bounds what can be counted


class Ack(NamedTuple):
    """The answer to a batch."""

    offset: int
    repeated: bool
    accepted: int
    duplicate: int


class Model:
    """Streams by name. Records are known by their ids, across streams."""

    def __init__(self, kept: int) -> None:
        self.kept = kept  # answers of so many batches are kept
        self.known: set[int] = set()
        self.streams: dict[str, list[tuple[list[int], Ack]]] = {}
        self.finalized: set[str] = set()

    def send(self, name: str, batches: list[tuple[int, list[int]]]) -> tuple[list[Ack], str]:
        """Acks of one connection, and the reason that ended it; empty where none did."""
        acks: list[Ack] = []
        for offset, ids in batches:
            stored = self.streams[name]
            if offset < len(stored):
                reason = self._repeat(name, offset, ids, acks)
            elif name in self.finalized:
                reason = "STREAM_FINALIZED"
            elif offset > len(stored):
                reason = "OFFSET_AHEAD"
            elif len(ids) > ROWS_MAX:
                reason = "BATCH_UNUSABLE"
            else:
                new = len(set(ids) - self.known)
                self.known.update(ids)
                acks.append(Ack(offset, False, new, len(ids) - new))
                stored.append((ids, acks[-1]))
                reason = ""
            if reason:
                return acks, reason
        return acks, ""

    def rows(self, name: str) -> tuple[int, int]:
        """Accepted and duplicate rows of a stream."""
        acks = [ack for _, ack in self.streams[name]]
        return sum(ack.accepted for ack in acks), sum(ack.duplicate for ack in acks)

    def _repeat(self, name: str, offset: int, ids: list[int], acks: list[Ack]) -> str:
        stored = self.streams[name]
        if offset < len(stored) - self.kept:
            acks.append(Ack(offset, True, 0, 0))
        elif stored[offset][0] != ids:
            return "OFFSET_REUSED"
        else:
            acks.append(stored[offset][1]._replace(repeated=True))
        return ""
