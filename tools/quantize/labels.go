package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"strconv"

	"dit8/core/dit"
	"dit8/tools/quantize/checkpoint"
)

// classNames reads class names; without a file they are the classes' numbers.
func classNames(path string, classes int) ([]string, error) {
	names := make([]string, classes)
	if path == "" {
		for i := range names {
			names[i] = strconv.Itoa(i)
		}
		return names, nil
	}
	var raw json.RawMessage
	if err := checkpoint.ReadJSON(path, &raw); err != nil {
		return nil, err
	}
	if json.Unmarshal(raw, &names) == nil {
		if len(names) != classes {
			return nil, fmt.Errorf("%s: %d names, the checkpoint has %d classes", path, len(names), classes)
		}
		return names, nil
	}
	var object map[string]string
	if err := json.Unmarshal(raw, &object); err != nil {
		return nil, fmt.Errorf("%s: neither an array of names nor an object from numbers to names", path)
	}
	if len(object) != classes {
		return nil, fmt.Errorf("%s: %d names, the checkpoint has %d classes", path, len(object), classes)
	}
	for i := range names {
		n, ok := object[strconv.Itoa(i)]
		if !ok {
			return nil, fmt.Errorf("%s: no name for class %d", path, i)
		}
		names[i] = n
	}
	return names, nil
}

// config is what a config.json beside a checkpoint may say. Zero is silence.
type config struct {
	InputSize  int `json:"input_size"`
	PatchSize  int `json:"patch_size"`
	InChannels int `json:"in_channels"`
	HiddenSize int `json:"hidden_size"`
	Depth      int `json:"depth"`
	NumHeads   int `json:"num_heads"`
	NumClasses int `json:"num_classes"`
}

// readConfig reads a config.json; it is no mistake to have none.
func readConfig(path string) (c config, err error) {
	err = checkpoint.ReadJSON(path, &c)
	if errors.Is(err, fs.ErrNotExist) {
		err = nil
	}
	return c, err
}

// compare refuses a config.json that belongs to another checkpoint.
func (c config) compare(cfg dit.Config) error {
	for _, f := range []struct {
		name      string
		said, are int
	}{
		{"input_size", c.InputSize, cfg.InputSize},
		{"patch_size", c.PatchSize, cfg.PatchSize},
		{"in_channels", c.InChannels, cfg.InChannels},
		{"hidden_size", c.HiddenSize, cfg.HiddenSize},
		{"depth", c.Depth, cfg.Depth},
		{"num_classes", c.NumClasses, cfg.NumClasses},
	} {
		if f.said != 0 && f.said != f.are {
			return fmt.Errorf("config.json beside the checkpoint says %s %d, the tensors show %d", f.name, f.said, f.are)
		}
	}
	return nil
}
