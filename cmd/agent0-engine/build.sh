#!/usr/bin/env bash
# Build agent0-engine for the CPUs of a level, as the program OUT. The levels are those of runtime/level; native is the best of
# them that this CPU can run, and OUT may name a folder for it. Without the flags below llama.cpp is several times slower: docs/design/runtime.md has what was measured.
# OUT may be "vet": then what it would be made of is vetted, and nothing is built.
# AGENT0_ENGINE_TAGS adds build tags of Go code: the tests' builds have "fault".
set -euo pipefail
usage="usage: build.sh LEVEL OUT [VERSION]"
level=${1:?$usage} out=${2:?$usage} version=${3:-unknown}
[ "$out" = vet ] || out=$(realpath -m "$out")
cd "$(dirname "$0")"
[ "$level" = native ] && level=$(CGO_ENABLED=0 go run ../../runtime/level/native)
[ -d "$out" ] && out=$out/agent0-engine-$level
case $level in
x86-64-v2) arch="-march=x86-64-v2" ;;
x86-64-v3) arch="-march=x86-64-v3" ;;
x86-64-v3-avxvnni) arch="-march=x86-64-v3 -mavxvnni" ;;
x86-64-v4-avx512vnni) arch="-march=x86-64-v4 -mavx512vnni -mavx512vbmi -mavx512bf16" ;;
arm64) arch="-march=armv8-a" ;;
arm64-dotprod) arch="-march=armv8.2-a+dotprod" ;;
*) echo "build.sh: there is no level $level" >&2 && exit 2 ;;
esac
source=$(go list -m -f '{{.Dir}}' github.com/ollama/ollama)
if [ -z "$source" ]; then
  go mod download github.com/ollama/ollama
  source=$(go list -m -f '{{.Dir}}' github.com/ollama/ollama)
fi
# Assertions name their file: the place of the module cache does not belong into the program. (That of this tree does not get there,
# and is not among the flags: they are a part of what the compiled code is cached by.)
flags="-O3 $arch -w -ffile-prefix-map=$source=llama.cpp"
export CGO_ENABLED=1 CGO_CFLAGS=$flags CGO_CXXFLAGS=$flags
export CGO_CPPFLAGS="-DNDEBUG -DGGML_USE_CPU_REPACK -I$source/llama/llama.cpp/include -I$source/ml/backend/ggml/ggml/include"
[ "$out" = vet ] && exec go vet -trimpath -tags llama,fault . ../../runtime/llama
# Backends are libraries that are loaded later and use what is linked in here: hence -rdynamic.
exec go build -trimpath -tags "llama${AGENT0_ENGINE_TAGS:+,$AGENT0_ENGINE_TAGS}" -ldflags "-s -w -extldflags=-rdynamic -X main.version=$version -X main.build=$level" -o "$out" .
