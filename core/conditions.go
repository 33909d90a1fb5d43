package core

import (
	"maps"
	"slices"

	"dit8/core/dit"
	"dit8/core/flow"
)

// Conditions are what the network is told at an evaluation of a request that was
// checked: the request's classes or words and, where guidance applies, what it is to
// lead away from. Networks that take the guidance as an input are told of it instead. The times
// are left open.
func (r Request) Conditions(e flow.Eval, m Info) []dit.Cond {
	c := r.condition(e, m)
	low, high := r.interval()
	if m.Convention.GuidanceInput {
		c.Omega, c.TMin, c.TMax = r.Guidance, low, high
		return []dit.Cond{c}
	}
	if r.Guidance == 1 || !m.Convention.Guided(e, low, high) {
		return []dit.Cond{c}
	}
	away := dit.Cond{Label: len(m.Classes)} // the null class
	if r.Negative != "" {
		l, _ := m.find("", r.Negative)
		away = l.cond(m, "")
	}
	return []dit.Cond{c, away}
}

// condition is that of the request's classes or words at an evaluation. What the parts of a mix give each row of the
// table of labels is summed in their order.
func (r Request) condition(e flow.Eval, m Info) (c dit.Cond) {
	if r.Classes == nil {
		l, _ := m.find("", r.Subject())
		return l.cond(m, r.Style)
	}
	sum := r.weight(e.T)
	if m.Vocabulary == nil {
		for _, s := range r.Classes {
			if s.acts(e.T) {
				l, _ := m.find("", s.Class)
				c.Mix = append(c.Mix, dit.Share{Label: l.class, Weight: s.Weight / sum})
			}
		}
		return c
	}
	rows := make(map[int]float32)
	for _, s := range r.Classes {
		if s.acts(e.T) {
			l, _ := m.find("", s.Class)
			for _, of := range l.cond(m, r.Style).Mix {
				rows[of.Label] += float32(of.Weight * float32(s.Weight/sum))
			}
		}
	}
	for _, row := range slices.Sorted(maps.Keys(rows)) {
		c.Mix = append(c.Mix, dit.Share{Label: row, Weight: rows[row]})
	}
	return c
}

// interval is where guidance applies.
func (r Request) interval() (low, high float32) {
	if i := r.GuidanceInterval; i != nil {
		return i[0], i[1]
	}
	return 0, 1
}
