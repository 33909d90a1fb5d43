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
}

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
	if c.Prediction == Velocity && c.Clock == DDPMClock {
		return fmt.Errorf("flow: a velocity on the ddpm clock is not defined")
	}
	if c.GuidedChannels < 0 {
		return fmt.Errorf("flow: guided_channels is %d, allowed 0 (all) or more", c.GuidedChannels)
	}
	return nil
}
