package world

import (
	"encoding/json"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"

	"dit8/core"
	"dit8/core/flow"
	"dit8/core/prompt"
)

// form is what is asked for, as far as it is valid.
type form struct {
	req       core.Request // without classes and the first entry of the modulation
	scale     core.ModulationScale
	shares    []core.ClassShare // at least one once a model is open
	wrong     map[string]error  // fields whose text is not valid
	live      bool
	liveSteps int
}

// Limits of live mode.
const (
	MaxLiveSteps     = 50
	defaultLiveSteps = 8
)

// MaxMix bounds the classes that the form mixes.
const MaxMix = 4

func (f *form) err() error {
	for _, name := range []string{"seed", "seed_to", "count", "steps", "guidance"} {
		if err := f.wrong[name]; err != nil {
			return err
		}
	}
	return nil
}

// Request is what the form asks for.
func (w *World) Request() core.Request {
	r := w.form.req
	if s := w.form.shares; len(s) == 1 && s[0].Weight == 1 && s[0].From == 0 && s[0].To == 0 {
		r = r.Of(w.model.Info, s[0].Class)
	} else {
		r.Classes = slices.Clone(s)
	}
	r.Modulation = slices.Clone(r.Modulation)
	if w.form.scale.Scale != 1 {
		r.Modulation = append([]core.ModulationScale{w.form.scale}, r.Modulation...)
	}
	return r
}

// SetRequest fills the form; it fails on a request that does not suit the model.
func (w *World) SetRequest(r core.Request) error {
	if err := r.Check(w.model.Info); err != nil {
		return err
	}
	w.fill(r)
	return nil
}

func (w *World) fill(r core.Request) {
	w.form.shares = slices.Clone(r.Classes)
	if r.Classes == nil {
		w.form.shares = []core.ClassShare{{Class: r.Subject(), Weight: 1}}
	}
	r.Class, r.Classes, r.Prompt = "", nil, ""
	if len(r.Modulation) > 0 {
		w.form.scale, r.Modulation = r.Modulation[0], r.Modulation[1:]
	} else {
		w.form.scale.Scale = 1 // of the group that was chosen
	}
	w.form.req = r
	w.form.wrong = nil
}

// SetField sets a field by its JSON name from the text of its input. What is wrong
// is said, and kept from running until it is right.
func (w *World) SetField(name, text string) {
	raw := strings.TrimSpace(text)
	if !json.Valid([]byte(raw)) {
		quoted, _ := json.Marshal(raw) // a string has no errors
		raw = string(quoted)
	}
	req, err := w.Request().WithJSON([]byte(`{"` + name + `": ` + raw + `}`))
	if err == nil {
		err = req.Check(w.model.Info)
	}
	if err != nil {
		if w.form.wrong == nil {
			w.form.wrong = map[string]error{}
		}
		w.form.wrong[name] = err
		w.complain("%v", err)
		return
	}
	if w.form.wrong[name] != nil {
		delete(w.form.wrong, name)
		w.message = Message{}
	}
	wrong := w.form.wrong
	w.fill(req)
	w.form.wrong = wrong
	w.changed()
}

// Wrong tells whether the text of a field is not valid.
func (w *World) Wrong(name string) bool { return w.form.wrong[name] != nil }

// Edit changes the request; a change that makes it invalid is said and undone.
func (w *World) Edit(change func(r *core.Request)) {
	r := w.Request()
	change(&r)
	if err := r.Check(w.model.Info); err != nil {
		w.complain("%v", err)
		return
	}
	wrong := w.form.wrong
	w.fill(r)
	w.form.wrong = wrong
	w.changed()
}

// changed runs a live request.
func (w *World) changed() {
	if _, loading := w.Busy(); w.form.live && w.open && !loading && w.form.err() == nil {
		w.submit(&job{req: w.liveRequest(), live: true})
	}
}

// liveRequest is the form's with few steps of a solver that makes the most of them.
func (w *World) liveRequest() core.Request {
	r := w.Request()
	if w.model.Info.Convention.Average { // which is fast as it is
		return r
	}
	r.Steps, r.Solver, r.Schedule, r.Shift = w.form.liveSteps, flow.AB2, flow.Cosine, 0
	if r.Edit != nil && r.Edit.Task != core.EditImage {
		r.Solver = flow.Euler
	}
	return r
}

// Live tells whether changes re-render at once, and with how many steps.
func (w *World) Live() (on bool, steps int) { return w.form.live, w.form.liveSteps }

// SetLive turns live mode on, which renders at once, or off.
func (w *World) SetLive(on bool) {
	w.form.live = on
	w.changed()
}

// SetLiveSteps sets the steps of live mode, 1 to MaxLiveSteps.
func (w *World) SetLiveSteps(n int) {
	w.form.liveSteps = min(max(n, 1), MaxLiveSteps)
	w.changed()
}

// Dice sets another seed.
func (w *World) Dice() { w.SetField("seed", strconv.FormatUint(uint64(rand.Uint32()), 10)) }

// Matches lists the classes with text in their names, those that begin with it
// first. Words may be apart: "cat face" finds "cat-face", and so does its emoji. Of a model that is told words
// it lists the prompts that text may become.
func (w *World) Matches(text string) []string {
	if w.Words() {
		return w.completions(text)
	}
	words := strings.FieldsFunc(strings.ToLower(prompt.Spell(text)), func(r rune) bool { return r == ' ' || r == '-' })
	var begin, rest []string
	for _, c := range w.model.Info.Classes {
		name, all := strings.ToLower(c), true
		for _, word := range words {
			all = all && strings.Contains(name, word)
		}
		switch {
		case !all:
		case len(words) == 0 || strings.HasPrefix(name, words[0]):
			begin = append(begin, c)
		default:
			rest = append(rest, c)
		}
	}
	return append(begin, rest...)
}

// Mix is the classes that are mixed, with their weights.
func (w *World) Mix() []core.ClassShare { return w.form.shares }

// Pick makes class, or a prompt, the first of the mix.
func (w *World) Pick(class string) {
	w.Edit(func(r *core.Request) {
		if len(r.Classes) == 0 {
			*r = r.Of(w.model.Info, class)
			return
		}
		r.Classes[0].Class = class
	})
}

// AddToMix adds a class with weight 1.
func (w *World) AddToMix(class string) {
	switch n := len(w.form.shares); {
	case n >= MaxMix:
		w.complain("A mix has up to %d classes here.", MaxMix)
		return
	case slices.ContainsFunc(w.form.shares, func(s core.ClassShare) bool { return s.Class == class }):
		w.complain("%s is in the mix already.", class)
		return
	}
	w.setMix(append(slices.Clone(w.form.shares), core.ClassShare{Class: class, Weight: 1}))
}

// Unmix takes a class out of the mix, unless it is the last.
func (w *World) Unmix(i int) {
	if len(w.form.shares) < 2 {
		return
	}
	s := slices.Delete(slices.Clone(w.form.shares), i, i+1)
	if len(s) == 1 {
		s[0] = core.ClassShare{Class: s[0].Class, Weight: 1}
	}
	w.setMix(s)
}

// SetWeight sets the weight of a class of the mix.
func (w *World) SetWeight(i int, weight float32) {
	s := slices.Clone(w.form.shares)
	s[i].Weight = weight
	w.setMix(s)
}

func (w *World) setMix(s []core.ClassShare) {
	w.Edit(func(r *core.Request) { r.Class, r.Prompt, r.Classes = "", "", s })
}

// Modulation is the group of the modulation that the form scales.
func (w *World) Modulation() core.ModulationScale { return w.form.scale }

// SetModulation sets it. The request has it where it changes something.
func (w *World) SetModulation(m core.ModulationScale) {
	before := w.form.scale.Scale
	w.form.scale = m
	if m.Scale != 1 || before != 1 {
		w.changed()
	}
}

// Extras names what the request has and the form does not show.
func (w *World) Extras() []string {
	var extras []string
	r, own := w.form.req, w.model.Defaults
	for _, e := range []struct {
		name string
		has  bool
	}{
		{"edit", r.Edit != nil}, {"negative", r.Negative != ""}, {"guidance interval", !slices.Equal(r.GuidanceInterval, own.GuidanceInterval)},
		{"guidance rescale", r.GuidanceRescale != 0}, {"shift", r.Shift != own.Shift}, {"diffusion", r.Diffusion != own.Diffusion},
		{"more modulation", len(r.Modulation) > 0}, {"times in the mix", slices.ContainsFunc(w.form.shares, func(s core.ClassShare) bool { return s.From != 0 || s.To != 0 })},
	} {
		if e.has {
			extras = append(extras, e.name)
		}
	}
	return extras
}

// DropExtras takes them away.
func (w *World) DropExtras() {
	w.Edit(func(r *core.Request) {
		own := w.model.Defaults
		r.Edit, r.Negative, r.GuidanceRescale = nil, "", 0
		r.GuidanceInterval, r.Shift, r.Diffusion = own.GuidanceInterval, own.Shift, own.Diffusion
		if w.form.req.Modulation != nil {
			r.Modulation = r.Modulation[:len(r.Modulation)-len(w.form.req.Modulation)]
		}
		for i := range r.Classes {
			r.Classes[i].From, r.Classes[i].To = 0, 0
		}
	})
}
