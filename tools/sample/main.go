// Command sample generates images with a .dit8 model and writes them as a PNG.
package main

import (
	"os"

	"dit8/tools/sample/command"
)

func main() { os.Exit(command.Run(os.Args[1:], os.Stdin, os.Stdout, os.Stderr)) }
