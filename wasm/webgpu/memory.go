package webgpu

import "slices"

// space gives buffers addresses, so that a compute.F32 and its slices tell where they lie.
type space []region // by address, none touching another

type region struct {
	at, n  uint64 // in bytes
	buffer int32
}

const (
	pieceAlign = 256
	maxAddress = 1 << 32
)

// place finds n free bytes and gives them to buffer.
func (s *space) place(n int, buffer int32) (addr uint32, ok bool) {
	at, size := uint64(pieceAlign), (uint64(n)+pieceAlign)&^(pieceAlign-1) // one value more at least: a slice may be empty, and end there
	i := 0
	for ; i < len(*s) && (*s)[i].at-at < size; i++ {
		at = (*s)[i].at + (*s)[i].n
	}
	if at+size > maxAddress {
		return 0, false
	}
	*s = slices.Insert(*s, i, region{at, size, buffer})
	return uint32(at), true
}

// find is the region that addr is in.
func (s space) find(addr uint32) (i int, ok bool) {
	i, found := slices.BinarySearchFunc(s, uint64(addr), func(r region, at uint64) int {
		switch {
		case r.at > at:
			return 1
		case r.at+r.n <= at:
			return -1
		}
		return 0
	})
	return i, found
}

// remove takes the region at addr away and returns its buffer, 0 where there is none.
func (s *space) remove(addr uint32) int32 {
	i, ok := s.find(addr)
	if !ok {
		return 0
	}
	b := (*s)[i].buffer
	*s = slices.Delete(*s, i, i+1)
	return b
}
