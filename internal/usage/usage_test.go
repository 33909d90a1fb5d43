package usage

import (
	"flag"
	"strings"
	"testing"
)

func TestPrint(t *testing.T) {
	const text = "serve shows a page.\n\n  serve [-addr HOST]\n        [-dir FOLDER]\n\n\"serve -h\", and serve itself.\n"
	f := flag.NewFlagSet("serve", flag.ContinueOnError)
	f.Int("n", 3, "a `number`")
	for program, want := range map[string]string{
		"":      text,
		"dit8 ": "dit8 serve shows a page.\n\n  dit8 serve [-addr HOST]\n             [-dir FOLDER]\n\n\"dit8 serve -h\", and serve itself.\n",
	} {
		Program = program
		var b strings.Builder
		Print(&b, text, f)
		if got, flags, _ := strings.Cut(b.String(), "  -n"); got != want || !strings.Contains(flags, "(default 3)") {
			t.Errorf("%q: %s", program, b.String())
		}
		if got := Hint("serve"); got != `"`+program+"serve -h\" shows how it is used.\n" {
			t.Error(got)
		}
	}
	Program = ""
}
