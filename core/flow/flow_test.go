package flow

import (
	"math"
	"slices"
	"testing"
)

// Philox's published known answers (Random123, kat_vectors, philox4x32 10).
func TestPhilox(t *testing.T) {
	const f = 0xffffffff
	for _, c := range []struct {
		counter [4]uint32
		key     [2]uint32
		want    [4]uint32
	}{
		{[4]uint32{}, [2]uint32{}, [4]uint32{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}},
		{[4]uint32{f, f, f, f}, [2]uint32{f, f}, [4]uint32{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}},
		{[4]uint32{0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}, [2]uint32{0xa4093822, 0x299f31d0}, [4]uint32{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}},
	} {
		if got := philox(c.counter, c.key); got != c.want {
			t.Errorf("philox(%x, %x) = %x, want %x", c.counter, c.key, got, c.want)
		}
	}
}

func TestNoiseIsNormal(t *testing.T) {
	const n = 1 << 18
	v := make([]float32, n)
	Noise(v, 42, 0)
	var m [5]float64
	for _, x := range v {
		p := 1.0
		for k := range m {
			m[k] += p / n
			p *= float64(x)
		}
	}
	for k, want := range []float64{1, 0, 1, 0, 3} { // moments of the standard normal
		if math.Abs(m[k]-want) > 0.05 {
			t.Errorf("moment %d is %.3f, want %v", k, m[k], want)
		}
	}
	slices.Sort(v)
	for _, q := range []struct{ p, z float64 }{{0.001, -3.0902}, {0.1, -1.2816}, {0.5, 0}, {0.9, 1.2816}, {0.999, 3.0902}} {
		if got := float64(v[int(q.p*n)]); math.Abs(got-q.z) > 0.06 {
			t.Errorf("quantile %v is %.3f, want %v", q.p, got, q.z)
		}
	}
}

func TestNoiseIsAFunctionOfSeedImageAndIndex(t *testing.T) {
	a, b := make([]float32, 103), make([]float32, 7)
	Noise(a, 7, 3)
	Noise(b, 7, 3)
	if !slices.Equal(a[:7], b) {
		t.Error("a shorter image has other noise")
	}
	for _, o := range []struct {
		seed  uint64
		image uint32
	}{{8, 3}, {7, 4}, {7 + 1<<32, 3}} {
		Noise(b, o.seed, o.image)
		if slices.Equal(a[:7], b) {
			t.Errorf("seed %d image %d has the noise of seed 7 image 3", o.seed, o.image)
		}
	}
	// Bits that every architecture must give.
	Noise(b, 1, 0)
	for i, w := range []uint32{0x3ec2c3e3, 0xbe97b1bc, 0xbe7f370c, 0xbf807dbd} {
		if got := math.Float32bits(b[i]); got != w {
			t.Errorf("noise %d has bits %#x (%v), want %#x", i, got, b[i], w)
		}
	}
	// The ends of the uniform range stay finite.
	for _, w := range []uint32{0, 1, math.MaxUint32} {
		x, y := boxMuller(w, w)
		if r := math.Hypot(float64(x), float64(y)); !(r < 6.78) {
			t.Errorf("box-muller of %#x has radius %v", w, r)
		}
	}
}

// A network that knows x and ε exactly gives v = ε - x whatever it predicts and
// whichever clock it runs on.
func TestToVelocity(t *testing.T) {
	x, eps := []float32{0.3, -0.8}, []float32{-1.1, 0.4}
	for _, clock := range []Clock{FlowClock, SiTClock, DDPMClock} {
		for _, p := range []Prediction{Velocity, Epsilon, X0} {
			c := Convention{Prediction: p, Clock: clock}
			if c.Check() != nil {
				continue // velocity on ddpm
			}
			for _, want := range []float32{0.9, 0.5, 0.1} {
				in := c.At(want)
				if in.T != want {
					t.Fatalf("%v at %v: stands for %v", c, want, in.T)
				}
				z := make([]float32, 2)
				out := make([]float32, 2)
				for i := range z {
					z[i] = (1-want)*x[i] + want*eps[i]
					switch {
					case p == Epsilon:
						out[i] = eps[i]
					case p == X0:
						out[i] = x[i]
					case clock == SiTClock:
						out[i] = x[i] - eps[i]
					default:
						out[i] = eps[i] - x[i]
					}
				}
				c.ToVelocity(out, z, in)
				for i := range z {
					if math.Abs(float64(out[i]-(eps[i]-x[i]))) > 1e-5 {
						t.Errorf("%v at %v: velocity %v, want %v", c, want, out[i], eps[i]-x[i])
					}
				}
			}
		}
	}
}

// On the DDPM clock the network sees √ᾱ·x + √(1-ᾱ)·ε of the step it is told, at
// the schedule's own steps exactly.
func TestDDPMClock(t *testing.T) {
	bar := 1.0
	for step := range 1000 {
		bar *= 1 - (1e-4 + float64(step)*(0.02-1e-4)/999)
		a, b := math.Sqrt(bar), math.Sqrt(1-bar)
		in := Convention{Prediction: Epsilon, Clock: DDPMClock}.At(float32(b / (a + b)))
		if math.Abs(float64(in.Time)-float64(step)) > 0.02 {
			t.Fatalf("flow time %v is step %v, want %d", b/(a+b), in.Time, step)
		}
		if s := (1 - b/(a+b)) * float64(in.Scale); math.Abs(s-a) > 1e-4 {
			t.Fatalf("step %d: data is scaled by %v, want %v", step, s, a)
		}
		if s := b / (a + b) * float64(in.Scale); math.Abs(s-b) > 1e-4 {
			t.Fatalf("step %d: noise is scaled by %v, want %v", step, s, b)
		}
	}
	for _, c := range []struct{ t, step float32 }{{1, 999}, {0, 0}} {
		in := Convention{Prediction: Epsilon, Clock: DDPMClock}.At(c.t)
		if in.Time != c.step || !(in.T > 0 && in.T < 1) {
			t.Errorf("flow time %v: step %v at %v, want %v", c.t, in.Time, in.T, c.step)
		}
	}
}

func TestGuide(t *testing.T) {
	uncond := []float32{1, 2, 3, 4}
	for _, c := range []struct {
		scale  float32
		guided int
		want   []float32
	}{
		{0, 0, []float32{1, 2, 3, 4}},
		{1, 0, []float32{2, 4, 6, 8}},
		{3, 0, []float32{4, 8, 12, 16}},
		{3, 1, []float32{4, 8, 6, 8}}, // one channel of two pixels
		{3, 9, []float32{4, 8, 12, 16}},
	} {
		cond := []float32{2, 4, 6, 8}
		Guide(cond, uncond, c.scale, c.guided, 2)
		if !slices.Equal(cond, c.want) {
			t.Errorf("scale %v on %d channels: %v, want %v", c.scale, c.guided, cond, c.want)
		}
	}
}

func TestConventionCheck(t *testing.T) {
	for _, c := range []Convention{
		{}, {Prediction: "v", Clock: FlowClock}, {Prediction: Velocity, Clock: "edm"},
		{Prediction: Velocity, Clock: DDPMClock}, {Prediction: Velocity, Clock: FlowClock, GuidedChannels: -1},
	} {
		if c.Check() == nil {
			t.Errorf("%+v was accepted", c)
		}
	}
}
