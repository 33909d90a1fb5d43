package core

import (
	"fmt"
	"strings"

	"dit8/core/dit"
	"dit8/core/flow"
)

// Conditions are what the network is told at an evaluation of a request that was
// checked: the request's classes and, where guidance applies, what it is to lead away
// from. Networks that take the guidance as an input are told of it instead. The times
// are left open.
func (r Request) Conditions(e flow.Eval, m Info) []dit.Cond {
	classes := m.Classes
	var c dit.Cond
	if r.Classes == nil {
		c.Label, _ = findClass("", r.Class, classes)
	} else {
		sum := r.weight(e.T)
		for _, s := range r.Classes {
			if s.acts(e.T) {
				label, _ := findClass("", s.Class, classes)
				c.Mix = append(c.Mix, dit.Share{Label: label, Weight: s.Weight / sum})
			}
		}
	}
	low, high := r.interval()
	if m.Convention.GuidanceInput {
		c.Omega, c.TMin, c.TMax = r.Guidance, low, high
		return []dit.Cond{c}
	}
	if r.Guidance == 1 || !m.Convention.Guided(e, low, high) {
		return []dit.Cond{c}
	}
	away := dit.Cond{Label: len(classes)} // the null class
	if r.Negative != "" {
		away.Label, _ = findClass("", r.Negative, classes)
	}
	return []dit.Cond{c, away}
}

// interval is where guidance applies.
func (r Request) interval() (low, high float32) {
	if i := r.GuidanceInterval; i != nil {
		return i[0], i[1]
	}
	return 0, 1
}

// classText names the classes of a request that was checked, a mix as in
// "bear@1-0.6,cat-face@0.6-0".
func (r Request) classText(classes []string) string {
	name := func(class string) string {
		i, _ := findClass("", class, classes)
		return classes[i]
	}
	if r.Classes == nil {
		return name(r.Class)
	}
	var parts []string
	for _, c := range r.Classes {
		text := name(c.Class)
		if c.Weight != 1 {
			text += "=" + number(c.Weight)
		}
		if from, to := c.span(); from != 1 || to != 0 {
			text += fmt.Sprintf("@%s-%s", number(from), number(to))
		}
		parts = append(parts, text)
	}
	return strings.Join(parts, ",")
}
