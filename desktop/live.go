package main

import (
	"fmt"
	"math"
	"strconv"

	"github.com/ebitenui/ebitenui/widget"

	"dit8/core"
	"dit8/desktop/world"
)

// channelGroups are the parts that the channels are divided into.
const channelGroups = 8

// newLive is the upper part of the right side: what a slider changes at once.
func (v *view) newLive() *panel {
	t, w, p := v.theme, v.world, &panel{}
	m, _ := w.Model()
	toggle := t.newButton("", v.toggleLive)
	p.syncing(func() {
		on, _ := w.Live()
		if on {
			setButton(toggle, "Live mode is on", t.rowPicked)
		} else {
			setButton(toggle, "Live mode is off", t.button)
		}
	})
	liveSteps := func() int { _, n := w.Live(); return n }
	setLiveSteps := w.SetLiveSteps
	if m.Info.Convention.Average { // it needs so few steps that those of the form are live
		liveSteps = func() int { return w.Request().Steps }
		setLiveSteps = func(n int) { w.SetField("steps", strconv.Itoa(n)) }
	}
	steps := p.slider(t, 1, world.MaxLiveSteps, 1, liveSteps, setLiveSteps)
	guidance := p.slider(t, 0, 100, 1, func() int { return int(math.Round(float64(w.Request().Guidance) * 10)) },
		func(n int) { w.SetField("guidance", number(float32(n)/10)) })
	seedTo := p.requestField(t, w, "seed_to", func(r core.Request) string { return strconv.FormatUint(r.SeedTo, 10) })
	seedMix := p.slider(t, 0, 50, 1, func() int { return int(math.Round(float64(w.Request().SeedMix) * 50)) },
		func(n int) { w.SetField("seed_mix", number(float32(n)/50)) })

	set := func(change func(s *core.ModulationScale)) {
		s := w.Modulation()
		change(&s)
		w.SetModulation(s)
	}
	quantity := p.choice(v, []string{"γ β α", "γ (gamma)", "β (beta)", "α (alpha)"}, func() string {
		return map[string]string{"": "γ β α", "gamma": "γ (gamma)", "beta": "β (beta)", "alpha": "α (alpha)"}[w.Modulation().Quantity]
	}, func(name string) {
		set(func(s *core.ModulationScale) {
			s.Quantity = map[string]string{"γ (gamma)": "gamma", "β (beta)": "beta", "α (alpha)": "alpha"}[name]
		})
	})
	branch := p.choice(v, []string{"msa, mlp", "msa", "mlp"}, func() string { return or(w.Modulation().Branch, "msa, mlp") }, func(name string) {
		set(func(s *core.ModulationScale) {
			if s.Branch = name; name == "msa, mlp" {
				s.Branch = ""
			}
		})
	})
	block := p.slider(t, 0, m.Config.Depth, 1, func() int { return group(w.Modulation().Blocks, m.Config.Depth, m.Config.Depth) },
		func(n int) { set(func(s *core.ModulationScale) { s.Blocks = part(n, m.Config.Depth, m.Config.Depth) }) })
	channels := p.slider(t, 0, channelGroups, 1, func() int { return group(w.Modulation().Channels, m.Config.HiddenSize, channelGroups) },
		func(n int) {
			set(func(s *core.ModulationScale) { s.Channels = part(n, m.Config.HiddenSize, channelGroups) })
		})
	scale := p.slider(t, -20, 60, 1, func() int { return int(math.Round(float64(w.Modulation().Scale) * 20)) },
		func(n int) { set(func(s *core.ModulationScale) { s.Scale = float32(n) / 20 }) })
	row := func(text func() string, s *widget.Slider) *widget.Container {
		label := p.live(t, text)
		label.GetWidget().MinWidth = t.px(118)
		return t.grid(8, []bool{false, true}, label, s)
	}
	p.Container = t.column(8,
		toggle,
		row(func() string { return fmt.Sprintf("Steps  %d", liveSteps()) }, steps),
		row(func() string { return "Guidance  " + number(w.Request().Guidance) }, guidance),
		t.grid(8, []bool{false, true}, t.minWidth(t.label("Second seed", soft), 118), seedTo),
		row(func() string { return "of which  " + number(w.Request().SeedMix) }, seedMix),
		t.grid(8, []bool{false, true, true}, t.minWidth(t.label("Modulation", soft), 118), quantity, branch),
		row(func() string { return "Blocks  " + indices(w.Modulation().Blocks) }, block),
		row(func() string { return "Channels  " + indices(w.Modulation().Channels) }, channels),
		row(func() string { return "times  " + number(w.Modulation().Scale) }, scale),
	)
	return p
}

func (t *theme) minWidth(w *widget.Text, n float64) *widget.Text {
	w.GetWidget().MinWidth = t.px(n)
	return w
}

// part is the k-th of parts that n indices are divided into, from 1; 0 is all.
func part(k, n, parts int) []int {
	if k == 0 {
		return nil
	}
	return []int{(k - 1) * n / parts, max(k*n/parts, (k-1)*n/parts+1) - 1}
}

// group is the part that a range begins in.
func group(r []int, n, parts int) int {
	if r == nil {
		return 0
	}
	return r[0]*parts/n + 1
}

func indices(r []int) string {
	switch {
	case r == nil:
		return "all"
	case r[0] == r[1]:
		return strconv.Itoa(r[0])
	}
	return fmt.Sprintf("%d–%d", r[0], r[1])
}
