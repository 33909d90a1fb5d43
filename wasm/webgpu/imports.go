//go:build js

package webgpu

import "unsafe"

// The functions of webgpu.js. Buffers have numbers; 0 is none.

// alive is 0 once the device is of no use any more.
//
//go:wasmimport webgpu alive
func alive() int32

// largest is the most bytes that a buffer can have.
//
//go:wasmimport webgpu largest
func largest() uint32

// newBuffer makes one of n bytes, all zeros.
//
//go:wasmimport webgpu buffer
func newBuffer(n uint32) int32

//go:wasmimport webgpu destroy
func destroy(buffer int32)

// write copies n bytes of Go's memory to a buffer, from byte at on.
//
//go:wasmimport webgpu write
func write(buffer int32, at uint32, from unsafe.Pointer, n uint32)

// move copies n bytes between two buffers.
//
//go:wasmimport webgpu copy
func move(to int32, toAt uint32, from int32, fromAt uint32, n uint32)

// run records an operation, a *call.
//
//go:wasmimport webgpu run
func run(call unsafe.Pointer)
