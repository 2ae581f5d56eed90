"""Writes docs/api.md from an image of the .proto files: each call with its comment, request, answer, and roles.

    python proto/api_page.py IMAGE > docs/api.md      (`make proto` does it)

An image is what protoc writes with --descriptor_set_out --include_source_info --include_imports.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import yaml
from google.protobuf import descriptor_pb2

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[1]
OURS = "ratewright/"
_SERVICE, _METHOD, _MESSAGE, _FIELD = 6, 2, 4, 2  # numbers of fields in descriptor.proto: the paths of comments
_HEAD = """# Calls of the service

This page is written from `proto/ratewright/v1` by `make proto`. Each refusal carries a `google.rpc.ErrorInfo` of domain `ratewright`, whose
reason is one of those below. Beside them each call may end with those of [access](access.md#refusals) and of [the service](service.md).
Money is `google.type.Money`, dates are `google.type.Date`. A call with a `request_id` counts once; a repeat by an operator whose roles show
less than at the first call is refused, PERMISSION_DENIED: `REPEAT_NOT_ALLOWED`. `validate_only` does everything and stores nothing. Long
work is followed by the calls of `google.longrunning.Operations`: `GetOperation`, `WaitOperation`, `ListOperations`, `CancelOperation`;
`DeleteOperation` is refused with `KEPT`, since operations are part of the audit trail ([bill runs](service.md)).
"""


def main() -> int:
    """Print the page."""
    image = descriptor_pb2.FileDescriptorSet.FromString(Path(sys.argv[1]).read_bytes())
    rules = yaml.safe_load((ROOT / "server/access/roles.yaml").read_text(encoding="utf-8"))
    files = sorted((each for each in image.file if each.name.startswith(OURS)), key=lambda each: each.name)
    lines = [_HEAD]
    for file in files:
        for at, service in enumerate(file.service):
            lines += _service(file, at, rules.get(f"{file.package}.{service.name}", {}))
    sys.stdout.write("\n".join(lines).rstrip() + "\n")
    return 0


def _service(file: descriptor_pb2.FileDescriptorProto, at: int, rules: dict[str, dict[str, object]]) -> Iterator[str]:
    comments = {tuple(each.path): each.leading_comments.strip() for each in file.source_code_info.location}
    service = file.service[at]
    yield f"## {service.name}\n"
    yield _text(comments.get((_SERVICE, at), "")) + "\n"
    for number, method in enumerate(service.method):
        request = f"{'stream ' if method.client_streaming else ''}{_short(method.input_type)}"
        answer = f"{'stream ' if method.server_streaming else ''}{_short(method.output_type)}"
        yield f"### {method.name}\n"
        yield f"`{request}` -> `{answer}`; roles: {_roles(rules.get(method.name, {}))}\n"
        yield _text(comments.get((_SERVICE, at, _METHOD, number), "")) + "\n"
        yield from _fields(file, method.input_type, comments)


def _fields(file: descriptor_pb2.FileDescriptorProto, name: str, comments: dict[tuple[int, ...], str]) -> Iterator[str]:
    """The fields of a request that stands in the same file."""
    for at, message in enumerate(file.message_type):
        if f".{file.package}.{message.name}" == name and message.field:
            yield "| field | |"
            yield "|---|---|"
            for number, field in enumerate(message.field):
                text = _text(comments.get((_MESSAGE, at, _FIELD, number), "")).replace("\n", " ").replace("|", "\\|")
                yield f"| `{field.name}` | {text} |"
            yield ""


def _roles(rule: dict[str, object]) -> str:
    roles = rule.get("roles", [])
    assert isinstance(roles, list), rule
    return "anybody" if rule.get("anybody") else ", ".join(roles) or "none"


def _text(comment: str) -> str:
    """A comment with its paragraphs, each on one line."""
    paragraphs = re.split(r"\n\s*\n", comment)
    return "\n\n".join(" ".join(each.split()) for each in paragraphs)


def _short(name: str) -> str:
    return name.rpartition(".")[2]


if __name__ == "__main__":
    sys.exit(main())
