package torchfile

import (
	"encoding/binary"
	"errors"
	"math"
	"strconv"
	"strings"
)

// The values of a pickle are nil, bool, int64, float64, string, *list (a list or a
// tuple), *dict, global, *storage, Tensor and, for all that tensors do not need, *opaque.
// A pickle is a program, and this machine has no instruction that runs anything but
// the few constructors of call.

// global is a name that a pickle refers to.
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
	rebuild1    = global("torch._utils._rebuild_tensor")
	parameter   = global("torch._utils._rebuild_parameter")
	parameter2  = global("torch._utils._rebuild_parameter_with_state")
	subclass    = global("torch._tensor._rebuild_from_type_v2")
	namespace   = global("argparse.Namespace")
	getattr     = "getattr" // of builtins: how enums name a value
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
// those of protocol 2, and of 1 and 3 to 5 where it is asked to).
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
	case 'I', 'L', 'F': // INT, LONG, FLOAT
		return m.digits(op)
	case 'X', 0x8c, 0x8d, 'T', 'U', 'B', 'C', 0x8e, 'S', 'V': // texts and bytes
		return m.text(op)
	case ')', ']', 0x85, 0x86, 0x87, 't', 'l': // EMPTY_TUPLE, EMPTY_LIST, TUPLE1, TUPLE2, TUPLE3, TUPLE, LIST
		return m.list(op)
	case '}', 'd': // EMPTY_DICT, DICT
		return m.dict(op == 'd')
	case 0x8f, 0x91, 0x96: // EMPTY_SET, FROZENSET, BYTEARRAY8
		return m.other(op)
	case 'a', 'e', 0x90: // APPEND, APPENDS, ADDITEMS
		return m.append(op != 'a')
	case 's', 'u': // SETITEM, SETITEMS
		return m.set(op == 'u')
	case 'q', 'r', 'p', 0x94: // BINPUT, LONG_BINPUT, PUT, MEMOIZE
		return m.memoize(op)
	case 'h', 'j', 'g': // BINGET, LONG_BINGET, GET
		return m.recall(op)
	case 'c', 'i': // GLOBAL, INST
		return m.global(op == 'i')
	case 0x93: // STACK_GLOBAL
		return m.stackGlobal()
	case 'Q': // BINPERSID
		return m.persistent()
	case 'R', 0x81, 0x92: // REDUCE, NEWOBJ, NEWOBJ_EX
		return m.call(op)
	case 'b': // BUILD
		return m.build()
	default:
		err = badf("the pickle has the instruction %s, which torch.save does not write: refused", strconv.QuoteRune(rune(op)))
	}
	return err
}

func (m *machine) protocol() error {
	n, err := m.uint(1)
	if err == nil && n > 5 {
		err = badf("the pickle has protocol %d, allowed are 0 to 5", n)
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

// digits reads a number as a line of text, as protocols 0 and 1 have it: I01 is true, and
// a long one ends with an L.
func (m *machine) digits(op byte) error {
	s, err := m.line()
	if err != nil {
		return err
	}
	if op == 'F' {
		v, err := strconv.ParseFloat(s, 64)
		if err != nil && !errors.Is(err, strconv.ErrRange) {
			return badf("the pickle has %.40q for a float", s)
		}
		m.push(v)
		return nil
	}
	switch v, err := strconv.ParseInt(strings.TrimSuffix(s, "L"), 10, 64); {
	case op == 'I' && (s == "00" || s == "01"):
		m.push(s == "01")
	case err == nil:
		m.push(v)
	case errors.Is(err, strconv.ErrRange):
		m.push(&opaque{of: "long integer"})
	default:
		return badf("the pickle has %.40q for an integer", s)
	}
	return nil
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

// other makes what no tensor needs: a set or a bytearray.
func (m *machine) other(op byte) (err error) {
	v := &opaque{of: "set"}
	switch op {
	case 0x91:
		_, err = m.popMark()
	case 0x96:
		v.of = "bytearray"
		_, err = m.sized(8)
	}
	m.push(v)
	return err
}

// place reads where in the memo a value is: a byte, four, or, in protocol 0, a line.
func (m *machine) place(op byte) (uint64, error) {
	if op != 'p' && op != 'g' {
		return m.uint(map[byte]int{'q': 1, 'h': 1, 'r': 4, 'j': 4}[op])
	}
	s, err := m.line()
	if err != nil {
		return 0, err
	}
	n, err := strconv.ParseUint(s, 10, 32)
	if err != nil {
		return 0, badf("the pickle has memo %.40q, which is no number", s)
	}
	return n, nil
}

// memoize keeps the topmost value.
func (m *machine) memoize(op byte) (err error) {
	n := uint64(len(m.memo))
	if op != 0x94 {
		if n, err = m.place(op); err != nil {
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
	n, err := m.place(op)
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

// long reads an integer in two's complement. One of more than 8 bytes, as generators'
// states have, is opaque.
func (m *machine) long(b []byte) error {
	if len(b) > 8 {
		m.push(&opaque{of: "long integer"})
		return nil
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
	switch l := top.(type) {
	case *list:
		l.v = append(l.v, v...)
	case *opaque: // a set, or an object that is a list too
	default:
		return badf("the pickle appends to %s, not to a list", kind(top))
	}
	m.push(top)
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
	m.push(top)
	switch d := top.(type) {
	case *dict:
		return d.set(v)
	case *opaque:
		return d.set(v)
	}
	return badf("the pickle sets items of %s, not of a dictionary", kind(top))
}

// set adds keys and values in turns.
func (d *dict) set(v []any) error {
	if len(v)%2 != 0 {
		return badf("the pickle has a key without a value")
	}
	for i := 0; i < len(v); i += 2 {
		switch k := v[i].(type) {
		case Tensor: // which Go cannot compare, and nobody looks up
			d.keys = append(d.keys, &opaque{of: "tensor"})
		case nil, bool, int64, float64, string, global, *list, *opaque, *storage:
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
	if what == "storage" && g != "" && storageTypes[g] == "" { // of a type that has no numbers of ours
		m.push(&opaque{of: string(g)})
		return nil
	}
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

// call is what stands in for calling: of the names of tensors, and, for an opaque, of
// those that make data.
func (m *machine) call(op byte) error {
	if op == 0x92 { // NEWOBJ_EX: keywords
		if _, err := m.pop(); err != nil {
			return err
		}
	}
	v, err := m.pop()
	if err != nil {
		return err
	}
	f, err := m.pop()
	if err != nil {
		return err
	}
	args, _ := v.(*list)
	g, isName := f.(global)
	switch {
	case args == nil:
		return badf("the pickle calls %s with %s, not with a tuple", kind(f), kind(v))
	case !isName:
		return badf("the pickle calls %s with %d arguments: refused", kind(f), len(args.v))
	}
	made, err := g.call(args.v, op == 'R')
	m.push(made)
	return err
}

// call gives what g makes of arguments.
func (g global) call(args []any, reduce bool) (any, error) {
	switch {
	case (g == orderedDict || g == namespace && !reduce) && len(args) == 0:
		return &dict{}, nil
	case (g == parameter || g == parameter2) && reduce && len(args) >= 2 && len(args) <= 4:
		switch args[0].(type) {
		case Tensor, *opaque:
			return args[0], nil
		}
		return nil, badf("the pickle makes a parameter of %s", kind(args[0]))
	case g == subclass && reduce && len(args) == 4: // function, class, its arguments, state
		function, _ := args[0].(global)
		if inner, ok := args[2].(*list); ok && function != subclass {
			return function.call(inner.v, true)
		}
	case g == rebuild1 && reduce && len(args) == 4:
		return newTensor(append(args[:4:4], false, nil))
	case g == rebuild && reduce:
		return newTensor(args)
	case g == "builtins."+getattr || g == "__builtin__."+getattr:
		return attribute(args)
	}
	if !g.makes() && (reduce || storageTypes[g] != "") {
		return nil, badf("the pickle calls %.100s with %d arguments: refused, it is not known to make data", string(g), len(args))
	}
	made := g.object()
	if o, ok := made.(*opaque); ok && !reduce { // a named tuple's values, by their numbers
		if fields := (&list{args}).entries(); fields != nil {
			o.dict = *fields
		}
	}
	return made, nil
}

// attribute is a value of an enum that its name stands for: of a class alone, and no name
// that Python keeps for itself.
func attribute(args []any) (any, error) {
	if len(args) == 2 {
		of, isName := args[0].(global)
		name, isText := args[1].(string)
		if _, last := of.split(); isName && isText && isClass(last) && name != "" && name[0] != '_' {
			return &opaque{of: string(of)}, nil
		}
	}
	return nil, badf("the pickle calls builtins.getattr: refused, but for the value of an enum")
}

// build sets an object's attributes: those of a Namespace and of what is opaque; an
// OrderedDict's and a tensor's say nothing of tensors.
func (m *machine) build() error {
	state, err := m.pop()
	if err != nil {
		return err
	}
	top, err := m.pop()
	if err != nil {
		return err
	}
	m.push(top)
	s, isDict := state.(*dict)
	var d *dict
	switch v := top.(type) {
	case *dict:
		d = v
	case *opaque:
		d = &v.dict
	case Tensor, *list:
		return nil
	}
	switch {
	case d == nil || !isDict && d == top:
		return badf("the pickle sets the attributes of %s to %s", kind(top), kind(state))
	case !isDict || len(d.keys) > 0 || len(s.keys) == 1 && s.keys[0] == "_metadata":
		return nil
	case d == s:
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
	case *opaque:
		return "an object of " + v.of
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
