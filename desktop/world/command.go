package world

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"dit8/core"
	"dit8/internal/picture"
)

// Command is the command line that makes the same picture, or what the form asks
// for before there is one. It fails where the picture must be saved first, as an
// edit's own picture fits no command line.
func (w *World) Command() (string, error) {
	r := w.Request()
	if w.picture != nil {
		r = w.picture.Request
	}
	args := []string{"go", "run", "./tools/sample"}
	add := func(flag, value string) { args = append(args, "-"+flag, quote(value)) }
	if w.model.Path != "" {
		add("model", w.model.Path)
	}
	if w.model.VAE != "" {
		add("vae", w.model.VAE)
	}
	out := picture.Name(r) + ".png"
	if !plain(r) {
		if w.savedPNG == nil || w.savedPNG != w.picture {
			return "", fmt.Errorf("save the picture first: the command takes the request from its file")
		}
		add("request", w.savedAs)
		add("o", out)
		return strings.Join(args, " "), nil
	}
	switch {
	case r.Classes != nil:
		add("mix", mixText(r.Classes))
	case r.Prompt != "":
		add("prompt", r.Prompt)
	default:
		add("class", r.Class)
	}
	add("seed", strconv.FormatUint(r.Seed, 10))
	add("steps", strconv.Itoa(r.Steps))
	add("guidance", number(r.Guidance))
	add("count", strconv.Itoa(r.Count))
	if r.First != 0 {
		add("first", strconv.Itoa(r.First))
	}
	if i := r.GuidanceInterval; i != nil {
		add("guidance-interval", number(i[0])+"-"+number(i[1]))
	}
	if r.SeedTo != 0 || r.SeedMix != 0 {
		add("seed-to", strconv.FormatUint(r.SeedTo, 10))
	}
	for _, f := range []struct {
		name, value string
		is          bool
	}{
		{"style", r.Style, r.Style != ""},
		{"solver", string(r.Solver), r.Solver != ""},
		{"schedule", string(r.Schedule), r.Schedule != ""},
		{"shift", number(r.Shift), r.Shift != 0},
		{"seed-mix", number(r.SeedMix), r.SeedMix != 0},
		{"guidance-rescale", number(r.GuidanceRescale), r.GuidanceRescale != 0},
		{"negative", r.Negative, r.Negative != ""},
		{"diffusion", number(r.Diffusion), r.Diffusion != 0},
		{"modulate", modulationText(r.Modulation), r.Modulation != nil},
	} {
		if f.is {
			add(f.name, f.value)
		}
	}
	add("o", out)
	return strings.Join(args, " "), nil
}

// plain tells whether flags can say all of a request.
func plain(r core.Request) bool {
	if r.Edit != nil {
		return false
	}
	for _, c := range r.Classes {
		if strings.ContainsAny(c.Class, ",=@") || strings.TrimSpace(c.Class) != c.Class {
			return false
		}
	}
	return true
}

func mixText(classes []core.ClassShare) string {
	var parts []string
	for _, c := range classes {
		part := c.Class
		if c.Weight != 1 {
			part += "=" + number(c.Weight)
		}
		if c.From != 0 || c.To != 0 {
			part += "@" + number(c.From) + "-" + number(c.To)
		}
		parts = append(parts, part)
	}
	return strings.Join(parts, ",")
}

func modulationText(scales []core.ModulationScale) string {
	var parts []string
	for _, m := range scales {
		name := m.Quantity
		if name == "" {
			name = "all"
		}
		if m.Branch != "" {
			name += "." + m.Branch
		}
		part := name + "=" + number(m.Scale)
		if m.Blocks != nil {
			part += fmt.Sprintf("@%d-%d", m.Blocks[0], m.Blocks[1])
		}
		if m.Channels != nil {
			part += fmt.Sprintf(":%d-%d", m.Channels[0], m.Channels[1])
		}
		parts = append(parts, part)
	}
	return strings.Join(parts, ",")
}

// number is v without an exponent, whose minus sign would look like a range's.
func number(v float32) string { return strconv.FormatFloat(float64(v), 'f', -1, 32) }

var harmless = regexp.MustCompile(`^[\w.,:=@+/-]+$`)

// quote is an argument as a POSIX shell reads it.
func quote(arg string) string {
	if harmless.MatchString(arg) {
		return arg
	}
	return "'" + strings.ReplaceAll(arg, "'", `'\''`) + "'"
}
