//go:build js

package main

import (
	"syscall/js"
	"unsafe"
)

// inspect computes the modulation of the request args[0]: core.Modulation as an
// object, whose series have their values as a Float32Array, [times, D].
func (p *program) inspect(args []js.Value) (any, error) {
	req, err := p.request(args[0])
	if err != nil {
		return nil, err
	}
	ctx, end := p.begin()
	defer end()
	m, err := p.generator.Inspect(ctx, req)
	if err != nil {
		return nil, err
	}
	o, err := object(m.Summary())
	if err != nil {
		return nil, err
	}
	for i, b := range m.Branches {
		for _, q := range b.Quantities() {
			o.Get("branches").Index(i).Get(q.Name).Set("values", floats(q.Values))
		}
	}
	return o, nil
}

// floats is rows of a matrix as one Float32Array.
func floats(rows [][]float32) js.Value {
	if len(rows) == 0 {
		return js.Global().Get("Float32Array").New(0)
	}
	n := 4 * len(rows[0])
	a := js.Global().Get("Uint8Array").New(n * len(rows))
	for i, row := range rows {
		js.CopyBytesToJS(a.Call("subarray", i*n), unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(row))), n))
	}
	return js.Global().Get("Float32Array").New(a.Get("buffer"))
}
