#!/usr/bin/env bash
# Measure the binary $1 beside CFEngine, systemctl and minimal Go programs, in one run.
set -euo pipefail
cd "$(dirname "$0")/../../.."
if ! command -v cf-agent >/dev/null; then
  apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq cfengine3 e2fsprogs >/dev/null
fi
for own in floor empty parse read; do
  CGO_ENABLED=0 go build -o bin/bench-$own ./internal/lab/bench/$own
done
CGO_ENABLED=0 go build -o bin/bench ./internal/lab/bench
exec bin/bench "$(realpath "$1")"
