package torchfile

import (
	"archive/zip"
	"bytes"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"io"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
)

const goldens = "../../../../testdata/golden/"

func glob(t testing.TB, pattern string) []string {
	t.Helper()
	files, err := filepath.Glob(goldens + pattern)
	if err != nil || len(files) == 0 {
		t.Fatalf("%s: %d files, %v", pattern, len(files), err)
	}
	return files
}

func load(t testing.TB, path string) []byte {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func read(b []byte, which string) (*File, error) {
	return Read(bytes.NewReader(b), int64(len(b)), which)
}

// noStorage is for pickles outside a container.
func anyStorage(dtype, key string, numel int64) (*storage, error) {
	return &storage{key: key, dtype: dtype, numel: numel}, nil
}

// The pickles of the refused archives, whatever their container's fault.
func TestPickles(t *testing.T) {
	want := map[string]string{
		"pt_pickle_deep_nesting":    "2 values",
		"pt_pickle_huge_long":       "2147483647 bytes are needed",
		"pt_pickle_huge_unicode":    "4611686018427387904 bytes are needed",
		"pt_pickle_memo_4e9":        "no tensors",
		"pt_pickle_self_reference":  "no tensors",
		"pt_pickle_stack_underflow": "no mark",
		"pt_pickle_truncated":       "ends early",
	}
	for name, message := range want {
		b := load(t, goldens+"bad/"+name+".pt")
		z, err := zip.NewReader(bytes.NewReader(b), int64(len(b)))
		if err != nil {
			t.Fatal(err)
		}
		f, err := z.Open("archive/data.pkl")
		if err != nil {
			t.Fatal(err)
		}
		pickle, err := io.ReadAll(f)
		if err != nil {
			t.Fatal(err)
		}
		var m0, m1 runtime.MemStats
		runtime.ReadMemStats(&m0)
		top, _, err := unpickle(pickle, anyStorage)
		if err == nil {
			_, err = choose(top, "")
		}
		runtime.ReadMemStats(&m1)
		if err == nil || !strings.Contains(err.Error(), message) {
			t.Errorf("%s: %v, want %q", name, err, message)
		}
		if n := m1.TotalAlloc - m0.TotalAlloc; n > uint64(200*len(pickle)+1<<16) {
			t.Errorf("%s: %d bytes for a pickle of %d", name, n, len(pickle))
		}
	}
}

// program is a pickle of these instructions.
func program(parts ...string) string { return "\x80\x02" + strings.Join(parts, "") + "." }

const (
	float   = "ctorch\nFloatStorage\n"
	rebuilt = "ctorch._utils\n_rebuild_tensor_v2\n"
	empty   = "ccollections\nOrderedDict\n)R"
)

func store(key, size string) string {
	return "(X\x07\x00\x00\x00storage" + float + "U" + string(rune(len(key))) + key + "U\x03cpu" + size + "tQ"
}

func view(offset, sizes, strides string) string {
	return rebuilt + "(" + store("0", "K\x0c") + offset + sizes + strides + "\x89" + empty + "tR"
}

func TestUnpickle(t *testing.T) {
	for p, want := range map[string]string{
		program("}"): "", program(empty): "", program("\x95\x01\x00\x00\x00\x00\x00\x00\x00}"): "",
		program("cargparse\nNamespace\n)\x81}U\x01aK\x01sb"): "",
		program("(K\x01K\x02l"):                              "", program("(K\x01K\x02d"): "", program("]K\x01a"): "", program("](K\x01e"): "",
		program("N0}"): "", program("(NN1}"): "", program("}2s"): "empty stack",
		program("J\xff\xff\xff\xff"): "", program("\x8a\x01\xff"): "", program("\x8a\x00"): "", program("G@\x09\x21\xfb\x54\x44\x2d\x18"): "",
		program("}q\x05h\x05s"): "empty stack", program("}\x94h\x00\x86"): "",
		program("\x8c\x05posix\x8c\x06system\x93"):                    `asks for "posix.system"`,
		program("NK\x01\x93"):                                         "a name made of None and the integer 1",
		program("cnt\nsystem\n"):                                      `"nt.system"`,
		program("ctorch\nFloatStorage\n)R"):                           "calls torch.FloatStorage with 0 arguments: refused",
		program("ccollections\nOrderedDict\n(K\x01tR"):                "",
		program("cargparse\nNamespace\n)R"):                           "",
		program("}cpytorch_lightning.callbacks\nModelCheckpoint\nNs"): "",
		program("}}R"):                         "calls a dictionary with a dictionary",
		program("icollections\nOrderedDict\n"): "makes an instance of collections.OrderedDict",
		program("ios\nsystem\n"):               `"os.system"`,
		program("o"):                           "instruction 'o'",
		program("P1\n"):                        "instruction 'P'",
		program("\x82\x01"):                    "instruction",
		program("NNs"):                         "empty stack",
		program("NNNs"):                        "sets items of None",
		program("NNa"):                         "appends to None",
		program("}}Ns"):                        "a dictionary for a key",
		program("}(K\x01u"):                    "a key without a value",
		program("}(K\x01NK\x01Nu"):             "twice",
		program("u"):                           "no mark",
		program("(a"):                          "takes a mark",
		program("("):                           "a mark on its stack",
		program(""):                            "0 values",
		program("NN"):                          "2 values",
		program("h\x00"):                       "memo 0",
		program("\x8a\x09123456789"):           "",
		"\x80\x06}.":                           "protocol 6",
		"\x80":                                 "ends early",
		program("NQ"):                          "None outside it",
		program("(U\x07storageNNNNtQ"):         "not to a storage",
		program(store("12a", "K\x01")):         "digits",
		program(store("", "K\x01")):            "digits",
		program(store("../../../../../../../etc", "K\x01")): "digits",
		program("NNb"): "attributes of None",
		program("cargparse\nNamespace\n)\x81q\x00h\x00b"):                                   "own attribute",
		program("ctorch._utils\n_rebuild_parameter\n(N\x89tR"):                              "a parameter of None",
		program(rebuilt + "(NNNNNNtR"):                                                      "a tensor of None, None",
		program(rebuilt + ")R"):                                                             "0 arguments",
		program(view("K\x00", "K\x03K\x04\x86", "K\x04K\x01\x86")):                          "",
		program(view("K\x00", "K\x03K\x04\x86", "K\x01K\x03\x86")):                          "",
		program(view("K\x01", "K\x03K\x04\x86", "K\x04K\x01\x86")):                          "reaches past",
		program(view("K\x0c", "K\x00\x85", "K\x01\x85")):                                    "",
		program(view("K\x0c", "K\x01\x85", "K\x01\x85")):                                    "reaches past",
		program(view("K\x0d", ")", ")")):                                                    "offset 13 of 12",
		program(view("K\x0c", ")", ")")):                                                    "offset 12 of 12",
		program(view("K\x0b", ")", ")")):                                                    "",
		program(view("J\xff\xff\xff\xff", ")", ")")):                                        "offset -1",
		program(view("K\x00", "K\x0d\x85", "K\x00\x85")):                                    "",
		program(view("K\x00", "J\x01\x00\x10\x00\x85", "K\x00\x85")):                        "more values than the storage's 12, allowed up to 1048576",
		program(view("K\x00", "K\x02\x85", "\x8a\x08\xff\xff\xff\xff\xff\xff\xff\x7f\x85")): "reaches past",
		program(view("K\x00", "K\x02\x85", "J\xff\xff\xff\xff\x85")):                        "from 0",
		program(view("K\x00", "K\x02\x85", ")")):                                            "1 sizes and 0 strides",
		program(view("K\x00", "\x8a\x08\xff\xff\xff\xff\xff\xff\xff\x7f\x8a\x08\xff\xff\xff\xff\xff\xff\xff\x7f\x86", "K\x01K\x01\x86")): "overflows",
	} {
		_, rest, err := unpickle([]byte(p), anyStorage)
		var f FormatError
		switch {
		case want == "" && (err != nil || len(rest) != 0):
			t.Errorf("%q: %v, %d bytes left", p, err, len(rest))
		case want != "" && (err == nil || !errors.As(err, &f) || !strings.Contains(err.Error(), want)):
			t.Errorf("%q: %v, want %q", p, err, want)
		}
	}
	v, _, err := unpickle([]byte(program("(J\xfe\xff\xff\xffM\xff\xff\x8a\x02\x00\x80\x8a\x08\xff\xff\xff\xff\xff\xff\xff\x7f\x88NU\x01xt")), anyStorage)
	if want := []any{int64(-2), int64(65535), int64(-32768), int64(math.MaxInt64), true, nil, "x"}; err != nil || !slices.Equal(v.(*list).v, want) {
		t.Errorf("%v, %v; want %v", v, err, want)
	}
}

// archive is a zip file of stored records.
func archive(t testing.TB, records ...string) []byte {
	t.Helper()
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for i := 0; i < len(records); i += 2 {
		h := &zip.FileHeader{Name: records[i], Method: zip.Store, CompressedSize64: uint64(len(records[i+1])), UncompressedSize64: uint64(len(records[i+1]))}
		h.CRC32 = crc32.ChecksumIEEE([]byte(records[i+1]))
		w, err := z.CreateRaw(h)
		if err == nil {
			_, err = w.Write([]byte(records[i+1]))
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func floats(v ...float32) string {
	var b []byte
	for _, x := range v {
		b = binary.LittleEndian.AppendUint32(b, math.Float32bits(x))
	}
	return string(b)
}

var twelve = floats(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11)

// Views of one storage in every order.
func TestViews(t *testing.T) {
	item := func(name, v string) string { return "U" + string(rune(len(name))) + name + v }
	pickle := program("}(",
		item("whole", view("K\x00", "K\x0c\x85", "K\x01\x85")),
		item("turned", view("K\x00", "K\x03K\x04\x86", "K\x01K\x03\x86")),
		item("part", view("K\x05", "K\x02K\x02\x86", "K\x02K\x01\x86")),
		item("column", view("K\x01", "K\x03\x85", "K\x04\x85")),
		item("one", view("K\x07", ")", ")")),
		item("none", view("K\x00", "K\x00K\x03\x86", "K\x03K\x01\x86")), "u")
	b := archive(t, "m/data.pkl", pickle, "m/data/0", twelve)
	f, err := read(b, "")
	if err != nil {
		t.Fatal(err)
	}
	want := map[string][]float32{
		"whole": {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11}, "turned": {0, 3, 6, 9, 1, 4, 7, 10, 2, 5, 8, 11},
		"part": {5, 6, 7, 8}, "column": {1, 5, 9}, "one": {7}, "none": {},
	}
	for _, x := range f.Tensors {
		if v, err := x.Floats(); err != nil || !slices.Equal(v, want[x.Name]) || len(v) != x.Len() {
			t.Errorf("%s: %v, %v; want %v", x.Name, v, err, want[x.Name])
		}
		delete(want, x.Name)
	}
	if len(want) != 0 {
		t.Errorf("%v are missing", want)
	}
	for i := bytes.Index(b, []byte(twelve)); i < len(b); i++ {
		b[i] ^= 1 // a bit of the storage
		f, err := read(b, "")
		if err != nil {
			t.Fatal(err)
		}
		if _, err := f.Tensors[4].Floats(); err == nil || !strings.Contains(err.Error(), "CRC-32") {
			t.Errorf("a wrong bit: %v", err)
		}
		break
	}
}

const (
	legacyMagic   = "\x80\x02\x8a\x0al\xfc\x9cF\xf9 j\xa8P\x19."
	legacyVersion = "\x80\x02M\xe9\x03."
)

func TestContainers(t *testing.T) {
	good := program("}U\x01x", view("K\x00", "K\x0c\x85", "K\x01\x85"), "s")
	two := program("}(U\x01x", view("K\x00", "K\x0c\x85", "K\x01\x85"), "U\x01y", strings.Replace(view("K\x00", "K\x0c\x85", "K\x01\x85"), "FloatStorage", "LongStorage", 1), "u")
	deflated := func() []byte {
		var b bytes.Buffer
		z := zip.NewWriter(&b)
		w, _ := z.Create("m/data.pkl")
		io.WriteString(w, good)
		z.Close()
		return b.Bytes()
	}()
	legacy := func(rest ...string) []byte {
		return []byte(legacyMagic + legacyVersion + program("}U\rlittle_endian\x88s") + strings.Join(rest, ""))
	}
	n12 := "\x0c\x00\x00\x00\x00\x00\x00\x00"
	keys := program("(U\x010l")
	for want, b := range map[string][]byte{
		"":                              archive(t, "m/data.pkl", good, "m/data/0", twelve, "m/version", "3\n"),
		" ":                             []byte(strings.Replace(string(legacy(good, keys, n12, twelve)), "\x80\x02", "\x80\x04\x95\x0d\x00\x00\x00\x00\x00\x00\x00", 1)),       // protocol 4
		"  ":                            append([]byte(legacyMagics[1]+"M\xe9\x03."), bytes.TrimPrefix(legacy(good, keys, n12, twelve), []byte(legacyMagic+legacyVersion))...), // protocol 1
		"has \"m/data/0\" twice":        archive(t, "m/data.pkl", good, "m/data/0", twelve, "m/data/0", twelve),
		"2 records data.pkl":            archive(t, "m/data.pkl", good, "n/data.pkl", good, "m/data/0", twelve),
		"0 records data.pkl":            archive(t, "data.pkl", good, "data/0", twelve),
		"no record m/data/0":            archive(t, "m/data.pkl", good, "n/data/0", twelve),
		"after the end of the pickle":   archive(t, "m/data.pkl", good+"x", "m/data/0", twelve),
		"its record has 44 bytes":       archive(t, "m/data.pkl", good, "m/data/0", twelve[4:]),
		"of F32 and 12 of I64 at once":  archive(t, "m/data.pkl", two, "m/data/0", twelve),
		"byte order is \"LITTLE\"":      archive(t, "m/byteorder", "LITTLE", "m/data.pkl", good, "m/data/0", twelve),
		"compressed":                    deflated,
		"not a file of torch.save":      []byte("hello, world"),
		"a bare Python pickle":          []byte(good),
		"version is not 1001":           []byte(legacyMagic + "\x80\x02M\xe8\x03."),
		"not say that it is little":     []byte(legacyMagic + legacyVersion + program("}U\rlittle_endian\x89s")),
		"outside the object's pickle":   []byte(legacyMagic + legacyVersion + program(store("0", "K\x01"))),
		"keys are a dictionary":         legacy(good, program("}"), n12, twelve),
		"listed twice":                  legacy(good, program("(U\x010U\x010l"), n12, twelve, n12, twelve),
		"nothing refers to it":          legacy(good, program("(U\x011l"), n12, twelve),
		"the file does not have it":     legacy(good, program("(l")),
		"the file ends at":              legacy(good, keys),
		"11 values, the pickle says 12": legacy(good, keys, "\x0b", n12[1:], twelve),
		"it ends at":                    legacy(good, keys, n12, twelve[1:]),
		"1 bytes after":                 legacy(good, keys, n12, twelve, "x"),
	} {
		f, err := read(b, "")
		var v []float32
		if err == nil {
			v, err = f.Tensors[0].Floats()
		}
		want = strings.TrimSpace(want)
		if want == "" && (err != nil || len(v) != 12) || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%v, want %q", err, want)
		}
	}
	f, err := read(legacy(good, keys, n12, twelve), "")
	if err != nil {
		t.Fatal(err)
	}
	if v, err := f.Tensors[0].Floats(); err != nil || len(v) != 12 || v[11] != 11 {
		t.Errorf("legacy: %v, %v", v, err)
	}
}

func TestChoice(t *testing.T) {
	x := view("K\x00", "K\x0c\x85", "K\x01\x85")
	dictOf := func(name string) string { return "}U\x01" + name + x + "s" }
	both := program("}(U\x05model", dictOf("m"), "U\x03ema", dictOf("e"), "U\x04argscargparse\nNamespace\n)\x81}(U\x05modelU\x08DiT-XL/2U\x01nK\x05ubu")
	for _, c := range []struct{ pickle, which, tensor, from, message string }{
		{program(dictOf("x")), "", "x", "", ""},
		{program(dictOf("x")), "model", "x", "", ""},
		{program(dictOf("x")), "ema", "", "", "has no weights \"ema\""},
		{both, "", "e", "ema", ""}, {both, "ema", "e", "ema", ""}, {both, "model", "m", "model", ""},
		{program("}U\x05model", dictOf("m"), "s"), "ema", "", "", `no weights "ema", it has: model`},
		{program("}U\x03ema", x, "s"), "", "ema", "", ""}, // a parameter of that name
		{program("}U\x03emaNs"), "", "", "", `"ema" is None`},
		{program("}U\x03emaNsU\x05model}s"), "", "", "", "the file has no tensors"}, // the model's
		{program("}U\x03emaNsU\x05model}s"), "ema", "", "", `"ema" is None`},
		{program("}K\x01", x, "s"), "", "", "", "name is the integer 1"},
		{program("}U\x01aNs"), "", "", "", `"a" is None`},
		{program("N"), "", "", "", "holds None"},
		{program("}X\x01\x02\x00\x00", strings.Repeat("n", 513), x, "s"), "", "", "", "513 bytes"},
	} {
		f, err := read(archive(t, "m/data.pkl", c.pickle, "m/data/0", twelve), c.which)
		switch {
		case c.message != "":
			if err == nil || !strings.Contains(err.Error(), c.message) {
				t.Errorf("%v, want %q", err, c.message)
			}
		case err != nil || len(f.Tensors) != 1 || f.Tensors[0].Name != c.tensor || f.From != c.from:
			t.Errorf("-weights %q: %+v, %v; want %s from %q", c.which, f, err, c.tensor, c.from)
		case c.from == "ema" && (f.Args["model"] != "DiT-XL/2" || f.Args["n"] != "5" || !slices.Equal(f.Also, []string{"model"})):
			t.Errorf("arguments %v, also %v", f.Args, f.Also)
		}
	}
}

// use reads everything that a file has.
func use(t *testing.T, b []byte) {
	for _, which := range []string{"", "model"} {
		f, err := read(b, which)
		if err != nil {
			continue
		}
		for _, x := range f.Tensors {
			if v, err := x.Floats(); err == nil && len(v) != x.Len() {
				t.Errorf("tensor %s: %d values for shape %v", x.Name, len(v), x.Shape)
			}
		}
	}
}

func FuzzZip(f *testing.F) {
	for _, p := range append(glob(f, "bad/*.pt"), glob(f, "edge/*.pt")...) {
		f.Add(load(f, p))
	}
	f.Add(archive(f, "m/data.pkl", program("}U\x01x", view("K\x00", "K\x0c\x85", "K\x01\x85"), "s"), "m/data/0", twelve))
	f.Fuzz(func(t *testing.T, b []byte) {
		if bytes.HasPrefix(b, []byte("PK")) {
			use(t, b)
		}
	})
}

func FuzzLegacy(f *testing.F) {
	whole, ok := bytes.CutPrefix(load(f, goldens+"edge/pt_legacy_format.pt"), []byte(legacyMagic))
	if !ok {
		f.Fatal("the seed is not a legacy file")
	}
	f.Add(whole)
	f.Add(bytes.TrimPrefix(load(f, goldens+"bad/evil_legacy.pt"), []byte(legacyMagic)))
	f.Fuzz(func(t *testing.T, b []byte) { use(t, append([]byte(legacyMagic), b...)) })
}

// FuzzPickle runs pickles as the archive's, whose checksums would stop most changes.
func FuzzPickle(f *testing.F) {
	for _, p := range append(glob(f, "bad/*.pt"), glob(f, "edge/*.pt")...) {
		b := load(f, p)
		z, err := zip.NewReader(bytes.NewReader(b), int64(len(b)))
		if err != nil {
			continue
		}
		for _, r := range z.File {
			if !strings.HasSuffix(r.Name, "data.pkl") || r.UncompressedSize64 > 1<<16 {
				continue
			}
			c, err := r.Open()
			if err != nil {
				continue
			}
			if b, err := io.ReadAll(c); err == nil {
				f.Add(b)
			}
		}
	}
	f.Add([]byte(program("}U\x01x", view("K\x00", "K\x03K\x04\x86", "K\x01K\x03\x86"), "s")))
	f.Fuzz(func(t *testing.T, b []byte) {
		use(t, archive(t, "m/data.pkl", string(b), "m/data/0", twelve, "m/data/1", twelve[:8]))
	})
}
