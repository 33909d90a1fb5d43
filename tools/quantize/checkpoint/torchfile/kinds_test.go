package torchfile

import (
	"slices"
	"strings"
	"testing"
)

// Texts of pickles: a string, and calls of a name with a tuple or without.
func str(s string) string { return "X" + string([]byte{byte(len(s)), byte(len(s) >> 8), 0, 0}) + s }

func name(g string) string {
	module, last := global(g).split()
	return "c" + module + "\n" + last + "\n"
}

func reduce(g string, args ...string) string { return name(g) + "(" + strings.Join(args, "") + "tR" }

func object(g string, state ...string) string {
	return name(g) + ")\x81}(" + strings.Join(state, "") + "ub"
}

// What a checkpoint has beside its weights becomes nothing and does no harm.
func TestOpaque(t *testing.T) {
	x := view("K\x00", "K\x03K\x04\x86", "K\x04K\x01\x86")
	dtype := reduce("numpy.dtype", str("f8"), "\x89\x88")
	for what, value := range map[string]string{
		"a NumPy scalar":               reduce("numpy.core.multiarray.scalar", dtype, reduce("_codecs.encode", str("12345678"), str("latin1"))),
		"a NumPy 2 scalar":             reduce("numpy._core.multiarray.scalar", reduce("numpy.dtype", str("i8"), "\x89\x88")+"(K\x03U\x01<NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb", "B\x08\x00\x00\x0012345678"),
		"a NumPy array":                reduce("numpy.core.multiarray._reconstruct", name("numpy.ndarray"), "K\x00\x85", "U\x01b") + "(K\x01K\x02\x85" + dtype + "\x89U\x0212tb",
		"a NumPy array of protocol 5":  reduce("numpy.core.numeric._frombuffer", "\x96\x02\x00\x00\x00\x00\x00\x00\x0012", dtype, "K\x02\x85", "U\x01C"),
		"a NumPy type":                 name("numpy.float32"),
		"NumPy's RandomState":          reduce("numpy.random._pickle.__randomstate_ctor", str("MT19937")) + "}(" + str("bit_generator") + str("MT19937") + "ub",
		"NumPy's Generator":            reduce("numpy.random._pickle.__generator_ctor", reduce("numpy.random._pickle.__bit_generator_ctor", str("PCG64"))) + "}(" + str("state") + "\x8a\x10" + strings.Repeat("x", 16) + "ub",
		"Python's generator":           "(K\x03(K\x01K\x02tNt",
		"a path":                       reduce("pathlib.PosixPath", str("/"), str("tmp")),
		"a path of Python 3.13":        reduce("pathlib._local.PosixPath", str("/"), str("tmp")),
		"a path of Windows":            reduce("pathlib.PureWindowsPath", str("C:\\"), str("x")),
		"torch.Size":                   reduce("torch.Size", "(K\x01K\x02t"),
		"torch.dtype":                  name("torch.float16"),
		"torch.device":                 reduce("torch.device", str("cuda"), "K\x00"),
		"a set":                        reduce("builtins.set", "](K\x01K\x02e"),
		"a set of Python 2":            reduce("__builtin__.set", "](K\x01K\x02e"),
		"a set of protocol 4":          "\x8f(K\x01K\x02\x90",
		"a frozenset of protocol 4":    "(K\x01K\x02\x91",
		"a bytearray":                  reduce("builtins.bytearray", "U\x02ab"),
		"a complex":                    reduce("builtins.complex", "G@\x09\x21\xfb\x54\x44\x2d\x18", "G@\x09\x21\xfb\x54\x44\x2d\x18"),
		"a slice":                      reduce("builtins.slice", "K\x01K\x02N"),
		"an enum":                      reduce("train.config.Sampler", "K\x01"),
		"flags of an enum":             reduce("functools.reduce", name("_operator.or_"), "]("+reduce("train.Flag", "K\x01")+reduce("train.Flag", "K\x02")+"e"),
		"a class in small letters":     name("__main__.dotdict") + ")\x81U\x01aK\x01s",
		"an enum by name":              reduce("builtins.getattr", name("train.config.Sampler"), str("EULER")),
		"a class":                      name("torch.optim.adamw.AdamW"),
		"a class as a key":             "}" + name("torch.nn.modules.linear.Linear") + "K\x01s",
		"a tuple as a key":             "}K\x01K\x02\x86K\x01s",
		"a tensor as a key":            "}" + x + "K\x01s",
		"a defaultdict":                reduce("collections.defaultdict", name("builtins.list")) + "U\x01aK\x01s",
		"a deque":                      reduce("collections.deque", ")K\x05") + "K\x01a",
		"a Counter":                    reduce("collections.Counter", "}"),
		"an OrderedDict of Python 2":   reduce("collections.OrderedDict", "]"),
		"a date":                       reduce("datetime.datetime", "U\x0a0123456789"),
		"a timedelta":                  reduce("datetime.timedelta", "K\x01K\x02K\x03"),
		"a Decimal":                    reduce("decimal.Decimal", str("1.5")),
		"a UUID":                       object("uuid.UUID", str("int"), "\x8a\x10"+strings.Repeat("x", 16)),
		"omegaconf's DictConfig":       object("omegaconf.dictconfig.DictConfig", str("_metadata"), object("omegaconf.base.ContainerMetadata", str("ref_type"), name("typing.Any")), str("_content"), "}"),
		"a dataclass":                  object("__main__.TrainConfig", str("lr"), "G@\x09\x21\xfb\x54\x44\x2d\x18"),
		"an object with keywords":      name("train.Config") + ")}\x92",
		"a SimpleNamespace":            object("types.SimpleNamespace", str("a"), "K\x01"),
		"an EasyDict":                  name("easydict.EasyDict") + ")\x81U\x01aK\x01s",
		"Lightning's AttributeDict":    name("pytorch_lightning.utilities.parsing.AttributeDict") + ")\x81U\x01aK\x01s",
		"an old object":                reduce("copyreg._reconstructor", name("train.Config"), name("builtins.object"), "N"),
		"a partial":                    reduce("functools.partial", name("torch.nn.LayerNorm")) + "(" + name("torch.nn.LayerNorm") + ")}Ntb",
		"a compiled pattern":           reduce("re._compile", str("a.*"), "K\x20"),
		"an iterator":                  reduce("itertools.count", "K\x03"),
		"a logger":                     reduce("logging.getLogger", str("train")),
		"a polynomial":                 object("numpy.poly1d", str("coeffs"), "](K\x01e"),
		"a type of typing":             reduce("operator.getitem", name("typing.List"), name("builtins.int")),
		"the type of None":             reduce("builtins.type", "N"),
		"a function of Python's own":   name("builtins.max"),
		"numbers of protocol 1":        "(I01\nI00\nI123\nI-5\nL5L\nL123456789012345678901234567890L\nF1.5\nF1e999\nt",
		"the memo of protocol 0":       "(I1\nt" + "p7\n0g7\n",
		"a large integer":              "\x8a\x10" + strings.Repeat("x", 16),
		"a tensor of quantised values": reduce("torch._utils._rebuild_qtensor", strings.Replace(store("0", "K\x0c"), "FloatStorage", "QInt8Storage", 1), "K\x00", "K\x01\x85", "K\x01\x85"),
		"a tensor of float8":           reduce("torch._utils._rebuild_tensor_v3", strings.Replace(store("0", "K\x0c"), "ctorch\nFloat", "ctorch.storage\nUntyped", 1), "K\x00", "K\x01\x85", "K\x01\x85", "\x89", empty, name("torch.float8_e4m3fn")),
		"a sparse tensor":              reduce("torch._utils._rebuild_sparse_tensor", "K\x00", "NN\x86"),
	} {
		for place, pickle := range map[string]string{
			"beside":   program("}(" + str("ema") + "}" + str("x") + x + "s" + str("other") + value + "u"),
			"in args":  program("}(" + str("ema") + "}" + str("x") + x + "s" + str("args") + "cargparse\nNamespace\n)\x81}" + str("other") + value + "sbu"),
			"among":    program("}(" + str("other") + value + str("x") + x + "u"),
			"deep":     program("}(" + str("optimizer") + "}" + str("state") + "}K\x00}" + str("other") + value + "sss" + str("model") + "}" + str("x") + x + "su"),
			"in lists": program("}(" + str("x") + x + str("all") + "](" + value + "K\x01eu"),
		} {
			f, err := read(archive(t, "m/data.pkl", pickle, "m/data/0", twelve), "")
			if err != nil || len(f.Tensors) != 1 || f.Tensors[0].Name != "x" {
				t.Errorf("%s %s: %v", what, place, err)
				continue
			}
			if v, err := f.Tensors[0].Floats(); err != nil || len(v) != 12 {
				t.Errorf("%s %s: %v, %v", what, place, v, err)
			}
		}
	}
}

// A tensor of a subclass, or a parameter with a state, is a tensor.
func TestOtherTensors(t *testing.T) {
	x := view("K\x00", "K\x03K\x04\x86", "K\x04K\x01\x86")
	args := strings.TrimSuffix(strings.TrimPrefix(x, rebuilt), "R")
	for what, value := range map[string]string{
		"a subclass":        reduce("torch._tensor._rebuild_from_type_v2", name("torch._utils._rebuild_tensor_v2"), name("mine.Tensor"), args, "}"),
		"with a state":      reduce("torch._utils._rebuild_parameter_with_state", x, "\x88", empty, "}"),
		"attributes":        x + "}" + str("a") + "K\x01sb",
		"of the first form": strings.Replace(strings.Replace(x, "_v2", "", 1), "\x89"+empty, "", 1),
	} {
		f, err := read(archive(t, "m/data.pkl", program("}"+str("x")+value+"s"), "m/data/0", twelve), "")
		if err != nil || len(f.Tensors) != 1 || f.Tensors[0].Len() != 12 {
			t.Errorf("%s: %+v, %v", what, f, err)
		}
	}
}

// Names that reach out of the interpreter, and calls of what is not known to make data,
// are refused by name, wherever they stand.
func TestRefusedNames(t *testing.T) {
	for _, g := range []string{
		"os.system", "posix.system", "nt.system", "os.popen", "os.PathLike", "subprocess.Popen", "subprocess.check_output", "builtins.eval", "builtins.exec", "builtins.__import__",
		"builtins.open", "builtins.compile", "__builtin__.eval", "__builtin__.file", "sys.exit", "shutil.rmtree", "importlib.import_module", "runpy.run_path", "socket.socket", "ctypes.CDLL",
		"webbrowser.open", "pty.spawn", "pickle.loads", "dill._dill._create_code", "operator.attrgetter", "_io.FileIO", "code.InteractiveInterpreter", "multiprocessing.Process", "timeit.timeit",
	} {
		for _, p := range []string{name(g), reduce(g, str("x")), "N2" + name(g) + "0"} {
			f, err := read(archive(t, "m/data.pkl", program("}("+str("x")+view("K\x00", "K\x0c\x85", "K\x01\x85")+str("a")+p+"u"), "m/data/0", twelve), "")
			if err == nil || !strings.Contains(err.Error(), "asks for \""+g+"\": refused") {
				t.Errorf("%s: %+v, %v", g, f, err)
			}
		}
	}
	for _, g := range []string{"torch.load", "torch.hub.load", "numpy.load", "train.run", "mine.get_config", "numpy.testing._private.utils.runstring", "torch.serialization.load", "builtins.getattr"} {
		_, err := read(archive(t, "m/data.pkl", program("}("+str("x")+view("K\x00", "K\x0c\x85", "K\x01\x85")+str("a")+reduce(g, str("x"))+"u"), "m/data/0", twelve), "")
		if err == nil || !strings.Contains(err.Error(), g) || !strings.Contains(err.Error(), "refused") {
			t.Errorf("%s: %v", g, err)
		}
	}
	for _, p := range []string{
		reduce("builtins.getattr", name("mine.Thing"), str("__globals__")), reduce("builtins.getattr", reduce("mine.Thing", "N"), str("run")), reduce("mine.Thing", "N") + ")R",
	} {
		if _, _, err := unpickle([]byte(program(p)), anyStorage); err == nil || !strings.Contains(err.Error(), "refused") {
			t.Errorf("%q: %v", p, err)
		}
	}
}

// Averaged weights are preferred in all the forms that training programs have, and every
// dictionary of tensors may be asked for.
func TestAverages(t *testing.T) {
	matrix, turned := view("K\x00", "K\x03K\x04\x86", "K\x04K\x01\x86"), view("K\x00", "K\x04K\x03\x86", "K\x03K\x01\x86")
	vector, single := view("K\x00", "K\x0c\x85", "K\x01\x85"), view("K\x0b", ")", ")")
	in := func(tensors ...string) string { // names and values
		s := "}("
		for i := 0; i < len(tensors); i += 2 {
			s += str(tensors[i]) + tensors[i+1]
		}
		return s + "u"
	}
	net := in("w", matrix, "b", vector)
	for _, c := range []struct {
		what, pickle, which, from string
		also                      []string
	}{
		{"DiT", in("model", net, "ema", net, "opt", in("state", "}K\x00"+in("exp_avg", matrix)+"s"), "args", "}"), "", "ema", []string{"model"}},
		{"DiT, as trained", in("model", net, "ema", net), "model", "model", []string{"ema"}},
		{"timm", in("model", net, "model_ema", net), "", "model_ema", []string{"model"}},
		{"timm's other name", in("state_dict", net, "state_dict_ema", net), "", "state_dict_ema", []string{"state_dict"}},
		{"JiT", in("model", net, "model_ema1", net, "model_ema2", net), "", "model_ema1", []string{"model", "model_ema2"}},
		{"basicsr", in("params", net, "params_ema", net), "", "params_ema", []string{"params"}},
		{"ema_state_dict", in("model_state_dict", net, "ema_state_dict", net), "", "ema_state_dict", []string{"model_state_dict"}},
		{"several rates", in("model", net, "ema_0.999", net, "ema_0.9999", net), "", "ema_0.999", []string{"model", "ema_0.9999"}},
		{"several rates, chosen", in("model", net, "ema_0.999", net, "ema_0.9999", net), "ema_0.9999", "ema_0.9999", []string{"model", "ema_0.999"}},
		{"a shadow", in("model", net, "ema", in("decay", "K\x01", "shadow", net)), "", "ema.shadow", []string{"model"}},
		{"a shadow by its last key", in("model", net, "ema", in("decay", "K\x01", "shadow", net)), "shadow", "ema.shadow", []string{"model"}},
		{"a shadow by its first key", in("model", net, "ema", in("decay", "K\x01", "shadow", net)), "ema", "ema.shadow", []string{"model"}},
		{"an average in an object", in("model", net, "ema", object("mine.EMA", str("shadow"), net)), "", "ema.shadow", []string{"model"}},
		{"an average without weights", in("model", net, "ema", in("decay", single)), "", "model", nil},
		{"an average that was off", in("model", net, "ema", "N"), "", "model", nil},
		{"Lightning", in("state_dict", net, "callbacks", in("EMA", in("ema_weights", net))), "", "callbacks.EMA.ema_weights", []string{"state_dict"}},
		{"nested", in("state", in("net", net), "epoch", "K\x01"), "", "state.net", nil},
		{"two, nested", in("state", in("generator", net, "critic", net)), "state.critic", "state.critic", []string{"state.generator"}},
		{"two, by the last key", in("state", in("generator", net, "critic", net)), "critic", "state.critic", []string{"state.generator"}},
		{"in capitals", in("model", net, "modelEMA", net), "", "modelEMA", []string{"model"}},
		{"a list of rates", in("model", net, "emas", "]("+net+net+"e"), "", "emas.0", []string{"model", "emas.1"}},
		{"a list of rates, chosen", in("model", net, "emas", "]("+net+net+"e"), "emas.1", "emas.1", []string{"model", "emas.0"}},
		{"a tuple of weights and a number", "(" + net + "K\x03t", "", "0", nil},
		{"rates as numbers", in("model", net, "emas", "}G?\xef\xff\x2e\x48\xe8\xa7\x1e"+net+"s"), "", "emas.0.9999", []string{"model"}},
		{"rates as numbers, chosen", in("model", net, "emas", "}(K\x01"+net+"K\x02"+net+"u"), "emas.2", "emas.2", []string{"model", "emas.1"}},
		{"weights of a class in small letters", in("ema", name("__main__.dotdict")+")\x81("+str("w")+matrix+str("b")+vector+"u"), "", "ema", nil},
		{"a named tuple", in("state", name("train.state")+net+"K\x01\x86\x81"), "", "state.0", nil},
		{"another key", in("transformer", net), "", "transformer", nil},
		{"generators' states beside", in("model", net, "cpu_rng", in("state", vector)), "", "model", nil},
		{"torch_ema", in("model", net, "ema", in("decay", "K\x01", "shadow_params", "]("+matrix+vector+"e")), "", "ema.shadow_params", []string{"model"}},
		{"torch_ema without a buffer", in("model", in("table", turned, "w", matrix, "b", vector), "ema", in("shadow_params", "]("+matrix+vector+"e")), "", "ema.shadow_params", []string{"model"}},
	} {
		f, err := read(archive(t, "m/data.pkl", program(c.pickle), "m/data/0", twelve), c.which)
		if err != nil || f.From != c.from || !slices.Equal(f.Also, c.also) || len(f.Tensors) < 2 {
			t.Errorf("%s: %+v, %v; want %q and %q", c.what, f, err, c.from, c.also)
		}
	}
	for want, p := range map[string]string{
		"choose by -weights: generator, critic":              in("generator", net, "critic", net),
		`has no weights "best", it has: model, ema`:          in("model", net, "ema", net),
		"choose by -weights: 0, 1":                           "(" + net + net + "t",
		"no weights beside it tell which is which":           in("model", in("w", matrix, "v", matrix, "b", vector), "ema", in("shadow_params", "]("+matrix+vector+"e")),
		"a whole program's object, not a dictionary":         object("models.DiT", str("_modules"), "}"),
		"an object of mine.EMA, not a dictionary of tensors": in("ema", object("mine.EMA", str("decay"), "K\x01")),
	} {
		which := ""
		if strings.Contains(want, "best") {
			which = "best"
		}
		if f, err := read(archive(t, "m/data.pkl", program(p), "m/data/0", twelve), which); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%+v, %v; want %q", f, err, want)
		}
	}
}
