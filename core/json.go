package core

import (
	"encoding/json"
	"fmt"
)

// WithJSON is r with the fields that the JSON object data names replaced. It
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
			to, allowed = &r.Class, "a string"
		case "seed":
			to, allowed = &r.Seed, fmt.Sprintf("an integer from 0 to %d", uint64(MaxSeed))
		case "steps":
			to, allowed = &r.Steps, fmt.Sprintf("an integer from 1 to %d", MaxSteps)
		case "guidance":
			to, allowed = &r.Guidance, fmt.Sprintf("a number from 0 to %d", MaxGuidance)
		case "count":
			to, allowed = &r.Count, fmt.Sprintf("an integer from 1 to %d", MaxCount)
		default:
			return r, &FieldError{shorten(name), "unknown", "class, seed, steps, guidance and count"}
		}
		if err := json.Unmarshal(raw, to); err != nil || string(raw) == "null" {
			return r, &FieldError{name, shorten(string(raw)), allowed}
		}
	}
	return r, nil
}

func shorten(s string) string {
	if len(s) > 60 {
		return s[:60] + "…"
	}
	return s
}
