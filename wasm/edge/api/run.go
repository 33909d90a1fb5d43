package api

import (
	"context"
	"fmt"
	"net/http"
	"sync/atomic"
	"time"

	"dit8/core"
)

// run generates what r asks for when it is its turn, or that of a request that it can be computed with.
func (h *Handler) run(r *http.Request, a asked, onStep func(core.Event)) (*core.Result, error) {
	ctx, client := r.Context(), h.client(r)
	if err := h.quota.take(client, a.Count); err != nil {
		return nil, err
	}
	p := &waiter{ctx: ctx, client: client, model: a.model, req: a.Request, alone: onStep != nil}
	v := h.queue.enter(p)
	if v.err != nil && !v.computed {
		h.quota.take(client, -a.Count) // which it did not get
	}
	if v.computed || v.err != nil {
		return v.res, v.err
	}
	with := h.queue.join(p, h.most(p)-1)
	start := time.Now()
	defer func() { h.queue.leave(time.Since(start), 1+len(with)) }()
	if len(with) > 0 {
		if res := a.model.together(p, with); res != nil {
			return res, ctx.Err()
		}
	}
	res, err := a.model.generate(ctx, a.Request, onStep)
	for _, w := range with { // one of them cannot be computed, or no longer: each comes to its own end
		res, err := w.model.generate(w.ctx, w.req, nil)
		w.turn <- verdict{true, res, err}
	}
	return res, err
}

// most is how many requests like p's are computed at a time.
func (h *Handler) most(p *waiter) int {
	if p.alone || h.config.Batch < 2 {
		return 1
	}
	return min(h.config.Batch, p.model.Together()/p.req.Count)
}

// generate is the generator's. A panic becomes an error: it is nothing that the other
// requests should end for.
func (m *model) generate(ctx context.Context, req core.Request, onStep func(core.Event)) (res *core.Result, err error) {
	defer recovered(&err)
	return m.Generate(ctx, req, onStep)
}

func recovered(err *error) {
	if v := recover(); v != nil {
		*err = fmt.Errorf("panic: %v", v)
	}
}

// together computes p and those with it in one batch, until all their clients have gone. It
// returns p's result, and nil where it could not.
func (m *model) together(p *waiter, with []*waiter) *core.Result {
	all := append([]*waiter{p}, with...)
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	var reqs []core.Request
	var left atomic.Int32
	left.Store(int32(len(all)))
	for _, w := range all {
		reqs = append(reqs, w.req)
		defer context.AfterFunc(w.ctx, func() {
			if left.Add(-1) == 0 {
				cancel()
			}
		})()
	}
	var results []*core.Result
	err := func() (err error) {
		defer recovered(&err)
		results, err = m.GenerateAll(ctx, reqs)
		return err
	}()
	if err != nil {
		return nil
	}
	for i, w := range with {
		w.turn <- verdict{true, results[i+1], nil}
	}
	return results[0]
}
