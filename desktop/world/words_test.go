package world

import (
	"strings"
	"testing"

	"dit8/core"
)

// Of a model that is told words a class is a prompt, in a style.
func TestWords(t *testing.T) {
	w := New(device(t), Settings{Folder: t.TempDir()}, "../../testdata/words.dit8", "")
	t.Cleanup(func() { w.Close() })
	settle(t, w)
	if m := w.Message().Text; m != "Opened words: 7 words in 2 styles, 20×20 pixels." {
		t.Error(m)
	}
	if r := w.Request(); r.Prompt != "fox" || r.Class != "" {
		t.Fatalf("%+v, %s", r, w.Message().Text)
	}
	w.Pick("cat")
	w.Edit(func(r *core.Request) { r.Style = "noto" })
	if r := w.Request(); r.Prompt != "cat" || r.Style != "noto" {
		t.Errorf("%+v, %s", r, w.Message().Text)
	}
	if err := w.SetRequest(core.Request{Prompt: "a kitty", Steps: 1, Count: 1, Guidance: 1}); err != nil || w.Request().Prompt != "a kitty" {
		t.Errorf("%+v, %v", w.Request(), err)
	}
	for text, want := range map[string]string{
		"": "blue fox|cat with a hat", "fo": "fox", "FO": "fox", "fox": "fox", "blue fo": "blue fox", "a blue f": "a blue face|a blue fox|a blue fluent-3d", "kitties, h": "kitties, hat|kitties, heart",
		"fox noto": "fox noto", "fox flu": "fox fluent-3d", "foxx": "", "blue ": "blue",
	} {
		if got := strings.Join(w.Matches(text), "|"); got != want {
			t.Errorf("%q becomes %s, want %s", text, got, want)
		}
	}
	for text, want := range map[string]string{"blue fox": "", "": "", "blue foxx": `No word is "foxx". Did you mean "fox"?`, "zebra fox": `No word is "zebra".`} {
		if got := w.Unknown(text); got != want {
			t.Errorf("%q: %s, want %s", text, got, want)
		}
	}
	w.AddToMix("blue hat")
	if r := w.Request(); r.Prompt != "" || len(r.Classes) != 2 || r.Classes[1].Class != "blue hat" {
		t.Errorf("%+v, %s", r, w.Message().Text)
	}
	w.Unmix(0)
	if r := w.Request(); r.Prompt != "blue hat" || r.Classes != nil {
		t.Errorf("%+v, %s", r, w.Message().Text)
	}
	w.Edit(func(r *core.Request) { r.Style = "fluent-3d" })
	if line, err := w.Command(); err != nil || !strings.Contains(line, " -prompt 'blue hat' ") || !strings.Contains(line, " -style fluent-3d ") {
		t.Errorf("%s, %v", line, err)
	}
}
