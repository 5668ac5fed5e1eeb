#!/usr/bin/env bash
# Unpacks the Debian packages that a cross build links with, and all that they depend on, into build/sysroot-ARCH:
#   tools/sysroot.sh ARCH     ARCH: arm64
# Needs no root and leaves the system's own packages alone: apt works on lists of its own under that folder, with the sources of
# this system. Does nothing where the folder already holds the packages named here.
set -euo pipefail

packages=(libcli11-dev libcurl4-openssl-dev libfmt-dev libgmock-dev libgtest-dev libicu-dev libpcre2-dev libsimdjson-dev
  libspdlog-dev libssl-dev libstdc++6 nlohmann-json3-dev)

if [ $# -ne 1 ]; then
  sed -n '2,3s/^# \{0,1\}//p' "$0" >&2
  exit 2
fi
arch=$1
root=$(cd "$(dirname "$0")/.." && pwd)/build/sysroot-$arch
if [ "$(cat "$root/packages" 2>/dev/null)" = "${packages[*]}" ]; then exit 0; fi
for tool in apt-get dpkg-deb; do
  if ! command -v $tool >/dev/null; then
    echo "sysroot: needs $tool; elsewhere, put the $arch libraries of these under $root: ${packages[*]}" >&2
    exit 1
  fi
done

rm -rf "$root"
state=$root/apt
mkdir -p "$state/lists/partial" "$state/cache/archives/partial"
: >"$state/status"
apt=(apt-get -o APT::Architecture="$arch" -o APT::Architectures="$arch" -o APT::Sandbox::User= -o Dir::State::status="$state/status"
  -o Dir::State::lists="$state/lists" -o Dir::Cache="$state/cache" -o Dir::Log="$state" -o Acquire::Languages=none
  -o Acquire::Retries=3 -o Debug::NoLocking=1)
"${apt[@]}" -qq update >&2
"${apt[@]}" -qq -y --no-install-recommends --download-only install "${packages[@]}" >&2
for package in "$state"/cache/archives/*.deb; do
  dpkg-deb -x "$package" "$root"
done
rm -r "$state"
# Links to /lib/... would lead out of the folder.
find "$root" -type l -lname '/*' -printf '%p %l\n' | while read -r link target; do
  ln -sfnr "$root$target" "$link"
done
echo "${packages[*]}" >"$root/packages"
