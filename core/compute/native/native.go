package native

import (
	"fmt"
	"runtime"
	"slices"
	"strings"

	"dit8/core/compute"
)

// MaxThreads bounds the threads of a device.
const MaxThreads = 256

// Names are the devices that this machine can run, the fastest first; "generic"
// is always the last.
func Names() []string { return append(names(), "generic") }

// New opens a device by its name, or the fastest for "". threads is how many
// threads compute, 1 to MaxThreads, or 0 for as many as Go may use at once
// (GOMAXPROCS); the generic device has one.
func New(name string, threads int) (compute.Device, error) {
	all := Names()
	if name == "" {
		name = all[0]
	}
	if !slices.Contains(all, name) {
		return nil, fmt.Errorf("device is %q, this machine has: %s", name, strings.Join(all, ", "))
	}
	if threads < 0 || threads > MaxThreads {
		return nil, fmt.Errorf("threads is %d, allowed: 0 for all cores, or 1 to %d", threads, MaxThreads)
	}
	if threads == 0 {
		threads = min(runtime.GOMAXPROCS(0), MaxThreads)
	}
	return open(name, threads), nil
}
