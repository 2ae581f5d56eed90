"""Objects of a case that note which of their keys an adapter asks for, so that a key that nobody reads is told and never passed over."""

from __future__ import annotations

from collections.abc import ItemsView, Iterator, Mapping, ValuesView
from typing import Any


class Watched(dict[str, Any]):
    """An object of JSON. A key is read when its value is asked for; `in` and a loop over keys ask for no value."""

    def __init__(self, values: Mapping[str, Any], read: set[str] | None = None) -> None:
        super().__init__({key: watched(value) for key, value in dict.items(dict(values))})
        self.read: set[str] = set() if read is None else read

    def __getitem__(self, key: str) -> Any:  # noqa: ANN401 -- any JSON
        self.read.add(key)
        return super().__getitem__(key)

    def get(self, key: str, default: Any = None) -> Any:  # noqa: ANN401 -- any JSON
        """The value of a key, which is read."""
        self.read.add(key)
        return super().get(key, default)

    def items(self) -> ItemsView[str, Any]:
        """Keys and values, all of which are read."""
        self.read |= set(self)
        return super().items()

    def values(self) -> ValuesView[Any]:
        """Values, all of which are read."""
        self.read |= set(self)
        return super().values()

    def __or__(self, other: Mapping[str, Any]) -> Watched:  # type: ignore[override] # of one kind of object
        """The object with other values; what is read of it is read of this one."""
        found = Watched({}, self.read)
        dict.update(found, {key: dict.__getitem__(self, key) for key in self})
        dict.update(found, other)
        return found


def watched(value: Any) -> Any:  # noqa: ANN401 -- any JSON
    """The value with every object in it watched. What is watched already is left as it is."""
    if isinstance(value, Watched):
        return value
    if isinstance(value, Mapping):
        return Watched(value)
    return [watched(each) for each in value] if isinstance(value, list) else value


def unread(value: Any, place: str) -> Iterator[str]:  # noqa: ANN401 -- any JSON
    """Places of keys that were not read. What is null says nothing; lists have no place of their own."""
    if isinstance(value, Watched):
        for key in value:
            inner = dict.__getitem__(value, key)
            if inner is None:
                continue
            if key in value.read:
                yield from unread(inner, f"{place}.{key}")
            else:
                yield f"{place}.{key}"
    elif isinstance(value, list):
        for each in value:
            yield from unread(each, place)
