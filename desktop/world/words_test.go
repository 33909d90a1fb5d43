package world

import (
	"testing"

	"dit8/core"
)

// Of a model that is told words a class is a prompt, in a style.
func TestWords(t *testing.T) {
	w := New(device(t), Settings{Folder: t.TempDir()}, "../../testdata/words.dit8", "")
	t.Cleanup(func() { w.Close() })
	settle(t, w)
	if r := w.Request(); r.Class != "blue fox" || r.Prompt != "" {
		t.Fatalf("%+v, %s", r, w.Message().Text)
	}
	w.Pick("cat")
	w.Edit(func(r *core.Request) { r.Style = "noto" })
	if r := w.Request(); r.Class != "cat" || r.Style != "noto" {
		t.Errorf("%+v, %s", r, w.Message().Text)
	}
	if err := w.SetRequest(core.Request{Prompt: "a kitty", Steps: 1, Count: 1, Guidance: 1}); err != nil || w.Request().Class != "a kitty" {
		t.Errorf("%+v, %v", w.Request(), err)
	}
}
