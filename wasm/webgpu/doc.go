// Package webgpu is a compute.Device whose operations are shaders in WGSL (webgpu.wgsl). Go
// issues each operation; webgpu.js records it and sends what was recorded when something is
// read. Shaders promise less than the numeric contract asks for, so Device.Test
// compares it with package generic before it is used, and a device that was lost says so by Err.
package webgpu
