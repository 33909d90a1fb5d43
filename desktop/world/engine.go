package world

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"image"
	"io"
	"os"
	"path/filepath"
	"sync"
	"time"

	"dit8/core"
	"dit8/core/compute"
	"dit8/core/dit"
	"dit8/core/pngfile"
	"dit8/internal/bounded"
	"dit8/internal/picture"
	"dit8/weights"
)

// engine runs jobs on a goroutine of its own, one at a time. The newest job wins:
// one that waits is replaced, one that runs is cancelled.
type engine struct {
	device compute.Device
	wake   chan struct{} // of one token
	done   chan struct{} // closed when the goroutine has ended

	mu      sync.Mutex
	waiting *job
	running *job
	closed  bool
	events  []any // for the world, the oldest first

	generator *core.Generator // the goroutine's, as is path
	path      string          // of its network, "" for the built-in one
}

// job is a file to open or a request to run.
type job struct {
	open *Source
	req  core.Request
	live bool

	dropped bool // the world's: its picture is not to be shown

	cancel  context.CancelFunc
	started time.Time
}

// Source is a file that is opened: a model or a picture.
type Source struct {
	Name string // for messages
	Path string // "" where it has none
	VAE  string // path of the autoencoder's file, where that is another one
	io.ReadCloser
}

// Events, in the order in which they happen to a job.
type (
	loaded   struct{ model Model }
	restored struct {
		name string
		meta core.Metadata
	}
	began struct {
		job        *job
		modulation *core.Modulation
	}
	stepped struct {
		job         *job
		step, steps int
		t           float32
		first       int
		images      []*image.NRGBA
	}
	finished struct {
		job    *job
		result *core.Result // nil after an error, and of files
		err    error
	}
)

// grace is how long a live request may go on after a newer one has come. Without
// it, a slider that moves all the time would never show a finished image.
const grace = 100 * time.Millisecond

func newEngine(dev compute.Device) *engine {
	e := &engine{device: dev, wake: make(chan struct{}, 1), done: make(chan struct{})}
	go e.loop()
	return e
}

// submit hands a job over.
func (e *engine) submit(j *job) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.drop()
	if e.closed {
		return
	}
	e.waiting = j
	if r := e.running; r != nil {
		if left := grace - time.Since(r.started); r.live && j.live && left > 0 {
			time.AfterFunc(left, r.cancel)
		} else {
			r.cancel()
		}
	}
	select {
	case e.wake <- struct{}{}:
	default:
	}
}

// drop forgets the job that waits.
func (e *engine) drop() {
	if j := e.waiting; j != nil && j.open != nil {
		j.open.Close()
	}
	e.waiting = nil
}

// cancel ends what runs and what waits.
func (e *engine) cancel() {
	e.mu.Lock()
	defer e.mu.Unlock()
	if j := e.waiting; j != nil {
		e.events = append(e.events, finished{job: j, err: context.Canceled})
	}
	e.drop()
	if e.running != nil {
		e.running.cancel()
	}
}

// close ends the goroutine, within a step of the request that runs.
func (e *engine) close() {
	e.cancel()
	e.mu.Lock()
	e.closed = true
	e.mu.Unlock()
	select {
	case e.wake <- struct{}{}:
	default:
	}
	<-e.done
}

// post adds an event. One that a newer step of its job makes stale gives way.
func (e *engine) post(event any) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if s, ok := event.(stepped); ok && len(e.events) > 0 {
		if last, ok := e.events[len(e.events)-1].(stepped); ok && last.job == s.job && last.first == s.first {
			e.events = e.events[:len(e.events)-1]
		}
	}
	e.events = append(e.events, event)
}

// take returns the events since the last call.
func (e *engine) take() []any {
	e.mu.Lock()
	defer e.mu.Unlock()
	events := e.events
	e.events = nil
	return events
}

// next waits for a job; there is none after close.
func (e *engine) next() (*job, context.Context) {
	for range e.wake {
		e.mu.Lock()
		j := e.waiting
		e.waiting, e.running = nil, j
		closed := e.closed
		var ctx context.Context
		if j != nil {
			ctx, j.cancel = context.WithCancel(context.Background())
			j.started = time.Now()
		}
		e.mu.Unlock()
		if j != nil {
			return j, ctx
		}
		if closed {
			break
		}
	}
	return nil, nil
}

func (e *engine) loop() {
	defer close(e.done)
	stepBack()
	for {
		j, ctx := e.next()
		if j == nil {
			return
		}
		var res *core.Result
		var err error
		if j.open != nil {
			err = e.open(ctx, j.open)
		} else {
			res, err = e.generate(ctx, j)
		}
		e.mu.Lock()
		e.running = nil
		e.mu.Unlock()
		j.cancel()
		e.post(finished{j, res, err})
	}
}

// generate runs a request. Its modulation goes ahead of the first step.
func (e *engine) generate(ctx context.Context, j *job) (*core.Result, error) {
	if e.generator == nil {
		return nil, errors.New("no model is open")
	}
	var modulation *core.Modulation // nil where it would not fit: Generate says what else is wrong
	if m, err := e.generator.Inspect(ctx, j.req); err == nil {
		modulation = m.Summary()
	}
	e.post(began{j, modulation})
	return e.generator.Generate(ctx, j.req, func(ev core.Event) {
		images := make([]*image.NRGBA, ev.Images)
		for i := range images {
			images[i] = ev.Image(i)
		}
		e.post(stepped{j, ev.Step, ev.Steps, ev.T, ev.First, images})
	})
}

// maxPicture is how many bytes a picture's file may well have.
const maxPicture = 1 << 28

// open reads a model, which replaces the one before when all of it is well, or a picture.
func (e *engine) open(ctx context.Context, s *Source) error {
	defer s.Close()
	start := time.Now()
	r := bufio.NewReader(reader{ctx, s})
	if head, _ := r.Peek(64); picture.Is(head) {
		return e.openPicture(s.Name, r)
	}
	w, err := weights.NewReader(r)
	if err != nil {
		return fmt.Errorf("%s: %w", s.Name, err)
	}
	m := Model{Path: s.Path, VAE: s.VAE}
	network, vae := w, (*weights.Reader)(nil)
	var f io.Closer = io.NopCloser(nil)
	switch {
	case !w.Header().HasNetwork() && e.generator != nil: // for the network that is open
		m.Path, m.VAE, vae = e.path, s.Path, w
		network, f, err = model(ctx, e.path)
	case s.VAE != "":
		vae, f, err = model(ctx, s.VAE)
	}
	if err != nil {
		return err
	}
	defer f.Close()
	p, err := weights.NewPair(network, vae)
	if err != nil {
		return fmt.Errorf("%s: %w", s.Name, err)
	}
	g, err := p.Generator(e.device)
	if err != nil {
		return fmt.Errorf("%s: %w", s.Name, err)
	}
	if e.generator != nil {
		e.generator.Free()
	}
	e.generator, e.path = g, m.Path
	m.ID, m.Info, m.Config, m.ImageSize, m.Edits, m.Defaults, m.Seconds = g.ID(), g.Info(), g.Config(), g.ImageSize(), g.EditTasks(), g.Defaults(), time.Since(start).Seconds()
	e.post(loaded{m})
	return nil
}

// openPicture reads one of ours, which is made again, or another, which is started from.
func (e *engine) openPicture(name string, r io.Reader) error {
	b, err := bounded.Read(r, maxPicture)
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	meta, err := pngfile.ReadMetadata(bytes.NewReader(b))
	if err == nil {
		e.post(restored{name, meta})
		return nil
	}
	if !errors.Is(err, pngfile.ErrNoMetadata) && !errors.Is(err, pngfile.ErrNoPNG) {
		return fmt.Errorf("%s: %w", name, err)
	}
	p, err := picture.Decode(b, picture.MaxPixels)
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	e.post(photo{name, p})
	return nil
}

// model opens a model's file, "" being the built-in one. Errors name it.
func model(ctx context.Context, path string) (*weights.Reader, io.Closer, error) {
	if path == "" {
		r, err := weights.Default()
		return r, io.NopCloser(nil), err
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, nil, err
	}
	r, err := weights.NewReader(reader{ctx, f})
	if err != nil {
		f.Close()
		return nil, nil, fmt.Errorf("%s: %w", filepath.Base(path), err)
	}
	return r, f, nil
}

// reader ends with its context.
type reader struct {
	ctx context.Context
	r   io.Reader
}

func (r reader) Read(p []byte) (int, error) {
	if err := r.ctx.Err(); err != nil {
		return 0, err
	}
	return r.r.Read(p)
}

// Model is what is known of the open model.
type Model struct {
	Path      string // "" for the built-in one
	VAE       string // of its autoencoder, where that is another file
	ID        string
	Info      core.Info
	Config    dit.Config
	ImageSize int // pixels, in height and width
	Edits     []core.EditTask
	Defaults  core.Request
	Seconds   float64 // that it took to open
}
