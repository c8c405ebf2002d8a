#!/usr/bin/env bash
# The main job, shown: converge the quickstart plan into a scratch root, prove it, drift, repair, fetch a model, undo.
set -euo pipefail
bin=$(realpath "$1")
here=$(cd "$(dirname "$0")" && pwd)
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
mkdir -p "$scratch/root/etc" "$scratch/root/srv"
echo "welcome" > "$scratch/root/etc/motd"
cp -r "$here" "$here/../tiny" "$scratch"
mkdir -p "$scratch/root/media/usb"
cp "$here/../tiny/agent0-tiny.gguf" "$scratch/root/media/usb"
cd "$scratch"

say() { printf '\n\033[1m── %s\033[0m\n' "$*"; }
converge() { echo "\$ agent0-converge $*"; "$bin" "$@"; }
tree() { (cd root && find . -path ./var -prune -o -printf '%M %u %P %l\n' | sort -k3); }

before=$(tree; cat root/etc/motd)

say "What would change? (plan changes nothing)"
converge plan --root root quickstart

say "Converge"
converge apply --root root quickstart

say "Once converged, a second plan is empty"
converge plan --root root --detailed-exitcode quickstart

say "Somebody changes a file by hand: drift finds it (exit status 2)"
echo "rm -rf /" >> root/etc/motd
chmod 0777 root/opt/agent0/logs
rc=0; converge drift --root root quickstart || rc=$?
[ "$rc" = 2 ] || { echo "drift answered $rc, not 2"; exit 1; }

say "The next apply repairs it"
converge apply --root root quickstart
converge plan --root root --detailed-exitcode quickstart

say "A model comes from a stick: what it takes is said first, and every byte is verified"
converge plan --root root tiny
converge apply --root root tiny
converge models list --root root

say "One byte of it changes: it is found by reading, and the model is fetched again"
printf 'x' | dd of=root/opt/agent0/models/agent0-tiny.gguf bs=1 seek=2000000 conv=notrunc status=none
rc=0; converge models verify --root root || rc=$?
[ "$rc" = 2 ] || { echo "models verify answered $rc, not 2"; exit 1; }
converge apply --root root tiny
cmp root/opt/agent0/models/agent0-tiny.gguf root/media/usb/agent0-tiny.gguf

say "What is on the machine now"
tree
cat root/etc/motd

say "Undo all runs: the tree is as it was before"
converge undo --root root --to 1
after=$(tree; cat root/etc/motd)
[ "$before" = "$after" ] || { echo "undo left a difference:"; diff <(echo "$before") <(echo "$after"); exit 1; }
converge history --root root
echo
echo "demo: ok"
