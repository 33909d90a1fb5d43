//go:build js

// Package promise waits for JavaScript's promises.
package promise

import (
	"errors"
	"syscall/js"
)

// Await blocks the goroutine until a promise is settled. Its error is the text of what the
// promise was rejected with. It must not be called by a function that JavaScript called: the
// event loop would stand still.
func Await(promise js.Value) (js.Value, error) {
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
