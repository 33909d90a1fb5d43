#!/usr/bin/env bash
# Builds kernels.wasm with Debian's clang-19 and wasm-ld-19. Compiling and linking
# are separate steps because clang alone would run whatever wasm-opt it finds.
set -euo pipefail
here=$(dirname "$0")
out=$(realpath -m "${1:-$here/kernels.wasm}")
cd "$here"
mkdir -p "$(dirname "$out")"
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
for f in linear rows attention; do
	clang-19 --target=wasm32 -O3 -std=c17 -ffreestanding -fno-builtin-memset -ffp-contract=off -msimd128 -mbulk-memory \
		-Wall -Wextra -Werror -ffile-prefix-map="$PWD"=. -c "src/$f.c" -o "$tmp/$f.o"
done
wasm-ld-19 --no-entry --import-memory --export=__heap_base --strip-all -z stack-size=65536 "$tmp"/{linear,rows,attention}.o -o "$out"
