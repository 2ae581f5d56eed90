"""Pages of lists: how many a page has, and where the next one begins."""

from __future__ import annotations

from typing import Final

from server.grpc import convert
from server.grpc.refusals import invalid

PAGE_SIZE_DEFAULT: Final = 50
PAGE_SIZE_MAX: Final = 1_000


def page_size(wanted: int) -> int:
    """The number of rows of a page: PAGE_SIZE_DEFAULT for 0, PAGE_SIZE_MAX at most. Raises Refusal PAGE_SIZE for less than 0."""
    if wanted < 0:
        raise invalid("PAGE_SIZE", "page_size must be zero or more", {"field": "page_size"})
    return min(wanted, PAGE_SIZE_MAX) or PAGE_SIZE_DEFAULT


def after_numbers(token: str, query: str, key: bytes, count: int) -> list[int] | None:
    """The numbers in a token of the same query; None for the first page. Raises Refusal PAGE_TOKEN."""
    text = convert.parse_page_token(token, query, key)
    if not text:
        return None
    numbers = [int(each) for each in text.split(".")]
    assert len(numbers) == count, "a token that we have signed"
    return numbers


def token_of(query: str, key: bytes, *numbers: int) -> str:
    """A token with numbers, bound to its query."""
    return convert.page_token(query, ".".join(map(str, numbers)), key)
