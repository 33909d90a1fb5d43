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
	for _, c := range []struct {
		done, total int
		want        string
	}{{9, 4, "100 %"}, {-3, 4, "  0 %"}, {3, 0, "100 %"}, {0, 0, "  0 %"}, {1 << 62, 1 << 60, "100 %"}} {
		b.Reset()
		bar := On(&b)
		if bar.Show(c.done, c.total, "x"); !strings.Contains(b.String(), c.want) || strings.Count(b.String(), "█")+strings.Count(b.String(), "░") != 30 {
			t.Errorf("%d of %d: %q, want %q", c.done, c.total, b.String(), c.want)
		}
	}
}
