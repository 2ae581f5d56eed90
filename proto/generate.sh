#!/bin/sh
# Writes the Python code of proto/ratewright/**/*.proto beside the .proto files.
# With --check it writes into a temporary folder instead and compares: exit status 1 when the committed code is stale.
set -eu
cd "$(dirname "$0")/.."
PATH="$PWD/.venv/bin:$PATH"
purelib=$(python -c 'import sysconfig; print(sysconfig.get_path("purelib"))')

generate() { # $1: folder to write into
  find proto/ratewright -name '*.proto' | LC_ALL=C sort | xargs python -m grpc_tools.protoc -I proto -I "$purelib" \
    --python_out="$1" --grpc_python_out="$1" --mypy_out=quiet:"$1" --mypy_grpc_out=quiet:"$1"
}

if [ "${1:-}" != --check ]; then
  find proto/ratewright \( -name '*_pb2*.py' -o -name '*_pb2*.pyi' \) -delete
  generate proto
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
echo "generated code: as the .proto files say"
