package command

import (
	"context"
	"flag"
	"fmt"
	"image"
	"io"
	"slices"
	"strconv"

	"dit8/core"
	"dit8/tools/quantize/calib"
	"dit8/tools/quantize/proof"
	"dit8/tools/quantize/report"
	"dit8/weights"
)

// imageFlags are those of psnr.
type imageFlags struct {
	reference             string
	classes, seeds, steps int
	guidance              float64
}

// compareImages samples two models from the same noise and prints how far the
// final images are apart, class by class.
func compareImages(args []string, stdout, _ io.Writer) error {
	var o imageFlags
	f := flag.NewFlagSet("psnr", flag.ContinueOnError)
	f.StringVar(&o.reference, "reference", "", "the .dit8 `file` to compare with, as a float32 one")
	f.IntVar(&o.classes, "classes", 16, "classes, spread evenly over all")
	f.IntVar(&o.seeds, "seeds", 2, "seeds for each class")
	f.IntVar(&o.steps, "steps", 50, "Euler steps")
	f.Float64Var(&o.guidance, "guidance", 3, "guidance scale")
	path, err := parse(f, args, stdout)
	switch {
	case err != nil:
		return err
	case o.reference == "":
		return usagef("-reference is missing")
	case o.classes < 1 || o.seeds < 1 || o.seeds > core.MaxCount:
		return usagef("-classes is %d and -seeds is %d, allowed: 1 or more, 1 to %d", o.classes, o.seeds, core.MaxCount)
	}
	var models [2]*core.Generator
	for i, p := range []string{o.reference, path} {
		if models[i], err = openModel(p); err != nil {
			return err
		}
	}
	if !slices.Equal(models[0].Info().Classes, models[1].Info().Classes) {
		return fmt.Errorf("%s and %s have different classes", o.reference, path)
	}
	return o.table(models, stdout)
}

// table prints the ratios.
func (o imageFlags) table(models [2]*core.Generator, stdout io.Writer) error {
	info := models[0].Info()
	names, req := info.Subjects(), core.Request{Steps: o.steps, Guidance: float32(o.guidance), Count: 1}
	examples := info.Vocabulary != nil && len(info.Vocabulary.Examples) > 0
	if info.Convention.Average { // whose steps are where it is made for them
		req.Shift = info.Defaults.Shift
	}
	classes := min(o.classes, len(names))
	var all []float64
	for i := range classes {
		k := i * len(names) / classes
		if examples {
			req.Prompt = names[k]
		} else {
			req.Class = strconv.Itoa(k)
		}
		line := ""
		for s := range o.seeds {
			req.Seed = uint64(s)
			p, err := psnr(models, req)
			if err != nil {
				return err
			}
			all = append(all, p)
			line += " " + proof.Decibels(p)
		}
		if i == 0 { // after what may fail
			fmt.Fprintln(stdout, "| class | PSNR in dB by seed |\n|---|---|")
		}
		fmt.Fprintf(stdout, "| %s |%s |\n", names[k], line)
	}
	dB := report.SpreadOf(all)
	_, err := fmt.Fprintf(stdout, "\nmedian %s, worst %s, best %s (%d images, %d steps, guidance %g)\n",
		proof.WithUnit(dB.Median), proof.Decibels(dB.Least), proof.Decibels(dB.Most), len(all), o.steps, o.guidance)
	return err
}

func openModel(path string) (*core.Generator, error) {
	f, err := weights.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	dev, err := calib.Device()
	if err != nil {
		return nil, err
	}
	g, err := f.Generator(dev)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return g, nil
}

// psnr generates a request's first image with both models.
func psnr(models [2]*core.Generator, req core.Request) (float64, error) {
	var images [2]*image.NRGBA
	for i, m := range models {
		res, err := m.Generate(context.Background(), req, nil)
		if err != nil {
			return 0, err
		}
		images[i] = res.Images[0]
	}
	a, b := images[0].Pix, images[1].Pix
	if len(a) != len(b) {
		return 0, fmt.Errorf("the models make images of different sizes")
	}
	sum := 0
	for i := range a { // alpha is always 255 and adds nothing
		d := int(a[i]) - int(b[i])
		sum += d * d
	}
	return proof.SignalToNoise(255, float64(sum), len(a)*3/4), nil
}
