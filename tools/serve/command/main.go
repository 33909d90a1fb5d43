// Package command shows the page on a local port, with the HTTP API of the edge worker
// beside it.
package command

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"dit8/core/compute/native"
)

const usage = `serve shows the page with a model, by default the built-in one, and answers the HTTP API
(/openapi.json describes it; /metrics is for Prometheus).

  serve [-addr HOST:PORT] [-dir FOLDER] [-model FILE.dit8 [-vae FILE.dit8]] [flags]

The environment sets what the API allows: DIT8_TOKENS and DIT8_ORIGINS, lists with commas, and
DIT8_MAX_STEPS, DIT8_MAX_COUNT, DIT8_MAX_PIXELS, DIT8_MAX_BODY and DIT8_MAX_WAITING.

`

// Run serves until the program is interrupted, and returns the exit code.
func Run(args []string, _ io.Reader, stdout, stderr io.Writer) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second signal does not wait
	return run(ctx, args, stdout, stderr)
}

// options are the flags.
type options struct {
	addr, dir, model, vae, device, log string
	threads                            int
	isolate, models                    bool
}

// run serves until ctx ends. It returns the exit code: 0, 1 where something
// failed, 2 where the command line is wrong.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	f := flag.NewFlagSet("serve", flag.ContinueOnError)
	var o options
	f.StringVar(&o.addr, "addr", "127.0.0.1:8080", "`host:port` to listen on; port 0 picks a free one")
	f.StringVar(&o.dir, "dir", "web/dist", "`folder` of the built page; empty for the API alone")
	f.StringVar(&o.model, "model", "", "the .dit8 `file` to serve; default: the built-in model")
	f.StringVar(&o.vae, "vae", "", "the .dit8 `file` of the autoencoder that turns the model's latents into images; default: the one in -model's file")
	f.StringVar(&o.device, "device", "", "`name` of the device: "+strings.Join(native.Names(), ", ")+"; default: the first of them")
	f.IntVar(&o.threads, "threads", 0, fmt.Sprintf("threads to compute with, up to %d; default: one for each core", native.MaxThreads))
	f.StringVar(&o.log, "log", "info", "`level` of the access log on standard error: info has the API's requests, debug the page's too; off")
	f.BoolVar(&o.isolate, "isolate", true, "isolate the page from other sites, which gives it threads")
	f.BoolVar(&o.models, "models", false, "print the list of models that the page reads, and end")
	f.SetOutput(io.Discard)
	err := f.Parse(args)
	if err == nil && f.NArg() > 0 {
		err = fmt.Errorf("unexpected argument %q", f.Arg(0))
	}
	logger, logErr := newLogger(o.log, stderr)
	if err == nil {
		err = logErr
	}
	switch {
	case errors.Is(err, flag.ErrHelp):
		fmt.Fprint(stdout, usage)
		f.SetOutput(stdout)
		f.PrintDefaults()
		return 0
	case err != nil:
		fmt.Fprintf(stderr, "serve: %v\n\"serve -h\" shows how it is used.\n", err)
		return 2
	}
	if o.models {
		b, err := readBlobs(o)
		if err != nil {
			fmt.Fprintln(stderr, "serve:", err)
			return 1
		}
		io.WriteString(stdout, modelList(b))
		return 0
	}
	if err := serve(ctx, o, logger, stdout); err != nil {
		fmt.Fprintln(stderr, "serve:", err)
		return 1
	}
	return 0
}
