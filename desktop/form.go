package main

import (
	"fmt"
	"math"
	"slices"
	"strconv"

	"github.com/ebitenui/ebitenui/widget"

	"dit8/core"
	"dit8/core/flow"
	"dit8/desktop/world"
	"dit8/internal/picture"
)

// panel is widgets that show the world's state when sync is called.
type panel struct {
	*widget.Container
	syncs   []func()
	fields  []*field
	choices []choice
}

func (p *panel) sync() {
	for _, f := range p.syncs {
		f()
	}
}

// syncing adds what keeps widgets like the world.
func (p *panel) syncing(f func()) { p.syncs = append(p.syncs, f) }

// number is v as a person writes it.
func number(v float32) string { return strconv.FormatFloat(float64(v), 'g', -1, 32) }

func plural(n int) string { return fmt.Sprintf("%d classes", n) }

// requestField is a field of the request by its JSON name.
func (p *panel) requestField(t *theme, w *world.World, name string, value func(core.Request) string) *field {
	f := t.newField("", func(text string) {
		if w.Wrong(name) || text != value(w.Request()) {
			w.SetField(name, text)
		}
	}, func() bool { return w.Wrong(name) })
	p.fields = append(p.fields, f)
	p.syncing(func() {
		if !w.Wrong(name) {
			f.show(value(w.Request()))
		}
	})
	return f
}

// slider keeps a slider at value, and calls set where it is moved from there.
func (p *panel) slider(t *theme, low, high, page int, value func() int, set func(int)) *widget.Slider {
	clamped := func() int { return max(low, min(value(), high)) }
	s := t.newSlider(low, high, page, func(v int) {
		if v != clamped() {
			set(v)
		}
	})
	s.Current = clamped()
	p.syncing(func() { s.Current = clamped() })
	return s
}

// live is a text that follows the world.
func (p *panel) live(t *theme, text func() string) *widget.Text {
	label := t.label(text(), soft)
	p.syncing(func() { label.Label = text() })
	return label
}

// named puts a label above a widget.
func (t *theme) named(name string, w widget.PreferredSizeLocateableWidget) *widget.Container {
	return t.column(3, t.label(name, soft), w)
}

// texts are names as strings.
func texts[T ~string](names []T) (s []string) {
	for _, n := range names {
		s = append(s, string(n))
	}
	return s
}

// or is text, or the name that stands for the empty one.
func or(text, empty string) string {
	if text == "" {
		return empty
	}
	return text
}

// newForm is the left side: what is asked for.
func (v *view) newForm() *panel {
	t, w, p := v.theme, v.world, &panel{}
	m, _ := w.Model()
	seed := p.requestField(t, w, "seed", func(r core.Request) string { return strconv.FormatUint(r.Seed, 10) })
	count := p.requestField(t, w, "count", func(r core.Request) string { return strconv.Itoa(r.Count) })
	steps := p.requestField(t, w, "steps", func(r core.Request) string { return strconv.Itoa(r.Steps) })
	guidance := p.requestField(t, w, "guidance", func(r core.Request) string { return number(r.Guidance) })
	dice := t.newButton("Dice", w.Dice)
	solver := p.choice(v, texts(m.Info.Solvers()), func() string { return or(string(w.Request().Solver), string(flow.Euler)) }, func(s string) { w.SetField("solver", s) })
	schedule := p.choice(v, texts(m.Info.Spacings()), func() string { return or(string(w.Request().Schedule), string(flow.Uniform)) }, func(s string) { w.SetField("schedule", s) })
	extras := p.live(t, func() string { return fmt.Sprintf("Also in the request: %v", w.Extras()) })
	drop := t.newButton("Leave it out", w.DropExtras)
	more := t.column(3, extras, drop)
	p.syncing(func() { setVisible(more.GetWidget(), len(w.Extras()) > 0) })

	generate := t.newButton("Generate", v.generate, widget.ButtonOpts.Image(t.primary), widget.ButtonOpts.Text("Generate", t.heading, t.primaryText))
	cancel := t.newButton("Cancel", w.Cancel)
	p.syncing(func() {
		busy, _ := w.Busy()
		cancel.GetWidget().Disabled = !busy
	})
	half := []bool{true, true}
	const anyStyle = "any style"
	style := p.choice(v, append([]string{anyStyle}, m.Info.Words().Styles...), func() string { return or(w.Request().Style, anyStyle) }, func(s string) {
		w.Edit(func(r *core.Request) {
			if r.Style = s; s == anyStyle {
				r.Style = ""
			}
		})
	})
	setVisible(style.GetWidget(), m.Info.Vocabulary != nil)
	fit := p.choice(v, texts(picture.Fits()), func() string { return string(w.Fit()) }, func(s string) { w.SetFit(picture.Fit(s)) })
	photo := t.named("Photo fits by", fit)
	p.syncing(func() { setVisible(photo.GetWidget(), w.Photo()) })
	p.Container = t.column(12,
		v.title(p),
		v.picker.Container,
		v.newMix(p),
		style,
		t.grid(8, half, t.named("Seed", t.grid(6, []bool{true, false}, seed, dice)), t.named("Images", count)),
		t.grid(8, half, t.named("Steps", steps), t.named("Guidance", guidance)),
		t.grid(8, half, t.named("Solver", solver), t.named("Schedule", schedule)),
		t.grid(8, []bool{true, false}, generate, cancel),
		photo,
		more,
		v.newMessage(p),
	)
	p.fields = append([]*field{v.picker.search}, p.fields...)
	p.syncing(v.picker.sync)
	return p
}

func setVisible(w *widget.Widget, is bool) {
	w.Visibility = widget.Visibility_Hide
	if is {
		w.Visibility = widget.Visibility_Show
	}
}

// title names the program and its model, with a list of the models where there are several.
func (v *view) title(p *panel) *widget.Container {
	t := v.theme
	m, _ := v.world.Model()
	name := widget.NewText(widget.TextOpts.Text("dit8", t.title, accent))
	about := t.label(fmt.Sprintf("%s, %s, %d×%d pixels", m.Info.Name, m.Knows(), m.ImageSize, m.ImageSize), soft)
	rows := []widget.PreferredSizeLocateableWidget{t.column(2, name, about)}
	if list, at := v.world.Models(); len(list) > 1 {
		names := make([]string, len(list))
		for i, l := range list {
			names[i] = cut(l.Name)
		}
		rows = append(rows, p.choice(v, names, func() string { return names[at] }, func(name string) {
			if i := slices.Index(names, name); i != at {
				v.world.Choose(list[i])
			}
		}))
	}
	return t.column(8, rows...)
}

// cut is a name that has room in a button.
func cut(name string) string {
	if r := []rune(name); len(r) > 30 {
		return string(r[:29]) + "…"
	}
	return name
}

// newMix is a row with a weight for each class, where there are several.
func (v *view) newMix(p *panel) *widget.Container {
	t, w := v.theme, v.world
	var rows []widget.PreferredSizeLocateableWidget
	for i := range world.MaxMix {
		share := func() core.ClassShare {
			if mix := w.Mix(); i < len(mix) {
				return mix[i]
			}
			return core.ClassShare{}
		}
		name := p.live(t, func() string { return fmt.Sprintf("%s  %s", share().Class, number(share().Weight)) })
		name.MaxWidth = float64(t.px(sideWidth))
		weight := p.slider(t, 0, 40, 1, func() int { return int(math.Round(float64(share().Weight) * 20)) }, func(n int) { w.SetWeight(i, float32(n)/20) })
		remove := t.newButton("×", func() { w.Unmix(i) }, widget.ButtonOpts.TextPadding(t.insets(8, 1)))
		row := t.column(1, name, t.grid(6, []bool{true, false}, weight, remove))
		p.syncing(func() { setVisible(row.GetWidget(), i < len(w.Mix()) && len(w.Mix()) > 1) })
		rows = append(rows, row)
	}
	mix := t.column(4, rows...)
	p.syncing(func() { setVisible(mix.GetWidget(), len(w.Mix()) > 1) })
	return mix
}

// newMessage is where errors and notes stand.
func (v *view) newMessage(p *panel) *widget.Text {
	t := v.theme
	message := widget.NewText(widget.TextOpts.Text("", t.small, ink), widget.TextOpts.MaxWidth(float64(t.px(sideWidth))))
	p.syncing(func() {
		m := v.world.Message()
		message.Label = m.Text
		message.SetColor(ink)
		if m.Bad {
			message.SetColor(wrong)
		}
	})
	return message
}
