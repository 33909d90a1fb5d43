//go:build js

package main

import (
	"errors"
	"syscall/js"

	"dit8/core/bench"
	"dit8/wasm/webgpu"
)

// bench measures the network that the JSON object args[0] names, as bench.Parse
// reads it, and calls args[1], if there is one, after each pass.
func (p *program) bench(args []js.Value) (any, error) {
	if p.cancel != nil {
		return nil, errors.New("a request is running")
	}
	o, err := bench.Parse([]byte(args[0].String()))
	if err != nil {
		return nil, err
	}
	o.Progress = func(done, total int) {
		if len(args) > 1 {
			args[1].Invoke(map[string]any{"done": done, "total": total})
		}
		breathe()
	}
	ctx, end := p.begin()
	defer end()
	dev, note := p.choose(o.Config)
	gpu, ok := dev.(*webgpu.Device)
	if ok {
		if err := gpu.Test(); err != nil {
			dev, note, ok = p.cpu, err.Error(), false
		}
	}
	r, err := bench.Run(ctx, dev, o)
	if err != nil {
		return nil, err
	}
	if ok { // it runs operations while others are issued: their times are those of issuing them
		r.Operations = []bench.Operation{}
	}
	v, err := object(r)
	if err == nil {
		v.Set("deviceNote", note)
	}
	return v, err
}
