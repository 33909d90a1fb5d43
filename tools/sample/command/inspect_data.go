package command

import (
	"encoding/csv"
	"encoding/json"
	"io"
	"strconv"

	"dit8/core"
)

// write writes x as text, json or csv; full asks for the values of all channels.
func (x inspection) write(w io.Writer, format string, full bool) error {
	switch {
	case format == "text":
		return x.writeText(w)
	case format == "csv" && full:
		return x.writeValues(w)
	case format == "csv":
		return x.writeSummaries(w)
	case !full:
		x.Modulation = x.Summary()
		if x.Difference != nil {
			x.Difference = x.Difference.Summary()
		}
	}
	return json.NewEncoder(w).Encode(x)
}

// pairs calls f with each quantity of x and that of the difference, which is empty
// without a reference.
func (x inspection) pairs(f func(b *core.Branch, q, diff core.Quantity)) {
	for i := range x.Branches {
		b := &x.Branches[i]
		diff := make([]core.Quantity, 3)
		if x.Difference != nil {
			diff = x.Difference.Branches[i].Quantities()
		}
		for k, q := range b.Quantities() {
			f(b, q, diff[k])
		}
	}
}

// writeSummaries writes a line for each quantity of each branch at each time.
func (x inspection) writeSummaries(w io.Writer) error {
	header := []string{"layer", "branch", "quantity", "t", "mean", "rms", "min", "max"}
	if x.Difference != nil {
		header = append(header, "difference_mean", "difference_rms", "difference_min", "difference_max")
	}
	c := csv.NewWriter(w)
	c.Write(header)
	x.pairs(func(b *core.Branch, q, diff core.Quantity) {
		for t, time := range x.Times {
			line := []string{b.Layer, b.Name, q.Name, decimal(time)}
			for _, s := range []*core.Series{q.Series, diff.Series} {
				if s != nil {
					line = append(line, decimal(s.Mean[t]), decimal(s.RMS[t]), decimal(s.Min[t]), decimal(s.Max[t]))
				}
			}
			c.Write(line)
		}
	})
	c.Flush()
	return c.Error()
}

// writeValues writes a line for each channel.
func (x inspection) writeValues(w io.Writer) error {
	header := []string{"layer", "branch", "quantity", "t", "channel", "value"}
	if x.Difference != nil {
		header = append(header, "difference")
	}
	c := csv.NewWriter(w)
	c.Write(header)
	x.pairs(func(b *core.Branch, q, diff core.Quantity) {
		for t, time := range x.Times {
			for k, v := range q.Values[t] {
				line := []string{b.Layer, b.Name, q.Name, decimal(time), strconv.Itoa(k), decimal(v)}
				if diff.Series != nil {
					line = append(line, decimal(diff.Values[t][k]))
				}
				c.Write(line)
			}
		}
	})
	c.Flush()
	return c.Error()
}

// decimal is the shortest decimal that reads as x.
func decimal(x float32) string { return strconv.FormatFloat(float64(x), 'g', -1, 32) }
