//go:build js

// Command browser is the program that the page's worker runs. It sets the global
// dit8, an object of these functions:
//
//	load(read, …): Promise<info>; read(): Promise<Uint8Array|null> gives the model file's next bytes; one more is of the autoencoder's file,
//		where it is another one. A damaged file is a FormatError.
//	generate(json, onStep, states): Promise<result>; onStep({step, steps, first, size, t, images, states, decoding}) may be left out;
//		its states, which are as many bytes as the images, are there where the third argument says so
//	read(text): said; what a prompt says in the model's words, at once; see words.go
//	inspect(json): Promise<modulation>; see inspect.go
//	bench(json, onPass): Promise<result>; onPass({done, total}) may be left out
//	cancel()
//
// Images are Uint8ClampedArrays of RGBA bytes. Rejections are Errors; those of a
// bad request have a field.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"image"
	"maps"
	"os"
	"runtime/debug"
	"slices"
	"syscall/js"
	"time"

	"dit8/core"
	"dit8/core/compute"
	"dit8/wasm/kernels"
	"dit8/wasm/promise"
	"dit8/wasm/webgpu"
	"dit8/weights"
)

// version is the package's, which the Makefile sets.
var version = "dev"

func main() {
	// One thread does everything, so a collection stops it: collect less often.
	debug.SetGCPercent(200)
	p := &program{cpu: kernels.Fastest()}
	if len(os.Args) > 1 {
		p.asked = os.Args[1]
	}
	js.Global().Set("dit8", js.ValueOf(map[string]any{
		"load":     async(p.load),
		"generate": async(p.generate),
		"read":     async(p.read),
		"inspect":  async(p.inspect),
		"bench":    async(p.bench),
		"cancel": js.FuncOf(func(js.Value, []js.Value) any {
			if p.cancel != nil {
				p.cancel()
			}
			return nil
		}),
	}))
	select {}
}

type program struct {
	cpu       compute.Device
	asked     string         // for a device, as the worker's option says
	gpu       *webgpu.Device // that is open, or nil
	generator *core.Generator
	cancel    context.CancelFunc // of the running request
}

// large is the size of a file, in bytes, from which on garbage of loading it counts.
const large = 100e6

// load reads a model file from args[0], and the file of its autoencoder from args[1] where
// that is there, and replaces the model by it. After a failure the model before it stays in use.
func (p *program) load(args []js.Value) (any, error) {
	if p.cancel != nil {
		return nil, errors.New("a request is running")
	}
	pair, err := open(args)
	if err != nil {
		return nil, err
	}
	if pair.Header().Size > large { // its tensors are garbage one by one, in a memory that never shrinks
		defer debug.SetGCPercent(debug.SetGCPercent(50))
	}
	g, note, err := p.place(pair)
	if err != nil {
		return nil, err
	}
	if p.generator != nil {
		p.generator.Free()
	}
	p.generator = g
	h := pair.Header()
	v := h.Info.Words()
	return map[string]any{
		"words": list(v.Words), "styles": list(v.Styles), "synonyms": list(slices.Sorted(maps.Keys(v.Synonyms))), "examples": list(examples(h.Info)),
		"stepCounts": numbers(h.Info.StepCounts),
		"name":       h.Info.Name, "id": h.ID, "device": g.Device(), "deviceNote": note, "classes": list(h.Info.Classes), "size": h.ImageSize(),
		"depth": h.Config.Depth, "hiddenSize": h.Config.HiddenSize, "patches": h.Config.InputSize / h.Config.PatchSize, "source": h.Info.Source, "license": h.Info.License,
		"steps": h.Info.Defaults.Steps, "guidance": float64(h.Info.Defaults.Guidance), "shift": float64(h.Info.Defaults.Shift),
		"guided":  h.Info.Guided(),
		"latents": h.Autoencoder != nil, "edits": list(g.EditTasks()),
		"solvers": list(h.Info.Solvers()), "schedules": list(h.Info.Spacings()),
		"maxSteps": core.MaxSteps, "maxGuidance": core.MaxGuidance, "maxCount": core.MaxCount, "maxSeed": core.MaxSeed, "maxShares": core.MaxShares,
	}, nil
}

// open reads what files say of their models: a network's, and where it is another one its autoencoder's.
func open(next []js.Value) (*weights.Pair, error) {
	var files [2]*weights.Reader
	for i := range min(len(next), len(files)) {
		r, err := weights.NewReader(&source{next: next[i]})
		if err != nil {
			return nil, err
		}
		files[i] = r
	}
	return weights.NewPair(files[0], files[1])
}

// list is names as a JavaScript array.
func list[T ~string](names []T) []any {
	a := make([]any, len(names))
	for i, n := range names {
		a[i] = string(n)
	}
	return a
}

// request is a text's, with the model's defaults, where a model is loaded and idle.
func (p *program) request(text js.Value) (core.Request, error) {
	switch {
	case p.generator == nil:
		return core.Request{}, errors.New("no model is loaded")
	case p.cancel != nil:
		return core.Request{}, errors.New("a request is running")
	}
	return p.generator.Defaults().WithJSON([]byte(text.String()))
}

// generate makes the images of the request args[0] and calls args[1] after each
// step, with its noisy images if args[2] is true.
func (p *program) generate(args []js.Value) (any, error) {
	req, err := p.request(args[0])
	if err != nil {
		return nil, err
	}
	noisy := len(args) > 2 && args[2].Truthy()
	ctx, end := p.begin()
	defer end()
	res, err := p.generator.Generate(ctx, req, func(e core.Event) {
		if args[1].Type() != js.TypeFunction {
			return
		}
		images, states := make([]any, e.Images), []any{}
		for i := range images {
			images[i] = pixels(e.Image(i))
			if !noisy {
				continue
			}
			if m := e.State(i); m != nil {
				states = append(states, pixels(m))
			}
		}
		args[1].Invoke(map[string]any{
			"step": e.Step, "steps": e.Steps, "first": e.First, "t": float64(e.T), "images": images, "states": states, "size": p.generator.ImageSize(), "decoding": e.Decoding,
		})
	})
	if err != nil {
		return nil, err
	}
	images := make([]any, len(res.Images))
	for i, m := range res.Images {
		images[i] = pixels(m)
	}
	meta, err := object(res.Metadata)
	if err != nil {
		return nil, err
	}
	return map[string]any{"images": images, "size": p.generator.ImageSize(), "metadata": meta}, nil
}

// begin starts a request that the page can cancel; end ends it.
func (p *program) begin() (ctx context.Context, end func()) {
	ctx, cancel := context.WithCancel(context.Background())
	p.cancel, heard = cancel, time.Now()
	return attentive{ctx}, func() {
		cancel()
		p.cancel = nil
	}
}

// attentive listens before it says whether the request goes on, as it is asked before each evaluation and often while
// latents are decoded.
type attentive struct{ context.Context }

func (c attentive) Err() error {
	if time.Since(heard) > breath {
		breathe()
	}
	return c.Context.Err()
}

// breath is how long a request computes before it listens.
const breath = 25 * time.Millisecond

// heard is when the worker could last receive a message.
var heard time.Time

// breathe lets the worker receive a message, such as a cancel: it waits for one that the worker sends to itself. Browsers make
// timers wait for 4 ms, and in a tab that is hidden for a second or more.
func breathe() {
	if turn := js.Global().Get("dit8Turn"); turn.Type() == js.TypeFunction {
		promise.Await(turn.Invoke())
	} else {
		time.Sleep(time.Millisecond)
	}
	heard = time.Now()
}

// object is v as a JavaScript object with the names of v's JSON.
func object(v any) (js.Value, error) {
	text, err := json.Marshal(v)
	if err != nil {
		return js.Undefined(), err
	}
	return js.Global().Get("JSON").Call("parse", string(text)), nil
}

func pixels(m *image.NRGBA) js.Value {
	a := js.Global().Get("Uint8ClampedArray").New(len(m.Pix))
	js.CopyBytesToJS(a, m.Pix)
	return a
}

// async makes a JavaScript function that runs f on a goroutine and returns a
// promise of its result.
func async(f func(args []js.Value) (any, error)) js.Func {
	return js.FuncOf(func(_ js.Value, args []js.Value) any {
		executor := js.FuncOf(func(_ js.Value, p []js.Value) any {
			go func() {
				v, err := guarded(f, args)
				if err != nil {
					p[1].Invoke(jsError(err))
					return
				}
				p[0].Invoke(v)
			}()
			return nil
		})
		defer executor.Release()
		return js.Global().Get("Promise").New(executor)
	})
}

// guarded turns a panic into an error: the page shows it and goes on.
func guarded(f func([]js.Value) (any, error), args []js.Value) (v any, err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("internal error: %v", r)
		}
	}()
	return f(args)
}

func jsError(err error) js.Value {
	e := js.Global().Get("Error").New(err.Error())
	var f *core.FieldError
	var format weights.FormatError
	switch {
	case errors.As(err, &f):
		e.Set("field", f.Field)
	case errors.Is(err, context.Canceled):
		e.Set("name", "AbortError")
	case errors.As(err, &format):
		e.Set("name", "FormatError")
	}
	return e
}
