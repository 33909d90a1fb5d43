// Package world is the desktop program without its window: what is asked for, what
// runs, what is shown, the history and the settings. It draws nothing and knows no
// toolkit, so that tests need no screen.
package world

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"time"

	"dit8/core"
	"dit8/core/compute"
)

// World is used by one goroutine, the window's. What takes time runs on others; Poll
// takes over what they have done, so that no method waits.
type World struct {
	Settings Settings // of the window; those of the request are filled in by Close

	engine *engine
	device string
	model  Model
	open   bool // a model is

	form     form
	picture  *Picture
	inspect  *Inspector
	history  []*Picture
	message  Message
	expect   *expectation
	rate     rate
	last     *job   // the newest, nil when it has finished
	making   *job   // that of the picture
	photo    *photo // that was opened last
	mask     *photo // of what is painted anew in it; nil for none
	savedAs  string
	savedPNG *Picture // what was saved there
	now      func() time.Time
}

// Message is what the program has to say.
type Message struct {
	Text string
	Bad  bool
}

// expectation is what a picture says of its own pixels.
type expectation struct {
	name string
	meta core.Metadata
}

// New opens the model of the settings, or file where it is not "", on dev; vae is the
// file of its autoencoder where that is another one.
func New(dev compute.Device, s Settings, file, vae string) *World {
	w := &World{Settings: s, engine: newEngine(dev), device: dev.Name(), now: time.Now}
	w.form.live = s.Live
	if w.form.liveSteps = s.LiveSteps; w.form.liveSteps < 1 || w.form.liveSteps > MaxLiveSteps {
		w.form.liveSteps = defaultLiveSteps
	}
	if file == "" {
		file, vae = s.Model, s.VAE
	}
	// The built-in model comes first, for when the file is bad. It takes some 50 ms.
	w.openBuiltIn()
	for w.last != nil {
		w.Poll()
		time.Sleep(time.Millisecond)
	}
	if file != "" {
		w.openPair(file, vae)
	}
	return w
}

// Close ends what runs and returns the settings to keep.
func (w *World) Close() Settings {
	w.engine.close()
	s := w.Settings
	if w.open {
		s.Model, s.VAE = w.model.Path, w.model.VAE
		s.Request = w.Request()
		s.Request.Edit = nil // its picture would make the file large
	}
	s.Live, s.LiveSteps = w.form.live, w.form.liveSteps
	return s
}

func (w *World) submit(j *job) {
	w.last = j
	w.engine.submit(j)
}

// Model is the open model; ok is false while there is none.
func (w *World) Model() (m Model, ok bool) { return w.model, w.open }

// Device is what computes.
func (w *World) Device() string { return w.device }

// Busy tells whether something runs; loading whether that is a file being opened.
func (w *World) Busy() (busy, loading bool) {
	return w.last != nil, w.last != nil && w.last.open != nil
}

// Message is the last one.
func (w *World) Message() Message { return w.message }

// Say puts a message of the window's.
func (w *World) Say(m Message) { w.message = m }

func (w *World) say(format string, a ...any) { w.message = Message{Text: fmt.Sprintf(format, a...)} }
func (w *World) complain(format string, a ...any) {
	w.message = Message{fmt.Sprintf(format, a...), true}
}

// Changes is what Poll changed.
type Changes struct {
	Picture bool // the picture, its status or the inspector
	Rest    bool // anything else
}

// Poll takes over what happened since it was called last.
func (w *World) Poll() (c Changes) {
	for _, e := range w.engine.take() {
		switch e := e.(type) {
		case loaded:
			w.loaded(e.model)
			c.Rest = true
		case restored:
			w.restored(e)
		case photo:
			w.photographed(e)
			c.Rest = true
		case began:
			if e.job.dropped {
				continue
			}
			w.making = e.job
			w.picture = newPicture(e.job.req, w.model.ImageSize, e.job.live)
			w.inspect = newInspector(e.modulation)
			c.Picture = true
		case stepped:
			if e.job != w.making {
				continue
			}
			w.picture.stepped(e)
			w.inspect.stepped(e.step)
			c.Picture = true
		case finished:
			w.finished(e)
			c.Picture, c.Rest = true, c.Rest || !e.job.live || e.err != nil || w.last == nil
		case saved:
			w.saved(e)
			c.Rest = true
		}
	}
	return c
}

func (w *World) finished(e finished) {
	if e.job == w.last {
		w.last = nil
	}
	if e.err != nil && e.job == w.making {
		w.picture.Cancelled = true
	}
	switch {
	case errors.Is(e.err, context.Canceled):
	case e.err != nil:
		w.complain("%v", e.err)
	case e.job == w.making:
		w.picture.finished(e.result)
		if e.job.live {
			w.rate.add(w.now())
			return
		}
		w.remember(w.picture)
		w.compare(e.result.Metadata)
	}
}

// compare says whether a restored picture came out again.
func (w *World) compare(got core.Metadata) {
	x := w.expect
	if x == nil || !reflect.DeepEqual(x.meta.Request, got.Request) {
		return
	}
	w.expect = nil
	switch {
	case x.meta.SHA256 == got.SHA256:
		w.say("The same pixels as in %s, bit for bit.", x.name)
	case x.meta.ModelID != got.ModelID:
		w.complain("Other pixels than in %s: it was made by model %s (%s).", x.name, x.meta.Model, x.meta.ModelID)
	default:
		w.complain("Other pixels than in %s.", x.name)
	}
}

// Picture is the newest one, nil before the first.
func (w *World) Picture() *Picture { return w.picture }

// Inspector shows the modulation of the newest request; nil where there is none.
func (w *World) Inspector() *Inspector { return w.inspect }

// Generate runs the request of the form.
func (w *World) Generate() {
	if _, loading := w.Busy(); loading || !w.open {
		w.complain("The model is still being opened.")
		return
	}
	if err := w.form.err(); err != nil {
		w.complain("%v", err)
		return
	}
	req := w.Request()
	if err := req.Check(w.model.Info); err != nil {
		w.complain("%v", err)
		return
	}
	w.message = Message{}
	w.submit(&job{req: req})
}

// Cancel ends what runs.
func (w *World) Cancel() {
	if w.open {
		w.engine.cancel()
	}
}
