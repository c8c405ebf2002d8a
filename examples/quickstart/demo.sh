#!/usr/bin/env bash
# The main job, shown: converge the quickstart plan into a scratch root, prove it, drift, repair, fetch a model, undo.
set -euo pipefail
bin=$(realpath "$1")
here=$(cd "$(dirname "$0")" && pwd)
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
mkdir -p "$scratch/root/etc" "$scratch/root/srv"
echo "welcome" > "$scratch/root/etc/motd"
cp -r "$here" "$here/../tiny" "$here/../server" "$scratch"
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

say "Serve a model: the programs go into the root, the plan is applied, and its server answers until it is told to end"
mkdir -p root/usr/local/bin root/usr/lib/agent0
cp "$bin" root/usr/local/bin/agent0-converge
cp "$(dirname "$bin")"/agent0-engine-* root/usr/lib/agent0
printf 'root:x:0:0:root:/root:/bin/sh\n' > root/etc/passwd
printf 'root:x:0:\n' > root/etc/group
at=127.0.0.1:$((20000 + RANDOM % 10000))
sed -i "s|model       = model|listen      = \"$at\"\n  model       = model|" server/plan.hcl
converge plan --root root server | grep -v '^      '
echo "\$ agent0-converge run --root root server"
"$bin" run --root root server > run.log 2>&1 & server=$!
trap 'kill "$server" 2> /dev/null || true; rm -rf "$scratch"' EXIT
for ((i = 0; ; i++)); do
  curl -fs "http://$at/health" > health.json && break
  kill -0 "$server" && [ "$i" -lt 600 ] || { cat run.log; exit 1; }
  sleep 0.1
done
echo "it is ready: it has generated a token. /health:"
cat health.json; echo
ask='{"messages": [{"role": "user", "content": "What is a violin?"}]}'
echo "\$ curl http://$at/v1/chat/completions -d '$ask'"
curl -fsS "http://$at/v1/chat/completions" -H 'Content-Type: application/json' -d "$ask"; echo
echo "the same as a stream:"
curl -fsSN "http://$at/v1/chat/completions" -H 'Content-Type: application/json' -d "${ask%\}}, \"stream\": true}" |
  sed -n 's/^data: .*"content":"\([^"]*\)".*/\1/p' | tr -d '\n'; echo
echo "and what was counted:"
curl -fsS "http://$at/metrics" | grep -E '^agent0_[a-z_]*(tokens|requests)[a-z_]*_total|_build_info' | head

say "The engine is killed with a request under way: the request is answered all the same"
pid=$(sed 's/.*"pid":\([0-9]*\).*/\1/' health.json)
curl -fsS "http://$at/v1/chat/completions" -H 'Content-Type: application/json' -d "$ask" > answer.json & request=$!
kill -9 "$pid"
wait "$request"
cat answer.json; echo
kill "$server"
wait "$server" || { cat run.log; exit 1; }
echo
echo "demo: ok"
