"""Pages of lists: how many rows a page has, and where the next one begins.

A page token holds the place of the last row of its page. It is bound to its caller, and to every field of its query but the size of the
page.

Refuses: INVALID_ARGUMENT: PAGE_SIZE, PAGE_TOKEN.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple, TypeVar

from billing import acting
from server.grpc import convert
from server.grpc.refusals import invalid

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

PAGE_SIZE_DEFAULT: Final = 50
PAGE_SIZE_MAX: Final = 1_000
_PAGE_FIELDS: Final = ("page_size", "page_token")

Row = TypeVar("Row")


class Page(NamedTuple):
    """The page that a request asks for: it begins behind `after`, which is empty for the first one."""

    after: str
    size: int
    query: str
    key: bytes

    @property
    def limit(self) -> int:
        """Rows to look for: one more says that another page follows."""
        return self.size + 1

    @property
    def after_number(self) -> int | None:
        """The same where the place of a row is a number; None for the first page."""
        return int(self.after) if self.after else None

    def parted(self, rows: Sequence[Row], place: Callable[[Row], str | int]) -> tuple[Sequence[Row], str]:
        """The rows of this page, of those that were found, and the token of the next one; empty where there is none."""
        if len(rows) <= self.size:
            return rows, ""
        return rows[: self.size], convert.page_token(self.query, str(place(rows[self.size - 1])), self.key)


def size(request: Any) -> int:  # noqa: ANN401 -- a message with `page_size`
    """The number of rows that a request asks for."""
    if request.page_size < 0:
        raise invalid("PAGE_SIZE", "page_size must be zero or more", {"field": "page_size"})
    return min(request.page_size, PAGE_SIZE_MAX) or PAGE_SIZE_DEFAULT


def page(request: Any, key: bytes) -> Page:  # noqa: ANN401 -- a message with `page_size` and `page_token`
    """The page that a request of a list asks for. `key` signs its token."""
    rows = size(request)
    query = type(request)()
    query.CopyFrom(request)
    for name in _PAGE_FIELDS:
        query.ClearField(name)
    bound = f"{request.DESCRIPTOR.full_name}\0{acting.current().number}\0{query.SerializeToString(deterministic=True).hex()}"
    after = convert.parse_page_token(request.page_token, bound, key)
    return Page(after, rows, bound, key)
