// Command dit8 is the whole command line in one program: sample, serve, quantize and the
// others, with the default model, and in a release with the page.
package main

import (
	"fmt"
	"io"
	"os"
	"strings"

	"dit8/internal/usage"
	load "dit8/tools/load/command"
	quality "dit8/tools/quality/command"
	quantize "dit8/tools/quantize/command"
	sample "dit8/tools/sample/command"
	serve "dit8/tools/serve/command"
)

// command is a program of its own. It returns the exit code.
type command struct {
	name, about string
	run         func(args []string, stdin io.Reader, stdout, stderr io.Writer) int
}

var commands = []command{
	{"sample", "make images: one, a grid, or files of many thousands", sample.Run},
	{"serve", "show the page, and answer the HTTP API", func(args []string, _ io.Reader, stdout, stderr io.Writer) int {
		return serve.RunPage(page, args, stdout, stderr)
	}},
	{"quantize", "turn a checkpoint into a .dit8 file", quantize.Run},
	{"inspect", "say what a .dit8 file or a checkpoint holds (quantize inspect)", of(quantize.Run, "inspect")},
	{"merge", "join the parts of a run of many images (sample merge)", of(sample.Run, "merge")},
	{"bench", "time this machine (sample bench)", of(sample.Run, "bench")},
	{"quality", "measure solvers and edits", quality.Run},
	{"load", "try a running server with twice what it can answer", load.Run},
}

// of is the part of a program that its first argument names.
func of(run func([]string, io.Reader, io.Writer, io.Writer) int, name string) func([]string, io.Reader, io.Writer, io.Writer) int {
	return func(args []string, stdin io.Reader, stdout, stderr io.Writer) int {
		return run(append([]string{name}, args...), stdin, stdout, stderr)
	}
}

func init() { usage.Program = "dit8 " }

func main() { os.Exit(run(os.Args[1:], os.Stdin, os.Stdout, os.Stderr)) }

// run returns the exit code: the command's, or 2 where there is no such command.
func run(args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	if len(args) == 0 {
		fmt.Fprint(stderr, help())
		return 2
	}
	switch args[0] {
	case "-h", "-help", "--help", "help":
		fmt.Fprint(stdout, help())
		return 0
	case "-version", "--version", "version":
		fmt.Fprintln(stdout, about())
		return 0
	}
	for _, c := range commands {
		if c.name == args[0] {
			return c.run(args[1:], stdin, stdout, stderr)
		}
	}
	fmt.Fprintf(stderr, "dit8: there is no command %q\n%s", args[0], help())
	return 2
}

func help() string {
	var b strings.Builder
	b.WriteString("dit8 makes images with Diffusion Transformers.\n\n")
	for _, c := range commands {
		fmt.Fprintf(&b, "  dit8 %-9s %s\n", c.name, c.about)
	}
	b.WriteString("\n\"dit8 COMMAND -h\" shows how a command is used; \"dit8 -version\" which dit8 this is.\n")
	return b.String()
}
