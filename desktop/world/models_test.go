package world

import (
	"os"
	"path/filepath"
	"testing"
)

// The models of a folder may be chosen, and the built-in one; one from elsewhere is among them while it is open.
func TestModels(t *testing.T) {
	dir := t.TempDir()
	for from, to := range map[string]string{"emoji-32.dit8": "small.dit8", "words.dit8": "words.dit8"} {
		data, err := os.ReadFile("../../testdata/" + from)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, to), data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(dir, "notes.txt"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	w := New(device(t), Settings{Folder: dir, Models: dir}, "", "")
	defer w.Close()
	names := func() (names []string, open string) {
		list, at := w.Models()
		for _, l := range list {
			names = append(names, l.Name)
		}
		return names, names[at]
	}
	want := func(open string, all ...string) {
		t.Helper()
		settle(t, w)
		if got, at := names(); at != open || len(got) != len(all) {
			t.Errorf("%q of %q, want %q of %q: %v", at, got, open, all, w.Message())
		}
		if m, _ := w.Model(); (open == builtIn) != (m.Info.Name == "emoji") {
			t.Errorf("%q is %s", open, m.Info.Name)
		}
	}
	want(builtIn, builtIn, "small", "words")
	list, _ := w.Models()
	w.Choose(list[1])
	want("small", builtIn, "small", "words")
	w.Choose(list[0])
	want(builtIn, builtIn, "small", "words")
	w.OpenFile("../../testdata/words.dit8")
	want("words", builtIn, "small", "words", "words")
	w.Settings.Models = ""
	if got, _ := names(); len(got) < 4 { // what lies beside it
		t.Errorf("beside the open file are %q", got)
	}
	if err := os.Remove(list[1].Path); err != nil {
		t.Fatal(err)
	}
	w.Choose(list[1])
	settle(t, w)
	if m := w.Message(); !m.Bad {
		t.Errorf("a model that is gone: %q", m.Text)
	}
}
