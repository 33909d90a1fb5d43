//go:build js

package main

import (
	"errors"
	"syscall/js"
	"testing"

	"dit8/core/autoencoder"
	"dit8/core/compute"
	"dit8/core/compute/generic"
	"dit8/core/dit"
	"dit8/wasm/webgpu"
)

// A race of these takes little. The network's depth makes it large.
var (
	deep = dit.Config{InputSize: 16, PatchSize: 2, InChannels: 3, HiddenSize: 256, Depth: dit.MaxDepth, NumHeads: 4, MLPHidden: 512, NumClasses: 1}
	thin = autoencoder.Config{ImageChannels: 3, LatentChannels: 3, Groups: 2, Decoder: autoencoder.Half{Channels: []int{8}, Layers: []int{1}}}
)

// processor is one that takes so many ms more, by the clock, for each network and each convolution, and counts them.
type processor struct {
	compute.Convolver
	name  string
	late  int
	calls int
}

func (p *processor) Name() string { return p.name }

func (p *processor) Unpatchify(img, tokens compute.F32, s compute.Image) {
	p.Convolver.Unpatchify(img, tokens, s)
	p.calls++
	pass(p.late)
}

func (p *processor) Conv(out compute.ConvOutput, in compute.ConvInput, c compute.Conv) {
	p.Convolver.Conv(out, in, c)
	p.calls++
	pass(p.late)
}

// pass moves the clock of Go, performance.now, on by so many ms, for which nobody has to wait. It never goes back, and
// the limit of a test's time goes by it as well.
func pass(ms int) {
	js.Global().Get("Function").New("ms", `
		if (globalThis.dit8Passed === undefined) {
			const { now } = performance;
			performance.now = () => now.call(performance) + dit8Passed;
			globalThis.dit8Passed = 0;
		}
		dit8Passed += ms;`).Invoke(ms)
}

// slow has each read of the graphics processor take so many ms more by that clock, until the test ends.
func slow(t *testing.T, ms int) {
	pass(0)
	gpu := js.Global().Get("dit8GPU")
	read := gpu.Get("read")
	gpu.Set("read", js.Global().Get("Function").New("read", "ms", "return (...args) => { dit8Passed += ms; return read(...args); }").Invoke(read, ms))
	t.Cleanup(func() { gpu.Set("read", read) })
}

// With "auto" the faster of the two computes, and which that is, is found out once.
func TestAuto(t *testing.T) {
	gpu, err := webgpu.Open(generic.New())
	if err != nil {
		t.Fatal(err)
	}
	if err := gpu.TestConvolutions(); err != nil { // so that what is compiled for it, and optimised, counts for neither side
		t.Fatal(err)
	}
	for _, c := range []struct {
		name           string
		processor, gpu int   // ms more
		want           error // of the race
	}{
		{name: "slow processor", processor: 5_000},
		{name: "slow GPU", gpu: 5_000, want: webgpu.ErrSlower},
	} {
		t.Run(c.name, func(t *testing.T) {
			slow(t, c.gpu)
			cpu := &processor{Convolver: generic.New(), name: c.name, late: c.processor}
			want := compute.Device(cpu)
			if c.want == nil {
				want = gpu
			}
			races := 0
			for visit := range 2 {
				p := &program{cpu: cpu, asked: "auto", gpu: gpu}
				if dev, note := p.choose(deep); dev != want || note != "" {
					t.Errorf("visit %d: the device is %s, note %q, want %s", visit, dev.Name(), note, want.Name())
				}
				if err := p.declined(thin); !errors.Is(err, c.want) {
					t.Errorf("visit %d: the race of autoencoders says %v, want %v", visit, err, c.want)
				}
				if visit == 0 {
					races = cpu.calls
				}
			}
			if races == 0 || cpu.calls != races {
				t.Errorf("the processor was called %d times on the first visit and %d on the second, want some and 0", races, cpu.calls-races)
			}
			asked := &program{cpu: cpu, asked: "webgpu-software", gpu: gpu}
			if dev, note := asked.choose(deep); dev != compute.Device(gpu) || note != "" {
				t.Errorf("asked for, the device is %s, note %q", dev.Name(), note)
			}
			if err := asked.declined(thin); err != nil {
				t.Errorf("asked for, it declines autoencoders: %v", err)
			}
			if c.want == nil {
				return
			}
			closed := &program{cpu: cpu, asked: "auto"}
			if dev, _ := closed.choose(deep); dev != want || closed.gpu != nil {
				t.Errorf("the device is %s, want %s; the GPU is open: %v", dev.Name(), want.Name(), closed.gpu != nil)
			}
			gpu.Decline(c.want)
			if gpu.Fits(thin, 4, 4) || gpu.Unfit() != c.want {
				t.Errorf("a slower GPU takes autoencoders: %v", gpu.Unfit())
			}
			if gpu.Decline(nil); !gpu.Fits(thin, 4, 4) {
				t.Errorf("it takes none: %v", gpu.Unfit())
			}
		})
	}
	small := deep
	small.Depth = 1
	p := &program{cpu: generic.New(), asked: "auto"}
	if dev, _ := p.choose(small); dev != p.cpu || p.gpu != nil {
		t.Errorf("a small network is computed by %s", dev.Name())
	}
}
