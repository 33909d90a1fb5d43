package safetensors

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"iter"
	"math"

	"dit8/core/param"
)

// Write writes a file of float32 tensors. They must come in the order of specs and
// with their shapes; only one is held at a time.
func Write(w io.Writer, specs []param.Spec, tensors iter.Seq2[param.Tensor, error]) error {
	type entry struct {
		DType   string   `json:"dtype"`
		Shape   []int    `json:"shape"`
		Offsets [2]int64 `json:"data_offsets"`
	}
	var header bytes.Buffer
	at := int64(0)
	for i, s := range specs {
		end := at + 4*int64(s.Len())
		b, err := json.Marshal(map[string]entry{s.Name: {"F32", s.Shape, [2]int64{at, end}}})
		if err != nil {
			return err
		}
		if i > 0 {
			header.WriteByte(',')
		}
		header.Write(b[1 : len(b)-1])
		at = end
	}
	text := "{" + header.String() + "}"
	for len(text)%8 != 0 {
		text += " "
	}
	if _, err := w.Write(append(binary.LittleEndian.AppendUint64(nil, uint64(len(text))), text...)); err != nil {
		return err
	}
	i := 0
	var b []byte
	for t, err := range tensors {
		if err != nil {
			return err
		}
		if i == len(specs) || t.Name != specs[i].Name || len(t.F32) != specs[i].Len() {
			return fmt.Errorf("safetensors: tensor %s of %d values out of its place", t.Name, len(t.F32))
		}
		i++
		b = b[:0]
		for _, v := range t.F32 {
			b = binary.LittleEndian.AppendUint32(b, math.Float32bits(v))
		}
		if _, err := w.Write(b); err != nil {
			return err
		}
	}
	if i != len(specs) {
		return fmt.Errorf("safetensors: %d tensors of %d", i, len(specs))
	}
	return nil
}
