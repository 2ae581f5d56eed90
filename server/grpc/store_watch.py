"""A look at the store every few seconds: where it does not answer no call can be let in, and the health says so."""

from __future__ import annotations

import logging
import threading
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable

LOOK_S: Final = 5.0
_log = logging.getLogger(__name__)


class StoreWatch:
    """Calls `look`, which raises where the store does not answer, and tells `told` of each change."""

    def __init__(self, look: Callable[[], object], told: Callable[[bool], None], every_s: float = LOOK_S) -> None:
        self._look, self._told, self._every_s = look, told, every_s
        self._answers = True
        self._closed = threading.Event()
        threading.Thread(target=self._look_often, name="store-watch", daemon=True).start()

    def close(self) -> None:
        """Look no more."""
        self._closed.set()

    def _look_often(self) -> None:
        while not self._closed.wait(self._every_s):
            self._look_once()

    def _look_once(self) -> None:
        try:
            self._look()
            answers = True
        except Exception as error:  # noqa: BLE001 -- the edge of a thread: whatever it is, the store did not answer
            answers = False
            if self._answers:
                _log.error("the store does not answer: %s", type(error).__name__)
        if answers != self._answers:
            self._answers = answers
            self._told(answers)
