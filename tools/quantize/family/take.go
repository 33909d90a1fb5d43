package family

import (
	"fmt"
	"maps"
	"path"
	"regexp"
	"slices"
	"strings"

	"dit8/core/dit"
	"dit8/core/flow"
	"dit8/core/param"
	"dit8/tools/quantize/checkpoint"
)

// taker brings the tensors of a checkpoint to the names and forms of core/dit. Its
// methods say what becomes of which: `to` is a name of core/dit's, `from` one of the
// file's, both without .weight and .bias where they are of a linear layer. Nothing is
// read before the network's tensor is asked for. The first mistake is kept in err;
// after it the methods do nothing.
type taker struct {
	c      *checkpoint.Checkpoint
	said   Said
	what   string // the network, in words
	config Config // what config.json says
	bare   bool   // the file's layers may lack a bias, which stands for zeros

	used  map[string]bool   // the file's tensors
	made  map[string]tensor // the network's
	notes []string
	err   error
}

// tensor is one that can be computed, also by several goroutines at a time.
type tensor = checkpoint.Tensor

// take starts to take a network, what, off a checkpoint.
func take(c *checkpoint.Checkpoint, s Said, what string) *taker {
	t := &taker{c: c, said: s, what: what, config: s.Config, used: make(map[string]bool), made: make(map[string]tensor)}
	if t.config == nil {
		_, t.err = c.ReadConfig(&t.config)
	}
	return t
}

func (t *taker) fail(format string, args ...any) {
	if t.err == nil {
		t.err = fmt.Errorf(format, args...)
	}
}

func (t *taker) note(format string, args ...any) {
	if t.err == nil {
		t.notes = append(t.notes, fmt.Sprintf(format, args...))
	}
}

// find looks for a tensor of the network, where it's made already, or of the file.
func (t *taker) find(name string) (tensor, bool) {
	if x, ok := t.made[name]; ok {
		return x, true
	}
	return t.c.Lookup(name)
}

// get takes a tensor of the file, which must be there.
func (t *taker) get(name string) tensor {
	x, ok := t.c.Lookup(name)
	if !ok {
		t.fail("tensor %s is missing", name)
	}
	t.used[name] = true
	return x
}

// bias takes the bias of a layer of so many outputs.
func (t *taker) bias(layer string, outputs int) tensor {
	name := layer + ".bias"
	if _, ok := t.c.Lookup(name); !ok && t.bare {
		return zeros(name, outputs)
	}
	return t.get(name)
}

// put makes a tensor of the network.
func (t *taker) put(to string, x tensor, err error) {
	if err != nil {
		t.fail("%w", err)
	}
	t.made[to] = x
}

// same takes a tensor as it is.
func (t *taker) same(to, from string) { t.put(to, t.get(from), nil) }

// zero makes a tensor of zeros, for what the file has not.
func (t *taker) zero(to string, shape ...int) { t.put(to, zeros(to, shape...), nil) }

// linear takes a layer as it is.
func (t *taker) linear(to, from string) { t.rows(to, from) }

// rows puts the outputs of layers one after another: q, k and v.
func (t *taker) rows(to string, from ...string) {
	var weights, biases []tensor
	for _, f := range from {
		w := t.get(f + ".weight")
		weights, biases = append(weights, w), append(biases, t.bias(f, outputs(w)))
	}
	if t.err != nil {
		return
	}
	w, err := below(weights...)
	t.put(to+".weight", w, err)
	b, err := below(biases...)
	t.put(to+".bias", b, err)
}

// split shares out the outputs of a layer evenly: w12 to w1 and w3.
func (t *taker) split(from string, to ...string) {
	w := t.get(from + ".weight")
	b := t.bias(from, outputs(w))
	if t.err != nil {
		return
	}
	for i, name := range to {
		x, err := part(w, i, len(to))
		t.put(name+".weight", x, err)
		x, err = part(b, i, len(to))
		t.put(name+".bias", x, err)
	}
}

// head takes an AdaLN head. norms are the names of norms' weights by the chunk of D
// outputs that is the scale after them: they are folded into it.
func (t *taker) head(to, from string, norms map[int]string) {
	t.modulator(to, t.get(from+".weight"), t.get(from+".bias"), norms)
}

// shiftless takes a head of scale and gate alone, for msa and mlp: the shifts are
// zeros (LightningDiT, lightningdit.py: wo_shift).
func (t *taker) shiftless(to, from string, norms map[int]string) {
	var parts [2]tensor
	for i, name := range []string{from + ".weight", from + ".bias"} {
		x, err := spread(t.get(name), 6, 1, 2, 4, 5)
		if err != nil {
			t.fail("%w", err)
		}
		parts[i] = x
	}
	t.modulator(to, parts[0], parts[1], norms)
}

func (t *taker) modulator(to string, w, b tensor, norms map[int]string) {
	var err error
	for _, chunk := range slices.Sorted(maps.Keys(norms)) {
		if norm := t.get(norms[chunk]); t.err == nil && err == nil {
			w, b, err = foldNorm(w, b, norm, chunk)
		}
	}
	if t.err == nil {
		t.put(to+".weight", w, err)
		t.put(to+".bias", b, nil)
	}
}

// vector is a part of a static modulation: a tensor of the file, the weights of a norm
// that a scale is made of, or, without a name, zeros.
type vector struct {
	name string
	norm bool
}

// fixed makes the modulation of a network where it's the same at all times, of width
// hidden: shift, scale and gate one after another (iMF, pMF).
func (t *taker) fixed(to string, hidden int, vectors ...vector) {
	var all []tensor
	for _, v := range vectors {
		switch {
		case v.name == "":
			all = append(all, zeros(to, hidden))
		case v.norm:
			all = append(all, minusOne(t.get(v.name)))
		default:
			all = append(all, t.get(v.name))
		}
	}
	if t.err != nil {
		return
	}
	x, err := below(all...)
	t.put(to, x, err)
}

// product makes one layer of two that follow each other without an activation. The
// first may lack a bias.
func (t *taker) product(to, second, first string) {
	w2, w1 := t.get(second+".weight"), t.get(first+".weight")
	b2, b1 := t.bias(second, outputs(w2)), zeros(first+".bias", outputs(w1))
	if _, ok := t.c.Lookup(b1.Name); ok {
		b1 = t.get(b1.Name)
	}
	if t.err != nil {
		return
	}
	w, err := product(w2, w1)
	t.put(to+".weight", w, err)
	b, err := productBias(w2, b1, b2)
	t.put(to+".bias", b, err)
}

// tokens makes vectors [1, n, D] of those of tensors [n, D] or [1, n, D], one after
// another.
func (t *taker) tokens(to string, from ...string) {
	var all []tensor
	for _, f := range from {
		all = append(all, t.get(f))
	}
	if t.err != nil {
		return
	}
	x, err := join(all...)
	t.put(to, x, err)
}

// positions takes a table [1, L+T, D] whose first rows belong to the network's L
// tokens, which are made already: they are added to these, the rest is to (pMF).
func (t *taker) positions(to, tokens, from string) {
	table, own := t.get(from), t.made[tokens]
	if t.err != nil {
		return
	}
	first, rest, err := cut(table, own.Shape[1])
	if err == nil {
		own, err = sum(own, first)
		t.made[tokens] = own
	}
	t.put(to, rest, err)
}

// skip leaves out the tensors whose names match a pattern of path.Match, if there are
// any, and says why.
func (t *taker) skip(pattern, why string) {
	n := 0
	for _, x := range t.c.Tensors {
		if ok, err := path.Match(pattern, x.Name); ok && err == nil && !t.used[x.Name] {
			t.used[x.Name] = true
			n++
		}
	}
	if n > 0 {
		t.note("%d tensors %s are left out: %s", n, pattern, why)
	}
}

// rest takes what the network cfg still lacks under the names that core/dit has for it.
func (t *taker) rest(cfg dit.Config) {
	t.check(cfg)
	if t.err != nil {
		return
	}
	for _, s := range cfg.Specs() {
		if _, ok := t.made[s.Name]; !ok {
			t.same(s.Name, s.Name)
		}
	}
	t.checkShapes(cfg.Specs())
}

// check refuses a network that core/dit would.
func (t *taker) check(cfg dit.Config) {
	if err := cfg.Check(); err != nil {
		t.fail("%w", err)
	}
}

// checkShapes compares what was made with what the network has.
func (t *taker) checkShapes(specs []param.Spec) {
	for _, s := range specs {
		x, ok := t.made[s.Name]
		switch {
		case !ok:
			t.fail("tensor %s is missing", s.Name)
		case !slices.Equal(x.Shape, s.Shape):
			t.fail("tensor %s: shape is %v, expected %v", s.Name, x.Shape, s.Shape)
		}
	}
}

// training are what training programs keep beside a network, by the first word of their
// names: heads that align it with another (REPA and its relatives), losses, schedules.
var training = regexp.MustCompile(`^(projectors?|projections?|projs?|proj_heads?|projection_heads?|repa\w*|align\w*|(\w+_)?loss\w*|criterion|lpips|perceptual\w*|disc|discriminator|dino\w*|teacher\w*` +
	`|betas|(log_|sqrt_)*(one_minus_|recip_|recipm1_|recipm1)*alphas\w*|posterior_\w+|snr|p2_loss_weight|num_timesteps|logvar|\w*rng\w*|optimizer\w*)$`)

// done leaves out what only training has, and refuses other tensors that were not taken.
// network says what has none of their names.
func (t *taker) done(network string) {
	seen := make(map[string]bool)
	for _, x := range t.c.Tensors {
		if first, _, more := strings.Cut(x.Name, "."); !seen[first] && !t.used[x.Name] && training.MatchString(first) {
			seen[first] = true
			if more {
				first += ".*"
			}
			t.skip(first, "for training alone")
		}
	}
	for _, x := range t.c.Tensors {
		if !t.used[x.Name] {
			first, _, more := strings.Cut(x.Name, ".")
			switch {
			case more && t.uses(first+"."):
				first = x.Name
			case more:
				first += ".*"
			}
			t.fail("tensor %s: unexpected, %s has none of this name (-ignore '%s' leaves it out)", x.Name, network, first)
		}
	}
}

// uses tells whether a tensor whose name begins so was taken.
func (t *taker) uses(prefix string) bool {
	for name := range t.used {
		if strings.HasPrefix(name, prefix) {
			return true
		}
	}
	return false
}

// model is the network, or what was wrong with it.
func (t *taker) model(cfg dit.Config, conv flow.Convention) (Model, error) {
	t.check(cfg)
	m := Model{Network: &cfg, Convention: conv, Notes: t.notes}
	if t.err != nil {
		return m, t.err
	}
	m.Specs = cfg.Specs()
	if t.checkShapes(m.Specs); t.err != nil {
		return m, t.err
	}
	m.Tensor = t.tensorOf
	return m, nil
}

// tensorOf computes a tensor of the network.
func (t *taker) tensorOf(name string) (param.Tensor, error) {
	x, ok := t.made[name]
	if !ok {
		return param.Tensor{}, fmt.Errorf("tensor %s is missing", name)
	}
	v, err := x.Floats()
	return param.Tensor{Name: name, Shape: x.Shape, F32: v}, err
}
