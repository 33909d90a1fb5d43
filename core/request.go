package core

import (
	"fmt"
	"math"
	"strconv"

	"dit8/core/flow"
)

// Request asks for images. Every program fills it from a model's defaults
// (Generator.Defaults), sets what its user chose, and hands it to Generate. Fields
// with omitempty may be left at their zero value: they then change nothing.
type Request struct {
	Class   string       `json:"class,omitempty"`   // a class name, or its index in decimal; "" with Classes
	Classes []ClassShare `json:"classes,omitempty"` // in place of Class: a mix, up to MaxShares
	// In place of both, for a model with a Vocabulary: what the picture is of (prompt.Vocabulary.Read), up to
	// prompt.MaxText bytes. Classes are such texts too, there.
	Prompt string `json:"prompt,omitempty"`
	Style  string `json:"style,omitempty"` // of the model's, where the text names none
	// SkipUnknown leaves words that the model does not know out (Metadata.Skipped), in place of an error.
	SkipUnknown bool `json:"skip_unknown,omitempty"`

	Seed  uint64 `json:"seed"`  // 0 to MaxSeed
	Steps int    `json:"steps"` // model evaluations, 1 to MaxSteps
	Count int    `json:"count"` // images, 1 to MaxCount
	// First is the index of the first image, 0 to MaxFirst. Noise depends on the seed and the index alone, so that image
	// n of a request is image 0 of the same one with First n more and Count 1.
	First int `json:"first,omitempty"`

	// Guidance scale, 0 to MaxGuidance; 1 is none. Where the network takes it as an
	// input (its omega), from 1.
	Guidance         float32   `json:"guidance"`
	GuidanceInterval []float32 `json:"guidance_interval,omitempty"` // [low, high]: times t where guidance applies (arXiv 2404.07724); all
	GuidanceRescale  float32   `json:"guidance_rescale,omitempty"`  // 0 to 1, against over-saturation (flow.Rescale)
	Negative         string    `json:"negative,omitempty"`          // a class to guide away from, in place of none

	Solver    flow.Solver  `json:"solver,omitempty"`    // "" is euler
	Schedule  flow.Spacing `json:"schedule,omitempty"`  // "" is uniform
	Shift     float32      `json:"shift,omitempty"`     // flow.Schedule.Shift
	Diffusion float32      `json:"diffusion,omitempty"` // of solver sde, 0 to MaxDiffusion; 0 is 1

	SeedTo  uint64  `json:"seed_to,omitempty"`  // a second seed, whose noise is blended in
	SeedMix float32 `json:"seed_mix,omitempty"` // by so much, 0 to 1 (flow.Blend)

	Modulation []ModulationScale `json:"modulation,omitempty"` // AdaLN made stronger or weaker in parts, up to MaxModulations

	Edit *Edit `json:"edit,omitempty"` // starts from an image, or keeps to one
}

// Limits of a Request.
const (
	MaxSeed      = 1<<53 - 1 // what a JSON number holds exactly
	MaxSteps     = 1000
	MaxGuidance  = 100
	MaxCount     = 64
	MaxFirst     = 1_000_000
	MaxShares    = 16
	MaxWeight    = 1000 // of a ClassShare, also negative: away from the class
	MaxDiffusion = 10
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

// within is a *FieldError unless low ≤ v ≤ high.
func within(field string, v, low, high float32) error {
	if !(v >= low && v <= high) {
		return &FieldError{field, number(v), number(low) + " to " + number(high)}
	}
	return nil
}

func number(v float32) string { return strconv.FormatFloat(float64(v), 'g', -1, 32) }

func finite(f float32) bool { return !math.IsNaN(float64(f)) && !math.IsInf(float64(f), 0) }

// Check reports the first field of r that is out of its range for a model, as a
// *FieldError.
func (r Request) Check(m Info) error {
	if err := r.checkSubject(m); err != nil {
		return err
	}
	if r.Seed > MaxSeed {
		return &FieldError{"seed", strconv.FormatUint(r.Seed, 10), fmt.Sprintf("0 to %d", uint64(MaxSeed))}
	}
	if r.SeedTo > MaxSeed {
		return &FieldError{"seed_to", strconv.FormatUint(r.SeedTo, 10), fmt.Sprintf("0 to %d", uint64(MaxSeed))}
	}
	if r.Count < 1 || r.Count > MaxCount {
		return &FieldError{"count", strconv.Itoa(r.Count), fmt.Sprintf("1 to %d", MaxCount)}
	}
	if r.First < 0 || r.First > MaxFirst {
		return &FieldError{"first", strconv.Itoa(r.First), fmt.Sprintf("0 to %d", MaxFirst)}
	}
	if err := within("seed_mix", r.SeedMix, 0, 1); err != nil {
		return err
	}
	if err := r.checkSampler(m); err != nil {
		return err
	}
	if err := r.checkModulation(); err != nil {
		return err
	}
	if r.Edit == nil {
		return nil
	}
	if s := r.Solver; r.Edit.Task.linear() && s != "" && s != flow.Euler && s != flow.SDE && s != flow.Restart {
		return &FieldError{"solver", strconv.Quote(string(s)), "euler or sde where an image is edited"}
	}
	return r.Edit.check()
}

// checkSampler checks how a request samples against what a model predicts.
func (r Request) checkSampler(m Info) error {
	if err := checkSteps(r.Steps); err != nil {
		return err
	}
	if err := r.checkGuidance(m.Convention); err != nil {
		return err
	}
	if err := within("diffusion", r.Diffusion, 0, MaxDiffusion); err != nil {
		return err
	}
	if err := r.Solver.Check(); err != nil {
		return &FieldError{"solver", strconv.Quote(shorten(string(r.Solver))), flow.Names(flow.Solvers())}
	}
	if err := r.Solver.CheckAverage(m.Convention.Average); err != nil {
		return &FieldError{"solver", strconv.Quote(string(r.Solver)), err.Error()}
	}
	if r.Shift != 0 {
		if err := within("shift", r.Shift, 1.0/flow.MaxShift, flow.MaxShift); err != nil {
			return err
		}
	}
	schedule := flow.Schedule{Spacing: r.Schedule, Shift: r.Shift}
	if err := schedule.Check(m.Convention.Clock); err != nil {
		return &FieldError{"schedule", strconv.Quote(shorten(string(r.Schedule))), err.Error()}
	}
	return nil
}

func (r Request) checkGuidance(c flow.Convention) error {
	least := float32(0)
	if c.GuidanceInput {
		least = 1
	}
	if err := within("guidance", r.Guidance, least, MaxGuidance); err != nil {
		return err
	}
	if i := r.GuidanceInterval; i != nil && !(len(i) == 2 && i[0] >= 0 && i[0] < i[1] && i[1] <= 1) {
		return &FieldError{"guidance_interval", fmt.Sprint(i), "two numbers from 0 to 1, the lower first"}
	}
	if err := within("guidance_rescale", r.GuidanceRescale, 0, 1); err != nil {
		return err
	}
	const none = "none: the network takes the guidance as an input, it has no second prediction to lead away from"
	switch {
	case c.GuidanceInput && r.Negative != "":
		return &FieldError{"negative", strconv.Quote(shorten(r.Negative)), none}
	case c.NoNullClass && r.Guidance != 1 && r.Negative == "":
		return &FieldError{"guidance", number(r.Guidance), "1: the network was trained without a null class; others with negative, a class to lead away from"}
	case c.GuidanceInput && r.GuidanceRescale != 0:
		return &FieldError{"guidance_rescale", number(r.GuidanceRescale), none}
	}
	return nil
}
