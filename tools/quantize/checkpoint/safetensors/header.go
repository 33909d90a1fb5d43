package safetensors

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"math"
	"strconv"
	"unicode/utf8"
)

// header parses the JSON text token by token: unlike json.Unmarshal into a map it
// sees repeated keys, and it holds nothing that it does not need.
type header struct{ dec *json.Decoder }

func parseHeader(text []byte) ([]Tensor, error) {
	if !utf8.Valid(text) {
		return nil, badf("the header is not valid UTF-8")
	}
	h := header{json.NewDecoder(bytes.NewReader(text))}
	h.dec.UseNumber()
	var tensors []Tensor
	err := h.object("the header", func(name string) error {
		if name == "__metadata__" {
			return h.metadata()
		}
		if len(tensors) == MaxTensors {
			return badf("more than %d tensors", MaxTensors)
		}
		t, err := h.tensor(name)
		tensors = append(tensors, t)
		return err
	})
	if err != nil {
		return nil, err
	}
	if _, err := h.dec.Token(); !errors.Is(err, io.EOF) {
		return nil, badf("the header goes on after its closing brace")
	}
	return tensors, nil
}

func (h header) token(what string) (json.Token, error) {
	t, err := h.dec.Token()
	if err != nil {
		return nil, badf("%s: bad JSON at byte %d: %v", what, h.dec.InputOffset(), err)
	}
	return t, nil
}

func (h header) delim(what string, want json.Delim) error {
	t, err := h.token(what)
	if err == nil && t != want {
		err = badf("%s: found %s where %q belongs", what, describe(t), want)
	}
	return err
}

// object reads an object and calls field for each of its keys, with the decoder
// before the value. Keys may not repeat.
func (h header) object(what string, field func(key string) error) error {
	if err := h.delim(what, '{'); err != nil {
		return err
	}
	seen := make(map[string]bool)
	for h.dec.More() {
		t, err := h.token(what)
		if err != nil {
			return err
		}
		key, ok := t.(string)
		if !ok {
			return badf("%s: found %s where a key belongs", what, describe(t))
		}
		if len(key) > MaxName {
			return badf("%s: a key of %d bytes, allowed up to %d", what, len(key), MaxName)
		}
		if seen[key] {
			return badf("%s: %q appears twice", what, key)
		}
		seen[key] = true
		if err := field(key); err != nil {
			return err
		}
	}
	return h.delim(what, '}')
}

// metadata reads and drops a map of strings.
func (h header) metadata() error {
	return h.object("__metadata__", func(key string) error {
		t, err := h.token("__metadata__")
		if err != nil {
			return err
		}
		if _, ok := t.(string); !ok {
			return badf("__metadata__: %q is %s, allowed are strings", key, describe(t))
		}
		return nil
	})
}

// tensor reads the entry of a tensor.
func (h header) tensor(name string) (t Tensor, err error) {
	t.Name = name
	what := "tensor " + name
	have := make(map[string]bool)
	err = h.object(what, func(key string) error {
		have[key] = true
		switch key {
		case "dtype":
			dtype, err := h.text(what, "dtype")
			t.DType = dtype
			return err
		case "shape":
			dims, err := h.integers(what+": shape", MaxDims)
			for _, d := range dims {
				t.Shape = append(t.Shape, int(d))
			}
			return err
		case "data_offsets":
			return h.offsets(&t, what)
		}
		return badf("%s: unknown field %q", what, key)
	})
	if err != nil {
		return t, err
	}
	for _, field := range []string{"dtype", "shape", "data_offsets"} {
		if !have[field] {
			return t, badf("%s: no %s", what, field)
		}
	}
	return t, t.checkSize()
}

// text reads a field that is a string.
func (h header) text(what, field string) (string, error) {
	v, err := h.token(what)
	if err != nil {
		return "", err
	}
	s, ok := v.(string)
	if !ok {
		return "", badf("%s: %s is %s, not a string", what, field, describe(v))
	}
	return s, nil
}

// offsets reads where a tensor's data begin and end.
func (h header) offsets(t *Tensor, what string) error {
	at, err := h.integers(what+": data_offsets", 2)
	if err != nil {
		return err
	}
	if len(at) != 2 {
		return badf("%s: %d data_offsets, not 2", what, len(at))
	}
	if t.begin, t.end = at[0], at[1]; t.end < t.begin {
		return badf("%s: data_offsets %d to %d go backwards", what, t.begin, t.end)
	}
	return nil
}

// integers reads an array of up to limit integers from 0.
func (h header) integers(what string, limit int) ([]int64, error) {
	if err := h.delim(what, '['); err != nil {
		return nil, err
	}
	var out []int64
	for h.dec.More() {
		t, err := h.token(what)
		if err != nil {
			return nil, err
		}
		if len(out) == limit {
			return nil, badf("%s: more than %d numbers", what, limit)
		}
		n, ok := t.(json.Number)
		if !ok {
			return nil, badf("%s: %s is not a number", what, describe(t))
		}
		v, err := strconv.ParseInt(n.String(), 10, 64)
		if err != nil || v < 0 || v > math.MaxInt {
			return nil, badf("%s: %.30s is not an integer from 0 to 2^63-1", what, n)
		}
		out = append(out, v)
	}
	return out, h.delim(what, ']')
}

func describe(t json.Token) string {
	switch t := t.(type) {
	case string:
		return strconv.Quote(t[:min(len(t), 40)])
	case json.Delim:
		return strconv.Quote(t.String())
	case json.Number:
		return t.String()[:min(len(t), 40)]
	case bool:
		return strconv.FormatBool(t)
	}
	return "null"
}
