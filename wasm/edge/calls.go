//go:build js

package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"syscall/js"
)

// callHeader numbers the requests that JavaScript hands over.
const callHeader = "Dit8-Call"

// glue is what package workers hands to a handler. Its own streams are passed by:
// they tie Go to one request of the runtime, and keep memory of each.
type glue interface {
	http.ResponseWriter
	Ready()                       // the answer has begun
	WriteRawJSBody(body js.Value) // is the answer's body
}

// calls are the requests that run.
type calls struct {
	context js.Value
	cancel  map[string]context.CancelFunc
}

// adapt gives h the body of each request, a context that ends with the client, and
// a writer of plain data.
func (c *calls) adapt(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		id := r.Header.Get(callHeader)
		r.Header.Del(callHeader)
		call := c.context.Get("calls").Get(id)
		ctx, cancel := context.WithCancel(r.Context())
		defer cancel()
		c.cancel[id] = cancel
		defer delete(c.cancel, id)
		body := make([]byte, call.Get("body").Length())
		js.CopyBytesToGo(body, call.Get("body"))
		r.Body, r.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
		out := &answer{glue: w.(glue), call: call}
		defer out.end()
		h.ServeHTTP(out, r.WithContext(ctx))
	})
}

// cancelled ends the request args[0].
func (c *calls) cancelled(_ js.Value, args []js.Value) any {
	if cancel := c.cancel[args[0].String()]; cancel != nil {
		cancel()
	}
	return nil
}

// answer writes to a call.
type answer struct {
	glue
	call  js.Value
	begun bool
}

func (a *answer) begin(status int) {
	if !a.begun {
		a.begun = true
		a.glue.WriteHeader(status)
		a.WriteRawJSBody(a.call)
		a.Ready()
	}
}

func (a *answer) WriteHeader(status int) { a.begin(status) }

func (a *answer) Write(b []byte) (int, error) {
	a.begin(http.StatusOK)
	data := js.Global().Get("Uint8Array").New(len(b))
	js.CopyBytesToJS(data, b)
	a.call.Call("write", data)
	return len(b), nil
}

func (a *answer) Flush() {} // nothing is held back

// end ends the answer. A panic of the handler's is the request's end, not the
// program's.
func (a *answer) end() {
	if v := recover(); v != nil && !a.begun {
		http.Error(a, fmt.Sprintf(`{"error":{"message":"internal error: %v","type":"server_error","param":null,"code":null}}`, v), http.StatusInternalServerError)
	}
	a.begin(http.StatusOK)
	a.call.Call("end")
}
