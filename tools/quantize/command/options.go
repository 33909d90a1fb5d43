package command

import (
	"flag"
	"fmt"
	"slices"
	"strings"

	"dit8/core"
	"dit8/tools/quantize/calib"
	"dit8/tools/quantize/convert"
	"dit8/tools/quantize/report"
)

// options are the flags of a conversion.
type options struct {
	source        convert.Source
	store         convert.Options
	out           string
	calibration   calib.Options
	images        int
	reports       reports
	force, dryRun bool
}

func (o *options) flags(f *flag.FlagSet) {
	f.StringVar(&o.out, "o", "", "the .dit8 `file` to write")
	f.BoolVar(&o.calibration.Smooth, "smooth", false, "calibrate, and move spread from activations to weights where that helps; it folds factors into AdaLN, so that a request's -modulate of gamma means something else")
	f.BoolVar(&o.calibration.GPTQ, "gptq", false, "calibrate, and round so that errors make up for each other (GPTQ)")
	f.Var(&o.reports, "report", "sample images in float32 and as quantised, and write how far they are apart to `FILE`, .json or .html, or as a table to -; may be given again")
	f.BoolVar(&o.force, "f", false, "replace OUT if it exists")
	f.BoolVar(&o.dryRun, "dry-run", false, "do everything but write OUT: say what the file would be, and its size")
	o.store.Flags(f)
	o.source.Flags(f)
	o.trialFlags(f)
}

// trialFlags are those of what a model is tried on.
func (o *options) trialFlags(f *flag.FlagSet) {
	f.IntVar(&o.images, "images", 32, "`images` of a report")
	f.IntVar(&o.calibration.Images, "calibration", 16, "`images` that calibration samples")
}

func (o options) check() error {
	switch {
	case o.out == "" && !o.dryRun:
		return usagef("-o is missing: the file to write")
	case o.out == "-":
		return usagef("-o is -: a model is written to a file, so that it is never half there")
	case o.images < 1 || o.images > 1024:
		return usagef("-images is %d, allowed: 1 to 1024", o.images)
	case o.calibration.Images < 1 || o.calibration.Images > 1024:
		return usagef("-calibration is %d, allowed: 1 to 1024", o.calibration.Images)
	}
	for _, err := range []error{o.source.CheckFlags(), o.store.CheckFlags()} {
		if err != nil {
			return usagef("%v", err)
		}
	}
	return nil
}

// report is what a report of a model compares.
func (o options) report(m core.Info) report.Options {
	return report.Options{Store: o.store, Calibration: o.calibration, Trial: calib.TrialOf(m, o.images)}
}

// reports are the files that -report names.
type reports []string

func (r *reports) String() string { return "" }

// Set adds a file.
func (r *reports) Set(s string) error {
	if s != "-" && !strings.HasSuffix(s, ".json") && !strings.HasSuffix(s, ".html") {
		return fmt.Errorf("%.100q is neither - nor a .json or .html file", s)
	}
	*r = append(*r, s)
	return nil
}

// files are the reports that are not printed.
func (r reports) files() []string {
	return slices.DeleteFunc(slices.Clone(r), func(s string) bool { return s == "-" })
}
