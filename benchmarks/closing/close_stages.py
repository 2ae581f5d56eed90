"""Times of the stages of a bill run, taken from outside: functions of the product are wrapped in this process alone.

Stages that follow one another are told by the wall clock, with the memory of the process when they end. What several threads do at once
is told in seconds of processor time, added up over threads.
"""

from __future__ import annotations

import functools
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.peak import peak_bytes
from billing.intake import by_shard
from billing.runs import charge_files, computing, cycle, frozen_list, numbering, posting
from billing.runs.usage import event_owners, rating_passes, shard_groups, shard_pricing

if TYPE_CHECKING:
    from collections.abc import Callable

WALL: tuple[tuple[str, Any, str], ...] = (
    ("facts, scope, billed before", computing, "_read"),
    ("guiding facts", computing, "Guide"),
    ("usage: read, guide, rate, write, sum", computing, "price_in_groups"),
    ("fees, totals, payers", computing, "_proposed"),
    ("tax, reconcile, drafts", computing, "settle"),
    ("charge files on disk", cycle._Charges, "files"),  # noqa: SLF001 -- a stage has no other name
    ("freeze", frozen_list, "write"),
    ("number", numbering, "number"),
    ("post", posting, "post_run"),
)
THREADS: tuple[tuple[str, Any, str], ...] = (
    ("check and open usage files", by_shard.ByShard, "__init__"),
    ("read", by_shard.ByShard, "read"),
    ("guide", event_owners.Owning, "owners"),
    ("order and project", shard_pricing.GroupEvents, "_priced"),
    ("rate", rating_passes.Turns, "rate"),
    ("write charges", charge_files.Writer, "write"),
    ("sum", shard_groups, "sum_up"),
)
CONTAINS = {"order and project": ("rate",)}  # stages that are told without others inside them


class Stages:
    """What was measured: `wall` by stage (seconds, RSS and peak at its end, in bytes), `threads` by stage (processor seconds)."""

    def __init__(self) -> None:
        self.wall: dict[str, dict[str, float]] = {}
        self._threads: dict[str, float] = {}
        self._lock = threading.Lock()
        for name, owner, attribute in WALL:
            setattr(owner, attribute, self._walled(name, getattr(owner, attribute)))
        for name, owner, attribute in THREADS:
            setattr(owner, attribute, self._threaded(name, getattr(owner, attribute)))

    @property
    def threads(self) -> dict[str, float]:
        """Processor seconds of each stage without those of stages inside it."""
        return {name: spent - sum(self._threads.get(each, 0.0) for each in CONTAINS.get(name, ())) for name, spent in self._threads.items()}

    def _walled(self, name: str, work: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(work)
        def timed(*args: Any, **kwargs: Any) -> Any:  # noqa: ANN401 -- whatever the product passes
            since = time.perf_counter()
            answer = work(*args, **kwargs)
            self.wall[name] = {"seconds": time.perf_counter() - since, "rss_bytes": rss_bytes(), "peak_bytes": peak_bytes()}
            return answer

        return timed

    def _threaded(self, name: str, work: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(work)
        def timed(*args: Any, **kwargs: Any) -> Any:  # noqa: ANN401 -- as above
            since = time.thread_time()
            answer = work(*args, **kwargs)
            with self._lock:
                self._threads[name] = self._threads.get(name, 0.0) + time.thread_time() - since
            return answer

        return timed


def rss_bytes() -> int:
    """Memory of this process that is resident now; 0 where the system does not say."""
    try:
        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    except OSError:
        return 0
    return pages * 4096
