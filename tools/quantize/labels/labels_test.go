package labels

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"unicode/utf16"
)

func utf16le(s string) string {
	b := []byte{0xff, 0xfe}
	for _, u := range utf16.Encode([]rune(s)) {
		b = append(b, byte(u), byte(u>>8))
	}
	return string(b)
}

// Every shape in which people have names of classes gives the same three.
func TestShapes(t *testing.T) {
	for name, text := range map[string]string{
		"list": `["fox", "panda", "cat"]`, "list in UTF-16": utf16le(`["fox", "panda", "cat"]`), "with a mark": "\ufeff[\"fox\", \"panda\", \"cat\"]",
		"numbers to names": `{"0": "fox", "2": "cat", "1": "panda"}`, "torchvision's class_to_idx": `{"fox": 0, "cat": 2, "panda": 1}`,
		"id2label": `{"model_type": "dit", "id2label": {"0": "fox", "1": "panda", "2": "cat"}, "label2id": {"fox": 0}}`,
		"label2id": `{"label2id": {"fox": 0, "panda": 1, "cat": 2}}`,
		"Keras":    `{"0": ["n1", "fox"], "1": ["n2", "panda"], "2": ["n3", "cat"]}`, "Keras's list": `[["n1", "fox"], ["n2", "panda"], ["n3", "cat"]]`,
		"COCO": `{"categories": [{"id": 1, "name": "panda"}, {"id": 0, "name": "fox"}, {"id": 2, "name": "cat"}]}`, "YOLO": `{"names": ["fox", "panda", "cat"]}`,
		"a line each": "fox\npanda\ncat\n", "of Windows": "\ufefffox\r\npanda\r\ncat\r\n", "in UTF-16": utf16le("fox\r\npanda\r\ncat\r\n"), "without an end": "fox\npanda\n\ncat",
		"numbered lines": "0 fox\n1 panda\n2 cat", "numbered with colons": "1: panda\n0: fox\n2: cat", "CSV": "0,fox\n1,panda\n2,cat", "CSV with titles": "id,name\n0,fox\n1,panda\n2,cat",
		"CSV behind": "fox,0\npanda,1\ncat,2", "TSV behind with titles": "name\tid\nfox\t0\ncat\t2\npanda\t1", "YAML's list": "- fox\n- panda\n- cat", "synset words": "n01440764 fox\nn01443537 panda\nn01484850 cat",
		"counted from 1": `{"1": "fox", "2": "panda", "3": "cat"}`, "lines counted from 1": "1 fox\n2 panda\n3 cat", "map_clsloc.txt": "n02119789 1 fox\nn02100735 2 panda\nn02110185 3 cat",
		"values as text": `{"fox": "0", "panda": "1", "cat": "2"}`, "objects": `[{"label": 1, "name": "panda"}, {"label": 0, "name": "fox"}, {"label": 2, "name": "cat"}]`,
		"objects of labels": `[{"id": 0, "label": "fox"}, {"id": 1, "label": "panda"}, {"id": 2, "label": "cat"}]`, "JSON lines": `{"id": 1, "name": "panda"}` + "\n" + `{"id": 0, "name": "fox"}` + "\n" + `{"id": 2, "name": "cat"}`,
		"Python's list": "['fox', \"panda\", 'cat']", "YOLO's YAML": "path: data\nnc: 3\nnames:\n  0: fox\n  1: panda\n  2: cat\n", "YAML's row": "nc: 3\nnames: [fox, panda, cat]\n", "YAML's quoted row": "names: ['fox', 'panda', 'cat']",
		"a card's YAML": "features:\n- name: label\n  dtype:\n    class_label:\n      names:\n        '0': fox\n        '1': panda\n        '2': cat\nsplits:\n- name: train\n", "YAML's list of names": "names:\n- fox\n- panda\n- cat\n",
		"old Mac": "fox\rpanda\rcat\r", "in a row": "fox, panda, cat", "UTF-16 without a mark": utf16le("fox\npanda\ncat")[2:], "numbers and WordNet's": "0,n01440764,fox\n1,n01443537,panda\n2,n01484850,cat",
		"Python's line": "labels = ['fox', 'panda', 'cat']\n", "Python's dictionary, named": "NAMES = {0: 'fox', 1: 'panda', 2: 'cat'}", "JSON lines of texts": "\"fox\"\n\"panda\"\n\"cat\"\n",
		"numbers with dots": "1. fox\n2. panda\n3. cat", "numbers with brackets": "1) fox\n2) panda\n3) cat", "settings": "fox=0\npanda=1\ncat=2", "colons behind": "fox: 0\npanda: 1\ncat: 2",
		"numbers behind": "fox 0\npanda 1\ncat 2", "quoted in a row": `"fox","panda","cat"`, "semicolons": "fox;panda;cat", "comments before": "// names\n[\"fox\", \"panda\", \"cat\"]",
		"TensorFlow's label map": "item {\n  id: 1\n  name: 'fox'\n}\nitem {\n  id: 2\n  name: \"/m/01\"\n  display_name: \"panda\"\n}\nitem { name: \"cat\" id: 3 }\n",
		"dataset_info.json":      `{"features": {"image": {"_type": "Image"}, "label": {"names": ["fox", "panda", "cat"], "_type": "ClassLabel"}}, "splits": {}}`,
		"objects by number":      `{"0": {"name": "fox"}, "1": {"name": "panda"}, "2": {"name": "cat"}}`, "numbers in objects": `{"classes": {"fox": {"id": 0}, "panda": {"id": 1}, "cat": {"id": 2}}}`,
		"Python": "{0: 'fox',\n 1: \"panda\",\n 2: 'cat'}",
	} {
		if names, err := Read([]byte(text)); err != nil || !slices.Equal(names, []string{"fox", "panda", "cat"}) {
			t.Errorf("%s: %q, %v", name, names, err)
		}
	}
	for text, want := range map[string][]string{
		`["cafe\u0301"]`: {"caf\u00e9"}, "cafe\u0301\n": {"caf\u00e9"}, "7\n0\n1\n": {"7", "0", "1"}, `["7", "0", "1"]`: {"7", "0", "1"},
		`{"0": "7", "1": "0"}`: {"7", "0"}, "{0: 'rock \\'n roll'}": {"rock 'n roll"}, "tench, Tinca tinca\nfox": {"tench, Tinca tinca", "fox"},
		"2 apples\n3 pears": {"2 apples", "3 pears"}, "digit 0\ndigit 1": {"digit 0", "digit 1"}, "\"a\"\nb": {`"a"`, "b"}, "formula 1": {"formula 1"}, "3.5 inch\n5.25 inch": {"3.5 inch", "5.25 inch"}, `["a\nb"]`: {"a\nb"},
	} {
		if names, err := Read([]byte(text)); err != nil || !slices.Equal(names, want) {
			t.Errorf("%q: %q, %v", text, names, err)
		}
	}
}

func TestRefused(t *testing.T) {
	for text, want := range map[string]string{
		"": "empty", " \n": "empty", `{"0": "a"`: "bad JSON", `["a",`: "bad JSON", "3": "neither an array", `{"0": "a", "2": "b"}`: "no name for class 1", `{"a": 0, "b": 0}`: "are both class 0",
		`{"x": true}`: "neither an array", `["a", 3]`: "entry 1 is no name", "<html>": "HTML page", "version https://git-lfs.github.com/spec/v1\n": "git lfs pull", "\xff": "UTF-8", "\xff\xfea": "UTF-16",
		`{"id2label": {"a": "b"}}`: "id2label: neither", "{0: 'a', 2: 'b'}": "no name for class 1",
	} {
		if names, err := Read([]byte(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %q, %v; want %q", text, names, err, want)
		}
	}
	if _, err := ReadFile(filepath.Join(t.TempDir(), "none")); err == nil || !strings.Contains(err.Error(), "no such file") {
		t.Errorf("%v", err)
	}
}

func TestNumber(t *testing.T) {
	names := []string{"crane", "crane (2)", "crane", "fox", "crane"}
	if got := Number(names); !slices.Equal(names, []string{"crane", "crane (2)", "crane (3)", "fox", "crane (4)"}) || len(got) != 2 {
		t.Errorf("%q, %q", names, got)
	}
}

func FuzzRead(f *testing.F) {
	for _, name := range []string{"labels-keras.json", "labels-id2label.json", "labels.txt", "labels-nfd.json"} {
		b, err := os.ReadFile("../../../testdata/trials/" + name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Add([]byte("{0: 'fox',\n 1: \"panda\"}"))
	f.Add([]byte("id,name\n0,fox\n1,panda"))
	f.Fuzz(func(t *testing.T, b []byte) {
		names, err := Read(b)
		if err == nil && len(names) == 0 && len(b) > 0 && b[0] == '"' {
			t.Error("no names and no mistake")
		}
		Number(names)
	})
}
