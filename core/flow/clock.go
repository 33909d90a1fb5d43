package flow

import (
	"math"
	"sort"
)

// Input says how to ask a network for its prediction at time T of the flow: hand
// it Scale·z and the time Time. T is the flow time that this stands for, which
// differs from the one asked for only where the network's own clock ends earlier.
type Input struct {
	T     float32 // flow time: z = (1-T)·x + T·ε
	Time  float32 // what the network's timestep embedder is fed
	Scale float32 // what z is multiplied by
}

// At is the network input at flow time t in [0, 1].
func (c Convention) At(t float32) Input {
	switch c.Clock {
	case SiTClock:
		return Input{T: t, Time: 1 - t, Scale: 1} // SiT/transport/path.py
	case DDPMClock:
		return ddpmAt(t)
	}
	return Input{T: t, Time: t, Scale: 1}
}

// ddpmAt finds the step of the DDPM schedule with the signal-to-noise ratio of
// flow time t. The schedule's state is √ᾱ·x + √(1-ᾱ)·ε; divided by √ᾱ+√(1-ᾱ) it is
// the flow's state at T = √(1-ᾱ)/(√ᾱ+√(1-ᾱ)). Between the schedule's steps, time
// and √ᾱ are interpolated linearly in T; outside them the nearest step is taken.
func ddpmAt(t float32) Input {
	i := sort.Search(ddpmSteps, func(i int) bool { return ddpm[i].t >= float64(t) })
	switch {
	case i == 0:
		return ddpm[0].input(0)
	case i == ddpmSteps:
		return ddpm[i-1].input(ddpmSteps - 1)
	}
	lo, hi := ddpm[i-1], ddpm[i]
	f := (float64(t) - lo.t) / (hi.t - lo.t)
	mid := ddpmStep{
		t:     float64(t),
		alpha: lo.alpha + float64(f*(hi.alpha-lo.alpha)),
	}
	return mid.input(float64(i-1) + f)
}

// ddpmStep is one step of the schedule: t its flow time, alpha its √ᾱ, bar ᾱ.
type ddpmStep struct{ t, alpha, bar float64 }

// input has the scale that gives √ᾱ·x + √(1-ᾱ)·ε from (1-T)·x + T·ε.
func (s ddpmStep) input(step float64) Input {
	return Input{T: float32(s.t), Time: float32(step), Scale: float32(s.alpha / (1 - s.t))}
}

const ddpmSteps = 1000

// ddpm is the linear schedule, betas from 1e-4 to 0.02 (DiT/diffusion:
// gaussian_diffusion.py get_named_beta_schedule).
var ddpm = func() (s [ddpmSteps]ddpmStep) {
	bar := 1.0
	for i := range s {
		beta := 1e-4 + float64(float64(i)*(0.02-1e-4))/(ddpmSteps-1)
		bar = float64(bar * (1 - beta))
		a, b := math.Sqrt(bar), math.Sqrt(1-bar)
		s[i] = ddpmStep{t: b / (a + b), alpha: a, bar: bar}
	}
	return s
}()

// DDPMAlphaBar is ᾱ of a step of the DDPM schedule, 0 to 999.
func DDPMAlphaBar(step int) float64 { return ddpm[step].bar }
