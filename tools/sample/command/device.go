package command

import (
	"flag"
	"fmt"
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
	dev, err := native.New(d.name, d.threads)
	if err != nil {
		return nil, usageError("-" + err.Error())
	}
	return dev, nil
}
