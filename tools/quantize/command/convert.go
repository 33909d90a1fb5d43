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
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"dit8/core/param"
	"dit8/internal/atomicfile"
	"dit8/internal/progress"
	"dit8/tools/quantize/calib"
	"dit8/tools/quantize/checkpoint"
	"dit8/tools/quantize/convert"
	"dit8/tools/quantize/family"
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
	in, err := checkpoint.Open(path, o.weights)
	if err != nil {
		return err
	}
	defer in.Close()
	vae, err := openAutoencoder(o.vae)
	if err != nil {
		return err
	}
	defer vae.Close()
	preview, err := openAutoencoder(o.preview)
	if err != nil {
		return err
	}
	defer preview.Close()
	outputs := o.reports.files()
	if !o.dryRun {
		outputs = append([]string{o.out}, outputs...)
	}
	if err := writable(outputs, slices.Concat(in.Files, vae.Files, preview.Files, []string{path, in.Config, vae.Config, preview.Config, o.vae, o.preview, o.config, o.about.Labels, o.about.Vocabulary}), o.force); err != nil {
		return err
	}
	m, err := o.describe(in, path, stderr)
	var wrong *convert.LabelsError
	switch {
	case errors.As(err, &wrong):
		return err
	case err != nil:
		return fmt.Errorf("%s: %w", path, err)
	}
	if m, err = add(m, convert.Model.With, "-vae", o.vae, o.vaeConfig, vae, stderr); err != nil {
		return err
	}
	if m, err = add(m, convert.Model.WithPreview, "-preview", o.preview, "", preview, stderr); err != nil {
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

// summary says what was written.
func (o options) summary(w io.Writer, m convert.Model, size int64) error {
	n := convert.Parameters(m.Specs())
	out := o.out
	if o.dryRun {
		out = "dry run, no model written"
	}
	var what []string
	if m.HasNetwork() {
		if v := m.Info.Words(); len(v.Words) > 0 {
			what = append(what, fmt.Sprintf("%d words, %d styles", len(v.Words), len(v.Styles)))
		} else {
			what = append(what, fmt.Sprintf("%d classes", m.Config.NumClasses))
		}
	}
	if a := m.Autoencoder; a != nil {
		what = append(what, fmt.Sprintf("an autoencoder of %d channels, %d× in height and width", a.Config.LatentChannels, a.Config.Factor()))
		if a.PreviewDecoder != nil {
			what = append(what, "a decoder of previews")
		}
	}
	_, err := fmt.Fprintf(w, "%s: %s, %s parameters, %s, %s, %.2f bits per parameter\n",
		out, o.types.Default, report.Count(n), strings.Join(what, ", "), report.Bytes(size), float64(size)*8/float64(n))
	return err
}

// openAutoencoder opens what -vae or -preview names, or nothing.
func openAutoencoder(path string) (*checkpoint.Checkpoint, error) {
	if path == "" {
		return &checkpoint.Checkpoint{}, nil
	}
	return checkpoint.OpenAutoencoder(path)
}

// add puts the autoencoder that a flag names, by a file or folder and its config, into m as put does.
func add(m convert.Model, put func(convert.Model, family.Model) (convert.Model, error), flag, path, config string, of *checkpoint.Checkpoint, notes io.Writer) (convert.Model, error) {
	if path == "" {
		return m, nil
	}
	said := family.Said{File: filepath.Base(path), GuidedChannels: -1}
	if config != "" {
		said.ConfigFile = config
		if err := checkpoint.ReadJSON(config, &said.Config); err != nil {
			return m, err
		}
	}
	a, err := family.Read(of, said)
	for _, n := range slices.Concat(of.Notes, a.Notes) {
		fmt.Fprintf(notes, "quantize: %s: %s\n", flag, n)
	}
	if err == nil {
		m, err = put(m, a)
	}
	if err != nil {
		err = fmt.Errorf("%s %s: %w", flag, path, err)
	}
	return m, err
}

// describe finds out everything that the blob's header says. What it has to
// assume it tells notes.
func (o options) describe(in *checkpoint.Checkpoint, path string, notes io.Writer) (convert.Model, error) {
	said := o.said
	said.File = filepath.Base(path)
	if o.config != "" {
		said.ConfigFile = o.config
		if err := checkpoint.ReadJSON(o.config, &said.Config); err != nil {
			return convert.Model{}, err
		}
	}
	ignored := in.Ignore(o.ignore)
	network, err := family.Read(in, said)
	if ignored != nil {
		err = ignored
	}
	for _, n := range slices.Concat(in.Notes, network.Notes) {
		fmt.Fprintln(notes, "quantize:", n)
	}
	if err != nil {
		return convert.Model{}, err
	}
	if err := o.types.Check(network.Specs); err != nil {
		return convert.Model{}, err
	}
	if o.calibration.Any() && (network.Network == nil || !slices.ContainsFunc(network.Specs, o.types.Int8)) {
		return convert.Model{}, fmt.Errorf("-smooth and -gptq are for int8 tensors of networks, here is none")
	}
	if network.Network == nil && len(o.reports) > 0 {
		return convert.Model{}, fmt.Errorf("-report is for networks, which sample images; this is an autoencoder")
	}
	about := o.sampler(o.about)
	about.Path, about.Beside = path, beside(in.Config)
	if len(in.Files) > 0 {
		about.WordsBeside = filepath.Join(filepath.Dir(in.Files[0]), "vocabulary.json")
	}
	m, err := convert.New(network, about)
	for _, n := range m.Notes {
		fmt.Fprintln(notes, "quantize:", n)
	}
	return m, err
}

// beside are the files around a checkpoint that may name the classes: a network's
// config.json, and the model_index.json of diffusers' pipelines.
func beside(config string) []string {
	if config == "" {
		return nil
	}
	dir := filepath.Dir(config)
	return []string{config, filepath.Join(dir, "model_index.json"), filepath.Join(dir, "..", "model_index.json")}
}

// run converts: tensor after tensor, or with all of the model in memory where it is
// calibrated or reported on.
func (o options) run(m convert.Model, bar *progress.Bar) (size int64, rep *report.Report, err error) {
	if m.Autoencoder != nil && !o.dryRun {
		bar.Show(0, 1, "decoding, to see what its layers see")
		if err := m.Calibrate(context.Background(), o.types); err != nil {
			return 0, nil, err
		}
	}
	if !o.calibration.Any() && len(o.reports) == 0 {
		size, err = o.write(m, m.Tensors(o.types), bar)
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
	rounded, smoothed, err := calib.Improve(f, o.calibration, o.types.Int8, show)
	if err != nil {
		return 0, nil, err
	}
	stored := func(r map[string]param.Tensor) convert.Tensors { return o.store().Stored(f, r) }
	if size, err = o.write(m, m.WithAutoencoder(stored(rounded), o.types), bar); err != nil || len(o.reports) == 0 {
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
		return m.Size(tensors, o.store())
	}
	return atomicfile.WriteSpooled(o.out, func(w io.Writer, spool atomicfile.Spool) error {
		return m.Write(w, spool, tensors, o.store())
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
