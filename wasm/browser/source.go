//go:build js

package main

import (
	"encoding/binary"
	"io"
	"syscall/js"

	"dit8/wasm/promise"
	"dit8/weights"
)

// source is an io.Reader of what a JavaScript function gives, or the promises that it gives resolve to. What
// is left of a piece stays in JavaScript: a network may hand over large ones.
type source struct {
	next js.Value
	left js.Value // Uint8Array
	n    int      // bytes of left
	done bool
}

func (s *source) Read(b []byte) (int, error) {
	for s.n == 0 {
		if s.done {
			return 0, io.EOF
		}
		v := s.next.Invoke()
		if v.Type() == js.TypeObject && v.Get("then").Type() == js.TypeFunction {
			var err error
			if v, err = promise.Await(v); err != nil {
				return 0, err
			}
		}
		if s.done = v.IsNull() || v.IsUndefined(); s.done {
			continue
		}
		s.left, s.n = v, v.Get("length").Int()
	}
	n := js.CopyBytesToGo(b, s.left)
	s.left, s.n = s.left.Call("subarray", n), s.n-n
	return n, nil
}

// Decode has the function's decode, where it has one, decode what follows: the lengths of pieces, stored and plain, as words.
func (s *source) Decode(pieces []weights.Piece) bool {
	decode := s.next.Get("decode")
	if decode.Type() != js.TypeFunction {
		return false
	}
	b := make([]byte, 0, 8*len(pieces))
	for _, p := range pieces {
		b = binary.LittleEndian.AppendUint32(binary.LittleEndian.AppendUint32(b, p.Stored), p.Plain)
	}
	all := js.Global().Get("Uint8Array").New(len(b))
	js.CopyBytesToJS(all, b)
	left := js.Global().Get("Uint8Array").New(0)
	if s.n > 0 {
		left = s.left.Call("slice")
	}
	decode.Invoke(js.Global().Get("Uint32Array").New(all.Get("buffer")), left)
	s.n = 0
	return true
}
