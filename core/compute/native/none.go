//go:build !(amd64 || arm64) || purego

package native

import (
	"dit8/core/compute"
	"dit8/core/compute/generic"
)

// Assembly tells whether there are kernels for this architecture at all.
const Assembly = false

func names() []string { return nil }

func open(string, int) compute.Device { return generic.New() }
