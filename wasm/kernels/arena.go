package kernels

import (
	"fmt"
	"slices"
)

// arena hands out pieces of a linear memory: first fit, neighbours joined when
// they are given back.
type arena struct {
	free []span // by address, none touching the next
	end  uint64 // of the memory handed out so far
	grow func(end uint64) bool
}

type span struct{ at, n uint64 }

const (
	pieceAlign = 64 // a cache line
	maxMemory  = 1 << 32
)

func rounded(n int) uint64 { return (uint64(n) + pieceAlign - 1) &^ (pieceAlign - 1) }

// alloc returns the address of n bytes, not cleared.
func (a *arena) alloc(n int) (uint32, error) {
	if n < 0 {
		return 0, fmt.Errorf("kernels: alloc of %d bytes", n)
	}
	size := rounded(n)
	for i, s := range a.free {
		if s.n < size {
			continue
		}
		if a.free[i] = (span{s.at + size, s.n - size}); s.n == size {
			a.free = slices.Delete(a.free, i, i+1)
		}
		return uint32(s.at), nil
	}
	at := a.end
	if at+size > maxMemory || !a.grow(at+size) {
		return 0, fmt.Errorf("kernels: out of memory: %d bytes more than the %d in use", n, at)
	}
	a.end += size
	return uint32(at), nil
}

// release gives back what alloc(n) returned.
func (a *arena) release(at uint32, n int) {
	s := span{uint64(at), rounded(n)}
	if s.n == 0 {
		return
	}
	i, _ := slices.BinarySearchFunc(a.free, s.at, func(f span, at uint64) int { return int(int64(f.at) - int64(at)) })
	a.free = slices.Insert(a.free, i, s)
	if i+1 < len(a.free) && s.at+s.n == a.free[i+1].at {
		a.free[i].n += a.free[i+1].n
		a.free = slices.Delete(a.free, i+1, i+2)
	}
	if i > 0 && a.free[i-1].at+a.free[i-1].n == s.at {
		a.free[i-1].n += a.free[i].n
		a.free = slices.Delete(a.free, i, i+1)
	}
}
