//go:build js

package main

import (
	"errors"
	"io"
	"syscall/js"
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
		v, err := await(s.next.Invoke())
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

// await blocks the goroutine until a promise is settled.
func await(promise js.Value) (js.Value, error) {
	type result struct {
		v   js.Value
		err error
	}
	settled := make(chan result, 1)
	ok := js.FuncOf(func(_ js.Value, args []js.Value) any {
		settled <- result{v: args[0]}
		return nil
	})
	defer ok.Release()
	fail := js.FuncOf(func(_ js.Value, args []js.Value) any {
		settled <- result{err: errors.New(args[0].Call("toString").String())}
		return nil
	})
	defer fail.Release()
	promise.Call("then", ok, fail)
	r := <-settled
	return r.v, r.err
}
