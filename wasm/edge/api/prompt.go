package api

import (
	"math"
	"slices"
	"strconv"
	"strings"

	"dit8/core"
)

const promptForm = "a class, or a mix as in fox:2,panda, each with the times t between which it acts where wanted: bear@1-0.6,panda@0.6-0"

// withPrompt is r with the classes that a prompt names: CLASS, or a mix
// CLASS[:WEIGHT][@FROM-TO],…
func withPrompt(r core.Request, prompt string, classes []string) (core.Request, error) {
	prompt = strings.TrimSpace(prompt)
	r.Class, r.Classes = prompt, nil
	if slices.Contains(classes, prompt) || !strings.ContainsAny(prompt, ",:@") {
		return r, nil
	}
	r.Class = ""
	for part := range strings.SplitSeq(prompt, ",") {
		bad := &core.FieldError{Field: "prompt", Value: strconv.Quote(shorten(prompt)), Allowed: promptForm}
		if len(r.Classes) == core.MaxShares {
			bad.Allowed = strconv.Itoa(core.MaxShares) + " classes in a mix"
			return r, bad
		}
		name, span, timed := strings.Cut(part, "@")
		name, weight, weighted := strings.Cut(name, ":")
		c := core.ClassShare{Class: strings.TrimSpace(name), Weight: 1}
		ok := true
		if weighted {
			c.Weight, ok = parseNumber(weight)
		}
		if timed && ok {
			from, to, _ := strings.Cut(span, "-")
			if c.From, ok = parseNumber(from); ok {
				c.To, ok = parseNumber(to)
			}
		}
		if !ok || c.Class == "" {
			return r, bad
		}
		r.Classes = append(r.Classes, c)
	}
	return r, nil
}

func parseNumber(text string) (float32, bool) {
	v, err := strconv.ParseFloat(strings.TrimSpace(text), 32)
	return float32(v), err == nil && !math.IsNaN(v) && !math.IsInf(v, 0)
}

func shorten(s string) string {
	if len(s) > 60 {
		return strings.ToValidUTF8(s[:60], "") + "…"
	}
	return s
}
