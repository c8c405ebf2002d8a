#!/usr/bin/env bash
# Measure the binary $1 beside CFEngine and a minimal Go program, in one run.
set -euo pipefail
cd "$(dirname "$0")/../../.."
if ! command -v cf-agent >/dev/null; then
  apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq cfengine3 e2fsprogs >/dev/null
fi
for peer in floor empty parse; do
  CGO_ENABLED=0 go build -o bin/bench-$peer ./internal/lab/bench/$peer
done
CGO_ENABLED=0 go build -o bin/bench ./internal/lab/bench
exec bin/bench "$(realpath "$1")" "$(realpath bin/bench-floor)" "$(realpath bin/bench-empty)" "$(realpath bin/bench-parse)"
