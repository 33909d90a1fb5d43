package checkpoint

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"reflect"
	"slices"
	"strings"

	"dit8/internal/bounded"
	"dit8/internal/textfile"
)

const (
	maxIndex  = 16 << 20 // bytes of a JSON file
	maxShards = 1024
)

// ReadJSON reads a JSON file of up to 16 MiB into v.
func ReadJSON(path string, v any) error {
	b, err := bounded.File(path, maxIndex)
	switch {
	case err != nil:
		return err
	case len(b) == 0:
		return fmt.Errorf("%s: the file has 0 bytes, expected JSON", path)
	}
	if b, err = textfile.Decode(b); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	err = json.Unmarshal(b, v)
	var wrong *json.UnmarshalTypeError
	switch {
	case errors.As(err, &wrong) && wrong.Field == "":
		err = fmt.Errorf("the file holds a JSON %s, expected an object", wrong.Value)
	case errors.As(err, &wrong):
		err = fmt.Errorf("%s is a JSON %s, expected %s", wrong.Field, wrong.Value, kinds[wrong.Type.Kind()])
	}
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	return nil
}

// kinds are the words for what the files' fields are.
var kinds = map[reflect.Kind]string{
	reflect.Int: "an integer", reflect.Float64: "a number", reflect.String: "a string", reflect.Bool: "true or false", reflect.Map: "an object",
}

// index is the file that names the shards: {"weight_map": {tensor: file}}.
type index struct {
	WeightMap map[string]string `json:"weight_map"`
}

// shards are the files that it names, in order.
func (i index) shards() ([]string, error) {
	if len(i.WeightMap) == 0 {
		return nil, fmt.Errorf("no weight_map: this is no index of a sharded checkpoint")
	}
	shards := make(map[string]bool)
	for name, file := range i.WeightMap {
		if file != filepath.Base(file) || strings.ContainsAny(file, `/\`) || filepath.Ext(file) != ".safetensors" && filepath.Ext(file) != ".bin" {
			return nil, fmt.Errorf("weight_map of %.100q names %.100q, allowed are .safetensors and .bin files beside the index", name, file)
		}
		shards[file] = true
	}
	if len(shards) > maxShards {
		return nil, fmt.Errorf("%d shards, allowed up to %d", len(shards), maxShards)
	}
	return slices.Sorted(maps.Keys(shards)), nil
}

// openShards opens the files that an index names, which must hold what it says.
func (c *Checkpoint) openShards(path string) error {
	var i index
	if err := ReadJSON(path, &i); err != nil {
		return err
	}
	shards, err := i.shards()
	if err != nil {
		return err
	}
	for _, file := range shards {
		p := filepath.Join(filepath.Dir(path), file)
		f, size, head, err := c.regular(p)
		if err != nil {
			return err
		}
		before := len(c.Tensors)
		if _, err := c.add(f, size, head, ""); err != nil {
			return fmt.Errorf("%s: %w", p, err)
		}
		for _, t := range c.Tensors[before:] {
			if want := i.WeightMap[t.Name]; want != file {
				return fmt.Errorf("tensor %s: it is in %s, the index says %q", t.Name, file, want)
			}
		}
	}
	if len(c.Tensors) != len(i.WeightMap) {
		for name, file := range i.WeightMap {
			if !slices.ContainsFunc(c.Tensors, func(t Tensor) bool { return t.Name == name }) {
				return fmt.Errorf("tensor %s: it is missing in %s, where the index has it", name, file)
			}
		}
	}
	c.Files = append(c.Files, path)
	return nil
}
