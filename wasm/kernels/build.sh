#!/usr/bin/env bash
# Builds kernels.wasm and kernels-relaxed.wasm, for either …-threads.wasm over
# a shared memory, kernels-probe.wasm and sha256.wasm, with Debian's clang-19 and wasm-ld-19 into
# the directory given, or here. Compiling and linking
# are separate steps because clang alone would run whatever wasm-opt it finds.
set -euo pipefail
here=$(dirname "$0")
out=$(realpath -m "${1:-$here}")
cd "$here"
mkdir -p "$out"
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
compile() { # source, object, options
	clang-19 --target=wasm32 -O3 -std=c17 -ffreestanding -fno-builtin-memset -ffp-contract=off "${@:3}" -mbulk-memory -matomics \
		-Wall -Wextra -Werror -ffile-prefix-map="$PWD"=. -c "src/$1.c" -o "$tmp/$2.o"
}
both=(linear float32 epilogue attention_int8)
for f in run int8 rows attention "${both[@]}"; do compile $f $f -msimd128; done
pictures=(picture conv conv_int8) # as fast, and half as large
for f in "${pictures[@]}"; do compile $f $f -msimd128 -Os; done
compile sha256 sha256 -O2
for f in relaxed probe; do compile $f $f -mrelaxed-simd; done
for f in "${both[@]}"; do compile $f $f-relaxed -mrelaxed-simd; done
link() {
	local name=$1 files=("${@:2}")
	files=("${files[@]/#/$tmp/}")
	set -- wasm-ld-19 --no-entry --import-memory --export=__heap_base --export=__stack_pointer --strip-all -z stack-size=65536 "${files[@]/%/.o}"
	"$@" -o "$out/$name.wasm"
	"$@" --shared-memory --max-memory=4294967296 -o "$out/$name-threads.wasm"
}
rest=(run rows attention "${pictures[@]}")
link kernels int8 "${both[@]}" "${rest[@]}"
link kernels-relaxed relaxed "${both[@]/%/-relaxed}" "${rest[@]}"
wasm-ld-19 --no-entry --export-memory --strip-all -z stack-size=65536 "$tmp/probe.o" -o "$out/kernels-probe.wasm"
wasm-ld-19 --no-entry --export-memory --export=__heap_base --strip-all -z stack-size=4096 "$tmp/sha256.o" -o "$out/sha256.wasm"
