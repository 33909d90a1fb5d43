package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"dit8/core/param"
	"dit8/tools/quantize/convert"
	"dit8/tools/quantize/report"
	"dit8/weights"
)

// inspection is what inspect -json prints.
type inspection struct {
	ID         string `json:"id"`
	Bytes      int64  `json:"bytes"`
	Parameters int    `json:"parameters"`
	*weights.Header
	Tensors []tensorLine `json:"tensors"`
}

type tensorLine struct {
	Name   string `json:"name"`
	DType  string `json:"dtype"`
	Shape  []int  `json:"shape"`
	Bytes  int64  `json:"bytes"`
	Stored int64  `json:"stored"`
	// Bits is those stored for each value.
	Bits float64 `json:"bits"`
}

func inspect(args []string, stdout, _ io.Writer) error {
	f := flag.NewFlagSet("inspect", flag.ContinueOnError)
	asJSON := f.Bool("json", false, "print JSON")
	path, err := parse(f, args, stdout)
	if err != nil {
		return err
	}
	blob, err := weights.Open(path)
	if err != nil {
		return err
	}
	defer blob.Close()
	h := blob.Header()
	for _, err := range blob.Tensors() { // checks every checksum
		if err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
	}
	out := inspection{ID: h.ID, Bytes: h.Size, Parameters: convert.Parameters(h.Config.Specs()), Header: h}
	for _, t := range h.Tensors {
		out.Tensors = append(out.Tensors, tensorLine{t.Name, t.DType.String(), t.Shape, t.Bytes, t.Stored, float64(8*t.Stored) / float64(param.Spec{Shape: t.Shape}.Len())})
	}
	if *asJSON {
		e := json.NewEncoder(stdout)
		e.SetIndent("", "  ")
		return e.Encode(out)
	}
	return out.print(stdout)
}

func (o inspection) print(w io.Writer) error {
	c, i := o.Config, o.Info
	fmt.Fprintf(w, "%s (id %s): %s in %s, all checksums right\n", i.Name, o.ID, report.Count(o.Parameters)+" parameters", report.Bytes(o.Bytes))
	fmt.Fprintf(w, "network    %d×%[1]d×%d, patch %d, hidden %d, depth %d, heads %d, mlp %d\n", c.InputSize, c.InChannels, c.PatchSize, c.HiddenSize, c.Depth, c.NumHeads, c.MLPHidden)
	fmt.Fprintf(w, "predicts   %s on the %s clock, guidance on %s\n", i.Convention.Prediction, i.Convention.Clock, channels(i.Convention.GuidedChannels))
	fmt.Fprintf(w, "defaults   %d steps, guidance %g\n", i.Defaults.Steps, i.Defaults.Guidance)
	fmt.Fprintf(w, "classes    %d: %s\n", len(i.Classes), strings.Join(head(i.Classes, 8), ", "))
	for _, t := range []struct{ name, text string }{{"licence", i.License}, {"source", i.Source}} {
		if t.text != "" {
			fmt.Fprintf(w, "%-10s %s\n", t.name, t.text)
		}
	}
	var total int64
	for _, t := range o.Tensors {
		total += t.Stored
	}
	fmt.Fprintf(w, "weights    %s, %.3f bits each\n", report.Bytes(total), float64(8*total)/float64(o.Parameters))
	fmt.Fprintln(w)
	tab := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(tab, "tensor\tdtype\tshape\tbytes\tstored\tbits each")
	for _, t := range o.Tensors {
		fmt.Fprintf(tab, "%s\t%s\t%v\t%d\t%d\t%.2f\n", t.Name, t.DType, t.Shape, t.Bytes, t.Stored, t.Bits)
	}
	return tab.Flush()
}

func channels(n int) string {
	if n == 0 {
		return "all channels"
	}
	return fmt.Sprintf("the first %d channels", n)
}

func head(s []string, n int) []string {
	if len(s) <= n {
		return s
	}
	return append(append([]string{}, s[:n]...), "…")
}
