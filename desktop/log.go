package main

import (
	"encoding/json"
	"io"
	"slices"
	"time"

	"github.com/hajimehoshi/ebiten/v2"

	"dit8/desktop/world"
)

// eventLog writes a line of JSON for what the window shows, for the tests and for
// whoever measures. A nil one writes nothing.
type eventLog struct {
	w       io.Writer
	message world.Message
	picture *world.Picture
	done    bool
	model   string
	placed  placement
	listed  string
	ready   bool
}

// settleTicks is when shaders are compiled, and frames take as long as they will.
const settleTicks = 30

func (l *eventLog) write(event string, fields map[string]any) {
	fields["event"] = event
	line, err := json.Marshal(fields)
	if err == nil {
		l.w.Write(append(line, '\n'))
	}
}

// follow writes what is new.
func (l *eventLog) follow(g *game) {
	if l == nil {
		return
	}
	if m, _ := g.world.Model(); m.Path+m.VAE+m.ID != l.model {
		l.model = m.Path + m.ID
		l.write("model", map[string]any{"name": m.Info.Name, "id": m.ID, "path": m.Path, "device": g.world.Device(), "seconds": m.Seconds})
	}
	if !l.ready && ebiten.IsFocused() && g.redraw == 0 && ebiten.Tick() > settleTicks {
		l.ready = true
		l.write("ready", map[string]any{})
	}
	if p := g.view.painter.placed; p != l.placed {
		l.placed = p
		l.write("placed", map[string]any{"x": p.Rect.Min.X, "y": p.Rect.Min.Y, "width": p.Rect.Dx(), "height": p.Rect.Dy(), "scale": p.Scale})
	}
	if text := g.view.menu.text(); text != l.listed {
		l.listed = text
		l.write("list", map[string]any{"text": text})
	}
	l.followPicture(g)
	if m := g.world.Message(); m != l.message {
		l.message = m
		l.write("message", map[string]any{"text": m.Text, "bad": m.Bad})
	}
}

func (l *eventLog) followPicture(g *game) {
	p := g.world.Picture()
	if p == nil || p == l.picture && p.Done == l.done {
		return
	}
	if p != l.picture {
		l.write("began", map[string]any{"request": p.Request, "live": p.Live})
	}
	if l.picture, l.done = p, p.Done; p.Done {
		l.write("done", map[string]any{"sha256": p.Metadata.SHA256, "live": p.Live, "seconds": p.Metadata.Seconds, "images_per_second": g.world.Rate(),
			"frames": g.frames.summary()})
	}
}

// frameTimes are the times between frames while a request runs.
type frameTimes struct {
	last time.Time
	ms   []float64
	busy bool
}

// maxFrames bounds what is kept.
const maxFrames = 100_000

func (f *frameTimes) tick(now time.Time, busy bool) {
	switch {
	case busy && !f.busy:
		f.ms = f.ms[:0]
	case busy && len(f.ms) < maxFrames:
		f.ms = append(f.ms, float64(now.Sub(f.last).Microseconds())/1000)
	}
	f.last, f.busy = now, busy
}

// summary is the number of frames, and the median, 95th percentile and maximum in ms.
func (f *frameTimes) summary() map[string]any {
	if len(f.ms) == 0 {
		return map[string]any{"n": 0}
	}
	s := slices.Sorted(slices.Values(f.ms))
	n := len(s)
	return map[string]any{"n": n, "median": s[n/2], "p95": s[n*95/100], "max": s[n-1]}
}
