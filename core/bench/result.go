package bench

import (
	"fmt"
	"io"
	"slices"
	"strconv"
	"text/tabwriter"
	"time"

	"dit8/core/compute/profile"
	"dit8/core/dit"
)

// Result is what Run measured. A pass is what a sampler does in one step; its
// times are those of the whole batch.
type Result struct {
	Name       string      `json:"name"`
	Device     string      `json:"device"`
	Config     dit.Config  `json:"config"`
	Parameters int64       `json:"parameters"`
	Batch      int         `json:"batch"`      // images in a pass
	Output     string      `json:"output"`     // SHA-256 of a pass's output, float32 in little-endian order: that of every device
	Passes     int         `json:"passes"`     // that were timed
	BestMS     float64     `json:"best_ms"`    // ms of the fastest pass
	MedianMS   float64     `json:"median_ms"`  // ms of the middle one
	GMACs      float64     `json:"gmac_per_s"` // 10⁹ multiply-adds a second, linear layers and attention, in the fastest pass
	Operations []Operation `json:"operations"` // of all timed passes, those that took longest first, Other last
}

// Operation is one fused operation with its shapes. Figures are means over the
// timed passes.
type Operation struct {
	Name  string  `json:"name"`       // as profile.Entry's
	Calls int     `json:"calls"`      // in a pass
	MS    float64 `json:"ms"`         // in a pass
	Share float64 `json:"share"`      // percent of a pass
	GMACs float64 `json:"gmac_per_s"` // 0 where nothing is multiplied
}

// Other is the Name of the time outside of operations: the timestep and label
// embedding, memory, copies from and to the device.
const Other = "other"

// summary fills r in from the times of passes and of the operations in them.
func (r *Result) summary(passes []time.Duration, entries []profile.Entry) {
	n := float64(len(passes))
	var total, within time.Duration
	var macs int64
	for _, p := range passes {
		total += p
	}
	operation := func(name string, calls int, took time.Duration, gmacs float64) {
		r.Operations = append(r.Operations, Operation{name, calls, ms(took) / n, 100 * float64(took) / float64(max(total, 1)), gmacs})
	}
	for _, e := range entries {
		within += e.Time
		macs += e.MACs
		operation(e.Name, e.Calls/len(passes), e.Time, e.GMACs())
	}
	operation(Other, 0, max(0, total-within), 0)
	sorted := slices.Sorted(slices.Values(passes))
	k := len(sorted) / 2
	r.Passes = len(passes)
	r.BestMS = ms(sorted[0])
	r.MedianMS = ms(sorted[k]+sorted[len(sorted)-1-k]) / 2
	r.GMACs = float64(macs) / n / float64(max(sorted[0], 1))
}

func ms(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

// WriteText writes r as a table for people.
func (r Result) WriteText(w io.Writer) error {
	_, err := fmt.Fprintf(w, "%s on %s: %.1f M parameters, int8, batch %d\nbest %.2f ms, median %.2f ms per step of %d, %.2f GMAC/s, output %.16s\n\n",
		r.Name, r.Device, float64(r.Parameters)/1e6, r.Batch, r.BestMS, r.MedianMS, r.Passes, r.GMACs, r.Output)
	if err != nil {
		return err
	}
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(t, "calls\tms\tshare\tGMAC/s\t  operation")
	for _, o := range r.Operations {
		calls, gmacs := "", ""
		if o.Calls > 0 {
			calls = strconv.Itoa(o.Calls)
		}
		if o.GMACs > 0 {
			gmacs = strconv.FormatFloat(o.GMACs, 'f', 2, 64)
		}
		fmt.Fprintf(t, "%s\t%.2f\t%.1f%%\t%s\t  %s\n", calls, o.MS, o.Share, gmacs, o.Name)
	}
	return t.Flush()
}
