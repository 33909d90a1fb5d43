package dit

import "dit8/core/compute"

// workspace holds the activations of a forward pass of up to n images.
type workspace struct {
	n       int
	img     compute.F32 // input images [n, C, H, W]
	out     compute.F32 // output images [n, Cout, H, W]
	x       compute.F32 // residual stream [n·(L+T), D]
	h       compute.F32 // normalised input of a branch, attention output [n·(L+T), D]
	wide    compute.F32 // qkv [n·(L+T), 3D], MLP hidden [n·(L+T), F]
	outRows compute.F32 // final layer [n·T, P·P·Cout]
}

// WorkspaceLen is the number of float32 values that a forward pass needs for
// each image of its batch.
func (c Config) WorkspaceLen() int {
	sum := 0
	for _, n := range c.workspace() {
		sum += n
	}
	return sum
}

// workspace gives the size of each field of a workspace for one image.
func (c Config) workspace() [6]int {
	t, d := c.Context.Len()+c.Tokens(), c.HiddenSize
	return [6]int{c.ImageLen(), c.outLen(), t * d, t * d, t * max(3*d, c.MLPHidden), c.outLen()}
}

// outLen is the number of values of one output image.
func (c Config) outLen() int { return c.OutChannels() * c.InputSize * c.InputSize }

func (w *workspace) buffers() [6]*compute.F32 {
	return [6]*compute.F32{&w.img, &w.out, &w.x, &w.h, &w.wide, &w.outRows}
}

func (w *workspace) free(dev compute.Device) {
	for _, b := range w.buffers() {
		dev.Free(*b)
	}
	*w = workspace{}
}

func (m *Model) reserve(n int) error {
	w := &m.work
	if n <= w.n {
		return nil
	}
	w.free(m.dev)
	for i, size := range m.cfg.workspace() {
		b, err := m.dev.Alloc(n * size)
		if err != nil {
			return err
		}
		*w.buffers()[i] = b
	}
	w.n = n
	return nil
}
