package core

import (
	"fmt"
	"strings"

	"dit8/core/dit"
	"dit8/core/flow"
)

// conditions are what the network is told at time t of a request that was checked:
// the request's classes and, where guidance applies, what it is to lead away from.
func (r Request) conditions(t float32, conv flow.Convention, classes []string, null int) []dit.Cond {
	c := dit.Cond{T: conv.At(t).Time}
	if r.Classes == nil {
		c.Label, _ = findClass("", r.Class, classes)
	} else {
		sum := r.weight(t)
		for _, s := range r.Classes {
			if s.acts(t) {
				label, _ := findClass("", s.Class, classes)
				c.Mix = append(c.Mix, dit.Share{Label: label, Weight: s.Weight / sum})
			}
		}
	}
	if !r.guided(t) {
		return []dit.Cond{c}
	}
	away := dit.Cond{T: c.T, Label: null}
	if r.Negative != "" {
		away.Label, _ = findClass("", r.Negative, classes)
	}
	return []dit.Cond{c, away}
}

// guided tells whether guidance applies at time t.
func (r Request) guided(t float32) bool {
	i := r.GuidanceInterval
	return r.Guidance != 1 && (i == nil || t >= i[0] && t <= i[1])
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
