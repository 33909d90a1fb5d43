package api

import (
	"context"
	"errors"
	"sync/atomic"
	"time"
)

var errFull = errors.New("too many requests are waiting")

// queue lets one request at a time compute, in the order of their coming, and few
// wait.
type queue struct {
	places chan struct{} // of those that wait and the one that computes
	turn   chan struct{}
	usual  atomic.Int64 // nanoseconds that a turn takes, a moving average
}

func newQueue(waiting int) *queue {
	return &queue{places: make(chan struct{}, waiting+1), turn: make(chan struct{}, 1)}
}

// enter waits for the caller's turn, which leave ends. It fails with errFull
// at once, or with ctx's error.
func (q *queue) enter(ctx context.Context) (leave func(), err error) {
	select {
	case q.places <- struct{}{}:
	default:
		return nil, errFull
	}
	select {
	case q.turn <- struct{}{}:
	case <-ctx.Done():
		<-q.places
		return nil, ctx.Err()
	}
	start := time.Now()
	return func() {
		took := int64(time.Since(start))
		if before := q.usual.Load(); before > 0 {
			took = before + (took-before)/8
		}
		q.usual.Store(took)
		<-q.turn
		<-q.places
	}, nil
}

// Load is how many requests compute, 0 or 1, and how many wait.
func (h *Handler) Load() (computing, waiting int) {
	computing = len(h.queue.turn)
	return computing, max(0, len(h.queue.places)-computing)
}

// retryAfter is the whole seconds after which half of the queue will be done.
func (q *queue) retryAfter() int {
	ahead := time.Duration(len(q.places)) * time.Duration(q.usual.Load()) / 2
	return min(60, 1+int(ahead/time.Second))
}
