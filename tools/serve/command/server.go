package command

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"time"

	"dit8/core/compute/native"
	"dit8/wasm/edge/api"
	"dit8/weights"
)

// usual are the API's limits where the environment sets none.
var usual = api.Limits{Steps: 250, Count: 16, Pixels: 4 << 20, Body: 8 << 20, Waiting: 16, Batch: 4}

// How long the server waits: for a request's header and whole body, for a client to
// take what is written, and for the next request of a connection.
const (
	headerTime = 10 * time.Second
	bodyTime   = 30 * time.Second
	writeTime  = 30 * time.Second
	idleTime   = 2 * time.Minute
)

func serve(ctx context.Context, o options, logger *slog.Logger, stdout io.Writer) error {
	h, err := handler(o, logger)
	if err != nil {
		return err
	}
	l, err := net.Listen("tcp", o.addr)
	if err != nil {
		return err
	}
	fmt.Fprintf(stdout, "dit8 is at http://%s/ (Ctrl-C stops it)\n", l.Addr())
	s := &http.Server{
		Handler: h, ReadHeaderTimeout: headerTime, IdleTimeout: idleTime, MaxHeaderBytes: 64 << 10,
		ErrorLog: slog.NewLogLogger(logger.Handler(), slog.LevelWarn),
	}
	failed := make(chan error, 1)
	go func() { failed <- s.Serve(l) }()
	select {
	case err := <-failed:
		return err
	case <-ctx.Done():
	}
	grace, cancel := context.WithTimeout(context.Background(), o.grace)
	defer cancel()
	if err := s.Shutdown(grace); !errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	return s.Close() // which cancels what still runs
}

// handler is everything that the server answers.
func handler(o options, logger *slog.Logger) (http.Handler, error) {
	built := o.page
	if built == nil && o.dir != "" {
		built = os.DirFS(o.dir)
		if _, err := fs.Stat(built, "dit8/dit8.wasm"); err != nil {
			return nil, fmt.Errorf("no built page in %s (\"make web\" builds it): %w", o.dir, err)
		}
	}
	b, err := readBlobs(o.files[0])
	if err != nil {
		return nil, err
	}
	config, err := api.ConfigFromEnv(os.Getenv, usual)
	if err != nil {
		return nil, err
	}
	dev, err := native.New(o.device, o.threads)
	if err != nil {
		return nil, err
	}
	more, err := listModels(o.models)
	if err != nil {
		return nil, err
	}
	all := slices.Clone(o.files)
	for _, l := range more {
		if l.SHA256 != b.model.sha256 {
			all = append(all, files{model: l.path})
		}
	}
	m := newMetrics()
	models, err := newPool(dev, all, o.loaded, m)
	if err != nil {
		return nil, err
	}
	a := api.New(models[0], config, models[1:]...)
	m.watch(a)
	mux := http.NewServeMux()
	mux.Handle("/v1/", a)
	mux.Handle("/healthz", a)
	mux.Handle("/openapi.json", a)
	for _, path := range []string{"/images", "/images/", "/models", "/models/"} { // for clients whose base address lacks /v1
		mux.Handle(path, a)
	}
	mux.Handle("GET /metrics", m.handler())
	if built != nil {
		page := page(built, b, more, o.isolate)
		mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
			if r.Method == http.MethodGet || r.Method == http.MethodHead {
				page.ServeHTTP(w, r)
			} else {
				a.ServeHTTP(w, r) // which says in JSON what there is
			}
		})
	} else {
		mux.Handle("/", a)
	}
	return observed(mux, logger, m), nil
}

// blobs are the files of a model: vae is empty where it is one file.
type blobs struct{ model, vae blob }

// blob is a file, its name where it is not the built-in model, and its SHA-256, in hex.
type blob struct {
	data         []byte
	name, sha256 string
}

func newBlob(data []byte, name string) blob {
	return blob{data, name, fmt.Sprintf("%x", sha256.Sum256(data))}
}

// readBlobs reads the files, and checks that they go together.
func readBlobs(o files) (b blobs, err error) {
	p, err := weights.OpenPair(o.model, o.vae)
	if err != nil {
		return b, err
	}
	p.Close()
	if b.model, err = readModel(o.model); err == nil && o.vae != "" {
		b.vae, err = readModel(o.vae)
	}
	return b, err
}

// readModel reads a model file whole and checks it, so that a broken one is
// reported here and not in the page.
func readModel(path string) (blob, error) {
	if path == "" {
		return newBlob(weights.DefaultBytes(), ""), nil
	}
	f, err := weights.Open(path)
	if err != nil {
		return blob{}, err
	}
	defer f.Close()
	for _, err := range f.Tensors() {
		if err != nil {
			return blob{}, fmt.Errorf("%s: %w", path, err)
		}
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return blob{}, err
	}
	return newBlob(data, filepath.Base(path)), nil
}
