#!/usr/bin/env bash
# Builds kernels.wasm, and kernels-threads.wasm over a shared memory, with Debian's
# clang-19 and wasm-ld-19 into the directory given, or here. Compiling and linking
# are separate steps because clang alone would run whatever wasm-opt it finds.
set -euo pipefail
here=$(dirname "$0")
out=$(realpath -m "${1:-$here}")
cd "$here"
mkdir -p "$out"
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
files=()
for f in run int8 float32 epilogue rows attention; do
	clang-19 --target=wasm32 -O3 -std=c17 -ffreestanding -fno-builtin-memset -ffp-contract=off -msimd128 -mbulk-memory -matomics \
		-Wall -Wextra -Werror -ffile-prefix-map="$PWD"=. -c "src/$f.c" -o "$tmp/$f.o"
	files+=("$tmp/$f.o")
done
link() { wasm-ld-19 --no-entry --import-memory --export=__heap_base --export=__stack_pointer --strip-all -z stack-size=65536 "${files[@]}" "$@"; }
link -o "$out/kernels.wasm"
link --shared-memory --max-memory=4294967296 -o "$out/kernels-threads.wasm"
