package main

import (
	"flag"
	"fmt"
	"slices"
	"strings"

	"dit8/core/compute"
	"dit8/core/compute/native"
)

// deviceFlags are the flags that choose what computes.
type deviceFlags struct {
	name    string
	threads int
}

func (d *deviceFlags) add(f *flag.FlagSet, more string) {
	f.StringVar(&d.name, "device", "", "`name` of the device: "+strings.Join(native.Names(), ", ")+more+"; default: the first of them.\nAll give the same image.")
	f.IntVar(&d.threads, "threads", 0, fmt.Sprintf("threads to compute with, up to %d; default: one for each core", native.MaxThreads))
}

func (d deviceFlags) open() (compute.Device, error) {
	if d.name != "" && !slices.Contains(native.Names(), d.name) {
		return nil, usageError(fmt.Sprintf("-device is %q, this machine has: %s", d.name, strings.Join(native.Names(), ", ")))
	}
	dev, err := native.New(d.name, d.threads)
	if err != nil {
		return nil, usageError("-" + err.Error())
	}
	return dev, nil
}
