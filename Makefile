# make run    builds everything and shows the page on a local port
# make test   runs all tests, installing what they need
# make desktop  builds the desktop program for Linux, Windows and macOS into dist
# make release  builds dit8, one program with the page and the model in it, for these systems into dist/release
# make image  builds a container of it
# make web    builds the page into web/dist; SOURCE=https://… gives its footer a link to the source, if package.json names none
# make npm    makes the npm packages, dit8 and dit8-emoji, in web/npm
# make shots  takes docs' pictures of the page; make film the README's first, which moves; make gallery those that the page begins with
# make bench  measures; it writes docs/performance.md
# make bench-web  measures beside ONNX Runtime Web; it writes its part of docs/performance.md
# make bench-native  measures beside ONNX Runtime; it writes its part of docs/performance.md
# make bench-webgpu  measures WebGPU on this machine's GPU, beside ONNX Runtime Web's provider; it prints (docs/webgpu.md)
# make bench-desktop  measures the window's frames while it samples
# make edge   builds the edge worker; make edge-dev runs it on workerd, on a local port
# make bench-edge  measures the worker and the native server; it writes its part of docs/edge.md
# make kernels  compiles wasm/kernels/*.wasm
# make asm    writes the assembly of core/compute/native
# make quality  measures solvers and edits; it writes docs/solvers.md and docs/editing.md
# make techniques  shows what smoothing, GPTQ and the like buy for a checkpoint (docs/quantize.md)
# make data   builds the images that the default model is trained on
# make model  makes weights/default.dit8 of its float weights, and the golden hashes of it
# make int8   compares the default model with its float checkpoint (docs/int8.md)

GO ?= go
# a python3 with PyTorch; Debian's, where another one is first on the path and has none
PYTHON ?= $(shell python3 -c 'import torch' 2>/dev/null && echo python3 || echo /usr/bin/python3)
DIST = web/dist
WASM = kernels.wasm kernels-threads.wasm kernels-relaxed.wasm kernels-relaxed-threads.wasm kernels-probe.wasm sha256.wasm
KERNELS = kernels.js kernels-helper.js $(WASM)
GPU = webgpu.js webgpu.wgsl
PACKAGE = sampler.js sampler.d.ts host.js convert.js convert.d.ts convert-worker.js convert-files.js worker.js ahead.js ahead-worker.js ring.js crc32c.js model.js own.js names.js storage.js sha256.js zstd.js errors.js png.js
# what the service worker keeps: not what only a graphics processor or the converter needs
CACHED = find . -type f ! -name LICENSE ! -name THIRD_PARTY ! -name '*.dit8' ! -name '*.d.ts' ! -name 'convert*' ! -name 'webgpu.*' ! -name preview.jpg ! -name sw.js | sort
PAGE = icon.svg icon-192.png icon-512.png manifest.webmanifest gallery.webp first.webp preview.jpg

.PHONY: run desktop release release-page release-program image test test-go test-arch test-native test-kernels test-webgpu test-web test-bundlers test-desktop test-edge edge edge-dev kernels asm web npm shots film gallery bench bench-web bench-webgpu bench-native bench-desktop bench-edge quality techniques int8 model test-train data need-go need-node need-debian need-torch fuzz

run: web
	$(GO) run ./tools/serve

# All is compiled without inlining: 5 % less to download, at the same speed of loading and
# sampling. Only what computes where there is no SIMD keeps it: there it counts.
SMALL = std dit8/core dit8/core/prompt dit8/core/internal/nearest dit8/core/flow dit8/core/dit dit8/core/autoencoder dit8/core/param dit8/core/sampling dit8/core/bench dit8/weights dit8/wasm/...
web: need-go web/node_modules/.package-lock.json
	@rm -rf $(DIST) && mkdir -p $(DIST)/dit8
	GOOS=js GOARCH=wasm $(GO) build -trimpath -ldflags='-s -w -X main.version=$(VERSION)' $(SMALL:%=-gcflags=%=-l) -o $(DIST)/dit8/dit8.wasm ./wasm/browser
	GOOS=js GOARCH=wasm $(GO) build -tags convert -trimpath -ldflags='-s -w' -o $(DIST)/dit8/convert.wasm ./wasm/convert
	cp -f "$$($(GO) env GOROOT)/lib/wasm/wasm_exec.js" $(DIST)/dit8/
	sed -n 's/^const wasm = "\(.*\)".*/\1/p' web/node_modules/zstddec/dist/zstddec.mjs | base64 -d >$(DIST)/dit8/zstd.wasm
	cp -f $(addprefix web/dit8/,$(PACKAGE)) $(addprefix wasm/kernels/,$(KERNELS)) $(addprefix wasm/webgpu/,$(GPU)) weights/default.dit8 $(DIST)/dit8/
	{ echo "What is in this folder and not dit8's own."; \
	printf '\nzstd.wasm:\n\n'; cat web/node_modules/zstddec/LICENSE; sed -n '/^\/\*\*$$/,/^ \*\/$$/p' web/node_modules/zstddec/dist/zstddec.mjs; \
	printf '\nklauspost/compress, in convert.wasm:\n\n'; cat "$$($(GO) list -m -f '{{.Dir}}' github.com/klauspost/compress)/LICENSE"; \
	printf '\nwasm_exec.js, and the runtime and the standard library in dit8.wasm and convert.wasm:\n\n'; cat "$$($(GO) env GOROOT)/LICENSE"; } >$(DIST)/dit8/THIRD_PARTY
	cp -f LICENSE $(DIST)/dit8/
	cp -f $(addprefix web/page/,$(PAGE)) $(DIST)/ && cp -f weights/default.md $(DIST)/model-card.txt
	node web/source.mjs '$(SOURCE)' >$(DIST)/index.html
	@chmod -R u+w $(DIST)
	$(GO) run ./tools/serve -list >$(DIST)/dit8/models.js
	node web/page.mjs $(DIST)
	echo '[]' >$(DIST)/models.json
	cd $(DIST) && { printf 'const version = "%s", files = ["./"' $$(cat $$($(CACHED)) | sha256sum | cut -c 1-16); \
		$(CACHED) | sed 's/.*/, "&"/' | tr -d '\n'; printf '];\n'; ../node_modules/.bin/esbuild ../page/sw.js --minify; } >sw.js
	node web/compress.mjs $(DIST)

npm: web
	node web/pack.mjs web/npm

web/node_modules/.package-lock.json web/test/vite/node_modules/.package-lock.json web/test/bundlers/node_modules/.package-lock.json wasm/edge/node_modules/.package-lock.json wasm/webgpu/node_modules/.package-lock.json tools/dataset/node_modules/.package-lock.json: %/node_modules/.package-lock.json: %/package-lock.json | need-node
	cd $* && npm ci --ignore-scripts --no-audit --no-fund
	@touch $@

# Pure Go everywhere: no compiler of the other system is needed.
SYSTEMS = linux/amd64 linux/arm64 windows/amd64 darwin/amd64 darwin/arm64
desktop: need-go
	for s in $(SYSTEMS); do \
		os=$${s%/*} arch=$${s#*/} suffix= flags=; \
		if test $$os = windows; then suffix=.exe flags=-H=windowsgui; fi; \
		CGO_ENABLED=0 GOOS=$$os GOARCH=$$arch $(GO) build -trimpath -ldflags="-s -w $$flags" -o dist/dit8-$$os-$$arch$$suffix ./desktop || exit 1; \
	done

# One program with the page and the model in it, which needs neither Go nor Node: archives of it,
# their checksums and a bill of what is in them. The model is in the program once.
VERSION := $(shell sed -n 's/^  "version": "\(.*\)",$$/\1/p' web/package.json)
RELEASE = dist/release
release: web release-page
	rm -rf $(RELEASE)
	for s in $(SYSTEMS); do $(MAKE) --no-print-directory release-program SYSTEM=$$s TO=$(RELEASE)/dit8-$(VERSION)-$${s%/*}-$${s#*/}/ || exit 1; done
	$(GO) run ./tools/release $(VERSION) $(RELEASE)

release-page: web
	rm -rf tools/dit8/page && cp -r $(DIST) tools/dit8/page && rm -f tools/dit8/page/dit8/default.dit8*

# for SYSTEM, into the folder TO
release-program:
	mkdir -p $(TO)
	CGO_ENABLED=0 GOOS=$(firstword $(subst /, ,$(SYSTEM))) GOARCH=$(lastword $(subst /, ,$(SYSTEM))) \
		$(GO) build -trimpath -tags release -ldflags="-s -w -X main.version=$(VERSION)" -o $(TO) ./tools/dit8

# With docker, podman or buildah; make image IMAGE=name:tag MODEL=my.dit8, a file in this folder
IMAGE ?= dit8:$(VERSION)
MODEL ?= weights/default.dit8
image:
	@if docker info >/dev/null 2>&1; then build="docker build"; \
	elif command -v podman >/dev/null; then build="podman build --format docker"; \
	elif command -v buildah >/dev/null; then build="buildah build --format docker --layers"; \
	else echo "A builder of containers is needed: docker, whose daemon runs, podman or buildah."; exit 1; fi; \
	$$build $(IMAGE_FLAGS) --build-arg MODEL=$(MODEL) -t $(IMAGE) .

# The worker's modules, as wasm/edge/worker.mjs imports them. Go's glue is made a function of
# the globals that Go sees.
EDGE = wasm/edge/dist
edge: need-go wasm/edge/node_modules/.package-lock.json
	@rm -rf $(EDGE) && mkdir -p $(EDGE)/assets
	GOOS=js GOARCH=wasm $(GO) build -trimpath -ldflags='-s -w' $(SMALL:%=-gcflags=%=-l) -o $(EDGE)/dit8.wasm ./wasm/edge
	{ echo 'export default function (globalThis) {'; cat "$$($(GO) env GOROOT)/lib/wasm/wasm_exec.js"; echo 'return globalThis.Go;'; echo '}'; } >$(EDGE)/wasm_exec.mjs
	cp -f wasm/kernels/kernels.js wasm/kernels/kernels.wasm weights/default.dit8 $(EDGE)/
	ln $(EDGE)/default.dit8 $(EDGE)/assets/

# On workerd, at http://127.0.0.1:8787/, without an account or a network.
edge-dev: edge
	cd wasm/edge && npm run dev

test: test-go test-arch test-native test-kernels test-webgpu test-web test-bundlers test-edge test-desktop test-train

# The test of releases reads the licences of the page's packages.
test-go: need-go web/node_modules/.package-lock.json
	test -z "$$(gofmt -l .)"
	$(GO) vet ./...
	GOOS=js GOARCH=wasm $(GO) vet -tags convert ./wasm/...
	$(GO) test ./...

# The same pixels on a 32-bit machine, 386 where the kernel runs its programs and an emulated
# ARM elsewhere, and on arm64, which has fused multiply-add; its assembly on a processor with
# products of matrices and dot products and on one without. What draws many pictures takes
# minutes without assembly: only test-go runs it.
ARCH_TEST = $(GO) test $(1) ./core/... ./weights/... && $(GO) test $(1) -skip 'Bulk|Morph|Inspect[CPT]' ./tools/sample/command
test-arch: need-go need-debian
	if GOARCH=386 $(GO) test -run '^$$' ./core/compute >/dev/null 2>&1; then export GOARCH=386; $(call ARCH_TEST,); \
	else export GOARCH=arm; $(call ARCH_TEST,-exec qemu-arm); fi
	GOARCH=arm64 $(GO) test -short -timeout 20m -exec qemu-aarch64 -run Golden ./tools/sample/command ./weights ./core/...
	DIT8_DEVICES=neon-i8mm,neon-dotprod,neon,generic QEMU_CPU=max GOARCH=arm64 $(GO) test -short -timeout 20m -exec qemu-aarch64 ./core/compute/native
	DIT8_DEVICES=neon,generic QEMU_CPU=cortex-a53 GOARCH=arm64 $(GO) test -short -count 1 -timeout 20m -exec qemu-aarch64 ./core/compute/native

# The assembly under the race detector (what it is compared with has one thread, and is five times
# as fast without) and with a busy garbage collector (AMX, which may be
# emulated, without the former; it says whether it was tested), the build without it, and that
# it is what its generator writes.
test-native: need-go need-debian
	CGO_ENABLED=1 $(GO) test -race -gcflags=dit8/core/compute/generic=-race=false -gcflags=dit8/core/compute/computetest=-race=false \
		-timeout 20m -skip TestAMX ./core/compute/native
	GOGC=1 $(GO) test -count 1 -v -run TestAMX ./core/compute/native
	GOGC=1 $(GO) test -count 1 -skip TestAMX ./core/compute/native
	$(GO) test -tags purego ./core/... ./tools/sample/command
	rm -rf bin/_native && mkdir -p bin && cp -r core/compute/native bin/_native
	cd bin/_native/_asm && ./generate.sh
	diff -r core/compute/native bin/_native

# The kernels in Node on 1, 2 and 4 threads, and that they are what their source compiles to.
test-kernels: need-go need-debian web/node_modules/.package-lock.json
	for n in 1 2 4; do DIT8_THREADS=$$n GOOS=js GOARCH=wasm $(GO) test -exec "node $(CURDIR)/wasm/kernels/gotest.mjs" ./wasm/kernels || exit 1; done
	wasm/kernels/build.sh bin/kernels
	for f in $(WASM); do cmp bin/kernels/$$f wasm/kernels/$$f || exit 1; done

# The shaders in Node on Dawn, and that on SwiftShader, a processor that plays the GPU, which Chromium has beside it with Vulkan's loader.
# Dawn, 132 MB, is downloaded for this and bench-webgpu alone. Some cases of attention over 1000 tokens and more are
# left out, as shorter ones are of the same kinds; make test-webgpu SKIP= runs all.
SWIFTSHADER ?= /usr/lib/chromium
SKIP ?= -skip 'TestConformance/attention/(2049.*(false|40)|1027.*40|extremes_[1-4]_of_1024|extremes_[0-3]_of_1100)'
test-webgpu: need-go need-debian web/node_modules/.package-lock.json wasm/webgpu/node_modules/.package-lock.json
	@test -e $(SWIFTSHADER)/vk_swiftshader_icd.json || { echo "SwiftShader is needed: Debian's chromium has it in $(SWIFTSHADER); SWIFTSHADER names another folder"; exit 1; }
	LD_LIBRARY_PATH=$(SWIFTSHADER) VK_ICD_FILENAMES=$(SWIFTSHADER)/vk_swiftshader_icd.json \
		GOOS=js GOARCH=wasm $(GO) test -exec "node $(CURDIR)/wasm/webgpu/gotest.mjs" $(SKIP) ./wasm/webgpu ./wasm/browser

kernels: need-debian
	wasm/kernels/build.sh

asm: need-go
	cd core/compute/native/_asm && ./generate.sh

test-web: web release-page need-debian web/test/vite/node_modules/.package-lock.json
	$(GO) test -tags release ./tools/dit8
	cd web && npm test
	node --test tools/dataset

# The packed package in projects of other bundlers.
test-bundlers: web need-debian web/test/bundlers/node_modules/.package-lock.json
	node --test --test-concurrency=1 web/test/bundlers/bundlers.test.mjs

# The real program in a real window of a virtual screen, and that it builds for all systems.
# make test-desktop DIT8_SHOT=$PWD/docs/desktop.png  takes its picture again
test-desktop: desktop need-debian
	$(GO) vet -tags window ./desktop
	DIT8_SHOT=$(DIT8_SHOT) $(GO) test -count 1 -tags window -timeout 5m -v ./desktop

test-edge: edge
	cd wasm/edge && npm test

# The images that the default model is trained on, checked against tools/dataset/manifest-core-128.json.
data: tools/dataset/node_modules/.package-lock.json
	node tools/dataset/build.mjs --words --core --size 128 --check data/core-128

# weights/default.md is the model's card.
model: need-go
	$(GO) run ./tools/quantize -f -compress fast -gptq -keep 't_embedder.*=f16' -keep 'r_embedder.*=f16' -name emoji \
		-license 'CC-BY-4.0, after drawings under Apache-2.0, CC-BY-4.0 and MIT' -source 'weights/emoji: trained from scratch on emoji drawings; see weights/default.md' \
		-o weights/default.dit8 weights/emoji
	sum=$$(sha256sum weights/default.dit8 | cut -d' ' -f1) && sed -i -E "s/(\"DIT8_SHA256\": \")[0-9a-f]{64}/\1$$sum/" wasm/edge/wrangler.jsonc
	$(GO) test -count 1 -run TestGoldenPixels ./tools/sample/command -update

# A tiny network is trained, stopped and resumed to the same bits, exported, and computed by Go as by PyTorch.
test-train: need-go need-torch
	mkdir -p bin
	$(GO) build -o bin/quantize ./tools/quantize
	cd tools/train && DIT8_QUANTIZE=$(CURDIR)/bin/quantize $(PYTHON) -m unittest -b

bench: web need-debian
	docs/performance.sh

# With a font of coloured emoji (Debian: fonts-noto-color-emoji).
shots: web need-debian
	node web/bench/shots.mjs

film: web need-debian
	node web/bench/film.mjs

# After new weights: web/page's gallery.webp, first.webp, preview.jpg and icons.
gallery: web need-debian
	node web/bench/gallery.mjs

# Beside ONNX Runtime Web; it writes its part of docs/performance.md.
bench-web: web need-debian
	cd web/bench && npm ci --ignore-scripts --no-audit --no-fund
	node web/bench/web.mjs
	node web/bench/decoders.mjs

# Bits, times and counts on a GPU, by Dawn over Vulkan, in some five minutes. NETWORKS may name fewer.
bench-webgpu: web need-debian wasm/webgpu/node_modules/.package-lock.json
	cd web/bench && npm ci --ignore-scripts --no-audit --no-fund
	node web/bench/webgpu.mjs $(NETWORKS)

# Beside ONNX Runtime; it writes its part of docs/performance.md and the plots.
bench-native: need-go need-node
	$(GO) build -o bin/sample ./tools/sample
	$(GO) test -c -o bin/native.test ./core/compute/native
	cd web/bench && npm ci --ignore-scripts --no-audit --no-fund
	node web/bench/native.mjs

# The times between frames of the real window while it samples.
bench-desktop: need-go need-debian
	$(GO) test -tags window -run '^$$' -bench . -benchtime 5x ./desktop

# The worker on workerd, and a minute of twice the native server's capacity.
bench-edge: edge
	mkdir -p bin
	cd wasm/edge && npm run bench

quality: need-go
	$(GO) run ./tools/quality solvers testdata/emoji-32.dit8 docs
	$(GO) run ./tools/quality editing testdata/emoji-32.dit8 docs

int8: need-go
	mkdir -p bin
	$(GO) run ./tools/quantize -type f32 -f -o bin/f32.dit8 weights/emoji
	{ cat docs/int8.head.md; $(GO) run ./tools/quantize psnr -steps 4 -guidance 1 -reference bin/f32.dit8 weights/default.dit8; } >docs/int8.md

# make techniques CHECKPOINT=random:s4
# make techniques CHECKPOINT=weights/emoji
techniques: need-go
	$(GO) run ./tools/quantize techniques $(CHECKPOINT)

# make fuzz TIME=10m
TIME ?= 1m
fuzz: need-go
	$(GO) test -run '^$$' -fuzz FuzzDevice -fuzztime $(TIME) -fuzzminimizetime 1x ./core/compute/native
	$(GO) test -run '^$$' -fuzz FuzzReader -fuzztime $(TIME) -fuzzminimizetime 1x ./weights
	$(GO) test -run '^$$' -fuzz FuzzReadMetadata -fuzztime $(TIME) -fuzzminimizetime 1x ./core/pngfile
	$(GO) test -run '^$$' -fuzz FuzzDecode -fuzztime $(TIME) -fuzzminimizetime 1x ./internal/picture
	$(GO) test -run '^$$' -fuzz FuzzRead -fuzztime $(TIME) -fuzzminimizetime 1x ./tools/quantize/labels
	for f in FuzzBody FuzzQuery FuzzHeaders; do $(GO) test -run '^$$' -fuzz $$f -fuzztime $(TIME) -fuzzminimizetime 1x ./wasm/edge/api || exit 1; done
	$(GO) test -run '^$$' -fuzz FuzzRead -fuzztime $(TIME) -fuzzminimizetime 1x ./tools/quantize/checkpoint/safetensors
	for f in FuzzPickle FuzzZip FuzzLegacy; do $(GO) test -run '^$$' -fuzz $$f -fuzztime $(TIME) -fuzzminimizetime 1x ./tools/quantize/checkpoint/torchfile || exit 1; done

need-go:
	@command -v $(GO) >/dev/null || { echo "Go 1.26 is needed: https://go.dev/dl"; exit 1; }

need-node:
	@command -v npm >/dev/null || { echo "Node 20 and npm are needed: https://nodejs.org"; exit 1; }

# Chromium, Firefox and WebKit, the emulator, the compiler of the kernels, one for the race detector, and a virtual screen with OpenGL, a hand on
# keyboard and mouse and a clipboard: installed where we may, named elsewhere. By glxinfo Ebiten sees that it can take GLX,
# whose frames cost a fifth of EGL's where no GPU draws.
need-debian:
	@missing=; command -v chromium >/dev/null || missing="$$missing chromium"; \
	command -v firefox-esr >/dev/null || missing="$$missing firefox-esr"; \
	command -v WebKitWebDriver >/dev/null || missing="$$missing webkit2gtk-driver"; \
	command -v qemu-aarch64 >/dev/null || missing="$$missing qemu-user"; \
	command -v clang-19 >/dev/null || missing="$$missing clang-19"; \
	command -v wasm-ld-19 >/dev/null || missing="$$missing lld-19"; \
	command -v Xvfb >/dev/null || missing="$$missing xvfb"; \
	command -v xdotool >/dev/null || missing="$$missing xdotool"; \
	command -v xclip >/dev/null || missing="$$missing xclip"; \
	command -v xprop >/dev/null || missing="$$missing x11-utils"; \
	command -v glxinfo >/dev/null && ls /usr/lib/*/dri/swrast_dri.so /usr/lib/*/libEGL.so.1 >/dev/null 2>&1 || missing="$$missing mesa-utils libgl1 libegl1 libgles2 libgl1-mesa-dri"; \
	command -v gcc >/dev/null && test -e /usr/include/stdio.h || missing="$$missing gcc libc6-dev"; \
	if test -n "$$missing"; then \
		if command -v apt-get >/dev/null && test "$$(id -u)" = 0; then \
			apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $$missing >/dev/null; \
		else echo "Please install:$$missing"; exit 1; fi; fi

# PyTorch and a BLAS that is not its slow one: installed where we may, named elsewhere.
need-torch:
	@$(PYTHON) -c 'import torch, numpy, PIL' 2>/dev/null || \
	if command -v apt-get >/dev/null && test "$$(id -u)" = 0; then \
		apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends python3-torch libopenblas0-pthread python3-numpy python3-pil >/dev/null; \
	else echo "Please install: python3-torch libopenblas0-pthread python3-numpy python3-pil, or set PYTHON"; exit 1; fi
