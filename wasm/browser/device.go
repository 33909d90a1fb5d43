//go:build js

package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"syscall/js"

	"dit8/core"
	"dit8/core/autoencoder"
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
	gpu, _ := dev.(*webgpu.Device)
	latents := pair.Header().Autoencoder != nil
	if gpu != nil && latents {
		gpu.Prepare()
		gpu.Decline(p.declined(pair.Header().Autoencoder.Config))
	}
	g, err = pair.Generator(dev)
	if gpu == nil {
		return g, note, err
	}
	if err == nil { // tested last, so that pipelines are compiled while the model is downloaded
		if err = gpu.Test(); err != nil {
			g.Free()
		}
	}
	if err != nil { // perhaps as it does not fit
		note = err.Error()
		g, err = p.again()
		return g, note, err
	}
	g.OnLost(p.again)
	if err := gpu.Unfit(); err != nil && latents {
		note = fmt.Sprintf("the autoencoder runs on %s: %v", p.cpu.Name(), err)
	}
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

// choose is the device for a network, which is not tested where it is WebGPU. note says why it is not, where that was
// asked for.
func (p *program) choose(cfg dit.Config) (dev compute.Device, note string) {
	auto := p.asked == "auto"
	if p.asked != "webgpu" && p.asked != "webgpu-software" && !(auto && multiplications(cfg) >= worth) {
		return p.cpu, ""
	}
	err := webgpu.Takes(cfg)
	if err == nil && auto {
		err = p.race(cfg)
	}
	var gpu *webgpu.Device
	if err == nil {
		gpu, err = p.open()
	}
	if err != nil {
		if auto {
			return p.cpu, ""
		}
		return p.cpu, err.Error()
	}
	return gpu, ""
}

// open gives the graphics processor.
func (p *program) open() (*webgpu.Device, error) {
	if p.gpu != nil && p.gpu.Err() == nil {
		return p.gpu, nil
	}
	gpu, err := webgpu.Open(p.cpu)
	p.gpu = gpu
	return gpu, err
}

// race reports an error where the processor is faster on a network, or the graphics processor errs.
func (p *program) race(cfg dit.Config) error {
	return p.remembered(cfg, func(gpu *webgpu.Device) (bool, error) {
		if err := gpu.Test(); err != nil {
			return false, err
		}
		return gpu.Race(cfg, p.cpu)
	})
}

// declined is why the graphics processor, which was chosen for a network, does not run its autoencoder; nil where it does, as
// always where it was asked for.
func (p *program) declined(cfg autoencoder.Config) error {
	cpu, ok := p.cpu.(compute.Convolver)
	if p.asked != "auto" || !ok {
		return nil
	}
	return p.remembered(cfg, func(gpu *webgpu.Device) (bool, error) { return gpu.RaceAutoencoder(cfg, cpu) })
}

// remembered reports an error unless the graphics processor wins a race for what has a shape. What came of it is kept for this
// shape on this machine, and the race is run once.
func (p *program) remembered(shape any, race func(*webgpu.Device) (won bool, err error)) error {
	text, err := json.Marshal(shape)
	if err != nil {
		return err
	}
	key := fmt.Sprintf("%s, %s: %s", version, p.cpu.Name(), text)
	switch kept, err := webgpu.Recall(key); {
	case err != nil:
		return err
	case kept != "":
		return verdict(kept)
	}
	gpu, err := p.open()
	if err != nil {
		return err
	}
	kept := faster
	if won, err := race(gpu); err != nil {
		kept = err.Error()
	} else if !won {
		kept = slower
	}
	if err := gpu.Err(); err != nil { // which may be another time's luck
		return err
	}
	webgpu.Remember(key, kept)
	return verdict(kept)
}

// What is remembered of a race: that the graphics processor won or lost it, else how it erred.
const faster, slower = "faster", "slower"

func verdict(kept string) error {
	switch kept {
	case faster:
		return nil
	case slower:
		return webgpu.ErrSlower
	}
	return errors.New(kept)
}

// multiplications is about how many a pass of a network has for an image.
func multiplications(c dit.Config) int {
	each := 4*c.HiddenSize + 2*c.MLPHidden
	if c.MLP == dit.SwiGLU {
		each += c.MLPHidden
	}
	return (c.Tokens() + c.Context.Len()) * c.Depth * c.HiddenSize * each
}
