package command

import (
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"dit8/core"
	"dit8/core/dit"
	"dit8/core/param"
	"dit8/tools/quantize/convert"
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
	out := inspection{ID: h.ID, Bytes: h.Size, Parameters: convert.Parameters(h.Specs()), Header: h}
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
	i := o.Info
	fmt.Fprintf(w, "%s (id %s): %s in %s, all checksums right\n", i.Name, o.ID, convert.Count(o.Parameters)+" parameters", convert.Bytes(o.Bytes))
	if o.HasNetwork() {
		o.printNetwork(w)
	}
	if a := o.Autoencoder; a != nil {
		fmt.Fprintf(w, "decodes    %s\n", decodes(*a))
	}
	for _, t := range []struct{ name, text string }{{"licence", i.License}, {"source", i.Source}} {
		if t.text != "" {
			fmt.Fprintf(w, "%-10s %s\n", t.name, t.text)
		}
	}
	return o.printTensors(w)
}

func (o inspection) printNetwork(w io.Writer) {
	c, i := o.Config, o.Info
	fmt.Fprintf(w, "network    %d×%[1]d×%d, patch %d, hidden %d, depth %d, heads %d, mlp %d\n", c.InputSize, c.InChannels, c.PatchSize, c.HiddenSize, c.Depth, c.NumHeads, c.MLPHidden)
	if s := switches(c); s != "" {
		fmt.Fprintf(w, "switches   %s\n", s)
	}
	fmt.Fprintf(w, "predicts   %s\n", predicts(i))
	fmt.Fprintf(w, "defaults   %s\n", defaults(i.Defaults))
	if n := i.StepCounts; len(n) > 0 {
		fmt.Fprintf(w, "made for   %s %s\n", strings.Trim(fmt.Sprint(n), "[]"), steps(n[len(n)-1]))
	}
	v := i.Words()
	if len(v.Words) == 0 {
		fmt.Fprintf(w, "classes    %d: %s\n", len(i.Classes), strings.Join(head(i.Classes, 8), ", "))
		return
	}
	fmt.Fprintf(w, "words      %d: %s\n", len(v.Words), strings.Join(head(v.Words, 8), ", "))
	fmt.Fprintf(w, "styles     %d: %s\n", len(v.Styles), strings.Join(v.Styles, ", "))
	fmt.Fprintf(w, "synonyms   %d\n", len(v.Synonyms))
}

// decodes says what an autoencoder is like.
func decodes(a core.Autoencoder) string {
	s := fmt.Sprintf("latents of %d channels to %d× their size by %s, levels of %v channels", a.Config.LatentChannels, a.Config.Factor(), a.Config.Kind, a.Config.Decoder.Channels)
	if a.Config.Encoder != nil {
		s += "; encodes too"
	}
	if d := a.PreviewDecoder; d != nil {
		s += fmt.Sprintf("; previews by a TAESD of %d channels", d.Decoder.Channels[0])
	}
	return s
}

func (o inspection) printTensors(w io.Writer) error {
	var total int64
	for _, t := range o.Tensors {
		total += t.Stored
	}
	fmt.Fprintf(w, "weights    %s, %.3f bits each\n", convert.Bytes(total), float64(8*total)/float64(o.Parameters))
	fmt.Fprintln(w)
	tab := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(tab, "tensor\tdtype\tshape\tbytes\tstored\tbits each")
	for _, t := range o.Tensors {
		fmt.Fprintf(tab, "%s\t%s\t%v\t%d\t%d\t%.2f\n", t.Name, t.DType, t.Shape, t.Bytes, t.Stored, t.Bits)
	}
	return tab.Flush()
}

// switches are those of the network that are not DiT's.
func switches(c dit.Config) string {
	var s []string
	for _, k := range []struct{ name, is string }{
		{"norm", string(c.Norm)}, {"mlp", string(c.MLP)}, {"rope", string(c.Rope)}, {"modulation", string(c.Modulation)}, {"times", string(c.Times)},
	} {
		if k.is != "" {
			s = append(s, k.name+" "+k.is)
		}
	}
	if c.QKNorm {
		s = append(s, "q and k normalised")
	}
	if c.Times == dit.TimesSplit {
		s = append(s, fmt.Sprintf("the second time from block %d on", c.TimesStart))
	}
	if n := c.Context.Len(); n > 0 {
		s = append(s, fmt.Sprintf("%d context tokens from block %d on", n, c.Context.Start))
	}
	return strings.Join(s, ", ")
}

func predicts(i core.Info) string {
	c := i.Convention
	s := fmt.Sprintf("%s on the %s clock", c.Prediction, c.Clock)
	if c.Average {
		s += " for an average velocity"
	}
	if c.GuidanceInput {
		s += ", guidance as an input"
	} else if c.NoNullClass {
		s += ", no null class and so no guidance"
	} else if !i.Guided() {
		s += ", guidance in the weights"
	} else {
		s += ", guidance on " + channels(c.GuidedChannels)
	}
	if c.NoiseScale != 0 && c.NoiseScale != 1 {
		s += fmt.Sprintf(", noise of deviation %g", c.NoiseScale)
	}
	return s
}

func steps(n int) string {
	if n == 1 {
		return "step"
	}
	return "steps"
}

// defaults are a request's, in words.
func defaults(d core.Defaults) string {
	s := fmt.Sprintf("%d %s, guidance %g", d.Steps, steps(d.Steps), d.Guidance)
	if i := d.GuidanceInterval; len(i) == 2 {
		s += fmt.Sprintf(" at times %g to %g", i[0], i[1])
	}
	if d.Solver != "" {
		s += ", solver " + string(d.Solver)
	}
	if d.Schedule != "" {
		s += ", schedule " + string(d.Schedule)
	}
	if d.Shift != 0 {
		s += fmt.Sprintf(", shift %g", d.Shift)
	}
	return s
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
