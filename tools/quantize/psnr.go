package main

import (
	"context"
	"flag"
	"fmt"
	"image"
	"io"
	"math"
	"slices"
	"strconv"

	"dit8/core"
	"dit8/core/compute/native"
	"dit8/weights"
)

// compareImages samples two models from the same noise and prints how far the
// final images are apart, class by class.
func compareImages(args []string, stdout, _ io.Writer) error {
	f := flag.NewFlagSet("psnr", flag.ContinueOnError)
	refPath := f.String("reference", "", "the .dit8 `file` to compare with, as a float32 one")
	classes := f.Int("classes", 16, "classes, spread evenly over all")
	seeds := f.Int("seeds", 2, "seeds for each class")
	steps := f.Int("steps", 50, "Euler steps")
	guidance := f.Float64("guidance", 3, "guidance scale")
	path, err := parse(f, args, stdout)
	switch {
	case err != nil:
		return err
	case *refPath == "":
		return usagef("-reference is missing")
	case *classes < 1 || *seeds < 1 || *seeds > core.MaxCount:
		return usagef("-classes is %d and -seeds is %d, allowed: 1 or more, 1 to %d", *classes, *seeds, core.MaxCount)
	}
	var models [2]*core.Generator
	for i, p := range []string{*refPath, path} {
		if models[i], err = openModel(p); err != nil {
			return err
		}
	}
	names := models[0].Info().Classes
	if !slices.Equal(names, models[1].Info().Classes) {
		return fmt.Errorf("%s and %s have different classes", *refPath, path)
	}
	*classes = min(*classes, len(names))
	req := core.Request{Steps: *steps, Guidance: float32(*guidance), Count: 1}
	var all []float64
	for i := range *classes {
		k := i * len(names) / *classes
		req.Class = strconv.Itoa(k)
		line := ""
		for s := range *seeds {
			req.Seed = uint64(s)
			p, err := psnr(models, req)
			if err != nil {
				return err
			}
			all = append(all, p)
			line += " " + decibels(p)
		}
		if i == 0 { // after what may fail
			fmt.Fprintln(stdout, "| class | PSNR in dB by seed |\n|---|---|")
		}
		fmt.Fprintf(stdout, "| %s |%s |\n", names[k], line)
	}
	dB := spreadOf(all)
	fmt.Fprintf(stdout, "\nmedian %s, worst %s, best %s (%d images, %d steps, guidance %g)\n", withUnit(dB.Median), decibels(dB.Least), decibels(dB.Most), len(all), *steps, *guidance)
	return nil
}

func openModel(path string) (*core.Generator, error) {
	f, err := weights.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	dev, err := native.New("", 0)
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
	return signalToNoise(255, float64(sum), len(a)*3/4), nil
}

// maxPSNR stands for equal images, as JSON has no infinity.
const maxPSNR = 200

// signalToNoise is a peak signal-to-noise ratio in dB, of n values whose differences'
// squares add up to sum.
func signalToNoise(peak, sum float64, n int) float64 {
	if sum == 0 {
		return maxPSNR
	}
	return min(maxPSNR, 10*math.Log10(peak*peak*float64(n)/sum))
}

// levelPSNR is that of pixels of 256 levels.
func levelPSNR(a, b []float32, p core.Pixels) float64 {
	level := func(v float32) float64 {
		return math.Floor(float64(max(0, min(1, p.Mean+p.Std*v)))*255 + 0.5)
	}
	sum := 0.0
	for i := range a {
		d := level(a[i]) - level(b[i])
		sum += d * d
	}
	return signalToNoise(255, sum, len(a))
}

// rangePSNR is that of values whose peak is the range of want.
func rangePSNR(got, want []float32) float64 {
	lo, hi, sum := want[0], want[0], 0.0
	for i, w := range want {
		lo, hi = min(lo, w), max(hi, w)
		d := float64(got[i]) - float64(w)
		sum += d * d
	}
	return signalToNoise(float64(hi-lo), sum, len(want))
}

// decibels writes a ratio.
func decibels(v float64) string {
	if v >= maxPSNR {
		return "exact"
	}
	return fmt.Sprintf("%.1f", v)
}

// withUnit writes a ratio with its unit.
func withUnit(v float64) string {
	if v >= maxPSNR {
		return decibels(v)
	}
	return decibels(v) + " dB"
}
