"""The standard reflection service: which calls there are, for clients that have no .proto files. Of the extra `reflection`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from grpc_reflection.v1alpha import reflection, reflection_pb2_grpc

from server.grpc.refusals import answering

if TYPE_CHECKING:
    from collections.abc import Iterable

    import grpc


class Reflection(reflection.ReflectionServicer):
    """Answers as that of grpc, and refuses a malformed message as every call of ours does."""

    def ServerReflectionInfo(self, request_iterator: Any, context: Any) -> Any:  # noqa: ANN401 -- the stubs have it answer nothing
        """The answer to each question."""
        with answering(context):
            theirs: Any = super()
            yield from theirs.ServerReflectionInfo(request_iterator, context)


def add_to(server: grpc.Server, names: Iterable[str]) -> None:
    """Answer what these services have."""
    add: Any = reflection_pb2_grpc.add_ServerReflectionServicer_to_server
    add(Reflection([*names, reflection.SERVICE_NAME]), server)
