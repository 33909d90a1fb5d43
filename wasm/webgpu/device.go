//go:build js

package webgpu

import (
	"errors"
	"fmt"
	"strings"
	"syscall/js"
	"unsafe"

	"dit8/core/compute"
	"dit8/wasm/promise"
)

// Device computes on a graphics processor. Its memory is the processor's: only Read waits for
// it, and so needs JavaScript's event loop.
type Device struct {
	host  js.Value // what open of webgpu.js gave
	cpu   compute.Device
	space space
	areas [areas]area // scratch
	call  call
	err   error // why it is of no use, beside what the host knows

	tested, convolves bool  // passed Test and TestConvolutions
	declined          error // why autoencoders are to run beside
	unfit             error // why an autoencoder did not fit
}

var errNone = errors.New("webgpu: there is no WebGPU here")

// Open returns the device that the global function dit8WebGPU gives a promise of; see
// webgpu.js. It fails where there is none. It must be tested before it is used: see Test and
// TestConvolutions. cpu runs autoencoders that do not fit it.
func Open(cpu compute.Device) (*Device, error) {
	open := js.Global().Get("dit8WebGPU")
	if open.Type() != js.TypeFunction {
		return nil, errNone
	}
	host, err := promise.Await(open.Invoke())
	if err != nil {
		return nil, fmt.Errorf("webgpu: %s", strings.TrimPrefix(err.Error(), "Error: "))
	}
	return &Device{host: host, cpu: cpu}, nil
}

// Name tells the graphics processor: "webgpu (intel gen-12lp)".
func (d *Device) Name() string { return fmt.Sprintf("webgpu (%s)", d.host.Get("name").String()) }

// Largest is the most values that a buffer can have, and so a tensor.
func (d *Device) Largest() int { return int(largest() / 4) }

// Software tells whether a processor plays the graphics processor.
func (d *Device) Software() bool { return d.host.Get("software").Bool() }

// Recall gives what Remember was told of key on this machine, also before a reload, "" where that is nothing. It fails
// where there is no device to be opened.
func Recall(key string) (string, error) { return remembered("recall", key) }

// Remember keeps a text, where anything can be kept. A new version of the package or the browser forgets it.
func Remember(key, text string) { remembered("remember", key, text) }

func remembered(call string, args ...any) (string, error) {
	open := js.Global().Get("dit8WebGPU")
	if open.Type() != js.TypeFunction {
		return "", errNone
	}
	v, err := promise.Await(open.Call(call, args...))
	if err != nil || v.Type() != js.TypeString {
		return "", err
	}
	return v.String(), nil
}

// Beside is the device that runs what this one can't.
func (d *Device) Beside() compute.Device { return d.cpu }

// Err is a compute.ErrLost with the reason once what the device computes is of no use.
func (d *Device) Err() error {
	if d.err == nil && alive() == 0 {
		d.err = errors.New(d.host.Call("failure").String())
	}
	if d.err == nil {
		return nil
	}
	return fmt.Errorf("%w: %w", compute.ErrLost, d.err)
}

// fail marks the device as of no use.
func (d *Device) fail(err error) {
	if d.err == nil {
		d.err = err
	}
}

// Close gives all memory of the processor back. The device is of no use after it.
func (d *Device) Close() {
	d.fail(errors.New("webgpu: the device was closed"))
	d.host.Call("lose")
}

// Alloc returns n zeros.
func (d *Device) Alloc(n int) (compute.F32, error) {
	if n < 0 || n > d.Largest() {
		return compute.F32{}, fmt.Errorf("webgpu: alloc of %d values, allowed 0 to %d", n, d.Largest())
	}
	if err := d.Err(); err != nil {
		return compute.F32{}, err
	}
	buffer, err := d.buffer(4 * n)
	if err != nil {
		return compute.F32{}, err
	}
	addr, ok := d.space.place(4*n, buffer)
	if !ok {
		destroy(buffer)
		return compute.F32{}, fmt.Errorf("webgpu: out of addresses for %d values more", n)
	}
	return compute.F32{Addr: addr, Len: n}, nil
}

// buffer makes one of n bytes.
func (d *Device) buffer(n int) (int32, error) {
	b := newBuffer(uint32(n))
	if b == 0 {
		return 0, fmt.Errorf("webgpu: out of memory: no %d bytes more", n)
	}
	return b, nil
}

// Free gives f back.
func (d *Device) Free(f compute.F32) { d.destroy(d.space.remove(f.Addr)) }

// destroy gives a buffer back. The numbers of a lost device's are another's by now.
func (d *Device) destroy(buffer int32) {
	if buffer != 0 && d.Err() == nil {
		destroy(buffer)
	}
}

// Write copies src to dst.
func (d *Device) Write(dst compute.F32, src []float32) {
	compute.SameLen("write", len(src), dst.Len)
	if o := d.operand(dst); dst.Len > 0 {
		write(o.buffer, 4*o.at, unsafe.Pointer(unsafe.SliceData(src)), uint32(4*len(src)))
	}
}

// Read copies src to dst once all that was issued before has run. Where the device is lost, dst
// is filled with zeros, and Err says so.
func (d *Device) Read(dst []float32, src compute.F32) {
	compute.SameLen("read", len(dst), src.Len)
	if len(dst) == 0 {
		return
	}
	o := d.operand(src)
	bytes := unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(dst))), 4*len(dst))
	v, err := promise.Await(d.host.Call("read", o.buffer, 4*float64(o.at), len(bytes)))
	if err != nil {
		d.fail(err)
		clear(dst)
		return
	}
	js.CopyBytesToGo(bytes, v)
}

// Copy copies src to dst.
func (d *Device) Copy(dst, src compute.F32) {
	compute.SameLen("copy", src.Len, dst.Len)
	if src.Len == 0 {
		return
	}
	to := d.operand(dst)
	from := d.apart(0, to, d.operand(src), src.Len)
	move(to.buffer, 4*to.at, from.buffer, 4*from.at, uint32(4*src.Len))
}

// operand is where an operation finds values.
type operand struct {
	buffer int32
	at     uint32 // in values
}

// operand is where f lies. It panics where f is none of the device's.
func (d *Device) operand(f compute.F32) operand {
	if f.Len == 0 {
		return operand{}
	}
	i, ok := d.space.find(f.Addr)
	if !ok {
		panic(fmt.Sprintf("webgpu: no memory at address %d", f.Addr))
	}
	r := d.space[i]
	return operand{r.buffer, uint32(uint64(f.Addr)-r.at) / 4}
}

// area is scratch memory that grows and is kept.
type area struct {
	buffer int32
	n      int // bytes
}

const (
	quantised = iota // rows, and their scales
	other            // what else an operation needs
	copies           // of operands that are in the buffer that is written
	areas     = copies + operands - 1
)

// scratch returns a buffer of at least n bytes that stays valid until the next call for the
// same area.
func (d *Device) scratch(which, n int) operand {
	a := &d.areas[which]
	if a.n < n {
		d.destroy(a.buffer)
		*a = area{}
		b, err := d.buffer(n)
		if err != nil {
			d.fail(err)
			return operand{}
		}
		*a = area{b, n}
	}
	return operand{buffer: a.buffer}
}

// apart is from, n values of it, in another buffer than to: an operation can't read the buffer that it
// writes. i tells apart the operands of an operation.
func (d *Device) apart(i int, to, from operand, n int) operand {
	if from.buffer != to.buffer || n == 0 {
		return from
	}
	s := d.scratch(copies+i, 4*n)
	move(s.buffer, 0, from.buffer, 4*from.at, uint32(4*n))
	return s
}

// operation is one of webgpu.js's list.
type operation uint32

const (
	quantizeOp operation = iota
	linearI8Op
	linearF32Op
	normOp
	rotateOp
	patchesOp
	unpatchifyOp
	columnsOp
	headsOp
	attentionI8Op
	attentionF32Op
	rowSumsOp
	groupSumsOp
	affineOp
	roundingOp
	seeOp
	seeI8Op
	convI8Op
	convF32Op
)

const operands = 4 // of an operation, the first being what it writes

// call is what webgpu.js's run takes.
type call struct {
	operation operation
	work      uint32 // multiplications, in 2²⁰
	groups    [3]uint32
	buffers   [operands]int32
	params    [16]uint32
}

// run issues an operation.
func (d *Device) run(op operation, work int, groups [3]int, buffers [operands]operand, params ...uint32) {
	if d.err != nil || groups[0]*groups[1]*groups[2] == 0 {
		return
	}
	d.call = call{operation: op, work: uint32(work >> 20)}
	for i, g := range groups {
		d.call.groups[i] = uint32(g)
	}
	for i, b := range buffers {
		d.call.buffers[i] = b.buffer
	}
	copy(d.call.params[:], params)
	run(unsafe.Pointer(&d.call))
}

const mostGroups = 65535 // workgroups that a dimension can have

// many are n workgroups, which may be more than one dimension can have (number of webgpu.wgsl).
func many(n int) [3]int { return [3]int{min(n, mostGroups), over(n, mostGroups), 1} }

func over(n, per int) int { return (n + per - 1) / per }
