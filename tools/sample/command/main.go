// Package command generates images with a .dit8 model and writes them as a PNG.
package command

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"image"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"

	"dit8/core"
	"dit8/core/pngfile"
	"dit8/internal/atomicfile"
	pictures "dit8/internal/picture"
	"dit8/internal/progress"
	"dit8/internal/usage"
	"dit8/weights"
)

const help = `sample generates images and writes them as a PNG, which also holds the request.

  sample [-model FILE.dit8 [-vae FILE.dit8]] -class NAME_OR_INDEX [flags] [-o OUT.png]
  sample [-model FILE.dit8] -prompt "WORDS" [-style NAME] [flags] [-o OUT.png]
  sample [-model FILE.dit8 [-vae FILE.dit8]] -classes
  sample [-model FILE.dit8] -count N [-shard I/N] [flags] -npz OUT.npz
  sample merge -o OUT.npz PART.npz ...
  sample bench [flags]
  sample inspect [flags]

`

// Run returns the exit code: 0, 1 where the work failed, 2 where the command line
// or the request is wrong, 130 where the user interrupted it.
func Run(args []string, _ io.Reader, stdout, stderr io.Writer) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	command := sample
	if len(args) > 0 {
		switch args[0] {
		case "bench":
			command, args = benchmark, args[1:]
		case "inspect":
			command, args = inspect, args[1:]
		case "merge":
			command, args = merge, args[1:]
		}
	}
	err := command(ctx, args, stdout, stderr)
	var u usageError
	var f *core.FieldError
	switch {
	case err == nil, errors.Is(err, flag.ErrHelp):
		return 0
	case errors.Is(err, errInterrupted):
		fmt.Fprintln(stderr, "sample:", err)
		return 130
	case errors.Is(err, context.Canceled):
		fmt.Fprintln(stderr, "sample: interrupted, nothing was written")
		return 130
	case errors.As(err, &u), errors.As(err, &f):
		fmt.Fprintf(stderr, "sample: %v\n%s", err, usage.Hint("sample"))
		return 2
	}
	fmt.Fprintln(stderr, "sample:", err)
	return 1
}

type usageError string

func (e usageError) Error() string { return string(e) }

func sample(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	f := flag.NewFlagSet("sample", flag.ContinueOnError)
	model := f.String("model", "", "the .dit8 `file`; default: the built-in model")
	vae := f.String("vae", "", "the .dit8 `file` of the autoencoder that turns the model's latents into images; default: the one in -model's file")
	list := f.Bool("classes", false, "print the model's classes, or words and styles, and stop")
	out := f.String("o", "", "the PNG `file` to write; - is standard output; default: one that is named after the picture, and said")
	asJSON := f.Bool("json", false, "print how the images were made, as JSON")
	scale := f.Int("scale", 1, "draw each pixel as N×N pixels")
	morph := f.Int("morph", 0, "frames from -seed to -seed-to, written as an animated PNG")
	var request requestFlags
	request.add(f)
	var device deviceFlags
	device.add(f, "")
	var many bulkFlags
	many.add(f)
	if err := parse(f, args, help, stdout); err != nil {
		return err
	}
	set := make(map[string]bool)
	f.Visit(func(f *flag.Flag) { set[f.Name] = true })
	request.set = set
	if many.given() {
		if err := many.take(&request); err != nil {
			return err
		}
	}
	switch {
	case *list, many.given():
	case !set["class"] && !set["mix"] && !set["prompt"] && !set["style"] && !set["request"]:
		return usageError("-class or -prompt is missing; -classes lists the model's classes or words")
	case set["morph"] && (*morph < 2 || *morph > maxFrames):
		return usageError(fmt.Sprintf("-morph is %d, allowed: 2 to %d", *morph, maxFrames))
	case set["morph"] && (!set["seed-to"] || set["seed-mix"]):
		return usageError("-morph goes with -seed-to, and without -seed-mix")
	case *scale < 1 || *scale > 64:
		return usageError(fmt.Sprintf("-scale is %d, allowed: 1 to 64", *scale))
	case isOtherFormat(*out):
		return usageError(fmt.Sprintf("-o is %s: images are written as PNG files, name it .png", *out))
	case *out == "-" && *asJSON:
		return usageError("-o - and -json both write to standard output")
	}
	dev, err := device.open()
	if err != nil {
		return err
	}
	p, err := weights.OpenPair(*model, *vae)
	if err != nil {
		return err
	}
	defer p.Close()
	h := p.Header()
	if *list {
		return listClasses(stdout, h.Info)
	}
	if many.spread { // until each image has its own
		request.req.Class, set["class"] = h.Info.Classes[0], true
	}
	req, err := request.request(h) // before the weights are read
	request.say(stderr, req)
	if err != nil {
		return err
	}
	g, err := p.Generator(dev)
	if err != nil {
		return err
	}
	if many.given() {
		return many.run(ctx, p, g, req, stderr)
	}
	named := *out == "" && !*asJSON
	if named {
		*out = pictures.Name(req) + ".png"
	}
	frames, err := generate(ctx, g, req, *morph, progress.New(stderr))
	if err != nil {
		return err
	}
	if *out != "" {
		write := func(w io.Writer) error { return encode(w, frames, *scale) }
		if *out == "-" {
			err = buffered(stdout, write)
		} else {
			err = writeFile(*out, write)
		}
		if err != nil {
			return err
		}
		if named {
			fmt.Fprintln(stderr, "sample: wrote", *out)
		}
	}
	if *asJSON {
		var v any = frames[0].Metadata
		if *morph > 0 {
			all := make([]core.Metadata, len(frames))
			for i, f := range frames {
				all[i] = f.Metadata
			}
			v = all
		}
		e := json.NewEncoder(stdout)
		e.SetIndent("", "  ")
		return e.Encode(v)
	}
	return nil
}

// listClasses prints a class a line; of a model that is told words these, and then the styles.
func listClasses(w io.Writer, m core.Info) error {
	v := m.Words()
	var b strings.Builder
	for i, c := range m.Classes {
		if len(v.Words) > 0 && i >= len(v.Words) {
			c = "style: " + c
		}
		fmt.Fprintln(&b, c)
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// isOtherFormat tells whether a file's name promises another format than a PNG's.
func isOtherFormat(path string) bool {
	return slices.Contains([]string{".jpg", ".jpeg", ".jfif", ".webp", ".gif", ".bmp", ".tif", ".tiff", ".avif", ".heic", ".svg", ".pdf", ".json"}, strings.ToLower(filepath.Ext(path)))
}

// maxFrames bounds the frames of -morph.
const maxFrames = 1000

// generate makes what req asks for, or with morph that many frames on the way from
// its seed to its second one.
func generate(ctx context.Context, g *core.Generator, req core.Request, morph int, bar *progress.Bar) (frames []*core.Result, err error) {
	defer bar.Clear()
	n := max(1, morph)
	for i := range n {
		if morph > 0 {
			req.SeedMix = float32(i) / float32(n-1)
		}
		res, err := g.Generate(ctx, req, func(e core.Event) { show(bar, i*e.Steps+e.Step, n*e.Steps) })
		if err != nil {
			return nil, err
		}
		frames = append(frames, res)
	}
	return frames, nil
}

// encode writes a PNG, animated where there are several frames.
func encode(w io.Writer, frames []*core.Result, scale int) error {
	meta := frames[0].Metadata
	if len(frames) == 1 {
		return pngfile.Write(w, core.Grid(frames[0].Images, scale), meta)
	}
	var pictures []*image.NRGBA
	for _, f := range frames {
		pictures = append(pictures, core.Grid(f.Images, scale))
	}
	return pngfile.WriteAnimation(w, pictures, meta)
}

// parse parses a command line of flags alone. Asked for help, it writes usage and
// the flags to stdout and fails with flag.ErrHelp.
func parse(f *flag.FlagSet, args []string, help string, stdout io.Writer) error {
	rest, err := parseFlags(f, args, help, stdout)
	if err == nil && len(rest) > 0 {
		return usageError(fmt.Sprintf("unexpected argument %q", rest[0]))
	}
	return err
}

// parseFlags is parse, and returns what follows the flags.
func parseFlags(f *flag.FlagSet, args []string, help string, stdout io.Writer) ([]string, error) {
	f.SetOutput(io.Discard)
	f.Usage = func() {}
	if err := f.Parse(args); errors.Is(err, flag.ErrHelp) {
		usage.Print(stdout, help, f)
		return nil, err
	} else if err != nil {
		return nil, usageError(err.Error())
	}
	return f.Args(), nil
}

// writeFile writes path so that it is never seen half-written. Devices and pipes
// are written to directly.
func writeFile(path string, write func(io.Writer) error) error {
	if st, err := os.Stat(path); err == nil && !st.Mode().IsRegular() {
		f, err := os.OpenFile(path, os.O_WRONLY, 0)
		if err != nil {
			return err
		}
		return errors.Join(buffered(f, write), f.Close())
	}
	_, err := atomicfile.Write(path, write)
	return err
}

// buffered hands w to write in large pieces.
func buffered(w io.Writer, write func(io.Writer) error) error {
	b := bufio.NewWriterSize(w, 1<<16)
	if err := write(b); err != nil {
		return err
	}
	return b.Flush()
}

func show(bar *progress.Bar, step, steps int) {
	bar.Show(step, steps, fmt.Sprintf("%d/%d", step, steps))
}
