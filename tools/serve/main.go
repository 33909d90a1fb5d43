// Command serve shows the page on a local port, with the HTTP API of the edge worker
// beside it.
package main

import (
	"os"

	"dit8/tools/serve/command"
)

func main() { os.Exit(command.Run(os.Args[1:], os.Stdin, os.Stdout, os.Stderr)) }
