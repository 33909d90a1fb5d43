package torchfile

import (
	"encoding/binary"
	"math"
	"strconv"
	"strings"
)

// The values of a pickle are nil, bool, int64, float64, string, []any (a list or a
// tuple), *dict, global, *storage and Tensor. What is none of these cannot come
// into being: a pickle is a program, and this machine has no instruction that runs
// anything but the few constructors of call.

// global is a name that a pickle refers to, one of allowed.
type global string

// dict is a dictionary in the order of its keys, or an object's attributes.
type dict struct {
	keys   []any
	values map[any]any
}

func (d *dict) get(key string) (any, bool) {
	v, ok := d.values[key]
	return v, ok
}

// The names that tensors and the dictionaries around them need. Storage types have
// the name that safetensors gives to their values.
const (
	orderedDict = global("collections.OrderedDict")
	rebuild     = global("torch._utils._rebuild_tensor_v2")
	parameter   = global("torch._utils._rebuild_parameter")
	namespace   = global("argparse.Namespace")
)

var storageTypes = map[global]string{
	"torch.FloatStorage":         "F32",
	"torch.DoubleStorage":        "F64",
	"torch.HalfStorage":          "F16",
	"torch.BFloat16Storage":      "BF16",
	"torch.LongStorage":          "I64",
	"torch.IntStorage":           "I32",
	"torch.ShortStorage":         "I16",
	"torch.CharStorage":          "I8",
	"torch.ByteStorage":          "U8",
	"torch.BoolStorage":          "BOOL",
	"torch.ComplexFloatStorage":  "C64",
	"torch.ComplexDoubleStorage": "C128",
}

var widths = map[string]int64{"F32": 4, "F64": 8, "F16": 2, "BF16": 2, "I64": 8, "I32": 4, "I16": 2, "I8": 1, "U8": 1, "BOOL": 1, "C64": 8, "C128": 16}

// inert tells of the classes that Lightning's checkpoints name their callbacks by: keys
// of a dictionary, which stay a name here. Calling one is refused as ever.
func (g global) inert() bool {
	return strings.HasPrefix(string(g), "pytorch_lightning.") || strings.HasPrefix(string(g), "lightning.")
}

func (g global) check() error {
	switch g {
	case orderedDict, rebuild, parameter, namespace:
		return nil
	}
	if storageTypes[g] != "" || g.inert() {
		return nil
	}
	return badf("the pickle asks for %.100q: refused, tensors need only collections.OrderedDict, argparse.Namespace, torch._utils._rebuild_tensor_v2, _rebuild_parameter and torch's storages of real numbers", string(g))
}

// mark is what MARK leaves on the stack.
type mark struct{}

// machine runs one pickle. What it holds grows with the bytes it has read.
type machine struct {
	b     []byte // what is left
	n     int    // length at the start
	stack []any
	memo  map[uint32]any
	// storage makes one of a persistent id.
	storage func(dtype, key string, numel int64) (*storage, error)
}

// unpickle runs the pickle at the start of b and returns its value and what follows
// it.
func unpickle(b []byte, open func(dtype, key string, numel int64) (*storage, error)) (value any, rest []byte, err error) {
	m := &machine{b: b, n: len(b), memo: make(map[uint32]any), storage: open}
	for {
		op, err := m.take(1)
		if err != nil {
			return nil, nil, err
		}
		if op[0] == '.' {
			if len(m.stack) != 1 {
				return nil, nil, badf("the pickle ends with %d values on its stack, not one", len(m.stack))
			}
			if _, ok := m.stack[0].(mark); ok {
				return nil, nil, badf("the pickle ends with a mark on its stack")
			}
			return m.stack[0], m.b, nil
		}
		if err := m.step(op[0]); err != nil {
			return nil, nil, err
		}
	}
}

func (m *machine) take(n uint64) ([]byte, error) {
	if n > uint64(len(m.b)) {
		return nil, badf("the pickle ends early: %d bytes are needed after byte %d of %d", n, m.n-len(m.b), m.n)
	}
	b := m.b[:n]
	m.b = m.b[n:]
	return b, nil
}

// uint reads a little-endian number of n bytes.
func (m *machine) uint(n int) (v uint64, err error) {
	b, err := m.take(uint64(n))
	for i, x := range b {
		v |= uint64(x) << (8 * i)
	}
	return v, err
}

// sized reads bytes behind their length, a number of n bytes.
func (m *machine) sized(n int) ([]byte, error) {
	size, err := m.uint(n)
	if err != nil {
		return nil, err
	}
	return m.take(size)
}

// line reads up to a newline.
func (m *machine) line() (string, error) {
	for i, c := range m.b {
		if c == '\n' {
			b, _ := m.take(uint64(i + 1))
			return string(b[:i]), nil
		}
		if i == maxName {
			break
		}
	}
	return "", badf("the pickle has a name without an end at byte %d", m.n-len(m.b))
}

func (m *machine) push(v any) { m.stack = append(m.stack, v) }

func (m *machine) pop() (any, error) {
	if len(m.stack) == 0 {
		return nil, badf("the pickle takes from an empty stack at byte %d", m.n-len(m.b))
	}
	v := m.stack[len(m.stack)-1]
	if _, ok := v.(mark); ok {
		return nil, badf("the pickle takes a mark for a value at byte %d", m.n-len(m.b))
	}
	m.stack = m.stack[:len(m.stack)-1]
	return v, nil
}

// popMark takes the values above the topmost mark, and it.
func (m *machine) popMark() ([]any, error) {
	for i := len(m.stack) - 1; i >= 0; i-- {
		if _, ok := m.stack[i].(mark); ok {
			v := append([]any(nil), m.stack[i+1:]...)
			m.stack = m.stack[:i]
			return v, nil
		}
	}
	return nil, badf("the pickle has no mark on its stack at byte %d", m.n-len(m.b))
}

// popN takes n values, the topmost last.
func (m *machine) popN(n int) (v []any, err error) {
	v = make([]any, n)
	for i := n - 1; i >= 0 && err == nil; i-- {
		v[i], err = m.pop()
	}
	return v, err
}

// items takes the values above the topmost mark where they are many, else n.
func (m *machine) items(many bool, n int) ([]any, error) {
	if many {
		return m.popMark()
	}
	return m.popN(n)
}

// step runs one instruction (Lib/pickletools.py has them all; torch.save writes
// those of protocol 2, here are also 3 to 5's).
func (m *machine) step(op byte) (err error) {
	switch op {
	case 0x80: // PROTO
		return m.protocol()
	case 0x95: // FRAME
		_, err = m.take(8)
	case '(': // MARK
		m.push(mark{})
	case '0', '1', '2': // POP, POP_MARK, DUP
		return m.shuffle(op)
	case 'N': // NONE
		m.push(nil)
	case 0x88, 0x89: // NEWTRUE, NEWFALSE
		m.push(op == 0x88)
	case 'K', 'M', 'J', 0x8a, 0x8b, 'G': // BININT1, BININT2, BININT, LONG1, LONG4, BINFLOAT
		return m.number(op)
	case 'X', 0x8c, 0x8d, 'T', 'U', 'B', 'C', 0x8e, 'S', 'V': // texts and bytes
		return m.text(op)
	case ')', ']', 0x85, 0x86, 0x87, 't', 'l': // EMPTY_TUPLE, EMPTY_LIST, TUPLE1, TUPLE2, TUPLE3, TUPLE, LIST
		return m.list(op)
	case '}', 'd': // EMPTY_DICT, DICT
		return m.dict(op == 'd')
	case 'a', 'e': // APPEND, APPENDS
		return m.append(op == 'e')
	case 's', 'u': // SETITEM, SETITEMS
		return m.set(op == 'u')
	case 'q', 'r', 0x94: // BINPUT, LONG_BINPUT, MEMOIZE
		return m.memoize(op)
	case 'h', 'j': // BINGET, LONG_BINGET
		return m.recall(op)
	case 'c', 'i': // GLOBAL, INST
		return m.global(op == 'i')
	case 0x93: // STACK_GLOBAL
		return m.stackGlobal()
	case 'Q': // BINPERSID
		return m.persistent()
	case 'R', 0x81: // REDUCE, NEWOBJ
		return m.call(op == 'R')
	case 'b': // BUILD
		return m.build()
	default:
		err = badf("the pickle has the instruction %s, which torch.save does not write: refused", strconv.QuoteRune(rune(op)))
	}
	return err
}

func (m *machine) protocol() error {
	n, err := m.uint(1)
	if err == nil && (n < 2 || n > 5) {
		err = badf("the pickle has protocol %d, allowed are 2 to 5", n)
	}
	return err
}

// shuffle takes what is topmost off, a mark too, or all down to the mark, or doubles
// the topmost value.
func (m *machine) shuffle(op byte) error {
	switch {
	case op == '1':
		_, err := m.popMark()
		return err
	case op == '0' && len(m.stack) > 0:
		m.stack = m.stack[:len(m.stack)-1]
		return nil
	}
	v, err := m.pop()
	if err == nil {
		m.push(v)
		m.push(v)
	}
	return err
}

func (m *machine) number(op byte) (err error) {
	var n uint64
	var b []byte
	switch op {
	case 'K', 'M':
		n, err = m.uint(map[byte]int{'K': 1, 'M': 2}[op])
		m.push(int64(n))
	case 'J':
		n, err = m.uint(4)
		m.push(int64(int32(n)))
	case 'G':
		if b, err = m.take(8); err == nil {
			m.push(math.Float64frombits(binary.BigEndian.Uint64(b)))
		}
	default:
		if b, err = m.sized(map[byte]int{0x8a: 1, 0x8b: 4}[op]); err == nil {
			err = m.long(b)
		}
	}
	return err
}

// text reads texts and bytes: with a length, or, in old pickles, before a name that
// is refused, a line.
func (m *machine) text(op byte) error {
	if op == 'S' || op == 'V' { // STRING, UNICODE
		s, err := m.line()
		m.push(s)
		return err
	}
	b, err := m.sized(map[byte]int{'X': 4, 0x8c: 1, 0x8d: 8, 'T': 4, 'U': 1, 'B': 4, 'C': 1, 0x8e: 8}[op])
	m.push(string(b))
	return err
}

// list makes a list or a tuple: an empty one, of one to three values, or of all down
// to the mark.
func (m *machine) list(op byte) (err error) {
	var v []any
	switch op {
	case 't', 'l':
		v, err = m.popMark()
	case 0x85, 0x86, 0x87:
		v, err = m.popN(int(op - 0x84))
	}
	m.push(&list{v})
	return err
}

// dict makes a dictionary, an empty one or of the keys and values down to the mark.
func (m *machine) dict(full bool) (err error) {
	d := &dict{}
	if full {
		var v []any
		if v, err = m.popMark(); err == nil {
			err = d.set(v)
		}
	}
	m.push(d)
	return err
}

// memoize keeps the topmost value.
func (m *machine) memoize(op byte) (err error) {
	n := uint64(len(m.memo))
	if op != 0x94 {
		if n, err = m.uint(map[byte]int{'q': 1, 'r': 4}[op]); err != nil {
			return err
		}
	}
	v, err := m.pop()
	if err == nil {
		m.push(v)
		m.memo[uint32(n)] = v
	}
	return err
}

// recall pushes a value that was kept.
func (m *machine) recall(op byte) error {
	n, err := m.uint(map[byte]int{'h': 1, 'j': 4}[op])
	if err != nil {
		return err
	}
	v, ok := m.memo[uint32(n)]
	if !ok {
		return badf("the pickle asks for memo %d, which it has not set", n)
	}
	m.push(v)
	return nil
}

// list is a list or a tuple.
type list struct{ v []any }

// long reads an integer in two's complement.
func (m *machine) long(b []byte) error {
	if len(b) > 8 {
		return badf("the pickle has an integer of %d bytes, allowed up to 8", len(b))
	}
	var v int64
	for i, x := range b {
		v |= int64(x) << (8 * i)
	}
	if k := len(b); k > 0 && k < 8 && b[k-1] >= 0x80 {
		v |= -1 << (8 * k)
	}
	m.push(v)
	return nil
}

func (m *machine) append(many bool) error {
	v, err := m.items(many, 1)
	if err != nil {
		return err
	}
	top, err := m.pop()
	if err != nil {
		return err
	}
	l, ok := top.(*list)
	if !ok {
		return badf("the pickle appends to %s, not to a list", kind(top))
	}
	l.v = append(l.v, v...)
	m.push(l)
	return nil
}

func (m *machine) set(many bool) error {
	v, err := m.items(many, 2)
	if err != nil {
		return err
	}
	top, err := m.pop()
	if err != nil {
		return err
	}
	d, ok := top.(*dict)
	if !ok {
		return badf("the pickle sets items of %s, not of a dictionary", kind(top))
	}
	m.push(d)
	return d.set(v)
}

// set adds keys and values in turns.
func (d *dict) set(v []any) error {
	if len(v)%2 != 0 {
		return badf("the pickle has a key without a value")
	}
	for i := 0; i < len(v); i += 2 {
		if g, ok := v[i].(global); ok && g.inert() {
			v[i] = string(g)
		}
		switch k := v[i].(type) {
		case nil, bool, int64, float64, string:
			if _, twice := d.values[k]; twice {
				return badf("the pickle has a dictionary with %.100q twice", text(k))
			}
			if d.values == nil {
				d.values = make(map[any]any)
			}
			d.keys = append(d.keys, k)
			d.values[k] = v[i+1]
		default:
			return badf("the pickle has %s for a key", kind(k))
		}
	}
	return nil
}

func (m *machine) global(instance bool) error {
	module, err := m.line()
	if err != nil {
		return err
	}
	name, err := m.line()
	if err != nil {
		return err
	}
	g := global(module + "." + name)
	if err := g.check(); err != nil {
		return err
	}
	if instance {
		return badf("the pickle makes an instance of %s in a way that torch.save does not: refused", g)
	}
	m.push(g)
	return nil
}

func (m *machine) stackGlobal() error {
	name, err := m.pop()
	if err != nil {
		return err
	}
	module, err := m.pop()
	if err != nil {
		return err
	}
	a, ok1 := module.(string)
	b, ok2 := name.(string)
	if !ok1 || !ok2 {
		return badf("the pickle asks for a name made of %s and %s", kind(module), kind(name))
	}
	g := global(a + "." + b)
	m.push(g)
	return g.check()
}

// persistent turns ("storage", type, key, location, numel) into a storage
// (torch/serialization.py: persistent_id).
func (m *machine) persistent() error {
	v, err := m.pop()
	if err != nil {
		return err
	}
	id, _ := v.(*list)
	if id == nil || len(id.v) < 5 || len(id.v) > 6 {
		return badf("the pickle refers to %s outside it, not to a storage", kind(v))
	}
	what, _ := id.v[0].(string)
	g, _ := id.v[1].(global)
	key, isKey := id.v[2].(string)
	numel, isInt := id.v[4].(int64)
	if what != "storage" || storageTypes[g] == "" || !isKey || !isInt {
		return badf("the pickle refers to %.40q of %s, key %s, size %s outside it, not to a storage", what, kind(id.v[1]), kind(id.v[2]), kind(id.v[4]))
	}
	if len(id.v) == 6 && id.v[5] != nil {
		return badf("storage %.40q: it is a view of another one, which is not supported", key)
	}
	if len(key) == 0 || len(key) > 20 {
		return badf("storage %.100q: keys have 1 to 20 digits", key)
	}
	for _, c := range key {
		if c < '0' || c > '9' {
			return badf("storage %.100q: keys have 1 to 20 digits", key)
		}
	}
	s, err := m.storage(storageTypes[g], key, numel)
	m.push(s)
	return err
}

// call is what stands in for calling: of the names allowed, and no others.
func (m *machine) call(reduce bool) error {
	v, err := m.pop()
	if err != nil {
		return err
	}
	f, err := m.pop()
	if err != nil {
		return err
	}
	args, _ := v.(*list)
	g, _ := f.(global)
	switch {
	case args == nil:
		return badf("the pickle calls %s with %s, not with a tuple", kind(f), kind(v))
	case g == orderedDict && len(args.v) == 0:
		m.push(&dict{})
	case g == namespace && len(args.v) == 0 && !reduce:
		m.push(&dict{})
	case g == parameter && reduce && len(args.v) >= 2 && len(args.v) <= 3:
		t, ok := args.v[0].(Tensor)
		if !ok {
			return badf("the pickle makes a parameter of %s", kind(args.v[0]))
		}
		m.push(t)
	case g == rebuild && reduce:
		t, err := newTensor(args.v)
		if err != nil {
			return err
		}
		m.push(t)
	default:
		return badf("the pickle calls %s with %d arguments: refused", kind(f), len(args.v))
	}
	return nil
}

// build sets an object's attributes: those of a Namespace; an OrderedDict's say
// nothing of tensors.
func (m *machine) build() error {
	state, err := m.pop()
	if err != nil {
		return err
	}
	top, err := m.pop()
	if err != nil {
		return err
	}
	d, ok := top.(*dict)
	s, isDict := state.(*dict)
	if !ok || !isDict {
		return badf("the pickle sets the attributes of %s to %s", kind(top), kind(state))
	}
	m.push(d)
	if len(d.keys) > 0 || len(s.keys) == 1 && s.keys[0] == "_metadata" {
		return nil
	}
	if d == s {
		return badf("the pickle makes an object its own attribute")
	}
	for _, k := range s.keys {
		if err := d.set([]any{k, s.values[k]}); err != nil {
			return err
		}
	}
	return nil
}

// kind describes a value in a message.
func kind(v any) string {
	switch v := v.(type) {
	case nil:
		return "None"
	case bool:
		return "a bool"
	case int64:
		return "the integer " + strconv.FormatInt(v, 10)
	case float64:
		return "a float"
	case string:
		return "a string"
	case *list:
		return "a list or tuple"
	case *dict:
		return "a dictionary"
	case global:
		return string(v)
	case Tensor:
		return "a tensor"
	case *storage:
		return "a storage"
	}
	return "something else"
}

func text(v any) string {
	if s, ok := v.(string); ok {
		return s
	}
	return kind(v)
}
