"""The meter of the service. This one counts nothing; `prometheus.PrometheusMeter` does."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


class Meter:
    """Told of each end of a call, of streams, acks and writes to the store. Times are seconds."""

    def call_ended(self, call: str, code: str, reason: str, seconds: float) -> None:
        """A call ended with a status, such as OK; `reason` of a refusal, else empty."""

    def stream_opened(self) -> None:
        """A usage stream is open."""

    def stream_ended(self) -> None:
        """A usage stream is over."""

    def acked(self, rows: Mapping[str, int], seconds: float, *, repeated: bool) -> None:
        """A batch is durable `seconds` after it was read; `rows` of it by status."""

    def stored(self, batches: int, seconds: float) -> None:
        """A group of batches was stored, or refused by the store, after `seconds`."""

    def waiting(self, batches: int, size_bytes: int) -> None:
        """As many batches wait for the store, and occupy as many bytes."""

    def sealing(self, *, is_well: bool) -> None:
        """The journal of usage is sealed as it grows, or the last try failed."""

    def serving(self, *, is_serving: bool) -> None:
        """Calls are answered from now on, or are not: the service stops, or has no store."""
