// Package flow is the linear (rectified) flow path and its samplers:
//
//	z_t = (1-t)·x + t·ε,  v = dz/dt = ε - x
//
// t runs from 1 (noise) to 0 (data). It reads like SiT/transport, whose time runs
// the other way.
package flow
