//go:build !purego

package native

import (
	"encoding/binary"
	"os"
)

// hasDotprod asks the kernel, which tells a process of its processor's features in
// the auxiliary vector (getauxval(3); asm/hwcap.h of arm64). They are of all cores:
// Linux leaves out what some lack.
func hasDotprod() bool {
	vector, err := os.ReadFile("/proc/self/auxv")
	return err == nil && dotprodIn(vector)
}

// dotprodIn looks for the feature in pairs of a key and a value.
func dotprodIn(vector []byte) bool {
	const (
		hwcap   = 16
		asimddp = 1 << 20
	)
	for ; len(vector) >= 16; vector = vector[16:] {
		if binary.LittleEndian.Uint64(vector) == hwcap {
			return binary.LittleEndian.Uint64(vector[8:])&asimddp != 0
		}
	}
	return false
}
