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
compile() { # source, object, instructions
	clang-19 --target=wasm32 -O3 -std=c17 -ffreestanding -fno-builtin-memset -ffp-contract=off "$3" -mbulk-memory -matomics \
		-Wall -Wextra -Werror -ffile-prefix-map="$PWD"=. -c "src/$1.c" -o "$tmp/$2.o"
}
for f in run linear int8 float32 epilogue rows attention attention_int8 picture conv; do compile $f $f -msimd128; done
for f in relaxed probe; do compile $f $f -mrelaxed-simd; done
compile attention_int8 attention_relaxed -mrelaxed-simd
link() {
	local name=$1 files=("${@:2}")
	files=("${files[@]/#/$tmp/}")
	set -- wasm-ld-19 --no-entry --import-memory --export=__heap_base --export=__stack_pointer --strip-all -z stack-size=65536 "${files[@]/%/.o}"
	"$@" -o "$out/$name.wasm"
	"$@" --shared-memory --max-memory=4294967296 -o "$out/$name-threads.wasm"
}
rest=(run linear float32 epilogue rows attention picture conv)
link kernels int8 attention_int8 "${rest[@]}"
link kernels-relaxed relaxed attention_relaxed "${rest[@]}"
wasm-ld-19 --no-entry --export-memory --strip-all -z stack-size=65536 "$tmp/probe.o" -o "$out/kernels-probe.wasm"
