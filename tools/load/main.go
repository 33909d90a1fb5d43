// Command load tries a running server with twice the requests that it can answer,
// and prints how it went as JSON. Every image is compared with its golden hash.
package main

import (
	"os"

	"dit8/tools/load/command"
)

func main() { os.Exit(command.Run(os.Args[1:], os.Stdin, os.Stdout, os.Stderr)) }
