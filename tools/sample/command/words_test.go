package command

import (
	"encoding/json"
	"path/filepath"
	"strings"
	"testing"

	"dit8/core"
)

// A model that is told words takes them by -prompt and -style.
func TestWords(t *testing.T) {
	const model = "../../../testdata/words.dit8"
	dir := t.TempDir()
	made := func(args ...string) (m core.Metadata, notes string) {
		t.Helper()
		code, out, notes := sampleCmd(append([]string{"-model", model, "-json"}, args...)...)
		if err := json.Unmarshal([]byte(out), &m); code != 0 || err != nil {
			t.Fatalf("sample %q: exit %d, %s %v", args, code, notes, err)
		}
		return m, notes
	}
	file := filepath.Join(dir, "fox.png")
	one, _ := made("-prompt", "Blue foxes", "-style", "noto", "-seed", "3", "-o", file)
	if r := one.Request; r.Prompt != "Blue foxes" || r.Style != "noto" || r.Steps != 4 || r.Shift != 3 || r.Guidance != 1 {
		t.Errorf("%+v", r)
	}
	for _, args := range [][]string{
		{"-prompt", "fox blue noto", "-seed", "3"}, {"-class", "blue-fox", "-style", "noto", "-seed", "3"}, {"-mix", "blue fox noto", "-seed", "3"}, {"-request", file},
	} {
		if same, _ := made(args...); same.SHA256 != one.SHA256 {
			t.Errorf("sample %q makes other pixels", args)
		}
	}
	for _, args := range [][]string{{"-request", file, "-style", "fluent-3d"}, {"-request", file, "-prompt", "cat"}, {"-request", file, "-class", "cat"}, {"-request", file, "-mix", "cat,fox"}, {"-style", "noto", "-seed", "3"}} {
		if other, _ := made(args...); other.SHA256 == one.SHA256 {
			t.Errorf("sample %q makes the same pixels", args)
		}
	}
	if m, notes := made("-prompt", "my kitty", "-skip-unknown"); !strings.Contains(notes, "are left out: my") || len(m.Skipped) != 1 {
		t.Errorf("%q, skipped %q", notes, m.Skipped)
	}
	if _, out, _ := sampleCmd("-model", model, "-classes"); out != "blue\nbox\ncat\nface\nfox\nhat\nheart\nstyle: noto\nstyle: fluent-3d\n" {
		t.Errorf("-classes: %q", out)
	}
	if code, out, errs := sampleCmd("inspect", "-model", model, "-prompt", "blue fox", "-block", "final"); code != 0 || !strings.Contains(out, "blue fox") {
		t.Errorf("inspect: exit %d %s%s", code, out, errs)
	}
	for want, args := range map[string][]string{
		`"foxx" (did you mean "fox"?)`:     {"-prompt", "foxx"},
		`style is "notto", allowed: noto`:  {"-prompt", "fox", "-style", "notto"},
		"one of prompt, class and classes": {"-prompt", "fox", "-class", "fox"},
		"class or classes in its place":    {"-model", "../../../testdata/small.dit8", "-prompt", "fox"},
		"style is \"noto\", allowed: none": {"-model", "../../../testdata/small.dit8", "-class", "0", "-style", "noto"},
		"-class or -prompt is missing":     {"-skip-unknown"},
	} {
		code, _, errs := sampleCmd(append([]string{"-model", model, "-json"}, args...)...)
		if code != 2 || !strings.Contains(errs, want) {
			t.Errorf("sample %q: exit %d %q, want %q", args, code, errs, want)
		}
	}
}
