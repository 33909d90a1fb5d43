// Package progress draws a progress bar on a terminal, and nothing elsewhere.
package progress

import (
	"fmt"
	"io"
	"os"
	"strings"
	"time"
)

const (
	width  = 30
	redraw = 50 * time.Millisecond
)

// Bar is a progress bar. It is used by one goroutine.
type Bar struct {
	w    io.Writer
	last time.Time
}

// New is a bar on w, if w is a terminal.
func New(w io.Writer) *Bar {
	if f, ok := w.(*os.File); ok {
		if st, err := f.Stat(); err == nil && st.Mode()&os.ModeCharDevice != 0 && os.Getenv("TERM") != "dumb" {
			return On(w)
		}
	}
	return &Bar{}
}

// On is a bar on w, whatever it is.
func On(w io.Writer) *Bar { return &Bar{w: w} }

// Show draws done of total and what it is at, not more often than one sees.
func (b *Bar) Show(done, total int, what string) {
	if b.w == nil || done < total && time.Since(b.last) < redraw {
		return
	}
	b.last = time.Now()
	part := min(max(float64(done)/float64(max(total, 1)), 0), 1) // a count that was wrong is no reason to stop
	n := int(width * part)
	fmt.Fprintf(b.w, "\r%s%s %3d %% %s\x1b[K", strings.Repeat("█", n), strings.Repeat("░", width-n), int(100*part), what)
}

// Clear takes the bar away.
func (b *Bar) Clear() {
	if b.w != nil {
		fmt.Fprint(b.w, "\r\x1b[K")
	}
}
