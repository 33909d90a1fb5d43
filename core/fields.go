package core

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"dit8/core/flow"
)

// field is a field of a Request by its JSON name.
type field struct {
	name    string
	allowed string
	to      func(*Request) any // where its value goes, emptied of what r shares with its copies
}

var fields = []field{
	{"class", "a string", func(r *Request) any { return &r.Class }},
	{"classes", `a list of {"class", "weight", "from", "to"}`, func(r *Request) any { r.Classes = nil; return &r.Classes }},
	{"prompt", "a string", func(r *Request) any { return &r.Prompt }},
	{"style", "a string", func(r *Request) any { return &r.Style }},
	{"skip_unknown", "true or false", func(r *Request) any { return &r.SkipUnknown }},
	{"seed", fmt.Sprintf("an integer from 0 to %d", uint64(MaxSeed)), func(r *Request) any { return &r.Seed }},
	{"seed_to", fmt.Sprintf("an integer from 0 to %d", uint64(MaxSeed)), func(r *Request) any { return &r.SeedTo }},
	{"seed_mix", "a number from 0 to 1", func(r *Request) any { return &r.SeedMix }},
	{"steps", fmt.Sprintf("an integer from 1 to %d", MaxSteps), func(r *Request) any { return &r.Steps }},
	{"count", fmt.Sprintf("an integer from 1 to %d", MaxCount), func(r *Request) any { return &r.Count }},
	{"first", fmt.Sprintf("an integer from 0 to %d", MaxFirst), func(r *Request) any { return &r.First }},
	{"guidance", fmt.Sprintf("a number from 0 to %d", MaxGuidance), func(r *Request) any { return &r.Guidance }},
	{"guidance_interval", "two numbers from 0 to 1", func(r *Request) any { r.GuidanceInterval = nil; return &r.GuidanceInterval }},
	{"guidance_rescale", "a number from 0 to 1", func(r *Request) any { return &r.GuidanceRescale }},
	{"negative", "a string", func(r *Request) any { return &r.Negative }},
	{"solver", flow.Names(flow.Solvers()), func(r *Request) any { return &r.Solver }},
	{"schedule", flow.Names(flow.Spacings()), func(r *Request) any { return &r.Schedule }},
	{"shift", fmt.Sprintf("a number from 0 to %d", flow.MaxShift), func(r *Request) any { return &r.Shift }},
	{"diffusion", fmt.Sprintf("a number from 0 to %d", MaxDiffusion), func(r *Request) any { return &r.Diffusion }},
	{"modulation", `a list of {"quantity", "branch", "blocks", "channels", "scale"}`, func(r *Request) any { r.Modulation = nil; return &r.Modulation }},
	{"edit", `an object of "task", "width", "factor", "strength", "keep", and "image" and "mask" in base64`, func(r *Request) any { r.Edit = new(Edit); return r.Edit }},
}

// subjects are the fields of which one says what a picture is of.
var subjects = []string{"class", "classes", "prompt"}

// WithJSON is r with the fields that the JSON object data names replaced; class,
// classes and prompt replace each other. It
// fails with a *FieldError on a field that is unknown or of the wrong type; ranges
// are checked by Check.
func (r Request) WithJSON(data []byte) (Request, error) {
	var given map[string]json.RawMessage
	if err := json.Unmarshal(data, &given); err != nil || given == nil {
		return r, &FieldError{"request", shorten(string(data)), "a JSON object"}
	}
	if slices.ContainsFunc(subjects, func(name string) bool { return given[name] != nil }) {
		r.Class, r.Classes, r.Prompt = "", nil, ""
	}
	for name, raw := range given {
		i := slices.IndexFunc(fields, func(f field) bool { return f.name == name })
		if i < 0 {
			return r, &FieldError{shorten(name), "unknown", fieldNames()}
		}
		if err := strict(raw, fields[i].to(&r)); err != nil || string(raw) == "null" {
			if name == "edit" {
				name, raw = wrongIn(raw)
			}
			return r, &FieldError{name, shorten(string(raw)), fields[i].allowed}
		}
	}
	return r, nil
}

// fieldNames lists the fields for messages.
func fieldNames() string {
	var names []string
	for _, f := range fields {
		names = append(names, f.name)
	}
	last := len(names) - 1
	return strings.Join(names[:last], ", ") + " and " + names[last]
}

// wrongIn finds the field of an edit that cannot be read, as edit.image.
func wrongIn(edit json.RawMessage) (name string, value json.RawMessage) {
	var fields map[string]json.RawMessage
	json.Unmarshal(edit, &fields) // of what is no object there are none
	for name, raw := range fields {
		one, _ := json.Marshal(map[string]json.RawMessage{name: raw}) // they are JSON already
		if strict(one, new(Edit)) != nil {
			return "edit." + name, raw
		}
	}
	return "edit", edit
}

// strict is json.Unmarshal that refuses fields which to lacks.
func strict(data []byte, to any) error {
	d := json.NewDecoder(bytes.NewReader(data))
	d.DisallowUnknownFields()
	return d.Decode(to)
}

func shorten(s string) string {
	if len(s) > 60 {
		return s[:60] + "…"
	}
	return s
}
