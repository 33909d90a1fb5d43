package command

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"time"
)

// A simulated cluster: replicas that each answer one request at a time, in the order of their
// coming, with times that were measured on one.

// waiting is how many requests wait at a replica before it refuses, as serve's default is.
const waiting = 16

// balancers are how a request finds its replica: anyone, as Kubernetes' services do, or the
// emptier of any two, as balancers of least requests do (M. Mitzenmacher, The power of two
// choices in randomized load balancing, 2001).
var balancers = []struct {
	name string
	of   int // among how many the emptiest is taken
}{{"any", 1}, {"emptier of two", 2}}

// cluster is the ends of the requests that each replica has, in order.
type cluster [][]float64

// place is the replica of a request that comes at now, and how many it has.
func (c cluster) place(r *rand.Rand, of int, now float64) (at, has int) {
	has = -1
	for range min(of, len(c)) {
		i := r.IntN(len(c))
		done := 0
		for done < len(c[i]) && c[i][done] <= now {
			done++
		}
		c[i] = c[i][done:]
		if has < 0 || len(c[i]) < has {
			at, has = i, len(c[i])
		}
	}
	return at, has
}

// outcome is what became of simulated requests.
type outcome struct {
	rate     float64   // requests a second
	took     quantiles // ms, of those that were answered
	refused  float64   // share
	computed float64   // share of the time that a replica computes
}

// simulate sends requests at random times (Poisson), load times as many as the replicas can
// answer. ms are measured times of requests.
func simulate(ms []float64, replicas int, load float64, of int) (o outcome) {
	r := rand.New(rand.NewPCG(1, uint64(replicas)))
	o.rate = load * float64(replicas) / mean(ms) * 1000
	c := make(cluster, replicas)
	var answered []float64
	now, busy, n := 0.0, 0.0, max(50000, 2000*replicas)
	for range n {
		now += r.ExpFloat64() / o.rate * 1000
		at, has := c.place(r, of, now)
		if has > waiting {
			continue
		}
		start := now
		if has > 0 {
			start = c[at][has-1]
		}
		took := ms[r.IntN(len(ms))]
		c[at] = append(c[at], start+took)
		answered = append(answered, start+took-now)
		busy += took
	}
	o.refused = 1 - float64(len(answered))/float64(n)
	o.computed = busy / now / float64(replicas)
	o.took = newQuantiles(answered)
	return o
}

func mean(values []float64) (m float64) {
	for _, v := range values {
		m += v / float64(len(values))
	}
	return m
}

// simulation is a page about measured times, as Markdown.
func simulation(ms []float64, price float64) string {
	var b strings.Builder
	all := newQuantiles(slices.Clone(ms))
	mean := mean(ms)
	fmt.Fprintf(&b, "Measured on one machine, %d requests of the mix one after the other: %.1f ms in the mean, %.1f ms the median, %.1f ms for 99 %%, %.1f a second.\n\n", len(ms), mean, all.P50, all.P99, 1000/mean)
	b.WriteString("| replicas | load | requests a second | replica | median | 99 % | refused | 1,000 requests cost |\n|---|---|---|---|---|---|---|---|\n")
	for _, replicas := range []int{1, 10, 100} {
		for _, load := range []float64{0.5, 0.8, 0.95, 1.2} {
			for i, balancer := range balancers {
				if replicas == 1 && i > 0 {
					continue
				}
				o := simulate(ms, replicas, load, balancer.of)
				answered := o.rate * (1 - o.refused)
				fmt.Fprintf(&b, "| %d | %.0f %% | %.0f | %s | %.0f ms | %.0f ms | %.1f %% | $%.4f |\n",
					replicas, 100*load, o.rate, balancer.name, o.took.P50, o.took.P99, 100*o.refused, price*float64(replicas)/3600/answered*1000)
			}
		}
	}
	return b.String()
}

// times are those of the mix's requests, one after the other, for d.
func (c *client) times(cases []request, d time.Duration) (ms []float64, err error) {
	defer c.http.CloseIdleConnections()
	for start := time.Now(); time.Since(start) < d || len(ms) < len(cases); {
		q := cases[len(ms)%len(cases)]
		from := time.Now()
		status, err := c.send(q)
		if err != nil || status == 429 {
			return nil, fmt.Errorf("alone, request %d: status %d: %w", len(ms), status, err)
		}
		ms = append(ms, msSince(from))
	}
	return ms, nil
}
