#!/usr/bin/env bash
# Measures and writes docs/performance.md. "make bench" builds what it needs and
# runs it. Figures are the best of several runs on whatever machine this is.
set -euo pipefail
cd "$(dirname "$0")/.."
forward=$(go test -run '^$' -bench BenchmarkForward -benchtime 2s -count 3 ./core/dit)
read=$(go test -run '^$' -bench BenchmarkRead -count 3 ./weights)
go build -o bin/sample ./tools/sample
# native THREADS: the device and ms per image of a step with guidance, the best of five requests
native() {
	for _ in 1 2 3 4 5; do bin/sample -class fox -steps 50 -threads "$1" -json; done |
		awk -F'"' '/"device"/ { d = $4 } /"ms_per_step"/ { sub(/.*: /, ""); v = $0 / 2; if (n++ == 0 || v < b) b = v } END { printf "%.2f %s", b, d }'
}
read -r native1 device1 <<<"$(native 1)"
read -r native2 device2 <<<"$(native 2)"
simd=$(node web/bench/node.mjs)
simd2=$(node web/bench/node.mjs 2)
wasm=$(node web/bench/node.mjs 0)
read -r downloaded ready image memory look slow_look slow_image <<<"$(node web/bench/load.mjs)"
live=$(node web/bench/live.mjs)

# best NAME UNIT TEXT: the smallest (for GMAC/s the largest) figure of a benchmark
best() {
	awk -v name="$1" -v unit="$2" 'index($1, name) { for (i = 2; i < NF; i++) if ($(i+1) == unit) {
		v = $i; if (n++ == 0 || (unit == "GMAC/s" ? v > b : v < b)) b = v } } END { print b }' <<<"$3"
}
int8=$(best Forward/int8 ns/op "$forward")
f32=$(best Forward/float32 ns/op "$forward")
ms() { awk -v ns="$1" -v n="$2" 'BEGIN { printf "%.0f", ns / n / 1e6 }'; }
gmacs() { awk -v ms="$1" 'BEGIN { printf "%.3f", 0.24025 / ms * 1000 }'; }
size() { printf '%.2f MB' "$(stat -c %s "$1" | awk '{ print $1 / 1e6 }')"; }

# What make bench-web and make bench-native wrote stays, and what is known of other processors.
others=$(sed -n "/<!-- others -->/,/<!-- end -->/p" docs/performance.md)
web=$(sed -n "/<!-- bench-web -->/,/<!-- end -->/p" docs/performance.md)
decoders=$(sed -n "/<!-- bench-web-decoders -->/,/<!-- end -->/p" docs/performance.md)
beside=$(sed -n "/<!-- bench-native -->/,/<!-- end -->/p" docs/performance.md)

cat >docs/performance.md <<EOF
# Performance

Written by \`make bench\` on $(awk -F': ' '/model name/ { print $2; exit }' /proc/cpuinfo || uname -m), one core,
$(go env GOVERSION), Node $(node --version). The generic device is plain Go without SIMD or threads, the specification
that other devices are held to; simd128 and relaxed simd128 are the kernels of \`wasm/kernels\`, the rest assembly. All give
the same bytes.

## One evaluation of the default model's network

64 tokens, hidden 192, depth 8: 0.24 G multiply-adds an image.

| where | ms per image | GMAC/s |
|---|---|---|
| generic, native, int8, batch 2 | $(ms "$int8" 2) | $(best Forward/int8 GMAC/s "$forward") |
| generic, native, float32, batch 2 | $(ms "$f32" 2) | $(best Forward/float32 GMAC/s "$forward") |
| $device1, native, int8, batch 2 | $native1 | $(gmacs "$native1") |
| $device2, native, int8, batch 2 | $native2 | $(gmacs "$native2") |
| generic, WebAssembly in Node, int8, batch 1 | $wasm | $(gmacs "$wasm") |
| simd128, WebAssembly in Node, int8, batch 1 | $simd | $(gmacs "$simd") |
| simd128, two threads, WebAssembly in Node, int8, batch 1 | $simd2 | $(gmacs "$simd2") |

With guidance a step evaluates two images. In the browser simd128 takes
$(awk -v a="$simd" -v b="$wasm" 'BEGIN { printf "%.3f", a / b }') of the time of generic.

## Beside ONNX Runtime Web

$web

These are figures of a processor with AVX-VNNI (Zen 5). On one without (Zen 4, Chromium 156) relaxed SIMD's dot product saturates, which the
probe finds, and the kernels are those of SIMD128: the same command gave 0.78, 0.77 and 0.76 of ORT Web int8 on one thread, 0.68, 0.68 and 0.65 on two
(25.3, 76.1 and 172.6 ms; 13.5, 40.4 and 87.3 ms). The tables above and of loading are from that one, those beside ONNX Runtime natively from the first.

## Decoders beside ONNX Runtime Web

$decoders

## Beside ONNX Runtime, natively

$beside

$others

## Loading

The default model, $(size weights/default.dit8), is decoded, checked and handed over in $(ms "$(best Read ns/op "$read")" 1) ms natively.
In Chromium, served locally, without a cache, on $(nproc) cores, the page is ready to sample $ready ms after navigation and shows
its first image, of four steps, that it makes unasked, after $image ms (medians of 9). There is something to look at, the prepared way of that image out of noise, after $look ms.
On a line of 10 Mbit/s and 40 ms (Chromium's emulation) that is after $slow_look ms, and the image, which needs all of the model, after $slow_image ms (\`node web/bench/load.mjs\`). After
three requests of four images it has taken at most $memory MB: the memories of both modules, which never
shrink, and the file, held until its hash is known. The bound is 2.5 times the file and 40 MB.

## Live

Pictures a second that the page draws in Chromium while a slider moves, with the default model, and the longest task of its main thread (\`node web/bench/live.mjs\`):

| threads | steps | pictures a second | longest task in ms |
|---|---|---|---|
$live

Behind another tab Chromium runs a page's timers some twice a second; what draws is a worker, and goes on. Eight images of 20 steps took 2.5 s in front and 2.0 s hidden, with the same
hash, while timers of 10 ms came 144 and 3 times in 1.5 s (\`node --test web/test/hidden.test.mjs\`, on 2 cores of an AMD EPYC of Zen 3).

## Size

All that a page downloads besides the model has $(awk -v n="$downloaded" 'BEGIN { printf "%.2f MB", n / 1e6 }') after gzip -9.

| | bytes | gzip -9 |
|---|---|---|
$(for f in dit8.wasm kernels.wasm kernels-threads.wasm kernels-relaxed-threads.wasm default.dit8; do
	echo "| $f | $(size "web/dist/dit8/$f") | $(gzip -9c "web/dist/dit8/$f" | wc -c | awk '{ printf "%.2f MB", $1 / 1e6 }') |"
done)

## int8 against float32

[int8.md](int8.md) compares final images of the default model.
EOF
cat docs/performance.md
