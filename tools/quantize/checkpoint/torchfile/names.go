package torchfile

import (
	"slices"
	"strings"
	"unicode"
)

// A checkpoint has more in it than weights: NumPy's numbers, generators' states, paths,
// enums, settings in classes of the training program's own. None of it is needed for
// a tensor, and nothing is ever run, so all of it becomes an opaque, which only a
// tensor made of it would miss. Refused by name is what has no place in a checkpoint:
// names of modules that reach out of the interpreter, and calls of functions that are
// not known to make plain data. A class is known by its name's capital (PEP 8), or by
// the instruction that makes an object, which takes nothing but a class.

// opaque is a value that is none of the machine's: an object of a class, with the
// items and attributes that the pickle gives it.
type opaque struct {
	of string
	dict
}

// reaching are the modules whose names are refused wherever they stand.
var reaching = []string{
	"os", "posix", "nt", "ntpath", "posixpath", "subprocess", "_posixsubprocess", "sys", "shutil", "pty", "commands", "popen2", "importlib", "imp", "runpy",
	"ctypes", "_ctypes", "cffi", "socket", "_socket", "socketserver", "ssl", "http", "httplib", "urllib", "urllib2", "requests", "ftplib", "smtplib", "telnetlib",
	"webbrowser", "antigravity", "code", "codeop", "pdb", "bdb", "cProfile", "profile", "timeit", "doctest", "pydoc", "pip", "setuptools", "distutils",
	"multiprocessing", "_multiprocessing", "threading", "_thread", "asyncio", "concurrent", "signal", "tempfile", "_io", "inspect", "gc", "operator", "_operator",
	"pickle", "_pickle", "cPickle", "cloudpickle", "dill", "joblib", "marshal", "shelve", "pkgutil", "zipimport", "mmap", "fcntl", "sqlite3",
}

// builtins are the names of Python's own that make data, or are kept as a setting.
var builtins = []string{
	"abs", "all", "any", "enumerate", "iter", "len", "max", "min", "reversed", "round", "sorted", "sum", "type", "zip",
	"bool", "bytearray", "bytes", "complex", "dict", "float", "frozenset", "int", "list", "long", "object", "range", "set", "slice", "str", "tuple", "unicode", "xrange",
}

// makers are functions, and classes in small letters, that make plain data.
var makers = map[string][]string{
	"_codecs": {"encode"}, "codecs": {"encode"},
	"array":                       {"array", "_array_reconstructor"},
	"collections":                 {"defaultdict", "deque"},
	"copy_reg":                    {"_reconstructor"},
	"copyreg":                     {"_reconstructor"},
	"datetime":                    {"date", "datetime", "time", "timedelta", "timezone"},
	"dateutil.tz.tz":              {"tzlocal", "tzoffset", "tzutc"},
	"functools":                   {"partial", "reduce"}, // several of an enum's flags: reduce(or_, [A, B])
	"_functools":                  {"partial", "reduce"},
	"itertools":                   {"chain", "count", "cycle", "islice", "repeat"},
	"logging":                     {"getLogger"},
	"operator":                    {"getitem", "itemgetter", "or_"},
	"_operator":                   {"getitem", "itemgetter", "or_"},
	"pytz":                        {"_p", "_UTC"},
	"re":                          {"_compile"},
	"enum":                        {"auto"},
	"torch":                       {"device", "dtype", "layout", "memory_format", "finfo", "iinfo", "tensor"},
	"torch._tensor":               {"_rebuild_from_type_v2"},
	"torch.storage":               {"_load_from_bytes"},
	"torch.serialization":         {"_get_layout"},
	"torch.jit._pickle":           {"build_intlist", "build_doublelist", "build_boollist", "build_tensorlist", "restore_type_tag"},
	"numpy":                       {"dtype", "ndarray", "matrix", "recarray", "poly1d"},
	"numpy.core.multiarray":       {"scalar", "_reconstruct"},
	"numpy.core.numeric":          {"_frombuffer"},
	"numpy.ma.core":               {"_mareconstruct"},
	"numpy.random":                {"__RandomState_ctor"},
	"numpy.random._pickle":        {"__randomstate_ctor", "__generator_ctor", "__bit_generator_ctor"},
	"numpy.random.bit_generator":  {"__pyx_unpickle_SeedSequence"},
	"numpy.random._bit_generator": {"__pyx_unpickle_SeedSequence"},
}

// numbers are NumPy's kinds of scalars.
var numbers = []string{"float", "int", "uint", "bool", "complex", "str", "bytes", "void", "datetime", "timedelta", "longdouble"}

// dictionaries are classes whose objects are dictionaries, which training programs keep
// settings or weights in.
var dictionaries = []string{"defaultdict", "OrderedDict", "Counter", "AttributeDict", "AttrDict", "EasyDict", "edict", "ConfigDict", "FrozenConfigDict", "FrozenDict", "Dict", "Box", "Munch", "Bunch"}

// split takes a name apart into its module and the name in it.
func (g global) split() (module, name string) {
	i := strings.LastIndexByte(string(g), '.')
	return string(g)[:max(i, 0)], string(g)[i+1:]
}

// check refuses a name that reaches out of the interpreter.
func (g global) check() error {
	module, name := g.split()
	top, _, _ := strings.Cut(string(g), ".")
	builtin := module == "builtins" || module == "__builtin__" || module == "__builtins__"
	switch {
	case builtin && (slices.Contains(builtins, name) || name == "getattr" || isClass(name)):
		return nil
	case slices.Contains(makers[module], name): // typing's List[int] is operator.getitem(List, int)
		return nil
	case builtin || slices.Contains(reaching, top) || module == "":
		return badf("the pickle asks for %.100q: refused, no checkpoint needs it", string(g))
	}
	return nil
}

// isClass tells a class by its name: Config, _Config, but not run or RUN_ALL's parts.
func isClass(name string) bool {
	name = strings.TrimLeft(name, "_")
	return name != "" && unicode.IsUpper([]rune(name)[0])
}

// makes tells whether calling g makes data.
func (g global) makes() bool {
	module, name := g.split()
	module = strings.Replace(module, "numpy._core", "numpy.core", 1)
	switch {
	case storageTypes[g] != "":
		return false // they are named, never called
	case isClass(name), slices.Contains(makers[module], name):
		return true
	case module == "builtins" || module == "__builtin__":
		return slices.Contains(builtins, name)
	case module == "torch._utils":
		return strings.HasPrefix(name, "_rebuild_")
	case module == "numpy": // float32, bool_
		return slices.Contains(numbers, strings.TrimRight(name, "0123456789_"))
	}
	return false
}

// object is what calling g gives: an opaque, or a dictionary where g is a class of
// those.
func (g global) object() any {
	if _, name := g.split(); slices.Contains(dictionaries, name) {
		return &dict{}
	}
	return &opaque{of: string(g)}
}
