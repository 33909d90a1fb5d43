package flow

import "fmt"

// Prediction is what a network's output means.
type Prediction string

// The predictions that Convention converts to our velocity.
const (
	Velocity Prediction = "velocity" // dz/dt on the network's own clock
	Epsilon  Prediction = "epsilon"  // the noise
	X0       Prediction = "x0"       // the clean image
)

// Clock is how a network counts time.
type Clock string

// The clocks.
const (
	FlowClock Clock = "flow" // ours: t=1 noise, t=0 data, z = (1-t)·x + t·ε
	SiTClock  Clock = "sit"  // t=0 noise, t=1 data, velocity = data - noise
	DDPMClock Clock = "ddpm" // steps 0..999 of the linear beta schedule 1e-4..0.02
)

// Convention records what a model was trained to predict.
type Convention struct {
	Prediction Prediction `json:"prediction"`
	Clock      Clock      `json:"time"`
	// GuidedChannels is the number of leading output channels that
	// classifier-free guidance applies to; 0 is all. The official samplers guide
	// 3 (DiT/models.py: forward_with_cfg).
	GuidedChannels int `json:"guided_channels,omitempty"`
	// GuidanceInput marks networks to which the guidance scale and its interval are
	// inputs: one evaluation then does for both (iMF, pMF).
	GuidanceInput bool `json:"guidance_input,omitempty"`
	// NoNullClass marks networks that were trained without one: there is no second
	// prediction to lead away from, but that of another class.
	NoNullClass bool `json:"no_null_class,omitempty"`
	// Interval says how the bounds of a guidance interval are meant.
	Interval Interval `json:"interval,omitempty"`
	// Average marks networks that are told a second, earlier time r: the prediction
	// gives the average velocity u(z, t, r), z_r = z - (t-r)·u (MeanFlow, arXiv
	// 2505.13447).
	Average bool `json:"average,omitempty"`
	// Floor is the least divisor that turns an x0 into a velocity; 0 is 1e-3. Networks
	// that were trained with one are sampled with it (JiT, denoiser.py: t_eps).
	Floor float32 `json:"floor,omitempty"`
	// NoiseScale is the standard deviation of the noise; 0 is 1 (JiT, denoiser.py:
	// noise_scale).
	NoiseScale float32 `json:"noise_scale,omitempty"`
}

// Interval is how the bounds low and high of a guidance interval are meant.
type Interval string

// The rules.
const (
	ClosedInterval Interval = ""     // low ≤ t ≤ high at each evaluation
	OpenInterval   Interval = "open" // low < t < high, the ends 0 and 1 included (JiT, denoiser.py)
	StepInterval   Interval = "step" // low ≤ t ≤ high where a solver's step begins (REPA, samplers.py)
)

// Guided tells whether an evaluation lies in a guidance interval.
func (c Convention) Guided(e Eval, low, high float32) bool {
	switch c.Interval {
	case OpenInterval:
		return (low == 0 || e.T > low) && (high == 1 || e.T < high)
	case StepInterval:
		return e.Step >= low && e.Step <= high
	}
	return e.T >= low && e.T <= high
}

// Deviation is the standard deviation of the noise.
func (c Convention) Deviation() float32 {
	if c.NoiseScale == 0 {
		return 1
	}
	return c.NoiseScale
}

// Limits of Convention.
const (
	MaxFloor      = 1
	MaxNoiseScale = 100
)

// Check refuses unknown names and combinations.
func (c Convention) Check() error {
	switch c.Prediction {
	case Velocity, Epsilon, X0:
	default:
		return fmt.Errorf("flow: prediction is %q, known are velocity, epsilon and x0", c.Prediction)
	}
	switch c.Clock {
	case FlowClock, SiTClock, DDPMClock:
	default:
		return fmt.Errorf("flow: time is %q, known are flow, sit and ddpm", c.Clock)
	}
	switch c.Interval {
	case ClosedInterval, OpenInterval, StepInterval:
	default:
		return fmt.Errorf("flow: interval is %q, known are open, step and none", c.Interval)
	}
	switch {
	case c.Prediction == Velocity && c.Clock == DDPMClock:
		return fmt.Errorf("flow: a velocity on the ddpm clock is not defined")
	case c.Average && (c.Prediction == Epsilon || c.Clock != FlowClock):
		return fmt.Errorf("flow: an average velocity comes from a velocity or an x0 on the flow clock, this is %s on the %s clock", c.Prediction, c.Clock)
	case c.GuidanceInput && (c.GuidedChannels != 0 || c.Interval != ClosedInterval):
		return fmt.Errorf("flow: guidance is an input of the network: there are no guided_channels and no rule for an interval")
	case c.GuidedChannels < 0:
		return fmt.Errorf("flow: guided_channels is %d, allowed 0 (all) or more", c.GuidedChannels)
	case !(c.Floor >= 0 && c.Floor <= MaxFloor):
		return fmt.Errorf("flow: floor is %v, allowed 0 to %d", c.Floor, MaxFloor)
	case !(c.NoiseScale >= 0 && c.NoiseScale <= MaxNoiseScale):
		return fmt.Errorf("flow: noise_scale is %v, allowed 0 to %d", c.NoiseScale, MaxNoiseScale)
	}
	return nil
}
