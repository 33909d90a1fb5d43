// Package command turns a checkpoint of a DiT or SiT into a .dit8 file, shows what
// such a file holds, compares two, and checks one against reference outputs.
package command

import (
	"errors"
	"flag"
	"fmt"
	"io"

	"dit8/internal/usage"
)

const help = `quantize turns a DiT or SiT checkpoint into a .dit8 file.

  quantize [flags] -o OUT.dit8 CHECKPOINT
  quantize inspect [-json] FILE
  quantize verify [flags] -reference REF.safetensors FILE.dit8
  quantize psnr [flags] -reference F32.dit8 FILE.dit8
  quantize diff [flags] A.dit8 B.dit8
  quantize techniques [flags] CHECKPOINT      or random:s4 and the like

A CHECKPOINT is a .safetensors file, the index of a sharded one, a .pt file of
torch.save (a state dict, or a training checkpoint), or a folder of diffusers. It may
also be an autoencoder's: of diffusers, CompVis, VA-VAE or TAESD; -vae adds one to a
network's file.

"quantize -h", "quantize inspect -h" and so on list the flags.
`

// Run returns the exit code: 0, 1 where the work failed, 2 where the command line
// is wrong.
func Run(args []string, _ io.Reader, stdout, stderr io.Writer) int {
	command := convertCheckpoint
	if len(args) > 0 {
		switch args[0] {
		case "help":
			args = []string{"-h"}
		case "inspect":
			command, args = inspect, args[1:]
		case "verify":
			command, args = verify, args[1:]
		case "psnr":
			command, args = compareImages, args[1:]
		case "techniques":
			command, args = techniques, args[1:]
		case "diff":
			command, args = diff, args[1:]
		}
	}
	err := command(args, stdout, stderr)
	var u usageError
	switch {
	case err == nil, errors.Is(err, flag.ErrHelp):
		return 0
	case errors.As(err, &u):
		fmt.Fprintf(stderr, "quantize: %v\n%s", err, u.hint)
		return 2
	}
	fmt.Fprintln(stderr, "quantize:", err)
	return 1
}

// usageError is a mistake on the command line.
type usageError struct{ message, hint string }

func (e usageError) Error() string { return e.message }

func usagef(format string, args ...any) error {
	return usageError{message: fmt.Sprintf(format, args...), hint: usage.Hint("quantize")}
}

// parse parses flags and demands one file name, which may stand before flags.
func parse(f *flag.FlagSet, args []string, stdout io.Writer) (file string, err error) {
	files, err := parseFiles(f, args, stdout, 1)
	if err != nil {
		return "", err
	}
	return files[0], nil
}

// parseFiles is parse for n file names.
func parseFiles(f *flag.FlagSet, args []string, stdout io.Writer, n int) (files []string, err error) {
	f.SetOutput(io.Discard)
	f.Usage = func() {}
	for {
		if err := f.Parse(args); errors.Is(err, flag.ErrHelp) {
			usage.Print(stdout, help+"\nFlags of "+usage.Program+f.Name()+":\n", f)
			return nil, err
		} else if err != nil {
			return nil, usagef("%v", err)
		}
		rest := f.Args()
		switch {
		case len(rest) == 0 && len(files) == 0:
			return nil, usagef("no file named")
		case len(rest) == 0 && len(files) < n:
			return nil, usagef("%d files are compared, found %s alone", n, files[0])
		case len(rest) == 0:
			return files, nil
		case len(files) == n && n == 1:
			return nil, usagef("one file at a time, found %s and %s", files[0], rest[0])
		case len(files) == n:
			return nil, usagef("%d files at a time, found %s too", n, rest[0])
		}
		files, args = append(files, rest[0]), rest[1:]
	}
}
