package bulk

import (
	"archive/zip"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"strings"
)

// The members of a file: pixels, uint8 [N, H, W, 3], as ADM's evaluator reads them; the numbers of the classes, int64 [N]; and the Plan.
const (
	pixelsName = "arr_0.npy"
	labelsName = "arr_1.npy"
	planName   = "dit8.json"
)

// header is what a .npy file begins with (NumPy's format, version 1.0).
func header(kind string, shape ...int) []byte {
	var dims strings.Builder
	for _, n := range shape {
		fmt.Fprintf(&dims, "%d,", n)
	}
	text := fmt.Sprintf("{'descr': '%s', 'fortran_order': False, 'shape': (%s), }", kind, dims.String())
	const fixed = 10 // bytes before the text
	text += strings.Repeat(" ", 63-(fixed+len(text))%64) + "\n"
	b := append([]byte("\x93NUMPY\x01\x00"), 0, 0)
	binary.LittleEndian.PutUint16(b[8:], uint16(len(text)))
	return append(b, text...)
}

// writeNPZ writes a file of n images, whose arrays pixels and labels hand over. Nothing in it tells of time or place.
func writeNPZ(w io.Writer, p Plan, n int, pixels, labels func(io.Writer) error) error {
	z := zip.NewWriter(w)
	member := func(name string, write func(io.Writer) error) error {
		m, err := z.CreateHeader(&zip.FileHeader{Name: name, Method: zip.Store})
		if err != nil {
			return err
		}
		return write(m)
	}
	if err := member(pixelsName, func(m io.Writer) error {
		if _, err := m.Write(header("|u1", n, p.Size, p.Size, 3)); err != nil {
			return err
		}
		return pixels(m)
	}); err != nil {
		return err
	}
	if err := member(labelsName, func(m io.Writer) error {
		if _, err := m.Write(header("<i8", n)); err != nil {
			return err
		}
		return labels(m)
	}); err != nil {
		return err
	}
	if err := member(planName, func(m io.Writer) error { return json.NewEncoder(m).Encode(p) }); err != nil {
		return err
	}
	return z.Close()
}
