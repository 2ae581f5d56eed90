"""Answers with the fields alone that a caller asks for: the header `ratewright-fields`, such as `invoices.number,next_page_token`.

The mask holds for messages inside of lists as well. Refuses: INVALID_ARGUMENT: FIELDS, for a field that the answer does not have.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from google.protobuf import descriptor_pool

from server.grpc.refusals import invalid

if TYPE_CHECKING:
    from google.protobuf.message import Message

HEADER: Final = "ratewright-fields"
CHARACTERS_MAX: Final = 2_000
Tree = dict[str, "Tree"]  # the fields that stay; one without a further name stays whole


def parse(fields: str, call: str) -> Tree:
    """The fields of a header, for the answer of a call such as `ratewright.v1.InvoiceService/GetInvoice`; none where all are meant.

    It is read before the call does anything.
    """
    tree: Tree = {}
    if not fields:
        return tree
    if len(fields) > CHARACTERS_MAX:
        raise _refused(f"it is longer than {CHARACTERS_MAX} characters")
    kind: Any = descriptor_pool.Default().FindMethodByName(call.replace("/", ".")).output_type
    for path in fields.split(","):
        place, of = tree, kind
        names = path.strip().split(".")
        for depth, name in enumerate(names):
            field = of.fields_by_name.get(name) if of is not None else None
            if field is None:
                raise _refused(f"{'.'.join(names[: depth + 1])!a} is not a field of {kind.name}")
            is_map = field.message_type is not None and field.message_type.GetOptions().map_entry
            place, of = place.setdefault(name, {}), None if is_map else field.message_type
    return tree


def cut(answer: Message, tree: Tree) -> Message:
    """The answer with these fields alone; all of it where none are named. It is changed, not copied."""
    if tree:
        _keep(answer, tree)
    return answer


def _keep(message: Message, tree: Tree) -> None:
    for field, value in message.ListFields():
        below = tree.get(field.name)
        if below is None:
            message.ClearField(field.name)
        elif below:
            parts: Any = value if field.is_repeated else [value]
            for each in parts:
                _keep(each, below)


def _refused(why: str) -> Exception:
    return invalid("FIELDS", f"the header {HEADER}: {why}", {"field": HEADER})
