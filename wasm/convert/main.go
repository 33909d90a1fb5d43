//go:build js && convert

// Command convert is quantize for the page: the program of a worker that turns a checkpoint into
// a .dit8 file, with the flags of quantize for that (those of convert.Source and
// convert.Options), the same messages and the same bytes. It opens files as any program does:
// globalThis.fs, through which Go's package os sees files, has those that were dropped on the
// page. It writes /out/model, from its beginning to its end,
// and /out/spool, of which it reads again. It calls the methods of the global dit8Convert:
//
//	note(text)                   what was assumed, and chosen
//	progress(what, done, total)  in parameters
//	done(name, summary)          the model's, at the end; or
//	fail(message)
//
// It is built with the tag convert, without which weights has no Writer here.
package main

import (
	"bufio"
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"runtime"
	"runtime/debug"
	"syscall/js"

	"dit8/tools/quantize/convert"
	"dit8/wasm/kernels"
)

func main() {
	// A module's memory never shrinks, so that garbage counts for good: collect more often.
	debug.SetGCPercent(25)
	host := js.Global().Get("dit8Convert")
	if err := run(os.Args[1:], host); err != nil {
		host.Call("fail", err.Error())
	}
	select {} // events that come after the end are errors
}

func run(args []string, host js.Value) error {
	var source convert.Source
	var options convert.Options
	f := flag.NewFlagSet("convert", flag.ContinueOnError)
	f.SetOutput(io.Discard)
	source.Flags(f)
	options.Flags(f)
	err := f.Parse(args)
	for _, check := range []func() error{source.CheckFlags, options.CheckFlags} {
		if err == nil {
			err = check()
		}
	}
	if err != nil {
		return err
	}
	source.Checkpoint = f.Arg(0)
	in, err := source.Open()
	if err != nil {
		return err
	}
	defer in.Close()
	m, err := in.Model(options.Types, func(note string) { host.Call("note", note) })
	if err != nil {
		return err
	}
	size, err := write(m, options, func(what string, done, total int) { host.Call("progress", what, done, total) })
	if err != nil {
		return fmt.Errorf("%s: %w", source.Checkpoint, err)
	}
	host.Call("done", m.Info.Name, m.Summary(options, size))
	return nil
}

// write writes the file and returns its size.
func write(m convert.Model, o convert.Options, progress func(what string, done, total int)) (int64, error) {
	ctx := context.Background() // who cancels ends the worker
	if m.Autoencoder != nil {
		progress(convert.Decoding, 0, 1)
		if err := m.Calibrate(ctx, kernels.Fastest(), o.Types); err != nil {
			return 0, err
		}
	}
	spool, err := os.OpenFile("/out/spool", os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return 0, err
	}
	defer spool.Close()
	out, err := os.Create("/out/model")
	if err != nil {
		return 0, err
	}
	moved := new(int)
	w := bufio.NewWriterSize(tidy{out, moved}, 1<<17)
	if err := m.Write(w, tidy{spool, moved}, m.Watched(ctx, m.Tensors(o.Types), progress), o); err != nil {
		return 0, err
	}
	if err := w.Flush(); err != nil {
		return 0, err
	}
	st, err := out.Stat()
	if err != nil {
		return 0, err
	}
	return st.Size(), out.Close()
}

// tidy is a file that collects garbage for each 32 MB that go through it: Go holds the arrays
// that it hands to JavaScript until then, and has little garbage of its own meanwhile.
type tidy struct {
	file  *os.File
	moved *int // bytes since then
}

func (t tidy) Write(b []byte) (int, error) {
	t.count(len(b))
	return t.file.Write(b)
}

func (t tidy) ReadAt(b []byte, at int64) (int, error) {
	t.count(len(b))
	return t.file.ReadAt(b, at)
}

func (t tidy) count(n int) {
	if *t.moved += n; *t.moved >= 32<<20 {
		*t.moved = 0
		runtime.GC()
	}
}
