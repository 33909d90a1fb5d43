package core

import (
	"fmt"
	"strings"
	"unicode"

	"dit8/core/dit"
	"dit8/core/flow"
)

// Info is what a model file says of its network beyond the weights.
type Info struct {
	Name       string          `json:"name"`
	Convention flow.Convention `json:"convention"`
	Classes    []string        `json:"classes"` // one name a class, without the null class
	// Vocabulary is there where the classes are words and styles.
	Vocabulary *Vocabulary `json:"vocabulary,omitempty"`
	Defaults   Defaults    `json:"defaults"`
	// StepCounts are the numbers of steps that a network of few steps is made for, rising.
	StepCounts []int `json:"step_counts,omitempty"`
	// Pixels says how network values become pixels; the zero value marks a model
	// of latents, which need a decoder.
	Pixels Pixels `json:"pixels"`
	// Latents says what a decoder takes; none for pixels.
	Latents Latents `json:"latents,omitzero"`
	Source  string  `json:"source,omitempty"`
	License string  `json:"license,omitempty"`
}

// Defaults are the sampler settings that suit a model: those fields of a Request.
type Defaults struct {
	Steps            int          `json:"steps"`
	Guidance         float32      `json:"guidance"`
	GuidanceInterval []float32    `json:"guidance_interval,omitempty"`
	Solver           flow.Solver  `json:"solver,omitempty"`
	Schedule         flow.Spacing `json:"schedule,omitempty"`
	Shift            float32      `json:"shift,omitempty"`
	Diffusion        float32      `json:"diffusion,omitempty"`
}

// Request is one with the model's defaults, without a class: seed 0, one image.
func (i Info) Request() Request {
	d := i.Defaults
	return Request{
		Steps: d.Steps, Guidance: d.Guidance, GuidanceInterval: append([]float32(nil), d.GuidanceInterval...),
		Solver: d.Solver, Schedule: d.Schedule, Shift: d.Shift, Diffusion: d.Diffusion, Count: 1,
	}
}

// Pixels maps a network value v to Mean + Std·v, where 0 is black and 1 is full.
type Pixels struct {
	Mean float32 `json:"mean"`
	Std  float32 `json:"std"`
}

// Solvers are those that suit what the model predicts, its default first.
func (i Info) Solvers() []flow.Solver {
	return fitting(flow.Solvers(), i.Defaults.Solver, func(s flow.Solver) error { return s.CheckAverage(i.Convention.Average) })
}

// Spacings are those of the model's clock, its default first.
func (i Info) Spacings() []flow.Spacing {
	return fitting(flow.Spacings(), i.Defaults.Schedule, func(s flow.Spacing) error { return flow.Schedule{Spacing: s}.Check(i.Convention.Clock) })
}

// Guided tells whether a guidance other than the default means something: not without a
// null class, nor for an average velocity whose guidance is in the weights, as its default
// of 1 says.
func (i Info) Guided() bool {
	c := i.Convention
	return c.GuidanceInput || !c.NoNullClass && !(c.Average && i.Defaults.Guidance == 1)
}

// fitting are the names that check accepts, first at the front.
func fitting[T ~string](names []T, first T, check func(T) error) (fit []T) {
	for _, n := range names {
		switch {
		case check(n) != nil:
		case n == first:
			fit = append([]T{n}, fit...)
		default:
			fit = append(fit, n)
		}
	}
	return fit
}

// Latents maps a network's value v in channel c to Mean[c] + Std[c]·v, which a decoder
// takes.
type Latents struct {
	Mean []float32 `json:"mean"`
	Std  []float32 `json:"std"`
}

func (l Latents) check(channels int) error {
	if l.Mean == nil && l.Std == nil {
		return nil
	}
	if len(l.Mean) != channels || len(l.Std) != channels {
		return fmt.Errorf("core: latents: %d means and %d standard deviations for %d channels", len(l.Mean), len(l.Std), channels)
	}
	for i, m := range l.Mean {
		if s := l.Std[i]; !finite(m) || !finite(s) || s <= 0 {
			return fmt.Errorf("core: latents: mean %v and std %v of channel %d must be finite, std above 0", m, s, i)
		}
	}
	return nil
}

// Limits of Info.
const (
	MaxNameLen    = 200   // bytes of a model or class name
	MaxTextLen    = 10000 // bytes of source and licence texts
	MaxStepCounts = 16
)

// Check reports the first field that is out of its range, or does not go together
// with the network.
func (i Info) Check(cfg dit.Config) error {
	classes := cfg.NumClasses
	if err := i.Convention.Check(); err != nil {
		return err
	}
	if i.Convention.Average != cfg.TwoTimes() {
		return fmt.Errorf("core: average velocities are %v, but the network has times %q", i.Convention.Average, cfg.Times)
	}
	if i.Convention.GuidanceInput != cfg.GuidanceInput() {
		return fmt.Errorf("core: guidance as an input is %v, but the network has %d tokens for it", i.Convention.GuidanceInput, cfg.Context.Omega)
	}
	if err := i.checkTexts(); err != nil {
		return err
	}
	if len(i.Classes) != classes {
		return fmt.Errorf("core: %d class names for %d classes", len(i.Classes), classes)
	}
	if err := CheckClasses(i.Classes); err != nil {
		return fmt.Errorf("core: %w", err)
	}
	if err := i.checkVocabulary(); err != nil {
		return err
	}
	if err := i.Request().checkSampler(i); err != nil {
		return fmt.Errorf("core: defaults: %w", err)
	}
	if err := i.checkStepCounts(); err != nil {
		return err
	}
	if p := i.Pixels; !finite(p.Mean) || !finite(p.Std) || p.Std < 0 {
		return fmt.Errorf("core: pixels: mean %v and std %v must be finite, std not negative", p.Mean, p.Std)
	}
	return i.Latents.check(cfg.InChannels)
}

func (i Info) checkStepCounts() error {
	for k, n := range i.StepCounts {
		if checkSteps(n) != nil || k > 0 && n <= i.StepCounts[k-1] || k >= MaxStepCounts {
			return fmt.Errorf("core: step_counts are %v, allowed: up to %d rising numbers from 1 to %d", i.StepCounts, MaxStepCounts, MaxSteps)
		}
	}
	return nil
}

// CheckAutoencoder is Check for the file of an autoencoder alone, of which the texts say
// something.
func (i Info) CheckAutoencoder() error {
	if len(i.Classes) > 0 || i.Vocabulary != nil {
		return fmt.Errorf("core: %d classes of an autoencoder, or a vocabulary, of which it has none", len(i.Classes))
	}
	return i.checkTexts()
}

func (i Info) checkTexts() error {
	if err := checkName(i.Name); err != nil {
		return fmt.Errorf("core: the model's name %w", err)
	}
	if len(i.Source) > MaxTextLen || len(i.License) > MaxTextLen {
		return fmt.Errorf("core: source or license text of %d bytes, allowed up to %d", max(len(i.Source), len(i.License)), MaxTextLen)
	}
	if text := i.Source + i.License; strings.ContainsFunc(text, func(r rune) bool { return unicode.IsControl(r) && !strings.ContainsRune("\n\r\t", r) }) {
		return fmt.Errorf("core: source or license text has control characters other than line breaks and tabs")
	}
	return nil
}

// CheckClasses refuses names of classes that are there twice or cannot be printed.
func CheckClasses(names []string) error {
	seen := make(map[string]int, len(names))
	for k, c := range names {
		if err := checkName(c); err != nil {
			return fmt.Errorf("the name of class %d %w", k, err)
		}
		if j, dup := seen[c]; dup {
			return fmt.Errorf("classes %d and %d are both named %q", j, k, c)
		}
		seen[c] = k
	}
	return nil
}

// checkName checks a name of a model or a class, which is printed as it is.
func checkName(s string) error {
	if len(s) == 0 || len(s) > MaxNameLen {
		return fmt.Errorf("has %d bytes, allowed 1 to %d", len(s), MaxNameLen)
	}
	if strings.ContainsFunc(s, unicode.IsControl) {
		return fmt.Errorf("has a control character: %q", s)
	}
	return nil
}
