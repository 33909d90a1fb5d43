// Command quantize turns a checkpoint of a DiT or SiT into a .dit8 file, shows what
// such a file holds, compares two, and checks one against reference outputs.
package main

import (
	"os"

	"dit8/tools/quantize/command"
)

func main() { os.Exit(command.Run(os.Args[1:], os.Stdin, os.Stdout, os.Stderr)) }
