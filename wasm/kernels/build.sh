#!/usr/bin/env bash
# Builds kernels.wasm and kernels-relaxed.wasm, for either …-threads.wasm over
# a shared memory, and kernels-probe.wasm, with Debian's clang-19 and wasm-ld-19 into
# the directory given, or here. Compiling and linking
# are separate steps because clang alone would run whatever wasm-opt it finds.
set -euo pipefail
here=$(dirname "$0")
out=$(realpath -m "${1:-$here}")
cd "$here"
mkdir -p "$out"
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
for f in run linear int8 float32 epilogue rows attention relaxed probe; do
	simd=-msimd128
	case $f in relaxed | probe) simd=-mrelaxed-simd ;; esac
	clang-19 --target=wasm32 -O3 -std=c17 -ffreestanding -fno-builtin-memset -ffp-contract=off $simd -mbulk-memory -matomics \
		-Wall -Wextra -Werror -ffile-prefix-map="$PWD"=. -c "src/$f.c" -o "$tmp/$f.o"
done
link() {
	local name=$1 files=("${@:2}")
	files=("${files[@]/#/$tmp/}")
	set -- wasm-ld-19 --no-entry --import-memory --export=__heap_base --export=__stack_pointer --strip-all -z stack-size=65536 "${files[@]/%/.o}"
	"$@" -o "$out/$name.wasm"
	"$@" --shared-memory --max-memory=4294967296 -o "$out/$name-threads.wasm"
}
rest=(run linear float32 epilogue rows attention)
link kernels int8 "${rest[@]}"
link kernels-relaxed relaxed "${rest[@]}"
wasm-ld-19 --no-entry --export-memory --strip-all -z stack-size=65536 "$tmp/probe.o" -o "$out/kernels-probe.wasm"
