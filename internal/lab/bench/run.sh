#!/usr/bin/env bash
# Measure the binary $1 beside CFEngine, systemctl, nft, curl, llama-server and minimal Go programs, in one run: the parts
# (files, firewall, models, server, units) that the other arguments name, or all.
set -euo pipefail
cd "$(dirname "$0")/../../.."
internal/lab/tools.sh aria2 ca-certificates cfengine3 coreutils curl e2fsprogs nginx-light openssl wget
for own in floor empty parse read fetch get hash; do
  CGO_ENABLED=0 go build -o bin/bench-$own ./internal/lab/bench/$own
done
mkdir -p bin/bench-engines
if [[ $# = 1 || " ${*:2} " = *" server "* ]] && command -v g++ >/dev/null; then
  cmd/agent0-engine/build.sh native bin/bench-engines
fi
CGO_ENABLED=0 go build -o bin/bench ./internal/lab/bench
exec bin/bench "$(realpath "$1")" "${@:2}"
