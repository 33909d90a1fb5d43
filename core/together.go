package core

import (
	"context"
	"fmt"
	"reflect"
	"slices"
	"time"
)

// Alike tells whether GenerateAll takes r and o together: they go the same way in as many
// images, and differ only in what they are of, in seeds and in the noise's numbers.
func (r Request) Alike(o Request) bool {
	if r.Edit != nil || o.Edit != nil || r.Modulation != nil || o.Modulation != nil {
		return false
	}
	o.Class, o.Classes, o.Prompt, o.Style, o.SkipUnknown, o.Negative = r.Class, r.Classes, r.Prompt, r.Style, r.SkipUnknown, r.Negative
	o.Seed, o.SeedTo, o.SeedMix, o.First = r.Seed, r.SeedTo, r.SeedMix, r.First
	return reflect.DeepEqual(r, o)
}

// Together is how many images a device makes faster at a time than one after the other. A
// network of few tokens leaves it idle: 64 tokens gain a quarter of the speed from four images,
// and nothing from more (docs/scale.md).
func (g *Generator) Together() int {
	cfg := g.model.Config()
	return max(1, 256/cfg.Tokens())
}

// GenerateAll makes what requests ask for that are Alike, in one batch where that fits the
// memory. The results are those of Generate for each of them, but for the times.
func (g *Generator) GenerateAll(ctx context.Context, reqs []Request) ([]*Result, error) {
	for i, r := range reqs {
		if !r.Alike(reqs[0]) {
			return nil, fmt.Errorf("core: request %d goes another way than the first", i)
		}
	}
	if len(reqs) == 1 {
		res, err := g.Generate(ctx, reqs[0], nil)
		return []*Result{res}, err
	}
	reqs = slices.Clone(reqs)
	for i, r := range reqs {
		if err := r.Check(g.info); err != nil {
			return nil, err
		}
		reqs[i] = r.canonical(g.info)
	}
	if err := g.drawable(); err != nil {
		return nil, err
	}
	if err := g.ready(); err != nil {
		return nil, err
	}
	s := newSampler(ctx, g, reqs...)
	count := reqs[0].Count
	if s.batch() < count*len(reqs) {
		half := len(reqs) / 2
		first, err := g.GenerateAll(ctx, reqs[:half])
		if err != nil {
			return nil, err
		}
		rest, err := g.GenerateAll(ctx, reqs[half:])
		return append(first, rest...), err
	}
	start := time.Now()
	s.evaluations = reqs[0].Steps
	defer s.Free()
	defer g.release()
	z, err := s.run(0, count*len(reqs))
	if err != nil {
		return nil, err
	}
	images, err := s.pictures(z, 0)
	if err != nil {
		return nil, err
	}
	var all []*Result
	for i, r := range reqs {
		own := images[i*count : (i+1)*count]
		all = append(all, &Result{own, g.metadata(r, own, time.Since(start), s)})
	}
	return all, nil
}
