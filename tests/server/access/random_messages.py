"""Messages of any type filled at random: values at the ends of their ranges, names of what there is and what there is not, hostile texts.

A third of them is then changed as bytes: cut, repeated, or with some bits turned. The seed decides all of it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from google.protobuf import message_factory
from google.protobuf.descriptor import FieldDescriptor

if TYPE_CHECKING:
    from random import Random

    from google.protobuf.descriptor import Descriptor
    from google.protobuf.message import Message

DEPTH_MAX: Final = 4
# Of the world of tests/server/grpc/finance, and names beside them.
NAMES: Final = (
    *("accounts/anna", "accounts/berta", "accounts/nobody", "accounts/-", "accounts/", "/", "accounts/anna/invoices/R-0000000001"),
    *(
        "invoices/R-0000000001",
        "invoices/R-0000000002",
        "invoices/1",
        "payments/p1",
        "bankLines/1",
        "findings/1",
        "promises/1",
        "deposits/d1",
    ),
    *("billRuns/1", "billRuns/9223372036854775807", "billRuns/9223372036854775808", "reratings/1", "approvals/1", "approvals/\u0663"),
    *(
        "operations/1",
        "operations/../../x",
        "operations/" + "a" * 40,
        "usageStreams/abcd",
        "instalmentPlans/i",
        "catalogues/shop/versions/1",
        "settings/approval",
        "billAlarms/1",
    ),
)
TEXTS: Final = (
    *(
        "",
        "a",
        "\0",
        "x\0y",
        "\u202eabc",
        "a\nb",
        "é" * 200,
        "A" * 5000,
        "\U0001f600",
        "\uff10",
        "%s",
        "{}",
        "' OR 1=1 --",
        "../../etc/passwd",
    ),
    *("EUR", "XXX", "2025-01-31", "0000-00-00", "9999-12-31", "2025-13-01", "2025-02", "2025-02..2025-03", "-1", "1e9", "NaN", "anna"),
    *(
        "p1",
        "R-0000000001",
        "shop/basic",
        "shop/basic@1",
        "stream",
        "issue_date >= 2025-01-01",
        "number = R-1 AND open = true",
        "total desc",
    ),
)
INTEGERS: Final = (0, 1, -1, 2, 100, 9999, 2**31 - 1, -(2**31), 2**32 - 1, 2**63 - 1, -(2**63), 2**64 - 1, 999_999_999, -1_000_000_000)
BYTES: Final = (b"", b"\0", b"a,b\n1,2\n", b"\xff" * 64, b"ARROW1\0\0", b"id;date;amount\n1;2025-11-01;5,00\n")
DOUBLES: Final = (0.0, 1.0, float("nan"), float("inf"), -1.5)
_RANGES: Final = {
    **dict.fromkeys((FieldDescriptor.TYPE_INT32, FieldDescriptor.TYPE_SINT32, FieldDescriptor.TYPE_SFIXED32), (-(2**31), 2**31 - 1)),
    **dict.fromkeys((FieldDescriptor.TYPE_UINT32, FieldDescriptor.TYPE_FIXED32), (0, 2**32 - 1)),
    **dict.fromkeys((FieldDescriptor.TYPE_INT64, FieldDescriptor.TYPE_SINT64, FieldDescriptor.TYPE_SFIXED64), (-(2**63), 2**63 - 1)),
    **dict.fromkeys((FieldDescriptor.TYPE_UINT64, FieldDescriptor.TYPE_FIXED64), (0, 2**64 - 1)),
}


def random_bytes(random: Random, kind: Descriptor) -> bytes:
    """A message of type `kind` on the wire; one in three is damaged."""
    message = message_factory.GetMessageClass(kind)()
    _fill(random, message, 0)
    data = message.SerializeToString()
    return _damaged(random, data) if random.random() < 1 / 3 else data


def _fill(random: Random, message: Message, depth: int) -> None:
    for field in message.DESCRIPTOR.fields:
        if random.random() < 1 / 4:
            continue
        if field.message_type is not None and (depth > DEPTH_MAX or field.message_type.GetOptions().map_entry):
            continue
        if not field.is_repeated:
            _set(random, message, field, depth)
            continue
        values: Any = getattr(message, field.name)
        for _ in range(random.choice((0, 1, 3))):
            if field.message_type is not None:
                _fill(random, values.add(), depth + 1)
            else:
                values.append(_value(random, field))


def _set(random: Random, message: Message, field: FieldDescriptor, depth: int) -> None:
    if field.message_type is None:
        setattr(message, field.name, _value(random, field))
        return
    part = getattr(message, field.name)
    part.SetInParent()
    if field.message_type.full_name == "google.type.Date" and random.random() < 2 / 3:
        part.year, part.month, part.day = 2025, random.choice((10, 11, 12)), random.choice((1, 15, 30))
    else:
        _fill(random, part, depth + 1)


def _value(random: Random, field: FieldDescriptor) -> object:
    match field.type:
        case FieldDescriptor.TYPE_STRING:
            return random.choice(NAMES if random.random() < 1 / 2 else TEXTS)
        case FieldDescriptor.TYPE_BYTES:
            return random.choice(BYTES)
        case FieldDescriptor.TYPE_BOOL:
            return random.random() < 1 / 2
        case FieldDescriptor.TYPE_DOUBLE | FieldDescriptor.TYPE_FLOAT:
            return random.choice(DOUBLES)
        case FieldDescriptor.TYPE_ENUM:
            return random.choice((0, 1, 2, 3, 99, -1))
    low, high = _RANGES[field.type]
    return min(max(random.choice(INTEGERS), low), high)


def _damaged(random: Random, data: bytes) -> bytes:
    at = random.randrange(len(data) + 1)
    match random.randrange(4):
        case 0:
            return data[:at]
        case 1:
            return data[:at] + random.randbytes(random.randrange(1, 40)) + data[at:]
        case 2:
            return data + data[at:]
    turned = bytearray(data)
    for _ in range(min(len(turned), 3)):
        turned[random.randrange(len(turned))] ^= 1 << random.randrange(8)
    return bytes(turned)
