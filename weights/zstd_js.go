package weights

import (
	"errors"
	"fmt"
	"syscall/js"
)

// zstdDecoder has JavaScript decode: Go's decoder would be a tenth of what a page
// downloads (see RATIONALE.md). The host sets the global dit8Zstd, a function of two
// Uint8Arrays, of a frame and of the length that it should decode to. It returns the
// bytes, in the second array or another, or throws.
type zstdDecoder struct {
	f       js.Value
	in, out *array
}

// array is a Uint8Array that is kept: one for each frame would be garbage of twice a model.
type array struct {
	all js.Value
	n   int
}

// first gives the first n bytes.
func (a *array) first(n int) js.Value {
	if n > a.n {
		a.all, a.n = js.Global().Get("Uint8Array").New(n), n
	}
	return a.all.Call("subarray", 0, n)
}

func newZstdDecoder() (zstdDecoder, error) {
	f := js.Global().Get("dit8Zstd")
	if f.Type() != js.TypeFunction {
		return zstdDecoder{}, errors.New("weights: there is no function dit8Zstd")
	}
	return zstdDecoder{f, new(array), new(array)}, nil
}

// decode decodes src into dst, which has the length expected, and returns what it is.
func (d zstdDecoder) decode(dst, src []byte) (b []byte, err error) {
	defer func() {
		if e := recover(); e != nil {
			err = fmt.Errorf("zstd: %v", e)
		}
	}()
	in := d.in.first(len(src))
	js.CopyBytesToJS(in, src)
	out := d.f.Invoke(in, d.out.first(len(dst)))
	if n := out.Length(); n != len(dst) {
		return nil, fmt.Errorf("zstd: %d bytes, expected %d", n, len(dst))
	}
	js.CopyBytesToGo(dst, out)
	return dst, nil
}

func (zstdDecoder) close() {}
