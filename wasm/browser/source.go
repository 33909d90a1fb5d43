//go:build js

package main

import (
	"errors"
	"io"
	"syscall/js"
)

// source is an io.Reader of what a JavaScript function's promises resolve to.
type source struct {
	next js.Value
	buf  []byte
	done bool
}

func (s *source) Read(b []byte) (int, error) {
	for len(s.buf) == 0 {
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
		s.buf = make([]byte, v.Get("length").Int())
		js.CopyBytesToGo(s.buf, v)
	}
	n := copy(b, s.buf)
	s.buf = s.buf[n:]
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
