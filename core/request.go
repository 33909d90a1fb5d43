package core

import (
	"fmt"
	"math"
	"strconv"
)

// Request asks for images. Every program fills it from a model's defaults
// (Generator.Defaults), sets what its user chose, and hands it to Generate.
type Request struct {
	Class    string  `json:"class"`    // a class name, or its index in decimal
	Seed     uint64  `json:"seed"`     // 0 to MaxSeed
	Steps    int     `json:"steps"`    // model evaluations, 1 to MaxSteps
	Guidance float32 `json:"guidance"` // classifier-free guidance scale; 1 is none
	Count    int     `json:"count"`    // images, 1 to MaxCount
}

// Limits of a Request.
const (
	MaxSeed     = 1<<53 - 1 // what a JSON number holds exactly
	MaxSteps    = 1000
	MaxGuidance = 100
	MaxCount    = 64
)

// FieldError says which field of a request is wrong, and how.
type FieldError struct {
	Field   string // JSON name
	Value   string // what was found
	Allowed string // what would be right
}

func (e *FieldError) Error() string {
	return fmt.Sprintf("%s is %s, allowed: %s", e.Field, e.Value, e.Allowed)
}

func checkSteps(n int) error {
	if n < 1 || n > MaxSteps {
		return &FieldError{"steps", strconv.Itoa(n), fmt.Sprintf("1 to %d", MaxSteps)}
	}
	return nil
}

func checkGuidance(g float32) error {
	if !(g >= 0 && g <= MaxGuidance) {
		return &FieldError{"guidance", strconv.FormatFloat(float64(g), 'g', -1, 32), fmt.Sprintf("0 to %d", MaxGuidance)}
	}
	return nil
}

func finite(f float32) bool { return !math.IsNaN(float64(f)) && !math.IsInf(float64(f), 0) }

// Check reports the first field of r that is out of its range for a model with
// these classes, as a *FieldError, and otherwise the index of the class.
func (r Request) Check(classes []string) (class int, err error) {
	class, err = findClass(r.Class, classes)
	if err != nil {
		return 0, err
	}
	if r.Seed > MaxSeed {
		return 0, &FieldError{"seed", strconv.FormatUint(r.Seed, 10), fmt.Sprintf("0 to %d", uint64(MaxSeed))}
	}
	if err := checkSteps(r.Steps); err != nil {
		return 0, err
	}
	if err := checkGuidance(r.Guidance); err != nil {
		return 0, err
	}
	if r.Count < 1 || r.Count > MaxCount {
		return 0, &FieldError{"count", strconv.Itoa(r.Count), fmt.Sprintf("1 to %d", MaxCount)}
	}
	return class, nil
}

// findClass finds a class by name, then by index. Names win, so that a class may
// be named "7".
func findClass(name string, classes []string) (int, error) {
	for i, c := range classes {
		if c == name {
			return i, nil
		}
	}
	if i, err := strconv.Atoi(name); err == nil && i >= 0 && i < len(classes) {
		return i, nil
	}
	allowed := fmt.Sprintf("a class name or an index from 0 to %d", len(classes)-1)
	if near := nearest(name, classes); near != "" {
		allowed += fmt.Sprintf("; did you mean %q?", near)
	}
	return 0, &FieldError{"class", strconv.Quote(shorten(name)), allowed}
}
