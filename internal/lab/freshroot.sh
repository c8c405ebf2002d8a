#!/usr/bin/env bash
# Run a command on a clean clone of this repository in a fresh Debian 12 root that has Go and gcc
# and nothing else: what a target needs it must install itself.
#   internal/lab/freshroot.sh demo test
set -euo pipefail
repo=$(cd "$(dirname "$0")/../.." && pwd)
cache=${XDG_CACHE_HOME:-$HOME/.cache}/agent0-converge/lab
packages=gcc,libc6-dev,make,git,ca-certificates
goroot=$(go env GOROOT)
mkdir -p "$cache"

command -v debootstrap >/dev/null || { apt-get update -qq; DEBIAN_FRONTEND=noninteractive apt-get install -y -qq debootstrap >/dev/null; }

# The mirror is the one that this machine's own apt uses.
mirror=$(apt-get indextargets --format '$(REPO_URI)' 'Codename: bookworm' 2>/dev/null | head -1)
[ -n "$mirror" ] || { echo "freshroot: apt on this machine has no source for bookworm" >&2; exit 1; }
key=$(printf '%s\n' "$mirror" "$packages" "$(debootstrap --version)" | sha256sum | cut -c1-16)
base=$cache/root-$key.tar
if [ ! -e "$base" ]; then
  build=$(mktemp -d "$cache/build-XXXXXX")
  debootstrap --variant=minbase --include="$packages" bookworm "$build" "$mirror" >"$cache/debootstrap.log" 2>&1 ||
    { tail -20 "$cache/debootstrap.log" >&2; exit 1; }
  tar -C "$build" -cf "$base.part" . && mv "$base.part" "$base"
  rm -rf "$build"
fi

root=$(mktemp -d "$cache/fresh-XXXXXX")
trap 'rm -rf "$root"' EXIT
tar -C "$root" -xf "$base"
chmod 0755 "$root"
for f in /etc/apt/sources.list /etc/apt/sources.list.d /etc/apt/apt.conf.d /etc/resolv.conf /etc/hosts /etc/ssl/certs; do
  [ -e "$f" ] && rm -rf "${root:?}$f" && cp -aL "$f" "$root$f"
done
git clone -q "$repo" "$root/src"
mkdir -p "$root/usr/local/go" "$root/modcache"
printf 'fresh root: Debian %s, %s, nothing else\n' "$(cat "$root/etc/debian_version")" "$(go version | cut -d' ' -f3)"

export root goroot modules="$(go env GOMODCACHE)/cache/download"
goproxy=$(go env GOPROXY)
unshare -m -p -f --propagation private bash -euo pipefail -c '
  mount --bind "$root" "$root" # a root must be a mount
  mount --rbind /dev "$root/dev"
  mount -t sysfs sys "$root/sys"
  mount -t proc proc "$root/proc"
  mount -t tmpfs -o mode=1777 tmp "$root/tmp"
  mount --bind "$goroot" "$root/usr/local/go"
  mkdir -p "$modules"
  mount --bind -o ro "$modules" "$root/modcache"
  proxy=$1; shift
  cd "$root"
  mkdir -p .old
  pivot_root . .old
  umount -l /.old
  exec env -i PATH=/usr/local/go/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root \
    GOFLAGS=-buildvcs=false GOTOOLCHAIN=local GONOSUMDB="*" GOPROXY="file:///modcache,$proxy" \
    bash -euc "cd /src && for target; do make \$target; done" -- "$@"
' -- "$goproxy" "$@"
