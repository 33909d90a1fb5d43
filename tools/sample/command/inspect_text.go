package command

import (
	"fmt"
	"io"
	"math"
	"strings"
	"text/tabwriter"

	"dit8/core"
)

// greek are the quantities as differences from what changes nothing.
var greek = map[string]string{"gamma": "γ-1", "beta": "β", "alpha": "α"}

func letter(name string) string { return strings.TrimSuffix(greek[name], "-1") }

// writeText writes a table for people: what each branch does at the start, in the
// middle and at the end, or at each time where x is restricted to one layer.
func (x inspection) writeText(w io.Writer) error {
	n := len(x.Times)
	fmt.Fprintf(w, "%s (%s) on %s, class %s, steps %d: rms over the channels\n\n", x.Model, x.ModelID, x.Device, x.Class, n)
	times := []int{0}
	if n > 2 {
		times = append(times, n/2)
	}
	if n > 1 {
		times = append(times, n-1)
	}
	write := writeBranches
	if x.oneLayer() {
		write = writeTimes
	}
	if err := write(w, x.Modulation, times); err != nil || x.Difference == nil {
		return err
	}
	fmt.Fprintf(w, "\ndifference from %s: rms over the channels\n\n", x.Difference.ReferenceID)
	if err := write(w, x.Difference, times); err != nil {
		return err
	}
	fmt.Fprintln(w)
	for _, name := range []string{"gamma", "beta", "alpha"} {
		if d := x.compare(name); d.where != "" { // the final layer has no α
			fmt.Fprintf(w, "%s differs by %.4f rms, %s; most by %.4f: %s\n", letter(name), d.rms, d.share(name), d.largest, d.where)
		}
	}
	return nil
}

// oneLayer reports whether x is restricted to one layer.
func (x inspection) oneLayer() bool {
	return x.Branches[0].Layer == x.Branches[len(x.Branches)-1].Layer
}

// writeBranches writes a line for each branch.
func writeBranches(w io.Writer, m *core.Modulation, times []int) error {
	tw := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	for _, name := range []string{"gamma", "beta", "alpha"} {
		for i, t := range times {
			of := ""
			if i == 0 {
				of = symbol(m, name) + "  "
			}
			fmt.Fprintf(tw, "%st=%.3g\t", of, m.Times[t])
		}
	}
	fmt.Fprintln(tw, "  layer")
	for i := range m.Branches {
		b := &m.Branches[i]
		for k := range 3 {
			for _, t := range times {
				if q := b.Quantities(); k < len(q) {
					fmt.Fprintf(tw, "%.4f\t", q[k].RMS[t])
				} else {
					fmt.Fprint(tw, "\t")
				}
			}
		}
		fmt.Fprintf(tw, "  %s\n", strings.TrimSpace(b.Layer+" "+b.Name))
	}
	return tw.Flush()
}

// writeTimes writes a line for each time.
func writeTimes(w io.Writer, m *core.Modulation, _ []int) error {
	tw := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprint(tw, "t\t")
	for i := range m.Branches {
		for _, q := range m.Branches[i].Quantities() {
			fmt.Fprintf(tw, "%s\t", strings.TrimSpace(m.Branches[i].Name+" "+symbol(m, q.Name)))
		}
	}
	fmt.Fprintln(tw, "  layer")
	for t, time := range m.Times {
		fmt.Fprintf(tw, "%.3g\t", time)
		for i := range m.Branches {
			for _, q := range m.Branches[i].Quantities() {
				fmt.Fprintf(tw, "%.4f\t", q.RMS[t])
			}
		}
		fmt.Fprintf(tw, "  %s\n", m.Branches[0].Layer)
	}
	return tw.Flush()
}

// symbol names a quantity of m; in a difference the 1 of γ - 1 cancels.
func symbol(m *core.Modulation, name string) string {
	if m.ReferenceID != "" {
		return "Δ" + letter(name)
	}
	return greek[name]
}

// difference sums up how far a quantity is from the reference.
type difference struct {
	rms, of float64 // root mean squares of the difference and of value - neutral, over everything
	largest float32 // the value of the difference that is farthest from 0
	where   string
}

// share is rms in percent of the values'.
func (d difference) share(name string) string {
	if d.of == 0 {
		return greek[name] + " is 0"
	}
	return fmt.Sprintf("%.2f %% of %s", 100*d.rms/d.of, greek[name])
}

func (x inspection) compare(name string) difference {
	var d difference
	n := 0.0
	x.pairs(func(b *core.Branch, q, diff core.Quantity) {
		if q.Name != name {
			return
		}
		for t, v := range diff.Values {
			n++
			d.rms += float64(diff.RMS[t]) * float64(diff.RMS[t])
			d.of += float64(q.RMS[t]) * float64(q.RMS[t])
			for c, e := range v {
				if d.where == "" || math.Abs(float64(e)) > math.Abs(float64(d.largest)) {
					d.largest = e
					d.where = fmt.Sprintf("%s, channel %d, t %.3g", strings.TrimSpace(b.Layer+" "+b.Name), c, x.Times[t])
				}
			}
		}
	})
	d.rms, d.of = math.Sqrt(d.rms/max(1, n)), math.Sqrt(d.of/max(1, n))
	return d
}
