package family

import (
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"regexp"

	"dit8/core/dit"
	"dit8/core/flow"
)

// Said is what the user says of a checkpoint. Empty texts and zeros say nothing.
type Said struct {
	Family         string // a Family's name
	Model          string // an official model's name
	Convention     string // ours, sit or dit
	Numerics       string // of diffusers' folders: diffusers or official
	NumHeads       int
	NoNullClass    bool   // every row of the table is a class
	GuidedChannels int    // channels that guidance applies to, 0 for all; -1 says nothing
	Config         Config // in place of the config.json beside the checkpoint
	ConfigFile     string // that Config was read from
	File           string // the checkpoint's name
}

// Config is what an official model's config.json says, by the official code's names.
type Config map[string]json.RawMessage

// Int is a whole number; 0 where there is none of this name.
func (c Config) Int(name string) (n int, err error) {
	raw, ok := c[name]
	if !ok {
		return 0, nil
	}
	err = json.Unmarshal(raw, &n)
	var wrong *json.UnmarshalTypeError
	if errors.As(err, &wrong) {
		err = fmt.Errorf("%s is a JSON %s, expected an integer", name, wrong.Value)
	}
	return n, err
}

// configInt is Int of the config, whose path an error names.
func (t *taker) configInt(name string) int {
	n, err := t.config.Int(name)
	if err != nil {
		t.fail("%s: %w", t.configFile(), err)
	}
	return n
}

func (t *taker) configFile() string {
	switch {
	case t.said.ConfigFile != "":
		return t.said.ConfigFile
	case t.c.Config != "":
		return t.c.Config
	}
	return "config.json"
}

// cleanImage tells whether the config says that the network predicts the clean image, as tools/train writes it.
func (t *taker) cleanImage() bool {
	var prediction string
	return json.Unmarshal(t.config["prediction"], &prediction) == nil && prediction == string(flow.X0)
}

// flag is whether the config says true.
func (t *taker) flag(name string) (is bool) {
	if raw, ok := t.config[name]; ok && json.Unmarshal(raw, &is) != nil {
		t.fail("%s: %s is %.40s, expected true or false", t.configFile(), name, raw)
	}
	return is
}

// whole is a number that no tensor shows: the config's, or that of the published model
// of this size, 0 for none.
func (t *taker) whole(name string, published int) int {
	if _, ok := t.config[name]; ok {
		return t.configInt(name)
	}
	if published == 0 {
		t.fail("no tensor shows %s: give it by -config FILE.json", name)
	} else if t.said.Model == "" {
		t.note("%s %d, as in the published model of this size", name, published)
	}
	return published
}

// channels are those that guidance applies to: what was said, or else the family's.
func (t *taker) channels(own int) int {
	if t.said.GuidedChannels >= 0 {
		return t.said.GuidedChannels
	}
	return own
}

// agree refuses a config.json that belongs to another checkpoint.
func (t *taker) agree(cfg dit.Config) {
	for _, f := range []struct {
		name string
		is   int
	}{
		{"input_size", cfg.InputSize},
		{"patch_size", cfg.PatchSize},
		{"in_channels", cfg.InChannels},
		{"hidden_size", cfg.HiddenSize},
		{"depth", cfg.Depth},
		{"num_classes", cfg.NumClasses},
	} {
		if said := t.configInt(f.name); said != 0 && said != f.is {
			if t.said.ConfigFile != "" {
				t.fail("%s says %s %d, the tensors show %d", t.said.ConfigFile, f.name, said, f.is)
			}
			t.fail("config.json beside the checkpoint says %s %d, the tensors show %d", f.name, said, f.is)
		}
	}
}

// official are the models of an official code by the names that it gives them.
type official struct {
	name  *regexp.Regexp // of its two groups the first is the size, the second the patch
	known string         // the names in words
	sizes map[string]size
}

// size is what an official model's name says.
type size struct{ hidden, depth, heads int }

// size looks up a model that must have the shape of cfg.
func (o official) size(name string, cfg dit.Config) (s size, err error) {
	m := o.name.FindStringSubmatch(name)
	if m == nil {
		return s, fmt.Errorf("the model's name is %.60q, known are %s", name, o.known)
	}
	s = o.sizes[m[1]]
	if s.hidden != cfg.HiddenSize || s.depth != cfg.Depth || m[2] != fmt.Sprint(cfg.PatchSize) {
		return s, fmt.Errorf("%s has hidden_size %d, depth %d and patches of %s, the tensors show %d, %d and %d",
			name, s.hidden, s.depth, m[2], cfg.HiddenSize, cfg.Depth, cfg.PatchSize)
	}
	return s, nil
}

// byWidth looks up a model of a width.
func (o official) byWidth(hidden int) (name string, s size) {
	for name, s := range o.sizes {
		if s.hidden == hidden {
			return name, s
		}
	}
	return "", size{}
}

// heads decides on the number of heads. inFile is what the checkpoint shows of it, 0
// where that's nothing. It notes where the number is not one that was given.
func (t *taker) heads(cfg dit.Config, of official, inFile int) (n int) {
	beside, trained := t.configInt("num_heads"), t.c.Args["model"]
	switch {
	case t.said.Model != "":
		n = t.sized(t.said.Model, cfg, of).heads
		if t.said.NumHeads > 0 && t.said.NumHeads != n {
			t.fail("-num-heads is %d, -model %s has %d", t.said.NumHeads, t.said.Model, n)
		}
	case t.said.NumHeads > 0:
		n = t.said.NumHeads
	case inFile > 0:
		n = inFile
	case beside > 0:
		n = beside
		t.note("num_heads %d, from %s", n, filepath.Base(t.configFile()))
	case of.name.MatchString(trained):
		n = t.sized(trained, cfg, of).heads
		t.note("num_heads %d, as of %s, which the checkpoint says it is", n, trained)
	default:
		name, s := of.byWidth(cfg.HiddenSize)
		if n = s.heads; n == 0 {
			t.fail("no tensor shows the number of attention heads: give -num-heads (hidden_size is %d)", cfg.HiddenSize)
		}
		t.note("num_heads %d, as in the official models of hidden_size %d (%s)", n, cfg.HiddenSize, name)
	}
	if t.err == nil && cfg.HiddenSize%n != 0 {
		t.fail("num_heads is %d, which does not divide hidden_size %d", n, cfg.HiddenSize)
	}
	return n
}

// sized is what the name of an official model says.
func (t *taker) sized(name string, cfg dit.Config, of official) size {
	s, err := of.size(name, cfg)
	if err != nil {
		t.fail("%w", err)
	}
	return s
}
