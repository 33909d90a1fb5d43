package kernels

import (
	"math/rand/v2"
	"strings"
	"testing"
)

// Pieces never overlap, and when all are given back one free piece is left.
func TestArena(t *testing.T) {
	const start, limit = 1088, 1 << 20
	a := arena{end: start, grow: func(end uint64) bool { return end <= limit }}
	r := rand.New(rand.NewPCG(1, 2))
	type piece struct {
		at uint32
		n  int
	}
	var live []piece
	used := make(map[uint32]bool) // sixteens
	for range 5000 {
		if r.IntN(2) == 0 && len(live) > 0 {
			i := r.IntN(len(live))
			p := live[i]
			for k := uint32(0); k < uint32(rounded(p.n)); k += pieceAlign {
				delete(used, p.at+k)
			}
			a.release(p.at, p.n)
			live[i] = live[len(live)-1]
			live = live[:len(live)-1]
			continue
		}
		n := r.IntN(2000)
		at, err := a.alloc(n)
		if err != nil {
			t.Fatal(err)
		}
		if at%pieceAlign != 0 || n > 0 && at < start {
			t.Fatalf("%d bytes at %d", n, at)
		}
		for k := uint32(0); k < uint32(rounded(n)); k += pieceAlign {
			if used[at+k] {
				t.Fatalf("%d bytes at %d overlap another piece", n, at)
			}
			used[at+k] = true
		}
		live = append(live, piece{at, n})
	}
	for _, p := range live {
		a.release(p.at, p.n)
	}
	if len(a.free) != 1 || a.free[0] != (span{start, a.end - start}) {
		t.Errorf("free %v, end %d", a.free, a.end)
	}
	if _, err := a.alloc(2 * limit); err == nil || !strings.Contains(err.Error(), "out of memory") {
		t.Errorf("more than there is: %v", err)
	}
	if _, err := a.alloc(-1); err == nil {
		t.Error("a negative size")
	}
}
