//go:build js

package main

import (
	"io"
	"syscall/js"

	"dit8/wasm/promise"
)

// source is an io.Reader of what a JavaScript function's promises resolve to. What
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
		v, err := promise.Await(s.next.Invoke())
		if err != nil {
			return 0, err
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
