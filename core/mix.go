package core

import (
	"fmt"
	"strings"
)

// ClassShare is a class's part in a mix of class embeddings. Shares act while From
// ≥ t > To (to the end for To 0): "rough layout as a bear, detail as a cat" is a
// bear from 1 to 0.6 and a cat from 0.6 to 0. From and To both 0 is the whole way.
type ClassShare struct {
	Class  string  `json:"class"`
	Weight float32 `json:"weight"` // against those that act at the same time
	From   float32 `json:"from,omitempty"`
	To     float32 `json:"to,omitempty"`
}

// checkClasses checks a mix.
func (r Request) checkClasses(m Info) error {
	if len(r.Classes) < 1 || len(r.Classes) > MaxShares {
		return &FieldError{"classes", fmt.Sprintf("a list of %d", len(r.Classes)), fmt.Sprintf("1 to %d", MaxShares)}
	}
	for i, c := range r.Classes {
		field := func(name string) string { return fmt.Sprintf("classes[%d].%s", i, name) }
		if err := r.checkText(m, field("class"), c.Class); err != nil {
			return err
		}
		if err := within(field("weight"), c.Weight, -MaxWeight, MaxWeight); err != nil {
			return err
		}
		if from, to := c.span(); !(from <= 1 && to >= 0 && from > to) {
			return &FieldError{field("from"), fmt.Sprintf("%s and to is %s", number(c.From), number(c.To)), "1 ≥ from > to ≥ 0"}
		}
	}
	// shares begin and end at these times only
	for _, edge := range r.Classes {
		from, to := edge.span()
		for _, t := range []float32{1, from, to} {
			if sum := r.weight(t); !(sum > 0) {
				return &FieldError{"classes", fmt.Sprintf("at t = %s a weight of %s in sum", number(t), number(sum)), "above 0 at every time from 1 to 0"}
			}
		}
	}
	return nil
}

func (c ClassShare) span() (from, to float32) {
	if c.From == 0 && c.To == 0 {
		return 1, 0
	}
	return c.From, c.To
}

func (c ClassShare) acts(t float32) bool {
	from, to := c.span()
	return t <= from && (t > to || to == 0)
}

// weight is the sum of the weights that act at time t.
func (r Request) weight(t float32) (sum float32) {
	for _, c := range r.Classes {
		if c.acts(t) {
			sum += c.Weight
		}
	}
	return sum
}

// text names the classes of a request that was checked, a mix as in
// "bear@1-0.6,cat-face@0.6-0".
func (r Request) text(m Info) string {
	name := func(class string) string {
		if l, _ := m.find("", class); m.Vocabulary == nil {
			return m.Classes[l.class]
		}
		return class
	}
	if r.Classes == nil {
		return name(r.Subject())
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
