#!/bin/sh
# Writes the Python code of proto/ratewright/**/*.proto beside the .proto files, and docs/api.md.
# With --check it writes into a temporary folder instead and compares: exit status 1 when the committed code is stale, when a rule of
# buf.yaml is broken, or when a client of before would be. --baseline lets baseline.binpb be the API as it is now: at a release alone.
# --image FILE writes the API as one file, for clients that read it when they run, such as buf curl.
set -eu
target=$(realpath -m "${2:-/dev/null}")
cd "$(dirname "$0")/.."
PATH="$PWD/.venv/bin:$PATH"
purelib=$(python -c 'import sysconfig; print(sysconfig.get_path("purelib"))')
# The package keeps this file under another name than the one by which it is known, in its own Python code too.
longrunning="google/longrunning/operations.proto=$purelib/google/longrunning/operations_proto.proto"

generate() { # $1: folder to write into
  find proto/ratewright -name '*.proto' | LC_ALL=C sort | xargs python -m grpc_tools.protoc -I proto -I "$purelib" -I "$longrunning" \
    --python_out="$1" --grpc_python_out="$1" --mypy_out=quiet:"$1" --mypy_grpc_out=quiet:"$1"
}

image() { # $1: file to write; a page and rules are made of it. More files follow, such as those of the details of errors
  find proto/ratewright -name '*.proto' | LC_ALL=C sort | xargs python -m grpc_tools.protoc -I proto -I "$purelib" -I "$longrunning" \
    --include_imports --include_source_info --descriptor_set_out="$@"
}

if [ "${1:-}" = --baseline ]; then
  image proto/baseline.binpb
  exit 0
fi
if [ "${1:-}" = --image ]; then
  image "$target" google/rpc/error_details.proto
  exit 0
fi
if [ "${1:-}" != --check ]; then
  find proto/ratewright \( -name '*_pb2*.py' -o -name '*_pb2*.pyi' \) -delete
  generate proto
  image=$(mktemp)
  image "$image"
  python proto/api_page.py "$image" > docs/api.md
  rm "$image"
  exit 0
fi
fresh=$(mktemp -d)
trap 'rm -rf "$fresh"' EXIT
generate "$fresh"
if ! diff -r -q -x '*.proto' -x __pycache__ proto/ratewright "$fresh/ratewright"; then
  echo "error: the generated code is not what the .proto files say" >&2
  echo "  remedy: make proto, and commit what it wrote" >&2
  exit 1
fi
image "$fresh/image.binpb"
python proto/api_page.py "$fresh/image.binpb" > "$fresh/api.md"
if ! cmp -s docs/api.md "$fresh/api.md"; then
  echo "error: docs/api.md is not what the .proto files and roles.yaml say" >&2
  echo "  remedy: make proto, and commit what it wrote" >&2
  exit 1
fi
export BUF_CACHE_DIR="$fresh/cache"
buf lint "$fresh/image.binpb" --config proto/buf.yaml
buf breaking "$fresh/image.binpb" --against proto/baseline.binpb --config proto/buf.yaml
echo "generated code: as the .proto files say; the API keeps its rules and its clients"
