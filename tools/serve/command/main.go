// Package command shows the page on a local port, with the HTTP API of the edge worker
// beside it.
package command

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"dit8/core/compute/native"
	"dit8/internal/usage"
)

const help = `serve shows the page with a model, by default the built-in one, and answers the HTTP API
(/openapi.json describes it; /metrics is for Prometheus).

  serve [-addr HOST:PORT] [-dir FOLDER] [-model FILE.dit8 [-vae FILE.dit8]] [-model ...] [flags]
  serve -check http://127.0.0.1:8080/healthz

The environment sets what the API allows: DIT8_TOKENS and DIT8_ORIGINS, lists with commas, and
DIT8_MAX_STEPS, DIT8_MAX_COUNT, DIT8_MAX_PIXELS, DIT8_MAX_BODY, DIT8_MAX_WAITING,
DIT8_MAX_BATCH and DIT8_IMAGES_PER_MINUTE.

`

// Run serves until the program is interrupted, and returns the exit code.
func Run(args []string, _ io.Reader, stdout, stderr io.Writer) int {
	return RunPage(nil, args, stdout, stderr)
}

// RunPage is Run of a program that holds the built page: without -dir it serves that. nil is none.
func RunPage(page fs.FS, args []string, stdout, stderr io.Writer) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second signal does not wait
	return run(ctx, page, args, stdout, stderr)
}

// options are the flags.
type options struct {
	addr, dir, models, device, log string
	files                          fileFlags // never empty
	threads, loaded                int
	grace                          time.Duration
	isolate, list                  bool
	page                           fs.FS // the program's, which is served; nil: the files in dir
}

// run serves until ctx ends. It returns the exit code: 0, 1 where something
// failed, 2 where the command line is wrong.
func run(ctx context.Context, page fs.FS, args []string, stdout, stderr io.Writer) int {
	f := flag.NewFlagSet("serve", flag.ContinueOnError)
	o := options{page: page}
	dir := "web/dist"
	if page != nil {
		dir = "" // the flags' list says nothing then
	}
	f.StringVar(&o.addr, "addr", "127.0.0.1:8080", "`host:port` to listen on; port 0 picks a free one")
	f.StringVar(&o.dir, "dir", dir, "`folder` of the built page, in place of the one that a release holds; empty for the API alone")
	f.Func("model", "the .dit8 `file` to serve; default: the built-in model. Given several times, the API has them all, and the page the first", o.files.model)
	f.Func("vae", "the .dit8 `file` of the autoencoder that turns the latents of the -model before it into images; default: the one in the model's file", o.files.vae)
	f.IntVar(&o.loaded, "loaded", 2, "how many of several models are in memory at a `time`; the one that was used least recently leaves")
	f.DurationVar(&o.grace, "grace", 10*time.Second, "how `long` requests that came before the server is told to stop may take still")
	f.StringVar(&o.device, "device", "", "`name` of the device: "+strings.Join(native.Names(), ", ")+"; default: the first of them")
	f.IntVar(&o.threads, "threads", 0, fmt.Sprintf("threads to compute with, up to %d; default: one for each core", native.MaxThreads))
	f.StringVar(&o.log, "log", "info", "`level` of the access log on standard error: info has the API's requests, debug the page's too; off")
	f.BoolVar(&o.isolate, "isolate", true, "isolate the page from other sites, which gives it threads")
	f.StringVar(&o.models, "models", "", "`folder` of .dit8 files that the page and requests can choose, too")
	f.BoolVar(&o.list, "list", false, "print what tells the page of the models, and end: models.json of -models, where that is given, with addresses in dit8/models/, else dit8/models.js of -model")
	check := f.String("check", "", "ask the server at `URL`, as http://127.0.0.1:8080/healthz, whether it answers, and end: the exit code says")
	f.SetOutput(io.Discard)
	err := f.Parse(args)
	f.Visit(func(f *flag.Flag) {
		if f.Name == "dir" {
			o.page = nil
		}
	})
	if err == nil && f.NArg() > 0 {
		err = fmt.Errorf("unexpected argument %q", f.Arg(0))
	}
	if len(o.files) == 0 {
		o.files = fileFlags{{}}
	}
	if err == nil && o.loaded < 1 {
		err = fmt.Errorf("-loaded is %d, allowed: 1 and more", o.loaded)
	}
	logger, logErr := newLogger(o.log, stderr)
	if err == nil {
		err = logErr
	}
	switch {
	case errors.Is(err, flag.ErrHelp):
		usage.Print(stdout, help, f)
		return 0
	case err != nil:
		fmt.Fprintf(stderr, "serve: %v\n%s", err, usage.Hint("serve"))
		return 2
	}
	if *check != "" {
		if err := answers(ctx, *check); err != nil {
			fmt.Fprintln(stderr, "serve:", err)
			return 1
		}
		return 0
	}
	if o.list {
		text, err := list(o)
		if err != nil {
			fmt.Fprintln(stderr, "serve:", err)
			return 1
		}
		io.WriteString(stdout, text)
		return 0
	}
	if err := serve(ctx, o, logger, stdout); err != nil {
		fmt.Fprintln(stderr, "serve:", err)
		return 1
	}
	return 0
}

// checkTime is how long a server has to say whether it answers.
const checkTime = 5 * time.Second

// answers asks a server at a URL whether it is well: containers without a shell have
// nothing else that asks.
func answers(ctx context.Context, url string) error {
	ctx, cancel := context.WithTimeout(ctx, checkTime)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		return fmt.Errorf("%s: %s", url, res.Status)
	}
	return nil
}
