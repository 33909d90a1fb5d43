package command

import (
	"context"
	"flag"
	"fmt"
	"image/png"
	"io"
	"slices"
	"strconv"

	"dit8/core"
	"dit8/core/compute"
	"dit8/internal/heatmap"
	"dit8/weights"
)

const inspectUsage = `sample inspect shows what AdaLN does in each step of a request: γ = 1 + scale, β = shift and
α = gate of the branches of every block, over t from 1 (noise) to 0 (data). They depend on t and the
class, not on the image. Summaries are taken over the channels; rms is that of γ - 1, β and α. With
-reference, they come with those of the difference from another file of the same network.

  sample inspect [-model FILE.dit8] -class NAME_OR_INDEX|-mix CLASSES [-steps N] [-block N|final]
                 [-reference FILE.dit8] [-format text|json|csv] [-full] [-o FILE] [-png FILE]

-png draws blocks × t, or channels × t of one -block.

`

// inspection is what the inspect command shows; its JSON is a core.Modulation with
// the difference beside it.
type inspection struct {
	*core.Modulation
	Difference *core.Modulation `json:"difference,omitempty"` // from the reference; nil without one
}

// inspect runs the command line after "inspect".
func inspect(ctx context.Context, args []string, stdout, _ io.Writer) error {
	f := flag.NewFlagSet("sample inspect", flag.ContinueOnError)
	model := f.String("model", "", "the .dit8 `file`; default: the built-in model")
	reference := f.String("reference", "", "the .dit8 `file` to compare with: of the same network, as in float32")
	block := f.String("block", "", "this block alone: its `index` from 0, or final for the final layer")
	format := f.String("format", "text", "text, json or csv")
	full := f.Bool("full", false, "all channels, not their summaries; with json or csv")
	out := f.String("o", "-", "the `file` to write the data to; - is standard output")
	pic := f.String("png", "", "the PNG `file` to write a heat map to")
	var flags requestFlags
	flags.addPlan(f)
	var device deviceFlags
	device.add(f, "")
	if err := parse(f, args, inspectUsage, stdout); err != nil {
		return err
	}
	set := make(map[string]bool)
	f.Visit(func(f *flag.Flag) { set[f.Name] = true })
	flags.set = set
	switch {
	case !set["class"] && !set["mix"] && !set["prompt"] && !set["style"]:
		return usageError("-class or -prompt is missing; sample -classes lists the model's classes or words")
	case !slices.Contains([]string{"text", "json", "csv"}, *format):
		return usageError(fmt.Sprintf("-format is %q, allowed: text, json, csv", *format))
	case *full && *format == "text":
		return usageError("-full needs -format json or csv")
	case *out == "":
		return usageError("-o is empty: the file to write, or - for standard output")
	case set["png"] && *pic == "":
		return usageError("-png is empty: the PNG file to write")
	case *pic == "-":
		return usageError("-png is -, which is where the data goes: it needs a file")
	case *pic == *out:
		return usageError("-o and -png name the same file")
	case set["reference"] && *reference == "":
		return usageError("-reference is empty: the .dit8 file to compare with")
	}
	dev, err := device.open()
	if err != nil {
		return err
	}
	p, err := weights.OpenPair(*model, "")
	if err != nil {
		return err
	}
	defer p.Close()
	h := p.Header()
	req, err := flags.request(h) // before the weights are read
	if err != nil {
		return err
	}
	layer := ""
	if set["block"] {
		if layer, err = layerName(*block, h.Config.Depth); err != nil {
			return err
		}
	}
	var ref *weights.File
	if set["reference"] {
		if ref, err = weights.Open(*reference); err != nil {
			return err
		}
		defer ref.Close()
		if ref.Header().Config != h.Config || !slices.Equal(ref.Header().Info.Classes, h.Info.Classes) {
			return fmt.Errorf("%s is of another network, or has other classes, than the model", *reference)
		}
	}
	modulation := func(generator func(compute.Device) (*core.Generator, error)) (*core.Modulation, error) {
		g, err := generator(dev)
		if err != nil {
			return nil, err
		}
		defer g.Free()
		return g.Inspect(ctx, req)
	}
	var x inspection
	if x.Modulation, err = modulation(p.Generator); err != nil {
		return err
	}
	if ref != nil {
		m, err := modulation(ref.Generator)
		if err != nil {
			return fmt.Errorf("%s: %w", *reference, err)
		}
		if x.Difference, err = x.Sub(m); err != nil {
			return err
		}
	}
	if layer != "" {
		if err := x.restrict(layer); err != nil {
			return err
		}
	}
	data := func(w io.Writer) error { return x.write(w, *format, *full) }
	if *out == "-" {
		err = buffered(stdout, data)
	} else {
		err = writeFile(*out, data)
	}
	if err != nil || *pic == "" {
		return err
	}
	img, err := heatmap.Draw(x.figure())
	if err != nil {
		return err
	}
	return writeFile(*pic, func(w io.Writer) error { return png.Encode(w, img) })
}

// layerName is the layer that -block names.
func layerName(block string, depth int) (string, error) {
	if block == "final" {
		return core.FinalLayer, nil
	}
	i, err := strconv.Atoi(block)
	if err != nil || i < 0 || i >= depth {
		return "", usageError(fmt.Sprintf("-block is %q, allowed: 0 to %d, final", block, depth-1))
	}
	return core.BlockLayer(i), nil
}

// restrict leaves the branches of one layer.
func (x *inspection) restrict(layer string) error {
	var err error
	if x.Modulation, err = x.Layer(layer); err != nil || x.Difference == nil {
		return err
	}
	x.Difference, err = x.Difference.Layer(layer)
	return err
}
