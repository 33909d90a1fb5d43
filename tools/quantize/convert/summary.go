package convert

import (
	"fmt"
	"strings"
)

// Summary says what a model's file of so many bytes holds.
func (m Model) Summary(o Options, size int64) string {
	n := Parameters(m.Specs())
	what := []string{o.Default, Count(n) + " parameters"}
	if m.HasNetwork() {
		if v := m.Info.Words(); len(v.Words) > 0 {
			what = append(what, fmt.Sprintf("%d words, %d styles", len(v.Words), len(v.Styles)))
		} else {
			what = append(what, fmt.Sprintf("%d classes", m.Config.NumClasses))
		}
	}
	if a := m.Autoencoder; a != nil {
		what = append(what, fmt.Sprintf("an autoencoder of %d channels, %d× in height and width", a.Config.LatentChannels, a.Config.Factor()))
		if a.PreviewDecoder != nil {
			what = append(what, "a decoder of previews")
		}
	}
	return fmt.Sprintf("%s, %s, %.2f bits per parameter", strings.Join(what, ", "), Bytes(size), float64(size)*8/float64(n))
}

// Count writes a number of parameters.
func Count(n int) string {
	if n < 1e6 {
		return fmt.Sprintf("%.1f k", float64(n)/1e3)
	}
	return fmt.Sprintf("%.2f M", float64(n)/1e6)
}

// Bytes writes a size.
func Bytes(n int64) string {
	switch {
	case n < 1e3:
		return fmt.Sprintf("%d bytes", n)
	case n < 1e6:
		return fmt.Sprintf("%.1f kB", float64(n)/1e3)
	}
	return fmt.Sprintf("%.2f MB", float64(n)/1e6)
}
