package world

import (
	"fmt"
	"image"
	"strings"
	"time"

	"dit8/core"
)

// Picture is what a request has made so far.
type Picture struct {
	Request   core.Request
	Live      bool
	Step      int // of Steps, from 1; 0 before the first
	Steps     int
	T         float32 // time of the step, 1 (noise) to 0 (data)
	Done      bool
	Cancelled bool
	Metadata  core.Metadata // when Done

	images []*image.NRGBA
}

func newPicture(req core.Request, size int, live bool) *Picture {
	p := &Picture{Request: req, Live: live, images: make([]*image.NRGBA, req.Count)}
	for i := range p.images {
		p.images[i] = image.NewNRGBA(image.Rect(0, 0, size, size)) // transparent
	}
	return p
}

func (p *Picture) stepped(e stepped) {
	p.Step, p.Steps, p.T = e.step, e.steps, e.t
	copy(p.images[e.first:], e.images)
}

func (p *Picture) finished(r *core.Result) {
	p.Done, p.images, p.Metadata = true, r.Images, r.Metadata
}

// Grid is the picture as one image. What is not there yet is transparent.
func (p *Picture) Grid() *image.NRGBA { return core.Grid(p.images, 1) }

// First is the first image.
func (p *Picture) First() *image.NRGBA { return p.images[0] }

// Title names what is shown: "fox, seed 1".
func (p *Picture) Title() string {
	title := p.Request.Subject()
	if p.Request.Classes != nil {
		var names []string
		for _, c := range p.Request.Classes {
			names = append(names, c.Class)
		}
		title = strings.Join(names, " + ")
	}
	return fmt.Sprintf("%s, seed %d", title, p.Request.Seed)
}

// rate counts images per second over the last ones.
type rate struct{ ends []time.Time }

// rateSpan is what is looked back at; a longer time than ratePause without an image
// is a pause.
const (
	rateSpan  = 2 * time.Second
	ratePause = time.Second
)

func (r *rate) add(t time.Time) {
	if n := len(r.ends); n > 0 && t.Sub(r.ends[n-1]) > ratePause {
		r.ends = r.ends[:0] // nothing moved
	}
	r.ends = append(r.ends, t)
	for len(r.ends) > 1 && t.Sub(r.ends[0]) > rateSpan {
		r.ends = r.ends[1:]
	}
}

// perSecond is 0 where fewer than two were made.
func (r *rate) perSecond() float64 {
	n := len(r.ends) - 1
	if n < 1 {
		return 0
	}
	return float64(n) / r.ends[n].Sub(r.ends[0]).Seconds()
}

// Rate is how many images a second live mode makes while something moves; 0 where
// it is not known.
func (w *World) Rate() float64 { return w.rate.perSecond() }

// Status says how far the picture is.
func (w *World) Status() string {
	p := w.picture
	_, loading := w.Busy()
	switch {
	case loading:
		return "Opening " + w.last.open.Name + "…"
	case !w.open:
		return "No model is open."
	case p == nil:
		return "Ready. Pick a class and press Enter."
	case p.Cancelled:
		return fmt.Sprintf("Stopped after step %d.", p.Step)
	case p.Done && p.Live:
		s := fmt.Sprintf("Live: %d steps in %.0f ms", p.Steps, 1000*p.Metadata.Seconds)
		if r := w.Rate(); r > 0 {
			s += fmt.Sprintf(", %.1f images a second", r)
		}
		return s + "."
	case p.Done:
		return fmt.Sprintf("Done in %.2f s, %.1f ms a step.", p.Metadata.Seconds, p.Metadata.MsPerStep)
	case p.Step == 0:
		return "Starting…"
	}
	return fmt.Sprintf("Step %d of %d, t = %.2f", p.Step, p.Steps, p.T)
}
