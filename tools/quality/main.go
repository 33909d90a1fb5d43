// Command quality measures what solvers and edits are worth on a model of classes that
// predicts velocities, and writes the pages of docs that say so.
package main

import (
	"os"

	"dit8/tools/quality/command"
)

func main() { os.Exit(command.Run(os.Args[1:], os.Stdin, os.Stdout, os.Stderr)) }
