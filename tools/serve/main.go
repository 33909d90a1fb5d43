// Command serve shows the page on a local port.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"

	"dit8/weights"
)

const usage = `serve shows the page with a model, by default the built-in one.

  serve [-addr HOST:PORT] [-dir FOLDER] [-model FILE.dit8]

`

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	os.Exit(run(ctx, os.Args[1:], os.Stdout, os.Stderr))
}

// run serves until ctx ends. It returns the exit code: 0, 1 where something
// failed, 2 where the command line is wrong.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	f := flag.NewFlagSet("serve", flag.ContinueOnError)
	addr := f.String("addr", "127.0.0.1:8080", "`host:port` to listen on; port 0 picks a free one")
	dir := f.String("dir", "web/dist", "`folder` of the built page")
	model := f.String("model", "", "the .dit8 `file` to serve; default: the built-in model")
	list := f.Bool("models", false, "print the list of models that the page reads, and end")
	f.SetOutput(io.Discard)
	err := f.Parse(args)
	if err == nil && f.NArg() > 0 {
		err = fmt.Errorf("unexpected argument %q", f.Arg(0))
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
	if *list {
		blob, err := readModel(*model)
		if err != nil {
			fmt.Fprintln(stderr, "serve:", err)
			return 1
		}
		io.WriteString(stdout, modelList(blob))
		return 0
	}
	if err := serve(ctx, *addr, *dir, *model, stdout); err != nil {
		fmt.Fprintln(stderr, "serve:", err)
		return 1
	}
	return 0
}

func serve(ctx context.Context, addr, dir, model string, stdout io.Writer) error {
	if _, err := os.Stat(filepath.Join(dir, "dit8", "dit8.wasm")); err != nil {
		return fmt.Errorf("no built page in %s (\"make web\" builds it): %w", dir, err)
	}
	blob, err := readModel(model)
	if err != nil {
		return err
	}
	l, err := net.Listen("tcp", addr)
	if err != nil {
		return err
	}
	fmt.Fprintf(stdout, "dit8 is at http://%s/ (Ctrl-C stops it)\n", l.Addr())
	s := &http.Server{Handler: handler(dir, blob), ReadHeaderTimeout: 10 * time.Second}
	failed := make(chan error, 1)
	go func() { failed <- s.Serve(l) }()
	select {
	case err := <-failed:
		return err
	case <-ctx.Done():
	}
	grace, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	return s.Shutdown(grace)
}

// readModel reads a model file whole and checks it, so that a broken one is
// reported here and not in the page.
func readModel(path string) ([]byte, error) {
	if path == "" {
		return weights.DefaultBytes(), nil
	}
	f, err := weights.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	for _, err := range f.Tensors() {
		if err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
	}
	return os.ReadFile(path)
}
