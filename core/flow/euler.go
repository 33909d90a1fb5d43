// Package flow is the linear (rectified) flow path and its samplers:
//
//	z_t = (1-t)·x + t·ε,  v = dz/dt = ε - x
//
// t runs from 1 (noise) to 0 (data). It reads like SiT/transport, whose time runs
// the other way.
package flow

// Times is the uniform schedule of n steps: n+1 times from 1 down to 0.
func Times(n int) []float32 {
	t := make([]float32, n+1)
	for i := range t {
		t[i] = float32(n-i) / float32(n)
	}
	return t
}

// Euler integrates z from times[0] to the last of times in place, with one
// evaluation a step. velocity writes v(z, times[i]) to v; step, when not nil, is
// told v and z before z moves on. Either may stop the run by an error.
func Euler(z []float32, times []float32, velocity func(v, z []float32, i int) error, step func(i int, v, z []float32) error) error {
	v := make([]float32, len(z))
	for i := range len(times) - 1 {
		if err := velocity(v, z, i); err != nil {
			return err
		}
		if step != nil {
			if err := step(i, v, z); err != nil {
				return err
			}
		}
		dt := times[i] - times[i+1]
		for j := range z {
			z[j] = z[j] - float32(dt*v[j])
		}
	}
	return nil
}
