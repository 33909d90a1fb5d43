//go:build js

// Command edge is the program of the edge worker: the API of package api on
// Cloudflare's workerd, served through github.com/syumai/workers. edge.mjs starts
// it once in the life of an isolate, with the model file at hand, and keeps it.
//
// Go touches nothing that belongs to a request of the runtime: streams, timers and
// promises of one must not be used for another. What it gets and gives is plain
// data, by way of the global context:
//
//	env       strings by name, the configuration
//	model     Uint8Array, the model file
//	failed    function that is told why the program cannot start
//	calls     requests by the number in their header Dit8-Call; of each
//	          body is a Uint8Array, write(Uint8Array) and end() take the answer
//	binding   what Go adds: handleRequest (by workers), cancel(number), maxBody,
//	          and tick(), which lets the request that computes make one step
package main

import (
	"context"
	"io"
	"runtime/debug"
	"syscall/js"

	"github.com/syumai/workers"
	"github.com/syumai/workers/cloudflare"

	"dit8/core"
	"dit8/wasm/edge/api"
	"dit8/wasm/kernels"
	"dit8/weights"
)

// usual are limits that fit an isolate: 128 MB of memory, and 30 s of computing for
// a request.
var usual = api.Limits{Steps: 100, Count: 8, Pixels: 1 << 20, Body: 256 << 10, Waiting: 8}

func main() {
	worker := js.Global().Get("context")
	if err := serve(worker); err != nil {
		worker.Call("failed", err.Error())
		return
	}
	workers.Ready()
	select {}
}

// serve prepares everything that requests need.
func serve(worker js.Value) error {
	debug.SetGCPercent(50) // an isolate has little memory
	config, err := api.ConfigFromEnv(cloudflare.Getenv, usual)
	if err != nil {
		return err
	}
	r, err := weights.NewReader(&source{left: worker.Get("model")})
	if err != nil {
		return err
	}
	if err := api.FitsWorker(r.Header().Autoencoder); err != nil { // before anything is allocated
		return err
	}
	dev, err := kernels.New()
	if err != nil {
		return err
	}
	g, err := r.Generator(dev)
	if err != nil {
		return err
	}
	debug.FreeOSMemory()
	s := &stepper{Generator: g, step: make(chan struct{})}
	c := &calls{context: worker, cancel: make(map[string]context.CancelFunc)}
	binding := worker.Get("binding")
	binding.Set("maxBody", config.Body)
	binding.Set("tick", js.FuncOf(s.tick))
	binding.Set("cancel", js.FuncOf(c.cancelled))
	workers.ServeNonBlock(c.adapt(api.New(s, config)))
	return nil
}

// source is an io.Reader of a Uint8Array.
type source struct{ left js.Value }

func (s *source) Read(b []byte) (int, error) {
	n := js.CopyBytesToGo(b, s.left)
	if n == 0 && len(b) > 0 {
		return 0, io.EOF
	}
	s.left = s.left.Call("subarray", n)
	return n, nil
}

// stepper waits after each step of a request for a tick, so that JavaScript has its
// turn. Any request of the isolate may tick: it is plain computation, which goes on
// where the request that asked for it is held up.
type stepper struct {
	*core.Generator
	step chan struct{}
}

func (s *stepper) Generate(ctx context.Context, req core.Request, onStep func(core.Event)) (*core.Result, error) {
	return s.Generator.Generate(ctx, req, func(e core.Event) {
		if onStep != nil {
			onStep(e)
		}
		select {
		case <-s.step:
		case <-ctx.Done():
		}
	})
}

func (s *stepper) tick(js.Value, []js.Value) any {
	select {
	case s.step <- struct{}{}:
	default:
	}
	return nil
}
