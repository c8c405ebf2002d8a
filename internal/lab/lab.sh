#!/usr/bin/env bash
# What is too long for every change. docs/design/lab.md keeps the last date and figures.
set -euo pipefail
cd "$(dirname "$0")/../.."
step() { printf '\n── %s (%s)\n' "$*" "$(date +%T)"; }

step "every kill point, and 5,000 trees that a power cut may leave"
AGENT0_LAB=1 go test ./cmd/agent0-converge -run 'TestKill(AtEvery|The|Within)|TestPowerCut' -count=1 -v -timeout 90m | grep --line-buffered -v '^=== '
step "the same on a machine with a real systemd, with what it is told among the points"
AGENT0_LAB=1 go test ./internal/lab/scenarios -run '^TestKill$' -count=1 -v -timeout 90m | grep --line-buffered -v '^=== '
step "a download that is killed 500 times"
AGENT0_KILLS=500 go test ./resources/model/fetch -run '^TestKilled$' -count=1 -v -timeout 90m | grep --line-buffered -v '^=== '
step "guests with a kernel of their own, and what needs one: fs-verity"
AGENT0_LAB=1 go test ./internal/lab/guest -count=1 -v -timeout 90m | grep --line-buffered -v '^=== '
step "ten minutes of mixed load, 1,000 random schemas, a CPU without AVX2"
AGENT0_LAB=1 go test ./internal/lab/chaos -run '^TestMixedLoad$' -count=1 -v -timeout 90m | grep --line-buffered -v '^=== '
AGENT0_LAB=1 go test ./internal/lab/clients -run '^TestRandomSchemas$' -count=1 -v -timeout 90m | grep --line-buffered -v '^=== '
AGENT0_LAB=1 go test ./internal/lab/degraded -run '^TestWithoutAVX2$' -count=1 -v -timeout 90m | grep --line-buffered -v '^=== '
step "every fault of a change of the firewall that is guarded, ufw's rules in full, 2,500 random rulesets beside packets"
AGENT0_LAB=1 go test ./resources/firewallport/guard -run '^TestFaults|^TestUnderSystemd$' -count=1 -v -timeout 90m | grep --line-buffered -v '^=== '
AGENT0_LAB=1 go test ./internal/lab/scenarios -run '^TestUfw$' -count=1 -v -timeout 90m | grep --line-buffered -v '^=== '
AGENT0_REACH=2500 go test ./resources/firewallport/reach -run '^TestRandomRulesetsAgainstPackets$' -count=1 -v -timeout 90m | grep --line-buffered -v '^=== '
step "properties over 2,000 random plans each"
go test ./cmd/agent0-converge -run 'TestPlanAfterApplyIsEmpty|TestOrderDoesNotMatter|TestLaterPlanWins|TestUnmanagedIsUntouched|TestUndoIsIdentity|TestDroppingIsIdentity' \
  -rapid.checks=2000 -count=1 -timeout 90m
step "fuzz targets, 100,000 inputs each"
make --no-print-directory fuzz
step "a fresh Debian root with Go and gcc"
internal/lab/freshroot.sh demo test
step "done"
