//go:build !purego

package native

import (
	"encoding/binary"
	"os"
)

// features asks the kernel, which tells a process of its processor's features in the
// auxiliary vector (getauxval(3); asm/hwcap.h of arm64). They are of all cores: Linux
// leaves out what some lack.
func features() cpuFeatures {
	vector, err := os.ReadFile("/proc/self/auxv")
	if err != nil {
		return cpuFeatures{}
	}
	return featuresIn(vector)
}

// featuresIn looks for them in pairs of a key and a value.
func featuresIn(vector []byte) (f cpuFeatures) {
	const (
		hwcap   = 16
		asimddp = 1 << 20
		hwcap2  = 26
		i8mm    = 1 << 13
	)
	for ; len(vector) >= 16; vector = vector[16:] {
		value := binary.LittleEndian.Uint64(vector[8:])
		switch binary.LittleEndian.Uint64(vector) {
		case hwcap:
			f.dotprod = value&asimddp != 0
		case hwcap2:
			f.i8mm = value&i8mm != 0
		}
	}
	f.i8mm = f.i8mm && f.dotprod
	return f
}
