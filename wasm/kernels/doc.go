// Package kernels is the compute.Device for WebAssembly: a second module, written
// in C with 128-bit SIMD, that owns its memory and does all the arithmetic. Go
// holds addresses in that memory and issues one call per operation. kernels.js
// connects the two modules; build.sh makes kernels.wasm from src.
package kernels
