package api

import (
	"math"
	"slices"
	"strconv"
	"strings"

	"dit8/core"
)

const promptForm = "a class, or a mix as in fox:2,panda, each with the times t between which it acts where wanted: bear@1-0.6,panda@0.6-0"

const wordsForm = "words, as in a blue fox with a hat, each with a weight where wanted, fox:2, or no in front of it; or a mix with times t: fox@1-0.6,panda@0.6-0"

// formOf is what a prompt for a model may be.
func formOf(m core.Info) string {
	if m.Vocabulary != nil {
		return wordsForm
	}
	return promptForm
}

// withPrompt is r with what a prompt names: CLASS, or a mix CLASS[:WEIGHT][@FROM-TO],… Of a model with a vocabulary it is
// a text as it comes, unless times stand in it, and words that are unknown are left out, where the request does not say otherwise.
func withPrompt(r core.Request, prompt string, m core.Info) (core.Request, error) {
	prompt = strings.TrimSpace(prompt)
	r.Class, r.Classes, r.Prompt = "", nil, ""
	switch {
	case m.Vocabulary != nil && !strings.Contains(prompt, "@"):
		r.Prompt = prompt
		return r, nil
	case slices.Contains(m.Classes, prompt) || !strings.ContainsAny(prompt, ",:@"):
		r.Class = prompt
		return r, nil
	}
	for part := range strings.SplitSeq(prompt, ",") {
		bad := &core.FieldError{Field: "prompt", Value: strconv.Quote(shorten(prompt)), Allowed: formOf(m)}
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

// styleOf is a style of the model's, if there is one of that name. Those of OpenAI's models, vivid and natural, change nothing.
func styleOf(name string, m core.Info) (string, error) {
	switch v := m.Words(); {
	case v.Style(name) == "" && (name == "vivid" || name == "natural"):
		return "", nil
	case len(v.Styles) == 0 && name != "":
		return "", &core.FieldError{Field: "style", Value: strconv.Quote(shorten(name)), Allowed: `"vivid" or "natural": there is one`}
	}
	return name, nil
}

// skipped notes what of a prompt was left out.
func skipped(r core.Request, m core.Info) []string {
	if r.Prompt == "" {
		return nil
	}
	said, err := m.Read(r.Prompt)
	if err != nil || len(said.Unknown) == 0 {
		return nil
	}
	return []string{"prompt: words that the model does not know are left out: " + strings.Join(said.Unknown, ", ")}
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
