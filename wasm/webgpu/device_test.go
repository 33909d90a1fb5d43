//go:build js

package webgpu

import (
	"strings"
	"sync"
	"testing"

	"dit8/core/compute"
	"dit8/core/compute/computetest"
	"dit8/core/compute/generic"
)

// device is the one that the host has. It may be lost by a test, which has its own.
var device = sync.OnceValues(func() (*Device, error) { return Open(generic.New()) })

func open(t *testing.T) *Device {
	t.Helper()
	d, err := device()
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func TestConformance(t *testing.T) {
	d := open(t)
	if !strings.HasPrefix(d.Name(), "webgpu (") {
		t.Fatalf("the device is %q", d.Name())
	}
	defer func(n int) { atOnce = n }(atOnce)
	atOnce = 1 << 18 // so that large operations go in several parts
	computetest.Run(t, d.Name(), func() compute.Device { return d })
	if err := d.Err(); err != nil {
		t.Fatal(err)
	}
}
