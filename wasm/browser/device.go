//go:build js

package main

import (
	"syscall/js"

	"dit8/core"
	"dit8/core/compute"
	"dit8/core/dit"
	"dit8/wasm/webgpu"
	"dit8/weights"
)

// worth is how many multiplications a pass of a network has at least for a graphics processor to be
// tried by itself: the kernels take some 50 ms for as many.
const worth = 4 << 30

// place loads a model's tensors onto the device for it. note says why that is not WebGPU, where it was
// asked for.
func (p *program) place(pair *weights.Pair) (g *core.Generator, note string, err error) {
	dev, note := p.choose(pair.Header().Config)
	g, err = pair.Generator(dev)
	if dev == p.cpu {
		return g, note, err
	}
	if err != nil { // perhaps as it does not fit
		note = err.Error()
		g, err = p.again()
		return g, note, err
	}
	g.OnLost(p.again)
	return g, note, nil
}

// again loads the model once more, for the processor.
func (p *program) again() (*core.Generator, error) {
	files := js.Global().Call("dit8Again")
	next := make([]js.Value, files.Length())
	for i := range next {
		next[i] = files.Index(i)
	}
	pair, err := open(next)
	if err != nil {
		return nil, err
	}
	return pair.Generator(p.cpu)
}

// choose is the device for a network. note says why it is not WebGPU, where that was asked for.
func (p *program) choose(cfg dit.Config) (dev compute.Device, note string) {
	auto := p.asked == "auto"
	if p.asked != "webgpu" && p.asked != "webgpu-software" && !(auto && multiplications(cfg) >= worth) {
		return p.cpu, ""
	}
	gpu, err := p.open()
	if err == nil && auto {
		err = p.race(gpu, cfg)
	}
	if err != nil {
		if auto {
			return p.cpu, ""
		}
		return p.cpu, err.Error()
	}
	return gpu, ""
}

// open gives the graphics processor once it has passed its test.
func (p *program) open() (*webgpu.Device, error) {
	if p.gpu != nil && p.gpu.Err() == nil {
		return p.gpu, nil
	}
	p.gpu = nil
	gpu, err := webgpu.Open(p.cpu)
	if err != nil {
		return nil, err
	}
	if err := gpu.Test(); err != nil {
		gpu.Close()
		return nil, err
	}
	p.gpu = gpu
	return gpu, nil
}

// race reports an error where the processor is faster on a network.
func (p *program) race(gpu *webgpu.Device, cfg dit.Config) error {
	slower, known := p.slower[cfg]
	if !known {
		faster, err := gpu.Race(cfg, p.cpu)
		if err != nil {
			return err
		}
		slower = !faster
		if p.slower == nil {
			p.slower = make(map[dit.Config]bool)
		}
		p.slower[cfg] = slower
	}
	if slower {
		return webgpu.ErrSlower
	}
	return nil
}

// multiplications is about how many a pass of a network has for an image.
func multiplications(c dit.Config) int {
	each := 4*c.HiddenSize + 2*c.MLPHidden
	if c.MLP == dit.SwiGLU {
		each += c.MLPHidden
	}
	return (c.Tokens() + c.Context.Len()) * c.Depth * c.HiddenSize * each
}
