package command

import (
	"bufio"
	"context"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// maxFlying bounds the requests that are sent and not answered.
const maxFlying = 500

// report is how a server did.
type report struct {
	Capacity float64 `json:"capacity_per_s"` // requests of the mix, one after the other
	Rate     float64 `json:"rate_per_s"`     // at which they were sent then
	Seconds  float64 `json:"seconds"`
	Sent     int     `json:"sent"`
	Answered int     `json:"answered"` // as they must be
	Refused  int     `json:"refused"`  // with 429
	Failed   int     `json:"failed"`   // in any other way
	Failure  string  `json:"failure,omitempty"`

	AnsweredMs quantiles `json:"answered_ms"`
	RefusedMs  quantiles `json:"refused_ms"`

	// The server's memory and goroutines after a quarter of the time, and when all is
	// answered.
	Memory     [2]float64 `json:"memory_mb"`
	Goroutines [2]float64 `json:"goroutines"`
}

// msSince is the time since then in ms.
func msSince(t time.Time) float64 { return float64(time.Since(t).Microseconds()) / 1000 }

type quantiles struct {
	P50 float64 `json:"p50"`
	P99 float64 `json:"p99"`
}

func newQuantiles(ms []float64) (q quantiles) {
	slices.Sort(ms)
	if n := len(ms); n > 0 {
		q = quantiles{ms[n/2], ms[n*99/100]}
	}
	return q
}

// failure says what a server must not do under load.
func (r *report) failure() error {
	switch {
	case r.Failed > 0:
		return fmt.Errorf("%d requests failed, one of them: %s", r.Failed, r.Failure)
	case r.Refused == 0:
		return fmt.Errorf("no request of %d was refused, at twice the capacity", r.Sent)
	}
	return grown(r.Memory, r.Goroutines)
}

// grown says what a server kept of its requests.
func grown(memory, goroutines [2]float64) error {
	const growth, workers = 48, 20 // MB; goroutines that come and go
	switch {
	case memory[1] > memory[0]+growth:
		return fmt.Errorf("memory grew from %.0f to %.0f MB", memory[0], memory[1])
	case goroutines[1] > goroutines[0]+workers:
		return fmt.Errorf("goroutines grew from %.0f to %.0f", goroutines[0], goroutines[1])
	}
	return nil
}

type client struct {
	url  string
	http *http.Client
}

func newClient(url string) *client {
	return &client{strings.TrimSuffix(url, "/") + "/", &http.Client{
		Timeout: time.Minute, Transport: &http.Transport{MaxIdleConnsPerHost: maxFlying},
	}}
}

// load finds the capacity, then sends twice as much.
func (c *client) load(ctx context.Context, cases []request, d time.Duration) (*report, error) {
	defer c.http.CloseIdleConnections()
	r := &report{}
	ms, err := c.times(cases, d/5)
	if err != nil {
		return nil, err
	}
	for _, v := range ms {
		r.Capacity += v / 1000 / float64(len(ms))
	}
	r.Capacity = 1 / r.Capacity
	r.Rate = 2 * r.Capacity

	var mu sync.Mutex
	var answered, refused []float64
	var all sync.WaitGroup
	flying := make(chan struct{}, maxFlying)
	one := func(q request) {
		defer func() { <-flying }()
		from := time.Now()
		status, err := c.send(q)
		ms := msSince(from)
		mu.Lock()
		defer mu.Unlock()
		switch {
		case err != nil:
			r.Failed++
			r.Failure = err.Error()
		case status == http.StatusTooManyRequests:
			refused = append(refused, ms)
		default:
			answered = append(answered, ms)
		}
	}
	start := time.Now()
	quarter := false
	for ctx.Err() == nil && time.Since(start) < d {
		if !quarter && time.Since(start) > d/4 {
			quarter = true
			if err := c.measure(&r.Memory, &r.Goroutines, 0); err != nil {
				return nil, err
			}
		}
		// as many as are due
		for due := int(time.Since(start).Seconds() * r.Rate); r.Sent < due; r.Sent++ {
			select {
			case flying <- struct{}{}:
				q := cases[r.Sent%len(cases)]
				all.Go(func() { one(q) })
			default:
				return nil, fmt.Errorf("%d requests are not answered", maxFlying)
			}
		}
		time.Sleep(time.Millisecond)
	}
	all.Wait()
	r.Seconds = time.Since(start).Seconds()
	c.http.CloseIdleConnections()
	r.Answered, r.Refused = len(answered), len(refused)
	r.AnsweredMs, r.RefusedMs = newQuantiles(answered), newQuantiles(refused)
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	time.Sleep(100 * time.Millisecond) // connections end
	return r, c.measure(&r.Memory, &r.Goroutines, 1)
}

// measure reads the server's memory and goroutines from its metrics.
func (c *client) measure(memory, goroutines *[2]float64, at int) error {
	res, err := c.http.Get(c.url + "metrics")
	if err != nil {
		return err
	}
	defer res.Body.Close()
	found := 0
	for lines := bufio.NewScanner(res.Body); lines.Scan(); {
		name, value, _ := strings.Cut(lines.Text(), " ")
		v, err := strconv.ParseFloat(value, 64)
		if err != nil {
			continue
		}
		switch name {
		case "process_resident_memory_bytes":
			memory[at] = v / 1e6
			found++
		case "go_goroutines":
			goroutines[at] = v
			found++
		}
	}
	if found != 2 {
		return fmt.Errorf("%smetrics does not tell memory and goroutines", c.url)
	}
	return nil
}
