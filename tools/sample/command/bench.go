package command

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"dit8/core/bench"
	"dit8/core/compute/native"
	"dit8/internal/bounded"
	"dit8/internal/progress"
	"dit8/internal/textfile"
)

const benchUsage = `sample bench times the passes of a network with random int8 weights. A pass is what a step
takes; a table tells which operations the time goes to.

  sample bench [-config NAME|JSON|FILE.json] [-batch N] [-passes N]
               [-device NAME|all] [-threads N] [-check] [-json]

`

// maxConfig bounds the bytes read of a file with a network's sizes.
const maxConfig = 1 << 16

// benchmark runs the command line after "bench".
func benchmark(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	f := flag.NewFlagSet("sample bench", flag.ContinueOnError)
	config := f.String("config", "d256", "the `network`: "+strings.Join(bench.Names(), ", ")+`, a JSON object with the names
of a .dit8 file's config (input_size, …), or a file that holds one`)
	batch := f.Int("batch", 0, "images in a pass; default: the network's, or 1")
	passes := f.Int("passes", bench.DefaultPasses, "timed passes")
	check := f.Bool("check", false, "compare the output with the generic device's, bit for bit")
	asJSON := f.Bool("json", false, "print the figures as JSON")
	var device deviceFlags
	device.add(f, ", or all of them one after the other: all")
	if err := parse(f, args, benchUsage, stdout); err != nil {
		return err
	}
	o, err := network(*config)
	if err != nil {
		return err
	}
	f.Visit(func(f *flag.Flag) {
		if f.Name == "batch" {
			o.Batch = *batch
		}
	})
	o.Passes, o.Check = *passes, *check
	if err := o.Valid(); err != nil {
		return usageError(err.Error())
	}
	devices := []deviceFlags{device}
	if device.name == "all" {
		devices = nil
		for _, name := range native.Names() {
			devices = append(devices, deviceFlags{name, device.threads})
		}
	}
	for i, device := range devices {
		dev, err := device.open()
		if err != nil {
			return err
		}
		bar := progress.New(stderr)
		o.Progress = func(step, steps int) { show(bar, step, steps) }
		r, err := bench.Run(ctx, dev, o)
		bar.Clear()
		if err != nil {
			return err
		}
		if *asJSON {
			e := json.NewEncoder(stdout)
			e.SetIndent("", "  ")
			err = e.Encode(r)
		} else {
			if i > 0 {
				fmt.Fprintln(stdout)
			}
			err = r.WriteText(stdout)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// network gives the options of what -config names.
func network(config string) (bench.Options, error) {
	if slices.Contains(bench.Names(), config) {
		return bench.Preset(config)
	}
	text := []byte(config)
	if !strings.HasPrefix(strings.TrimSpace(config), "{") {
		var err error
		if text, err = bounded.File(config, maxConfig); errors.Is(err, os.ErrNotExist) {
			return bench.Options{}, usageError(fmt.Sprintf("-config is %q, allowed: %s, a JSON object or a file that exists", config, strings.Join(bench.Names(), ", ")))
		} else if errors.As(err, new(bounded.TooLong)) {
			return bench.Options{}, usageError("-config is no network: " + err.Error())
		} else if err != nil {
			return bench.Options{}, err
		}
		if text, err = textfile.Decode(text); err != nil {
			return bench.Options{}, fmt.Errorf("%s: %w", config, err)
		}
	}
	o, err := bench.ParseConfig(text)
	if err != nil {
		return bench.Options{}, usageError(err.Error())
	}
	return o, nil
}
