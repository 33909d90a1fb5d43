package checkpoint

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"dit8/tools/quantize/checkpoint/torchfile"
)

// wrappers are what programs put around a layer or a network, and so into names, at
// their beginning or in their midst: DistributedDataParallel, torch.compile, FSDP,
// activation checkpointing, DeepSpeed.
var wrappers = []string{"module", "_orig_mod", "_fsdp_wrapped_module", "_checkpoint_wrapped_module", "_forward_module", "_ddp_module"}

// endings are what wrappers put behind a layer's name: layers that are named after
// Flax's (iMF, pMF).
var endings = []string{"._flax_linear", "._flax_embedding"}

// roots are the names that training programs give to the network, or to its average,
// as a part of themselves.
var roots = []string{
	"model.diffusion_model", "diffusion_model", "ema_model", "model_ema", "online_model", "ema", "model", "net", "network", "denoiser", "net_ema", "ema_net",
	"ema_network", "online", "_model", "dit", "backbone",
}

// counters are tensors of one value that averages and optimizers keep beside weights.
var counters = []string{"decay", "num_updates", "n_averaged", "initted", "step", "global_step", "epoch", "num_steps", "steps", "optimization_step"}

// tidy brings the names to those of the network alone. Of several networks it takes the
// one whose names begin with prefix, or the averaged one.
func (c *Checkpoint) tidy(prefix string) error {
	c.unwrap()
	c.drop("counters of training", counter)
	c.dotted()
	if err := c.root(prefix); err != nil {
		return err
	}
	return c.complete()
}

// root takes what the names of the network that is meant begin with off them, and leaves
// the others out.
func (c *Checkpoint) root(prefix string) error {
	if prefix != "" {
		return c.take(prefix, true)
	}
	if c.whole() {
		return nil
	}
	for {
		found := c.choose()
		if found == "" {
			return nil
		}
		if err := c.take(found, false); err != nil {
			return err
		}
	}
}

// complete gives an average what it lacks of the weights that it is of: training
// programs average what they train, which position embeddings often are not.
func (c *Checkpoint) complete() error {
	whole := &Checkpoint{Tensors: c.trained}
	whole.unwrap()
	if err := whole.root(""); err != nil || whole.index() != nil || c.index() != nil {
		return err
	}
	if len(c.Tensors) == 0 || slices.ContainsFunc(c.Tensors, func(t Tensor) bool {
		like, ok := whole.Lookup(t.Name)
		return !ok || !slices.Equal(like.Shape, t.Shape)
	}) {
		return nil // another network
	}
	var added []string
	for _, t := range whole.Tensors {
		if _, ok := c.byName[t.Name]; !ok && !counter(t) {
			c.Tensors = append(c.Tensors, t)
			added = append(added, t.Name)
		}
	}
	if len(added) > 0 {
		c.note("taken from the weights as trained, as they are not averaged: %s", some(added))
	}
	return nil
}

// counter tells a counter of training by its name and shape.
func counter(t Tensor) bool {
	last := t.Name[strings.LastIndexByte(t.Name, '.')+1:]
	return slices.Contains(counters, last) && (len(t.Shape) == 0 || len(t.Shape) == 1 && t.Shape[0] == 1)
}

// whole tells whether this is all of a latent diffusion model, whose parts have
// prefixes of their own (CompVis/latent-diffusion).
func (c *Checkpoint) whole() bool {
	n, _ := c.under("first_stage_model.")
	return n > 0
}

// unwrap takes wrappers' names out, wherever they stand.
func (c *Checkpoint) unwrap() {
	count := make(map[string]int)
	for i, t := range c.Tensors {
		parts := strings.Split(t.Name, ".")
		kept := slices.DeleteFunc(slices.Clone(parts), func(p string) bool { return slices.Contains(wrappers, p) })
		for _, w := range wrappers {
			if len(kept) > 0 && slices.Contains(parts, w) {
				count[w+"."]++
			}
		}
		name := t.Name
		if len(kept) > 0 {
			name = strings.Join(kept, ".")
		}
		for _, e := range endings {
			if strings.Contains(name, e) {
				count[e]++
				name = strings.ReplaceAll(name, e, "")
			}
		}
		c.Tensors[i].Name = name
	}
	for _, w := range append(slices.Clone(wrappers), endings...) {
		for _, s := range []string{w, w + "."} {
			if n := count[s]; n > 0 {
				c.note("%q is taken out of %d names", s, n)
			}
		}
	}
}

// dotted gives averages of latent diffusion's programs (ldm/modules/ema.py: LitEma) the
// dots back that they took out of the names, and what they do not average, buffers.
func (c *Checkpoint) dotted() {
	const average, network = "model_ema.", "model."
	trained, have := make(map[string]string), make(map[string]bool)
	for _, t := range c.Tensors {
		have[t.Name] = true
		if name, ok := strings.CutPrefix(t.Name, network); ok {
			trained[strings.ReplaceAll(name, ".", "")] = name
		}
	}
	renamed := false
	for i, t := range c.Tensors {
		flat, ok := strings.CutPrefix(t.Name, average)
		if name := trained[flat]; ok && name != flat && name != "" {
			c.Tensors[i].Name = average + name
			have[average+name] = true
			renamed = true
		}
	}
	for _, t := range c.Tensors {
		if name, ok := strings.CutPrefix(t.Name, network); renamed && ok && !have[average+name] {
			t.Name = average + name
			c.Tensors = append(c.Tensors, t)
		}
	}
}

func (c *Checkpoint) note(format string, args ...any) {
	c.Notes = append(c.Notes, fmt.Sprintf(format, args...))
}

// parts are the words that an autoencoder's halves begin with, which are no root.
var parts = []string{"decoder", "encoder"}

// choose finds the root that the network's names begin with, "" for none: one that all
// have, else an average's that has the names of another root, else a known one that is
// an average's or that most have.
func (c *Checkpoint) choose() string {
	if r := c.common(); r != "" {
		return r
	}
	if r := c.twin(); r != "" {
		return r
	}
	best, most := "", 0
	for _, r := range roots {
		n, matrix := c.under(r + ".")
		switch {
		case !matrix:
		case torchfile.IsAverage(r) && !torchfile.IsAverage(best):
			best, most = r+".", n
		case n > most && torchfile.IsAverage(r) == torchfile.IsAverage(best) && 2*n >= len(c.Tensors):
			best, most = r+".", n
		}
	}
	return best
}

// common is the root that all names have.
func (c *Checkpoint) common() (root string) {
	for len(c.Tensors) > 1 {
		word, _, ok := strings.Cut(c.Tensors[0].Name[len(root):], ".")
		longer := root + word + "."
		if n, _ := c.under(longer); !ok || n < len(c.Tensors) || slices.Contains(parts, word) {
			break
		}
		root = longer
	}
	return root
}

const (
	maxRoot     = 3  // words of a root
	maxAverages = 64 // roots that are looked at
)

// twin is an average's root beside which there is another with all of its names. Of
// several it is the first.
func (c *Checkpoint) twin() string {
	shapes := make(map[string][]int, len(c.Tensors))
	for _, t := range c.Tensors {
		shapes[t.Name] = t.Shape
	}
	roots, under := c.names()
	averages := slices.DeleteFunc(slices.Clone(roots), func(r string) bool { return !torchfile.IsAverage(r) })
	for _, average := range averages[:min(len(averages), maxAverages)] {
		if _, matrix := c.under(average); !matrix {
			continue
		}
		for _, other := range append([]string{""}, roots...) { // "": a network that keeps its average as a part of itself
			if torchfile.IsAverage(other) || other != "" && len(under[other]) < len(under[average]) {
				continue
			}
			if !slices.ContainsFunc(under[average], func(name string) bool {
				shape, ok := shapes[other+name]
				return !(ok && slices.Equal(shape, shapes[average+name])) && !counter(Tensor{Name: name, Shape: shapes[average+name]})
			}) {
				return average
			}
		}
	}
	return ""
}

// names are what all names begin with, up to three words, in the file's order, and what
// follows each.
func (c *Checkpoint) names() (roots []string, under map[string][]string) {
	under = make(map[string][]string)
	for _, t := range c.Tensors {
		at := 0
		for range maxRoot {
			i := strings.IndexByte(t.Name[at:], '.')
			if i < 0 {
				break
			}
			at += i + 1
			root := t.Name[:at]
			if under[root] == nil {
				roots = append(roots, root)
			}
			under[root] = append(under[root], t.Name[at:])
		}
	}
	return roots, under
}

// Roots are what names of a network that has this one among its own begin with.
func (c *Checkpoint) Roots(name string) (roots []string) {
	for _, t := range c.Tensors {
		root, ok := strings.CutSuffix(t.Name, name)
		if ok && strings.HasSuffix(root, ".") && len(roots) < maxAverages {
			roots = append(roots, root)
		}
	}
	return roots
}

// Take leaves all out but the tensors whose names begin with a root, and takes it off
// them.
func (c *Checkpoint) Take(root string) error {
	if err := c.take(root, false); err != nil {
		return err
	}
	return c.index()
}

// under counts the names that begin with a prefix, and whether they are a network's.
func (c *Checkpoint) under(prefix string) (n int, matrix bool) {
	for _, t := range c.Tensors {
		if strings.HasPrefix(t.Name, prefix) {
			n++
			matrix = matrix || len(t.Shape) > 1
		}
	}
	return n, matrix
}

// take keeps the tensors whose names begin with a prefix, and takes it off them.
func (c *Checkpoint) take(prefix string, asked bool) error {
	var kept []Tensor
	var left []string
	for _, t := range c.Tensors {
		if name, ok := strings.CutPrefix(t.Name, prefix); ok {
			t.Name = name
			kept = append(kept, t)
		} else {
			first, _, _ := strings.Cut(t.Name, ".")
			left = append(left, first)
		}
	}
	slices.Sort(left)
	left = slices.Compact(left)
	name := strings.TrimSuffix(prefix, ".")
	switch {
	case len(kept) == 0:
		return fmt.Errorf("there are no weights %q, names begin with: %s", name, some(left))
	case len(left) == 0 && !asked:
		c.note("the prefix %q is taken off all names", prefix)
	case len(left) == 0:
	default:
		c.note("weights %q of the file, without %s (-weights chooses)", name, some(left))
		if torchfile.IsAverage(name) {
			c.trained = append(c.trained, c.Tensors...)
			c.trained = slices.DeleteFunc(c.trained, func(t Tensor) bool { return averaged(t.Name) })
		}
	}
	c.Tensors = kept
	c.Root += prefix
	return nil
}

// averaged tells whether a name is of an average: one of the words before its last two.
func averaged(name string) bool {
	words := strings.Split(name, ".")
	return slices.ContainsFunc(words[:max(0, len(words)-2)], torchfile.IsAverage)
}

// some lists names, up to a dozen.
func some(names []string) string {
	if len(names) > 12 {
		names = append(names[:12:12], fmt.Sprintf("and %d more", len(names)-12))
	}
	return strings.Join(names, ", ")
}

// drop leaves out the tensors for which is says so, with a note.
func (c *Checkpoint) drop(what string, is func(Tensor) bool) (dropped int) {
	var names []string
	c.Tensors = slices.DeleteFunc(c.Tensors, func(t Tensor) bool {
		if is(t) {
			names = append(names, t.Name)
			return true
		}
		return false
	})
	if len(names) > 0 {
		c.note("%s are left out: %s", what, some(names))
	}
	return len(names)
}

// Ignore leaves out the tensors whose names match a pattern of path.Match; there must
// be some.
func (c *Checkpoint) Ignore(patterns []string) error {
	for _, p := range patterns {
		n := c.drop("tensors that -ignore "+p+" names", func(t Tensor) bool { ok, err := path.Match(p, t.Name); return ok && err == nil })
		if n == 0 {
			return fmt.Errorf("-ignore %s: no tensor's name matches", p)
		}
	}
	return c.index()
}
