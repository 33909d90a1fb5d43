package core

import (
	"bytes"
	"encoding/json"
	"fmt"

	"dit8/core/flow"
)

// WithJSON is r with the fields that the JSON object data names replaced; class and
// classes replace each other. It
// fails with a *FieldError on a field that is unknown or of the wrong type; ranges
// are checked by Check.
func (r Request) WithJSON(data []byte) (Request, error) {
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(data, &fields); err != nil || fields == nil {
		return r, &FieldError{"request", shorten(string(data)), "a JSON object"}
	}
	for name, raw := range fields {
		var to any
		var allowed string
		switch name {
		case "class":
			if _, both := fields["classes"]; !both {
				r.Classes = nil
			}
			to, allowed = &r.Class, "a string"
		case "classes":
			r.Classes = nil // not the list that r shares with its copies
			if _, both := fields["class"]; !both {
				r.Class = ""
			}
			to, allowed = &r.Classes, `a list of {"class", "weight", "from", "to"}`
		case "seed":
			to, allowed = &r.Seed, fmt.Sprintf("an integer from 0 to %d", uint64(MaxSeed))
		case "steps":
			to, allowed = &r.Steps, fmt.Sprintf("an integer from 1 to %d", MaxSteps)
		case "guidance":
			to, allowed = &r.Guidance, fmt.Sprintf("a number from 0 to %d", MaxGuidance)
		case "guidance_interval":
			r.GuidanceInterval = nil
			to, allowed = &r.GuidanceInterval, "two numbers from 0 to 1"
		case "guidance_rescale":
			to, allowed = &r.GuidanceRescale, "a number from 0 to 1"
		case "negative":
			to, allowed = &r.Negative, "a string"
		case "count":
			to, allowed = &r.Count, fmt.Sprintf("an integer from 1 to %d", MaxCount)
		case "solver":
			to, allowed = &r.Solver, flow.Names(flow.Solvers())
		case "schedule":
			to, allowed = &r.Schedule, flow.Names(flow.Spacings())
		case "shift":
			to, allowed = &r.Shift, fmt.Sprintf("a number from 0 to %d", flow.MaxShift)
		case "diffusion":
			to, allowed = &r.Diffusion, fmt.Sprintf("a number from 0 to %d", MaxDiffusion)
		case "seed_to":
			to, allowed = &r.SeedTo, fmt.Sprintf("an integer from 0 to %d", uint64(MaxSeed))
		case "seed_mix":
			to, allowed = &r.SeedMix, "a number from 0 to 1"
		case "modulation":
			r.Modulation = nil
			to, allowed = &r.Modulation, `a list of {"quantity", "branch", "blocks", "channels", "scale"}`
		case "edit":
			r.Edit = new(Edit) // not the one that r shares with its copies
			to, allowed = r.Edit, `an object of "task", "width", "factor", "strength", "keep", and "image" and "mask" in base64`
		default:
			return r, &FieldError{shorten(name), "unknown", "class, classes, seed, seed_to, seed_mix, steps, count, guidance, guidance_interval, " +
				"guidance_rescale, negative, solver, schedule, shift, diffusion, modulation and edit"}
		}
		if err := strict(raw, to); err != nil || string(raw) == "null" {
			if name == "edit" {
				name, raw = wrongIn(raw)
			}
			return r, &FieldError{name, shorten(string(raw)), allowed}
		}
	}
	return r, nil
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
