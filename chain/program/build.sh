#!/bin/sh
# Rebuilds nightshift.so from source with Debian's compilers; the result is the same byte for byte on every machine.
#
#   build.sh             rebuild chain/program/nightshift.so
#   build.sh --check     rebuild into build/ and compare with the committed nightshift.so
#   build.sh --install   install the Debian packages that are missing, then rebuild
#
# Those who have Solana's platform tools can build the crate with `cargo build-sbf` instead (other compiler, other bytes).
set -eu
cd "$(dirname "$0")"

RUST=1.96.0
LLVM=22
PACKAGES="rustc-web rust-web-src cargo-web llvm-$LLVM"
LIBRARY=/usr/src/rustc-$RUST/library
BUILD=$PWD/build
TARGET=bpfel-unknown-none

missing() {
  for package in $PACKAGES; do
    dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q 'install ok installed' || printf '%s ' "$package"
  done
}

if [ "${1:-}" = --install ] && [ -n "$(missing)" ]; then
  apt-get update -qq
  # shellcheck disable=SC2046
  apt-get install -y --no-install-recommends $(missing)
fi
if [ -n "$(missing)" ] || [ ! -d "$LIBRARY" ]; then
  echo "build.sh needs the Debian packages $PACKAGES (Rust $RUST, LLVM $LLVM; Debian 12 with security updates)." >&2
  echo "Missing: $(missing)- run 'chain/program/build.sh --install' as root, or install them by hand." >&2
  exit 3
fi

export RUSTC=/usr/bin/rustc RUSTC_BOOTSTRAP=1 SOURCE_DATE_EPOCH=0
CODEGEN="-Copt-level=3 -Cpanic=abort -Ccodegen-units=1 -Cdebuginfo=0 -Clinker-plugin-lto -Ctarget-cpu=v2"
SYSROOT=$BUILD/sysroot/lib/rustlib/$TARGET/lib
mkdir -p "$SYSROOT"

# Debian ships the standard library's source only: core becomes bitcode once and is kept under build/.
stamp=$($RUSTC --version)
if [ "$(cat "$BUILD/core.stamp" 2>/dev/null)" != "$stamp" ]; then
  # shellcheck disable=SC2086
  $RUSTC --crate-name core --edition 2024 --crate-type rlib "$LIBRARY/core/src/lib.rs" --target $TARGET $CODEGEN \
    -Zforce-unstable-if-unmarked --cfg 'feature="optimize_for_size"' --cap-lints allow \
    --remap-path-prefix "$LIBRARY=library" --out-dir "$SYSROOT"
  echo "$stamp" > "$BUILD/core.stamp"
fi
# shellcheck disable=SC2086
$RUSTC --crate-name compiler_builtins --edition 2021 --crate-type rlib runtime/compiler_builtins.rs --target $TARGET \
  $CODEGEN -Zforce-unstable-if-unmarked --extern core="$SYSROOT/libcore.rlib" --out-dir "$SYSROOT"

REGISTRY=${CARGO_HOME:-$HOME/.cargo}
RUSTFLAGS="--sysroot $BUILD/sysroot $CODEGEN -Zlocation-detail=none -Zfmt-debug=none --remap-path-prefix $PWD=. --remap-path-prefix $REGISTRY=cargo" \
  CARGO_PROFILE_RELEASE_LTO=off /usr/bin/cargo rustc --quiet --locked --release --lib --crate-type rlib \
  --target $TARGET --target-dir "$BUILD/target"

# One bitcode module: the program first, then only what it needs of its crates, of core and of the runtime.
DEPS=$BUILD/target/$TARGET/release/deps
rm -rf "$BUILD/bitcode"
mkdir -p "$BUILD/bitcode"
unpack() { # rlib, name
  member=$(llvm-ar-$LLVM t "$1" | grep '\.o$')
  llvm-ar-$LLVM p "$1" "$member" > "$BUILD/bitcode/$2.bc"
}
unpack "$BUILD/target/$TARGET/release/libnightshift.rlib" nightshift
modules=
for crate in solana_define_syscall solana_program_error solana_address solana_account_view solana_instruction_view pinocchio; do
  # shellcheck disable=SC2012
  unpack "$(ls -t "$DEPS"/lib$crate-*.rlib | head -n 1)" $crate
  modules="$modules $BUILD/bitcode/$crate.bc"
done
unpack "$SYSROOT/libcore.rlib" core
unpack "$SYSROOT/libcompiler_builtins.rlib" compiler_builtins
cd "$BUILD/bitcode"
# shellcheck disable=SC2086
llvm-link-$LLVM --only-needed nightshift.bc $modules core.bc compiler_builtins.bc -o linked.bc
opt-$LLVM --internalize-public-api-list=entrypoint,memcpy,memmove,memset,memcmp,bcmp \
  -passes='internalize,default<O3>,globaldce' linked.bc -o optimised.bc
opt-$LLVM --internalize-public-api-list=entrypoint,memcpy,memmove,memset,memcmp,bcmp \
  -passes='internalize,default<O2>,globaldce,strip' optimised.bc -o final.bc
llc-$LLVM -march=bpfel -mcpu=v2 -mattr=+allows-misaligned-mem-access -bpf-stack-size=4096 -O3 -filetype=obj final.bc -o nightshift.o
cd ../..
node link.mjs "$BUILD/bitcode/nightshift.o" "$BUILD/nightshift.so"

if [ "${1:-}" = --check ]; then
  built=$(sha256sum < "$BUILD/nightshift.so" | cut -d ' ' -f 1)
  committed=$(sha256sum < nightshift.so | cut -d ' ' -f 1)
  if [ "$built" != "$committed" ]; then
    echo "nightshift.so is not what this source builds to: committed $committed, built $built ($stamp)." >&2
    echo "Run chain/program/build.sh and commit the result; if only a compiler's version changed, say so." >&2
    exit 1
  fi
  echo "nightshift.so $committed: rebuilt, the same"
else
  cp "$BUILD/nightshift.so" nightshift.so
  sha256sum nightshift.so
fi
