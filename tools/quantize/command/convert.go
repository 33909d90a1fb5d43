package command

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"

	"dit8/core/param"
	"dit8/internal/atomicfile"
	"dit8/internal/progress"
	"dit8/tools/quantize/calib"
	"dit8/tools/quantize/convert"
	"dit8/tools/quantize/report"
)

// convertCheckpoint turns a checkpoint into a .dit8 file.
func convertCheckpoint(args []string, stdout, stderr io.Writer) error {
	var o options
	f := flag.NewFlagSet("quantize", flag.ContinueOnError)
	o.flags(f)
	path, err := parse(f, args, stdout)
	if err != nil {
		return err
	}
	if err := o.check(); err != nil {
		return err
	}
	o.source.Checkpoint = path
	in, err := o.source.Open()
	if err != nil {
		return err
	}
	defer in.Close()
	outputs := o.reports.files()
	if !o.dryRun {
		outputs = append([]string{o.out}, outputs...)
	}
	if err := writable(outputs, in.Files(), o.force); err != nil {
		return err
	}
	m, err := in.Model(o.store.Types, notes(stderr))
	if err == nil {
		err = o.suits(m)
	}
	if err != nil {
		return err
	}
	bar := progress.New(stderr)
	size, rep, err := o.run(m, bar)
	bar.Clear()
	var output *fs.PathError
	switch {
	case errors.As(err, &output) && output.Path != path:
		return err
	case err != nil:
		return fmt.Errorf("%s: %w", path, err)
	}
	if err := o.summary(stdout, m, size); err != nil {
		return err
	}
	return writeReport(rep, o.reports, stdout)
}

// notes tells what a conversion assumes.
func notes(w io.Writer) func(string) {
	return func(note string) { fmt.Fprintln(w, "quantize:", note) }
}

// suits refuses what is asked of networks where there is none.
func (o options) suits(m convert.Model) error {
	if o.calibration.Any() && !(m.HasNetwork() && slices.ContainsFunc(m.Config.Specs(), o.store.Int8)) {
		return fmt.Errorf("%s: -smooth and -gptq are for int8 tensors of networks, here is none", o.source.Checkpoint)
	}
	if !m.HasNetwork() && len(o.reports) > 0 {
		return fmt.Errorf("%s: -report is for networks, which sample images; this is an autoencoder", o.source.Checkpoint)
	}
	return nil
}

// summary says what was written.
func (o options) summary(w io.Writer, m convert.Model, size int64) error {
	out := o.out
	if o.dryRun {
		out = "dry run, no model written"
	}
	_, err := fmt.Fprintf(w, "%s: %s\n", out, m.Summary(o.store, size))
	return err
}

// run converts: tensor after tensor, or with all of the model in memory where it is
// calibrated or reported on.
func (o options) run(m convert.Model, bar *progress.Bar) (size int64, rep *report.Report, err error) {
	if m.Autoencoder != nil && !o.dryRun {
		bar.Show(0, 1, convert.Decoding)
		dev, err := calib.Device()
		if err != nil {
			return 0, nil, err
		}
		if err := m.Calibrate(context.Background(), dev, o.store.Types); err != nil {
			return 0, nil, err
		}
	}
	if !o.calibration.Any() && len(o.reports) == 0 {
		size, err = o.write(m, m.Tensors(o.store.Types), bar)
		return size, nil, err
	}
	show := func(what string, done, total int) { bar.Show(done, total, what) }
	f, err := m.Floats()
	if err != nil {
		return 0, nil, err
	}
	var ref []report.Walked
	if len(o.reports) > 0 {
		show("sampling the float32 model", 0, 1)
		if ref, err = report.Reference(f, o.report(f.Info).Trial); err != nil {
			return 0, nil, err
		}
	}
	rounded, smoothed, err := calib.Improve(f, o.calibration, o.store.Int8, show)
	if err != nil {
		return 0, nil, err
	}
	stored := func(r map[string]param.Tensor) convert.Tensors { return o.store.Stored(f, r) }
	if size, err = o.write(m, m.WithAutoencoder(stored(rounded), o.store.Types), bar); err != nil || len(o.reports) == 0 {
		return size, nil, err
	}
	show("sampling the quantised model", 0, 1)
	rep, err = report.New(f, stored(rounded), ref, smoothed, o.report(f.Info))
	return size, rep, err
}

// write writes the file, or with -dry-run nothing, and returns its size. A signal
// ends the work between two tensors, so that nothing is left half-written.
func (o options) write(m convert.Model, from convert.Tensors, bar *progress.Bar) (int64, error) {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	tensors := m.Watched(ctx, from, func(what string, done, total int) { bar.Show(done, total, what) })
	if o.dryRun {
		return m.Size(tensors, o.store)
	}
	return atomicfile.WriteSpooled(o.out, func(w io.Writer, spool atomicfile.Spool) error {
		return m.Write(w, spool, tensors, o.store)
	})
}

// writeReport writes a report to files, or to stdout for "-".
func writeReport(r *report.Report, to reports, stdout io.Writer) error {
	for _, path := range to {
		write := r.Text
		switch {
		case strings.HasSuffix(path, ".json"):
			write = r.JSON
		case strings.HasSuffix(path, ".html"):
			write = r.HTML
		}
		var err error
		if path == "-" {
			err = write(stdout)
		} else {
			_, err = atomicfile.Write(path, write)
		}
		if err != nil {
			return fmt.Errorf("report %s: %w", path, err)
		}
	}
	return nil
}
