package core

import (
	"context"
	"slices"
	"testing"

	"dit8/core/flow"
)

// Requests that are made together have the images that each has alone, in one batch and in
// several, and those that go other ways are refused.
func TestGenerateAll(t *testing.T) {
	for name, c := range map[string]struct {
		g      *Generator
		change func(*Request)
	}{
		"plain":    {generator(t, tiny, info), func(r *Request) { r.Guidance = 1 }},
		"guidance": {generator(t, tiny, info), func(r *Request) { r.Steps, r.GuidanceInterval, r.GuidanceRescale = 4, []float32{0.3, 0.7}, 0.5 }},
		"sde":      {generator(t, tiny, info), func(r *Request) { r.Solver, r.Count, r.Diffusion = flow.SDE, 2, 2 }},
		"latents":  {decoding(t), func(*Request) {}},
	} {
		var reqs []Request
		for _, change := range []func(*Request){
			func(r *Request) {},
			func(r *Request) { r.Seed, r.Class, r.First = 9, "1", 3 },
			func(r *Request) { r.SeedTo, r.SeedMix, r.Negative = 5, 0.5, "1" },
			func(r *Request) { r.Class, r.Classes = "", []ClassShare{{"0", 1, 1, 0.5}, {"1", 2, 0.5, 0}} },
		} {
			req := with(c.g, c.change)
			change(&req)
			reqs = append(reqs, req)
		}
		var want []string
		for _, r := range reqs {
			want = append(want, pixels(t, c.g, r))
		}
		if slices.Contains(want[1:], want[0]) {
			t.Fatalf("%s: requests with the same images", name)
		}
		batch := maxBatchValues
		for _, values := range []int{batch, 2 * 3 * tiny.WorkspaceLen(), 1} {
			maxBatchValues = values
			all, err := c.g.GenerateAll(context.Background(), reqs)
			maxBatchValues = batch
			if err != nil || len(all) != len(reqs) {
				t.Fatalf("%s: %d results, %v", name, len(all), err)
			}
			for i, res := range all {
				if res.Metadata.SHA256 != want[i] || PixelHash(res.Images...) != want[i] || res.Metadata.Request.Seed != reqs[i].Seed {
					t.Errorf("%s: request %d has other images than alone, %d values at a time", name, i, values)
				}
			}
		}
		for field, change := range map[string]func(*Request){
			"steps": func(r *Request) { r.Steps++ }, "count": func(r *Request) { r.Count++ }, "solver": func(r *Request) { r.Solver = flow.Heun },
			"guidance": func(r *Request) { r.Guidance++ }, "modulation": func(r *Request) { r.Modulation = []ModulationScale{{Scale: 2}} }, "edit": func(r *Request) { r.Edit = &Edit{} },
		} {
			other := reqs[1]
			change(&other)
			if _, err := c.g.GenerateAll(context.Background(), []Request{reqs[0], other}); err == nil {
				t.Errorf("%s: another %s is taken", name, field)
			}
		}
	}
	if n := generator(t, tiny, info).Together(); n != 256/tiny.Tokens() {
		t.Errorf("%d together", n)
	}
}
