"""Answers of a service that a command cannot use: an error with a remedy, wherever in the command it shows."""

from __future__ import annotations

import contextlib
from contextvars import ContextVar
from typing import TYPE_CHECKING, Final

from rating.errors import UserError

if TYPE_CHECKING:
    from collections.abc import Iterator

_OURS: Final = (AssertionError, ImportError, MemoryError, NameError)  # mistakes of this program, whatever the service answers
_answered: Final = ContextVar("answered", default=False)


class UnusableAnswerError(UserError):
    """An answer of a service has a word, a name, a time or a zone that the command cannot use; the cause says which."""

    def __init__(self, cause: Exception) -> None:
        summary = " ".join(f"{type(cause).__name__}: {cause}".split())
        remedy = "see that the command and the service are of one version (ratewright --version); if so, report it with RATEWRIGHT_DEBUG=1"
        super().__init__(f"the answer of the service cannot be used ({summary})", remedy)


def note_answer() -> None:
    """Note that a service answered the command that is running."""
    _answered.set(True)


@contextlib.contextmanager
def usable_answers() -> Iterator[None]:
    """The run of one command, which reads and prints answers. Raises UnusableAnswerError for what it cannot do with them."""
    before = _answered.set(False)
    try:
        yield
    except (UserError, OSError, UnicodeEncodeError, *_OURS):  # the second and the third: of files, the terminal and words of the command
        raise
    except Exception as error:
        if not _answered.get():
            raise
        raise UnusableAnswerError(error) from error
    finally:
        _answered.reset(before)
