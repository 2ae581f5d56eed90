"""Messages that are parsed behind the entrance, so that a malformed one is a refusal with its reason."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import grpc
from google.protobuf.message import DecodeError

from server.grpc.refusals import answering, invalid

if TYPE_CHECKING:
    from collections.abc import Callable


def parsing(handler: Any) -> Any:  # noqa: ANN401 -- a handler of any kind
    """The same handler, which gets bytes and parses them itself: gRPC would keep the place of a call whose message is malformed."""
    if handler is None:
        return None
    parse = handler.request_deserializer

    def parsed(data: bytes) -> Any:  # noqa: ANN401 -- a message of any method
        try:
            return parse(data)
        except DecodeError:
            raise invalid("MALFORMED_REQUEST", "the message is not one of this call") from None

    def streamed(method: Callable[..., Any]) -> Callable[..., Any]:
        return lambda requests, context: method(map(parsed, requests), context)

    def single(method: Callable[..., Any]) -> Callable[..., Any]:
        def behind(data: bytes, context: grpc.ServicerContext) -> Any:  # noqa: ANN401 -- as above
            with answering(context):
                request = parsed(data)
            return method(request, context)

        return behind

    codec = {"request_deserializer": None, "response_serializer": handler.response_serializer}
    if handler.request_streaming:
        if handler.response_streaming:
            return grpc.stream_stream_rpc_method_handler(streamed(handler.stream_stream), **codec)
        return grpc.stream_unary_rpc_method_handler(streamed(handler.stream_unary), **codec)
    if handler.response_streaming:
        return grpc.unary_stream_rpc_method_handler(single(handler.unary_stream), **codec)
    return grpc.unary_unary_rpc_method_handler(single(handler.unary_unary), **codec)
