//go:build !purego

package native

import (
	"sync"
	"syscall"
)

// tilesAllowed asks Linux, once, to let the process use the registers of tiles: they
// take eight more kilobytes of every thread that does (Documentation/arch/x86/xstate.rst).
// The permission is for all threads, there and to come. Kernels before 5.16, filters of
// system calls and other makes of Linux refuse it.
var tilesAllowed = sync.OnceValue(func() bool { return requestTiles(archPrctl) })

func requestTiles(prctl func(option, argument uintptr) syscall.Errno) bool {
	const (
		requestPermission = 0x1023 // ARCH_REQ_XCOMP_PERM
		tileData          = 18     // XFEATURE_XTILE_DATA
	)
	return prctl(requestPermission, tileData) == 0
}

func archPrctl(option, argument uintptr) syscall.Errno {
	_, _, err := syscall.RawSyscall(syscall.SYS_ARCH_PRCTL, option, argument, 0)
	return err
}
