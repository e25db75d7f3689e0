#!/bin/sh
# Rebuilds the relay from source with Debian's compiler, for both kinds of machine; the result is the same byte for byte
# wherever it is built.
#
#   build.sh             rebuild relay-x64 and relay-arm64
#   build.sh --check     rebuild into a temporary folder and compare with those that are committed
#   build.sh --install   install the Debian packages that are missing first; before --check too
set -eu
cd "$(dirname "$0")"

LLVM=22
PACKAGES="clang-$LLVM lld-$LLVM"

missing() {
  for package in $PACKAGES; do
    dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q 'install ok installed' || printf '%s ' "$package"
  done
}

if [ "${1:-}" = --install ]; then
  INSTALL=true
  shift
fi
if [ -n "${INSTALL:-}" ] && [ -n "$(missing)" ]; then
  apt-get update -qq
  # shellcheck disable=SC2046
  apt-get install -y --no-install-recommends $(missing)
fi
if [ -n "$(missing)" ]; then
  echo "build.sh needs the Debian packages $PACKAGES. Missing: $(missing)- run it with --install as root." >&2
  exit 3
fi

compile() {
  "clang-$LLVM" --target="$1" -std=c11 -Os -Wall -Wextra -Werror -ffreestanding -fno-builtin -fno-stack-protector \
    -fno-asynchronous-unwind-tables -fno-ident -fno-pic -nostdlib -static "-fuse-ld=lld-$LLVM" \
    -Wl,--build-id=none,--strip-all,-z,noexecstack,-z,norelro,-z,noseparate-code -o "$2" relay.c
}

FOLDER=.
if [ "${1:-}" = --check ]; then
  FOLDER=$(mktemp -d)
  trap 'rm -rf "$FOLDER"' EXIT
fi
compile x86_64-linux-gnu "$FOLDER/relay-x64"
compile aarch64-linux-gnu "$FOLDER/relay-arm64"
for relay in relay-x64 relay-arm64; do
  if [ "${1:-}" = --check ]; then
    cmp "$FOLDER/$relay" "$relay"
  fi
  sha256sum "$relay"
done
