package api

import (
	"encoding/json"
	"fmt"
	"image"
	"io"
	"maps"
	"net/http"
	"time"

	"dit8/core"
)

// update is what a step has come to.
type update struct {
	step, steps    int
	partial, first int // which of the partial images, and which image its first is
	images         []*image.NRGBA
}

// stream answers with server-sent events: partial images while it computes, then
// the complete ones. Every step is a comment at least, which shows soon whether the
// client is still there.
func (h *Handler) stream(w http.ResponseWriter, r *http.Request, a asked) error {
	// There is room for all, in as many batches as there are images, so that a slow client does not hold up the others.
	updates := make(chan update, a.Steps*a.Count)
	var res *core.Result
	var err error
	go func() {
		defer close(updates)
		res, err = h.run(r, a, func(e core.Event) {
			u := update{step: e.Step, steps: e.Steps, first: e.First}
			if k := a.partialAt(e); k > 0 {
				u.partial = k - 1
				for i := range e.Images {
					u.images = append(u.images, e.Image(i))
				}
			}
			updates <- u
		})
	}()
	s := &sender{w: w}
	meta := core.Metadata{Request: a.Request, Model: a.model.Info().Name, ModelID: a.model.ID(), AutoencoderID: a.model.AutoencoderID()}
	for u := range updates {
		if u.images == nil {
			s.write(fmt.Sprintf(": %d/%d\n\n", u.step, u.steps))
		}
		for i, m := range u.images {
			h.send(s, a.model, a.kind()+".partial_image", m, a.size, meta, map[string]any{"index": u.first + i, "partial_image_index": u.partial})
		}
	}
	if err != nil {
		if !s.begun {
			return renamed(err, false)
		}
		s.send("error", map[string]any{"error": problemOf(renamed(err, false))})
		return nil
	}
	for i, m := range res.Images {
		if a.index != nil && *a.index != i {
			continue
		}
		more := map[string]any{"index": i, "metadata": res.Metadata}
		if len(a.notes) > 0 {
			more["notes"] = a.notes
		}
		h.send(s, a.model, a.kind()+".completed", m, a.size, res.Metadata, more)
	}
	return nil
}

// kind is what the names of a's events begin with.
func (a asked) kind() string {
	if a.event != "" {
		return a.event
	}
	return "image_generation"
}

// partialAt is which of the partial images step e gives, from 1, or 0: they lie
// evenly between the noise and the last step.
func (a asked) partialAt(e core.Event) int {
	k := e.Step * (a.partial + 1) / e.Steps
	if e.Step == e.Steps || k == (e.Step-1)*(a.partial+1)/e.Steps {
		return 0
	}
	return k
}

func (h *Handler) send(s *sender, by *model, kind string, m *image.NRGBA, size int, meta core.Metadata, more map[string]any) {
	b, err := by.png([]*image.NRGBA{m}, size, meta)
	if err != nil {
		s.send("error", map[string]any{"error": problemOf(err)})
		return
	}
	event := h.format(size)
	maps.Copy(event, more)
	event["type"], event["b64_json"], event["created_at"] = kind, b, time.Now().Unix()
	s.send(kind, event)
}

// sender writes server-sent events.
type sender struct {
	w     http.ResponseWriter
	begun bool
}

func (s *sender) send(kind string, v any) {
	b, err := json.Marshal(v)
	if err != nil { // only values that JSON has are given
		panic(err)
	}
	s.write(fmt.Sprintf("event: %s\ndata: %s\n\n", kind, b))
}

func (s *sender) write(text string) {
	if !s.begun {
		s.begun = true
		s.w.Header().Set("Content-Type", "text/event-stream")
		s.w.Header().Set("Cache-Control", "no-store")
		s.w.Header().Set("X-Accel-Buffering", "no") // for nginx, which would hold events back
	}
	io.WriteString(s.w, text)               // an error is the client's going away
	http.NewResponseController(s.w).Flush() // where it cannot, nothing is held back
}
