#!/bin/sh
# Install those of the Debian packages $@ that are missing, where that is apt's and root's to do. What they bring
# is run by the tests: no service of theirs is started.
set -eu
command -v apt-get >/dev/null && [ "$(id -u)" = 0 ] || exit 0
# A package may come with another: NodeSource's nodejs has npm.
provided() { dpkg-query -W -f '${db:Status-Status} ${Provides}, \n' | grep -qE "^installed (.* )?$1( \\(.*\\))?," ; }
missing=
for p in "$@"; do
  [ "$(dpkg-query -W -f '${db:Status-Status}' "$p" 2>/dev/null)" = installed ] || provided "$p" || missing="$missing $p"
done
[ -n "$missing" ] || exit 0
policy=/usr/sbin/policy-rc.d # what invoke-rc.d(8) asks before it starts anything
if [ ! -e $policy ]; then
  trap 'rm -f $policy' EXIT
  printf '#!/bin/sh\nexit 101\n' >$policy
  chmod 755 $policy
fi
apt-get update -qq
# shellcheck disable=SC2086 # they are several
DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $missing
