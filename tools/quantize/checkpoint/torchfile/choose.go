package torchfile

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode"
)

// weights are a dictionary of tensors in a file, or a list of them that belongs to one.
type weights struct {
	path   string // its keys, with dots between
	dict   *dict
	list   *list // of an average that has no names: shadow_params
	matrix bool  // one of the tensors has several dimensions, as a network's weights have
	rank   int   // the higher, the sooner it is taken
}

// averaged tells whether they are an average: one of their keys says so.
func (w weights) averaged() bool {
	return slices.ContainsFunc(strings.Split(w.path, "."), IsAverage)
}

// maxKeys bounds how deep dictionaries are looked into.
const maxKeys = 4

// notWeights are keys under which training programs keep tensors that are no network's.
var notWeights = []string{"opt", "optim", "optimizer", "optimizers", "optimizer_states", "optimizer_state_dict", "scheduler", "scaler", "rng", "rng_state", "args", "config", "hyper_parameters", "loops"}

// usual are the keys of networks as they were trained, the best first (DiT/train.py: model;
// Lightning: state_dict).
var usual = []string{"model", "state_dict", "model_state_dict", "module", "net", "network", "params", "weights"}

// rank orders weights by their keys: averages first (DiT/download.py: find_model takes
// ema), of these those that are named plainly and JiT's first (engine_jit.py: model_ema1).
func rank(path string, matrix bool) (n int) {
	keys := strings.Split(path, ".")
	switch {
	case path == "ema":
		n = 120
	case slices.ContainsFunc(keys, IsAverage) && strings.Contains(path, "ema2"):
		n = 90
	case slices.ContainsFunc(keys, IsAverage):
		n = 110
	default:
		n = 50
		if i := slices.Index(usual, path); i >= 0 {
			n = 80 - i
		}
	}
	if !matrix {
		n -= 100 // no network: a counter, a generator's state
	}
	return n
}

// averages are words in the keys of averaged weights.
var averages = []string{"ema", "emas", "shadow", "average", "averaged", "averages", "avg", "swa", "polyak"}

// IsAverage tells whether a key is of averaged weights: ema, model_ema1, ema_0.9999,
// params_ema, shadow_params, modelEMA, emaModel.
func IsAverage(key string) bool {
	words := strings.FieldsFunc(camel.ReplaceAllString(key, "$1 $2"), func(r rune) bool { return !unicode.IsLetter(r) })
	return slices.ContainsFunc(words, func(w string) bool { return slices.Contains(averages, strings.ToLower(w)) })
}

// camel is where a word in capitals begins: emaModel.
var camel = regexp.MustCompile(`([a-z])([A-Z])`)

// find lists what holds tensors, in the file's order.
func find(top *dict) (found []weights) {
	seen := make(map[any]bool)
	var walk func(d *dict, path string, depth int)
	walk = func(d *dict, path string, depth int) {
		if seen[d] || depth > maxKeys {
			return
		}
		seen[d] = true
		w := weights{path: path, dict: d}
		n := 0
		for _, k := range d.keys {
			if t, ok := d.values[k].(Tensor); ok {
				n++
				w.matrix = w.matrix || len(t.Shape) > 1
			}
		}
		if n > 0 {
			w.rank = rank(path, w.matrix)
			found = append(found, w)
		}
		for _, k := range d.keys {
			key, ok := word(k)
			if !ok || slices.Contains(notWeights, strings.ToLower(key)) {
				continue
			}
			at := strings.TrimPrefix(path+"."+key, ".")
			switch v := d.values[k].(type) {
			case *dict:
				walk(v, at, depth+1)
			case *opaque:
				walk(&v.dict, at, depth+1)
			case *list:
				if ofTensors(v) && IsAverage(key) {
					found = append(found, weights{path: at, list: v, matrix: true, rank: rank(at, true)})
				} else if d := v.entries(); d != nil && !seen[v] { // averages of several rates
					seen[v] = true
					walk(d, at, depth+1)
				}
			}
		}
	}
	walk(top, "", 0)
	return found
}

// word is a key as -weights names it: a text or a number, such as an average's rate.
func word(k any) (key string, ok bool) {
	switch k := k.(type) {
	case string:
		return k, true
	case int64:
		return strconv.FormatInt(k, 10), true
	case float64:
		return strconv.FormatFloat(k, 'g', -1, 64), true
	}
	return "", false
}

// maxEntries bounds the lists whose entries are looked into.
const maxEntries = 64

// entries are a list's under their numbers, of one that holds dictionaries.
func (l *list) entries() *dict {
	if len(l.v) > maxEntries || !slices.ContainsFunc(l.v, func(v any) bool { _, ok := v.(*dict); return ok }) {
		return nil
	}
	d := &dict{values: make(map[any]any)}
	for i, v := range l.v {
		k := strconv.Itoa(i)
		d.keys = append(d.keys, k)
		d.values[k] = v
	}
	return d
}

// ofTensors tells whether a list has tensors and nothing else.
func ofTensors(l *list) bool {
	return len(l.v) > 0 && !slices.ContainsFunc(l.v, func(v any) bool { _, ok := v.(Tensor); return !ok })
}

// choose finds the state dict.
func choose(top any, which string) (f *File, err error) {
	d, ok := top.(*dict)
	if l, isList := top.(*list); isList {
		d = l.entries()
		ok = d != nil
	}
	if o, isObject := top.(*opaque); isObject && len(o.keys) > 0 {
		return nil, badf("the file holds %s, a whole program's object, not a dictionary of tensors: save its state_dict()", kind(top))
	}
	if !ok {
		return nil, badf("the file holds %s, not a dictionary of tensors", kind(top))
	}
	found := find(d)
	w, prefix, err := pick(d, found, which)
	if err != nil {
		return nil, err
	}
	f = &File{From: w.path, Prefix: prefix}
	for _, other := range found {
		if other.path != w.path && other.path != "" && (other.matrix || !w.matrix) {
			f.Also = append(f.Also, other.path)
		}
	}
	f.Args = arguments(d)
	if w.list != nil {
		return f, f.named(w.list, found)
	}
	if err := f.tensors(w.dict); err != nil {
		return nil, err
	}
	if w.averaged() {
		f.Trained = trained(found)
	}
	return f, nil
}

// trained are the best weights that are no average, if there are any.
func trained(found []weights) []Tensor {
	best := weights{rank: -1}
	for _, w := range found {
		if w.dict != nil && w.matrix && w.rank > best.rank && !w.averaged() {
			best = w
		}
	}
	f := &File{}
	if best.dict == nil || f.tensors(best.dict) != nil {
		return nil
	}
	return f.Tensors
}

// pick chooses among weights: those that were asked for, or the best.
func pick(top *dict, found []weights, which string) (w weights, prefix string, err error) {
	if which != "" {
		return asked(top, found, which)
	}
	if len(found) == 0 {
		return w, "", nothing(top)
	}
	best := slices.MaxFunc(found, func(a, b weights) int { return cmp.Compare(a.rank, b.rank) })
	i := slices.IndexFunc(found, func(w weights) bool { return w.rank == best.rank })
	if rest := slices.IndexFunc(found[i+1:], func(w weights) bool { return w.rank == best.rank }); rest >= 0 && best.rank == 50 && found[i].path != "" {
		return w, "", badf("the file has several dictionaries of tensors, choose by -weights: %s", names(found))
	}
	return found[i], "", nil
}

// nothing says of a file without a tensor what it has.
func nothing(top *dict) error {
	for _, k := range top.keys {
		if d, isDict := top.values[k].(*dict); isDict && len(d.keys) == 0 {
			return badf("the file has no tensors: %.100q is empty", text(k))
		}
	}
	for _, k := range top.keys {
		key, _ := k.(string)
		if IsAverage(key) || slices.Contains(usual, key) {
			return badf("%q is %s, not a dictionary of tensors", key, kind(top.values[k]))
		}
		if _, isDict := top.values[k].(*dict); !isDict {
			return badf("%.100q is %s, not a tensor", text(k), kind(top.values[k]))
		}
	}
	return badf("the file has no tensors")
}

// asked finds the weights that were asked for: by all keys, by the last or the first of
// them where that says it, or by what names begin with.
func asked(top *dict, found []weights, which string) (w weights, prefix string, err error) {
	for _, same := range []func(path string) bool{
		func(path string) bool { return path == which },
		func(path string) bool { return strings.HasPrefix(path, which+".") },
		func(path string) bool { return strings.HasSuffix(path, "."+which) },
	} {
		if i := slices.IndexFunc(found, func(w weights) bool { return w.path != "" && same(w.path) }); i >= 0 {
			return found[i], "", nil
		}
	}
	for _, w := range found {
		rest, ok := which, true
		if w.path != "" {
			rest, ok = strings.CutPrefix(which, w.path+".")
		}
		for _, within := range []string{rest, which} {
			if w.dict != nil && (ok || within == which) && begins(w.dict, within+".") {
				return w, within + ".", nil
			}
		}
	}
	plain := len(found) == 1 && found[0].path == ""
	v, there := top.get(which)
	_, isTensor := v.(Tensor)
	switch {
	case there && !isTensor:
		return w, "", badf("%q is %s, not a dictionary of tensors", which, kind(v))
	case plain && (which == "model" || which == "state_dict"):
		return found[0], "", nil
	case plain || len(found) == 0:
		return w, "", badf("the file is a plain dictionary of tensors: it has no weights %q", which)
	}
	return w, "", badf("the file has no weights %q, it has: %s", which, names(found))
}

func begins(d *dict, prefix string) bool {
	return slices.ContainsFunc(d.keys, func(k any) bool { s, ok := k.(string); return ok && strings.HasPrefix(s, prefix) })
}

// names lists weights for a message.
func names(found []weights) string {
	var all []string
	for _, w := range found {
		if w.path != "" {
			all = append(all, w.path)
		}
	}
	return strings.Join(all, ", ")
}

// tensors takes those of a state dict, by their names.
func (f *File) tensors(d *dict) error {
	for _, k := range d.keys {
		t, isTensor := d.values[k].(Tensor)
		name, ok := k.(string)
		switch {
		case !isTensor && !ok:
			f.Left = append(f.Left, kind(k))
		case !isTensor:
			f.Left = append(f.Left, fmt.Sprintf("%.100s (%s)", name, kind(d.values[k])))
		case !ok:
			return badf("a tensor's name is %s, not a string", kind(k))
		case len(name) > maxName:
			return badf("a tensor's name has %d bytes, allowed up to %d", len(name), maxName)
		default:
			t.Name = name
			f.Tensors = append(f.Tensors, t)
		}
	}
	if len(f.Tensors) == 0 {
		return badf("the file has no tensors")
	}
	return nil
}

// named gives the tensors of a list the names that those of the trained network have, in
// their order (torch_ema, diffusers' EMAModel: shadow_params). Where the network has
// more, as buffers that are not averaged, shapes must leave one way to do it.
func (f *File) named(l *list, found []weights) error {
	for _, w := range found {
		if w.dict == nil || !w.matrix || w.averaged() {
			continue
		}
		whole := &File{}
		if err := whole.tensors(w.dict); err != nil {
			return err
		}
		if at, ok := match(whole.Tensors, l.v); ok {
			for i, k := range at {
				t := l.v[i].(Tensor)
				t.Name = whole.Tensors[k].Name
				whole.Tensors[k] = t
			}
			f.Tensors = whole.Tensors
			return nil
		}
	}
	return badf("%q is a list of %d tensors without names, and no weights beside it tell which is which: choose others by -weights (%s)", f.From, len(l.v), names(found))
}

// match finds for each of a list's tensors its place among all, in order, by shapes. It
// fails where there is none or more than one way.
func match(all []Tensor, l []any) (at []int, ok bool) {
	same := func(i, k int) bool { return slices.Equal(l[i].(Tensor).Shape, all[k].Shape) }
	k := 0
	for i := range l {
		for k < len(all) && !same(i, k) {
			k++
		}
		if k == len(all) {
			return nil, false
		}
		at = append(at, k)
		k++
	}
	k = len(all) - 1
	for i := len(l) - 1; i >= 0; i-- { // from behind: another way would differ
		for !same(i, k) {
			k--
		}
		if k != at[i] {
			return nil, false
		}
		k--
	}
	return at, true
}

// arguments are the texts and numbers of the training program's arguments, where the
// file has them: in a dictionary, a Namespace or an object.
func arguments(top *dict) map[string]string {
	for _, key := range []string{"args", "config", "cfg", "hyper_parameters", "opt"} {
		v, _ := top.get(key)
		switch v := v.(type) {
		case *dict:
			return texts(v)
		case *opaque:
			return texts(&v.dict)
		}
	}
	return nil
}

func texts(d *dict) map[string]string {
	out := make(map[string]string)
	for _, k := range d.keys {
		name, ok := k.(string)
		if !ok {
			continue
		}
		switch v := d.values[k].(type) {
		case string:
			out[name] = v
		case int64:
			out[name] = strconv.FormatInt(v, 10)
		case float64:
			out[name] = strconv.FormatFloat(v, 'g', -1, 64)
		}
	}
	return out
}
