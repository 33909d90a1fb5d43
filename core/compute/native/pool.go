//go:build (amd64 || arm64) && !purego

package native

import (
	"runtime"
	"sync/atomic"
)

// task is an operation in parts. thread is which thread runs a part, from 0.
type task interface {
	part(i, thread int)
}

// pool runs the parts of an operation on the calling goroutine, thread 0, and on
// others. Parts are handed out as tickets, from a range of them for each thread:
// so a thread works on the rows that it wrote in the operation before, which its
// cache holds. One whose range is done takes from the others'. A ticket above zero
// keeps its operation from ending, so the plain fields hold still while any thread
// has one.
type pool struct {
	threads int
	ranges  []ticketRange
	wake    []chan struct{} // one a thread; of one token, for those asleep
	task    task
	parts   int
	left    atomic.Int64 // parts not yet finished
	bell    atomic.Int64 // counts operations, negative when the pool stops
}

type ticketRange struct {
	tickets atomic.Int64 // parts not yet begun
	asleep  atomic.Bool  // the thread waits for its token
	_       [48]byte     // a cache line each
}

// spins is how often a thread looks for work before it sleeps: for longer than
// there is between two operations of a pass.
const spins = 100_000

func newPool(threads int) *pool {
	p := &pool{threads: threads, ranges: make([]ticketRange, threads), wake: make([]chan struct{}, threads)}
	for i := 1; i < threads; i++ {
		p.wake[i] = make(chan struct{}, 1)
		go p.help(i)
	}
	return p
}

// end is one more than the last part of range i.
func (p *pool) end(i int) int { return (i + 1) * p.parts / p.threads }

// run calls t.part for every part in [0, parts) and returns when all are done.
func (p *pool) run(t task, parts int) {
	if p.threads == 1 || parts == 1 {
		for i := range parts {
			t.part(i, 0)
		}
		return
	}
	p.task, p.parts = t, parts
	p.left.Store(int64(parts))
	for i := range p.ranges {
		p.ranges[i].tickets.Store(int64(p.end(i) - p.end(i-1)))
	}
	p.bell.Add(1)
	for i := 1; i < p.threads; i++ {
		if p.ranges[i].asleep.CompareAndSwap(true, false) {
			p.wake[i] <- struct{}{}
		}
	}
	p.work(0)
	for i := 1; p.left.Load() > 0; i++ {
		if i%1024 == 0 {
			runtime.Gosched()
		}
	}
	p.task = nil // it holds the device, which must not outlive its user for that
}

// work runs parts while there are any, those of its own range first.
func (p *pool) work(thread int) {
	for k := range p.threads {
		i := (thread + k) % p.threads
		r := &p.ranges[i]
		for r.tickets.Load() > 0 {
			n := r.tickets.Add(-1) + 1
			if n <= 0 {
				break
			}
			p.task.part(p.end(i)-int(n), thread)
			p.left.Add(-1)
		}
	}
}

// help runs parts of what the first thread runs, until the pool stops.
func (p *pool) help(thread int) {
	own := &p.ranges[thread]
	for {
		bell := p.bell.Load()
		if bell < 0 {
			return
		}
		p.work(thread)
		for i := 1; i < spins && p.bell.Load() == bell; i++ {
			if i%1024 == 0 {
				runtime.Gosched()
			}
		}
		if p.bell.Load() != bell {
			continue
		}
		own.asleep.Store(true)
		if p.bell.Load() == bell || !own.asleep.CompareAndSwap(true, false) {
			<-p.wake[thread]
		}
	}
}

// stop ends the other goroutines. No operation may be running.
func (p *pool) stop() {
	p.bell.Store(-1 << 62)
	for i := 1; i < p.threads; i++ {
		if p.ranges[i].asleep.CompareAndSwap(true, false) {
			p.wake[i] <- struct{}{}
		}
	}
}
