package api

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"dit8/core"
)

var errFull = errors.New("too many requests are waiting")

// queue lets one request at a time compute, or some that wait with it, and few wait. Clients
// take turns: the requests of one who sends many wait for those of others, as in start-time
// fair queueing (P. Goyal, H. M. Vin and H. Cheng, 1996) with requests of equal cost.
type queue struct {
	room int // for requests that wait

	mu        sync.Mutex
	computing int
	waiting   []*waiter      // in the order of their turns
	round     int            // of the request that computes
	last      map[string]int // the round of each client's last request
	usual     time.Duration  // that a request takes, a moving average
}

// waiter is a request in the queue.
type waiter struct {
	ctx    context.Context
	client string
	model  *model
	req    core.Request
	alone  bool // it is not computed with others

	round  int
	joined bool         // another computes it
	turn   chan verdict // of one
}

// verdict is what a request that waits comes to: its turn, or a result where another
// request's turn was its too.
type verdict struct {
	computed bool
	res      *core.Result
	err      error
}

func newQueue(room int) *queue { return &queue{room: room, last: make(map[string]int)} }

// maxClients bounds the clients whose rounds are remembered.
const maxClients = 4096

// enter waits for p's turn, which leave ends, unless the verdict has it computed. It fails
// with errFull or the error of p's context.
func (q *queue) enter(p *waiter) verdict {
	p.turn = make(chan verdict, 1)
	q.mu.Lock()
	p.round = q.round
	if last, ok := q.last[p.client]; ok {
		p.round = max(q.round, last+1)
	}
	if q.computing == 0 {
		q.begin(p)
		q.mu.Unlock()
		return verdict{}
	}
	if len(q.waiting) >= q.room && !q.evict(p.client) {
		q.mu.Unlock()
		return verdict{err: errFull}
	}
	at, _ := slices.BinarySearchFunc(q.waiting, p.round+1, func(w *waiter, round int) int { return w.round - round })
	q.waiting = slices.Insert(q.waiting, at, p)
	q.remember(p)
	q.mu.Unlock()
	select {
	case v := <-p.turn:
		return v
	case <-p.ctx.Done():
	}
	q.mu.Lock()
	at = slices.Index(q.waiting, p)
	if at >= 0 {
		q.waiting = slices.Delete(q.waiting, at, at+1)
	}
	joined := p.joined
	q.mu.Unlock()
	if at < 0 && !joined { // it was its turn just now, or it was evicted
		if v := <-p.turn; v.err == nil {
			q.leave(0, 0)
		}
	}
	return verdict{err: p.ctx.Err()}
}

// remember has a client's next request wait for a later round.
func (q *queue) remember(p *waiter) {
	if len(q.last) >= maxClients {
		clear(q.last)
		for _, w := range q.waiting {
			q.last[w.client] = max(q.last[w.client], w.round)
		}
	}
	q.last[p.client] = max(q.last[p.client], p.round)
}

func (q *queue) begin(p *waiter) {
	q.computing, q.round = 1, p.round
	q.remember(p)
}

// evict makes room for a client by refusing the last request of the one who has most waiting,
// if that are more than the client would have then.
func (q *queue) evict(client string) bool {
	count := make(map[string]int)
	for _, w := range q.waiting {
		count[w.client]++
	}
	most := -1
	for i, w := range q.waiting {
		if most < 0 || count[w.client] >= count[q.waiting[most].client] {
			most = i
		}
	}
	if most < 0 || count[q.waiting[most].client] <= count[client]+1 {
		return false
	}
	q.waiting[most].turn <- verdict{err: errFull}
	q.waiting = slices.Delete(q.waiting, most, most+1)
	return true
}

// join takes up to n requests that wait and can be computed with p, in their order.
func (q *queue) join(p *waiter, n int) (with []*waiter) {
	if p.alone {
		return nil
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	q.waiting = slices.DeleteFunc(q.waiting, func(w *waiter) bool {
		if len(with) >= n || w.alone || w.model != p.model || !w.req.Alike(p.req) {
			return false
		}
		w.joined = true
		with = append(with, w)
		return true
	})
	q.computing += len(with)
	return with
}

// leave ends a turn that took so long for so many requests.
func (q *queue) leave(took time.Duration, requests int) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if requests > 0 {
		each := took / time.Duration(requests)
		if q.usual > 0 {
			each = q.usual + (each-q.usual)/8
		}
		q.usual = each
	}
	q.computing = 0
	if len(q.waiting) == 0 {
		return
	}
	p := q.waiting[0]
	q.waiting = slices.Delete(q.waiting, 0, 1)
	q.begin(p)
	p.turn <- verdict{}
}

// load is how many requests compute and how many wait.
func (q *queue) load() (computing, waiting int) {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.computing, len(q.waiting)
}

// retryAfter is the whole seconds after which half of the queue will be done.
func (q *queue) retryAfter() int {
	q.mu.Lock()
	defer q.mu.Unlock()
	ahead := time.Duration(q.computing+len(q.waiting)) * q.usual / 2
	return min(60, 1+int(ahead/time.Second))
}

// Load is how many requests compute, and how many wait.
func (h *Handler) Load() (computing, waiting int) { return h.queue.load() }
