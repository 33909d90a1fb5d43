//go:build (amd64 || arm64) && !purego

package native

import "dit8/core/compute"

var _ compute.Convolver = (*Device)(nil)

// NewConv makes a layer of a convolution. Those with int8 weights are the generic device's.
func (d *Device) NewConv(w compute.ConvWeights) (compute.Conv, error) {
	if w.I8 != nil {
		return d.Device.NewConv(w)
	}
	d.patch.Device = d
	return d.patch.NewConv(w)
}

// Conv computes bands of rows with the kernels of Linear.
func (d *Device) Conv(out compute.ConvOutput, in compute.ConvInput, c compute.Conv) {
	if c, ok := c.(*compute.PatchConv); ok {
		d.patch.Conv(out, in, c)
		return
	}
	d.Device.Conv(out, in, c)
}
