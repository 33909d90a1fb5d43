package bench

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"dit8/core"
)

// ParseConfig gives the Options of a network whose shape is a JSON object with
// the names of dit.Config. Batches are of one image.
func ParseConfig(data []byte) (Options, error) {
	o := Options{Name: Custom, Batch: 1, Passes: DefaultPasses}
	if err := strict(data, &o.Config); err != nil {
		return Options{}, fmt.Errorf("config: %w", err)
	}
	return o, o.Valid()
}

// Parse gives the Options of a JSON object: config is a preset's name or an
// object as ParseConfig reads; batch and passes may be left out.
func Parse(data []byte) (Options, error) {
	var in struct {
		Config json.RawMessage `json:"config"`
		Batch  json.RawMessage `json:"batch"`
		Passes json.RawMessage `json:"passes"`
	}
	err := strict(data, &in)
	if err != nil {
		return Options{}, err
	}
	var o Options
	var name string
	if json.Unmarshal(in.Config, &name) == nil {
		o, err = Preset(name)
	} else {
		o, err = ParseConfig(in.Config)
	}
	if err != nil {
		return Options{}, err
	}
	for _, f := range []struct {
		name string
		raw  json.RawMessage
		to   *int
		max  int
	}{{"batch", in.Batch, &o.Batch, MaxBatch}, {"passes", in.Passes, &o.Passes, MaxPasses}} {
		if f.raw != nil && (string(f.raw) == "null" || json.Unmarshal(f.raw, f.to) != nil) {
			return Options{}, &core.FieldError{Field: f.name, Value: string(f.raw[:min(len(f.raw), 60)]), Allowed: fmt.Sprintf("an integer from 1 to %d", f.max)}
		}
	}
	return o, o.Valid()
}

// strict decodes the one value that data holds and refuses fields that to lacks.
func strict(data []byte, to any) error {
	d := json.NewDecoder(bytes.NewReader(data))
	d.DisallowUnknownFields()
	if err := d.Decode(to); errors.Is(err, io.EOF) {
		return errors.New("there is nothing, allowed: a JSON object")
	} else if err != nil {
		return err
	}
	if _, err := d.Token(); err != io.EOF {
		return errors.New("more follows after the JSON object")
	}
	return nil
}
