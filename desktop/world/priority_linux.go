package world

import (
	"runtime"
	"syscall"
)

// stepBack lets the window's threads go before the calling goroutine's, which gets a
// thread of its own. Where a core is free it costs nothing.
func stepBack() {
	runtime.LockOSThread()
	syscall.Setpriority(syscall.PRIO_PROCESS, 0, 10) // of this thread; an error leaves it as it was
}
