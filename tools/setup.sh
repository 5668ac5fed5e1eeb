#!/usr/bin/env bash
# Installs by apt what is missing of the Debian packages that the given jobs need; when all are there it only asks dpkg and returns.
#   tools/setup.sh JOB...     JOB: build, test, format, clang, fuzz, aarch64, model, ci (all of them)
# Works as root, or through sudo. On other systems it names the packages that need an equivalent, and goes on.
set -euo pipefail

# package | the jobs that need it | what for
packages='
g++                | build clang fuzz | C++20 compiler and its standard library
cmake              | build clang fuzz aarch64 | configures the build
ninja-build        | build clang fuzz aarch64 | runs the build
pkg-config         | build clang fuzz aarch64 | finds PCRE2
python3            | build aarch64 model | the checks in tests/checks, the model download
libfmt-dev         | build clang fuzz | text formatting
libspdlog-dev      | build clang fuzz | logging
libsimdjson-dev    | build clang fuzz | reading JSON
nlohmann-json3-dev | build clang fuzz | writing JSON
libcli11-dev       | build clang fuzz | the command line
libicu-dev         | build clang fuzz | Unicode normalization
libpcre2-dev       | build clang fuzz | the regular expressions of tokenizers
libcurl4-openssl-dev | build clang fuzz | downloads from the hub
libssl-dev         | build clang fuzz | SHA-256 and SHA-1 of downloads
libgtest-dev       | build clang      | unit tests
libgmock-dev       | build clang      | unit tests
python3-jinja2     | test             | the reference of chat templates
binutils           | test             | nm and objdump, for the checks on object files
clang-format-14    | format ci        | source layout
clang-tidy-14      | tidy             | static analysis
clang-14           | clang tidy       | the second compiler
libclang-rt-14-dev | clang            | its run-time library
clang-19           | fuzz             | libFuzzer
libclang-rt-19-dev | fuzz             | libFuzzer and its sanitizers
g++-aarch64-linux-gnu | aarch64       | cross compiler; its libraries come by tools/sysroot.sh
qemu-user          | ci aarch64       | runs the tests on a CPU without AVX, and on AArch64
make               | ci               | the entry points
git                | ci               | lists the tracked files for the checks
python3-pip        | model            | downloads the first model
'

if [ $# -eq 0 ]; then
  sed -n '2,4s/^# \{0,1\}//p' "$0" >&2
  exit 2
fi
jobs=" $* "
case "$jobs" in *" test "*) jobs="$jobs build " ;; esac
case "$jobs" in *" ci "*) jobs="$jobs build test format clang fuzz aarch64 " ;; esac

needed=()
declare -A purpose
while IFS='|' read -r name users what; do
  name=${name// /}
  [ -n "$name" ] || continue
  for user in $users; do
    case "$jobs" in
      *" $user "*)
        needed+=("$name")
        purpose[$name]=${what# }
        break
        ;;
    esac
  done
done <<<"$packages"

if ! command -v dpkg-query >/dev/null || ! command -v apt-get >/dev/null; then
  echo "setup: this system has no apt; the build needs the equivalents of: ${needed[*]}" >&2
  exit 0
fi

# What a job needs besides packages of this system.
finish() {
  case "$jobs" in *" aarch64 "*) exec "$(dirname "$0")/sysroot.sh" arm64 ;; esac
  exit 0
}

installed=$(dpkg-query -W -f='${db:Status-Abbrev} ${Package}\n' "${needed[@]}" 2>/dev/null | sed -n 's/^.i. //p' || true)
missing=()
for name in "${needed[@]}"; do
  grep -qxF "$name" <<<"$installed" || missing+=("$name")
done
[ ${#missing[@]} -gt 0 ] || finish

echo "setup: installing ${#missing[@]} Debian packages:" >&2
for name in "${missing[@]}"; do
  printf '  %-20s %s\n' "$name" "${purpose[$name]}" >&2
done

# Maintainer scripts need the system directories, which a user's PATH often lacks.
as_root=(env DEBIAN_FRONTEND=noninteractive PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin)
if [ "$(id -u)" -ne 0 ]; then
  if ! command -v sudo >/dev/null; then
    echo "setup: needs root: run as root: apt-get install --no-install-recommends ${missing[*]}" >&2
    exit 1
  fi
  if [ -t 0 ]; then as_root=(sudo "${as_root[@]}"); else as_root=(sudo -n "${as_root[@]}"); fi
fi
apt=("${as_root[@]}" apt-get -o DPkg::Lock::Timeout=300 -o Acquire::Retries=3)
"${apt[@]}" -qq update >&2 || echo "setup: some package lists could not be refreshed; trying with those at hand" >&2
if ! "${apt[@]}" -q install -y --no-install-recommends "${missing[@]}" >&2; then
  echo "setup: apt could not install: ${missing[*]} (its words stand above; is there a network?)" >&2
  exit 1
fi
finish
