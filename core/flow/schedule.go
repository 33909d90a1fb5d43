package flow

import (
	"fmt"
	"math"
	"strings"

	"dit8/core/compute"
	"dit8/core/internal/detmath"
)

// Spacing says how a schedule's times lie between 1 and 0.
type Spacing string

// The spacings.
const (
	Uniform     Spacing = "uniform"
	Cosine      Spacing = "cosine"       // t = sin²(πu/2): dense at both ends
	LogitNormal Spacing = "logit-normal" // quantiles of a logit-normal: dense in the middle (arXiv 2403.03206, 3.1)
	Tail        Spacing = "tail"         // uniform down to 0.04, then 0: of the official SDE samplers (SiT/transport, last_step_size; REPA, samplers.py)
	DDIM        Spacing = "ddim"         // steps of the DDPM schedule, as the official DiT spaces them
)

// Spacings are their names.
func Spacings() []Spacing { return []Spacing{Uniform, Cosine, LogitNormal, Tail, DDIM} }

// Schedule is how a sampler goes from noise to data.
type Schedule struct {
	Spacing Spacing // "" is Uniform
	Shift   float32 // σ' = sσ/(1+(s-1)σ): above 1 more steps near the noise; 0 and 1 are none (arXiv 2403.03206, 5.3.2)
}

// MaxShift bounds Schedule.Shift on both sides: 1/MaxShift to MaxShift.
const MaxShift = 100

// Check refuses what is unknown and what does not go together with a model's clock.
func (s Schedule) Check(clock Clock) error {
	switch s.Spacing {
	case "", Uniform, Cosine, LogitNormal, Tail:
	case DDIM:
		if clock != DDPMClock {
			return fmt.Errorf("spacing ddim is for models on the ddpm clock")
		}
		if s.Shift != 0 && s.Shift != 1 {
			return fmt.Errorf("spacing ddim has no shift")
		}
	default:
		return fmt.Errorf("spacing is %q, allowed: %s", s.Spacing, Names(Spacings()))
	}
	if s.Shift != 0 && !(s.Shift >= 1.0/MaxShift && s.Shift <= MaxShift) {
		return fmt.Errorf("shift is %v, allowed: %v to %d", s.Shift, 1.0/MaxShift, MaxShift)
	}
	return nil
}

// Names lists names for messages.
func Names[T ~string](names []T) string {
	s := make([]string, len(names))
	for i, n := range names {
		s[i] = string(n)
	}
	return strings.Join(s, ", ")
}

// Times is the schedule of n steps: n+1 falling times, from 1, or where DDIM
// starts, down to 0.
func (s Schedule) Times(n int) []float32 {
	if s.Spacing == DDIM {
		return ddimTimes(n)
	}
	t := make([]float32, n+1)
	for i := range t {
		t[i] = s.time(n-i, n)
	}
	return t
}

// time is the time that lies i n-ths of the way from data to noise.
func (s Schedule) time(i, n int) float32 {
	if i == 0 || i == n {
		return float32(i / n)
	}
	t := float32(i) / float32(n)
	switch s.Spacing {
	case Tail: // i counts from the data: the first of its steps is the last one's
		t = lastTime + float32((1-lastTime)*float32(i-1))/float32(n-1)
	case Cosine:
		sin, _ := detmath.SinCos(float64(math.Pi/2*float64(i)) / float64(n))
		t = float32(float64(sin * sin))
	case LogitNormal:
		t = 1 / (1 + compute.Exp(float32(-normalQuantile(float64(i)/float64(n)))))
	}
	if s.Shift != 0 && s.Shift != 1 {
		t = float32(s.Shift*t) / float32(1+float32((s.Shift-1)*t))
	}
	return t
}

// lastTime is where the last step of Tail begins.
const lastTime = 0.04

// ddimTimes are the flow times of n steps of the DDPM schedule, from the noisiest
// on, then 0: round(i·999/(n-1)) (DiT/diffusion: respace.py space_timesteps).
func ddimTimes(n int) []float32 {
	steps := make([]int, n)
	for i := range steps {
		steps[i] = ddpmSteps - 1
		if n > 1 {
			steps[i] = int(math.RoundToEven(float64((n-1-i)*(ddpmSteps-1)) / float64(n-1)))
		}
	}
	return DDPMTimes(steps)
}

// DDPMTimes are the flow times of steps of the DDPM schedule, 0 to 999 each, and 0
// after the last.
func DDPMTimes(steps []int) []float32 {
	t := make([]float32, len(steps)+1)
	for i, k := range steps {
		t[i] = float32(ddpm[k].t)
	}
	return t
}

// normalQuantile is the quantile of the standard normal distribution at 0 < p < 1,
// to about 1e-9 relative (P. J. Acklam, An algorithm for computing the inverse
// normal cumulative distribution function, 2003).
func normalQuantile(p float64) float64 {
	const low = 0.02425
	tail := func(q float64) float64 {
		return poly(q, -7.784894002430293e-03, -3.223964580411365e-01, -2.400758277161838e+00, -2.549732539343734e+00, 4.374664141464968e+00, 2.938163982698783e+00) /
			poly(q, 7.784695709041462e-03, 3.224671290700398e-01, 2.445134137142996e+00, 3.754408661907416e+00, 1)
	}
	switch {
	case p < low:
		return tail(math.Sqrt(-2 * detmath.Log(p)))
	case p > 1-low:
		return -tail(math.Sqrt(-2 * detmath.Log(1-p)))
	}
	q := p - 0.5
	r := float64(q * q)
	return q * poly(r, -3.969683028665376e+01, 2.209460984245205e+02, -2.759285104469687e+02, 1.383577518672690e+02, -3.066479806614716e+01, 2.506628277459239e+00) /
		poly(r, -5.447609879822406e+01, 1.615858368580409e+02, -1.556989798598866e+02, 6.680131188771972e+01, -1.328068155288572e+01, 1)
}

// poly evaluates a polynomial, highest coefficient first.
func poly(x float64, c ...float64) float64 {
	p := c[0]
	for _, k := range c[1:] {
		p = float64(p*x) + k
	}
	return p
}
