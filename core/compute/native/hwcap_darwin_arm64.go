//go:build !ios && !purego

package native

import "syscall"

// features has dot products for every Mac with this architecture; some iPhones lack
// them. Products of matrices came with the second of these processors.
func features() cpuFeatures {
	i8mm, err := syscall.SysctlUint32("hw.optional.arm.FEAT_I8MM")
	return cpuFeatures{dotprod: true, i8mm: err == nil && i8mm == 1}
}
