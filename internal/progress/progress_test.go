package progress

import (
	"bytes"
	"strings"
	"testing"
)

func TestBar(t *testing.T) {
	var b bytes.Buffer
	New(&b).Show(1, 2, "x")
	if b.Len() > 0 {
		t.Errorf("a bar where no terminal is: %q", b.String())
	}
	bar := On(&b)
	bar.Show(1, 4, "first")
	bar.Show(2, 4, "at once") // too soon to be seen
	bar.Show(4, 4, "last")
	bar.Clear()
	want := "\r" + strings.Repeat("█", 7) + strings.Repeat("░", 23) + "  25 % first\x1b[K\r" + strings.Repeat("█", 30) + " 100 % last\x1b[K\r\x1b[K"
	if b.String() != want {
		t.Errorf("%q, want %q", b.String(), want)
	}
}
