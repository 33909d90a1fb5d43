package api

import (
	"fmt"
	"maps"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"
)

// client is who asks: the owner of a token, or where there are none who has an address.
func (h *Handler) client(r *http.Request) string {
	if len(h.tokens) > 0 {
		_, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
		return strings.TrimSpace(token)
	}
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return r.RemoteAddr
	}
	return host
}

// quota is how many images each client gets in a minute: a bucket that is full at first, and
// fills again in a minute.
type quota struct {
	size    float64 // 0: there is none
	now     func() time.Time
	mu      sync.Mutex
	buckets map[string]bucket
}

type bucket struct {
	left float64
	at   time.Time
}

// spent is the error of a client whose images are all spent.
type spent struct {
	perMinute int
	wait      time.Duration
}

func (s spent) Error() string {
	return fmt.Sprintf("%d images a minute are allowed; the next ones are in %d s", s.perMinute, s.seconds())
}

func (s spent) seconds() int { return 1 + int(s.wait/time.Second) }

func newQuota(perMinute int) *quota {
	return &quota{size: float64(perMinute), now: time.Now, buckets: make(map[string]bucket)}
}

// take takes n images out of a client's bucket, or gives -n back. A request of more than the
// bucket holds finds it full, and leaves it in debt.
func (q *quota) take(client string, n int) error {
	if q.size == 0 {
		return nil
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	now := q.now()
	at := func(b bucket) float64 { return min(q.size, b.left+now.Sub(b.at).Minutes()*q.size) }
	if len(q.buckets) >= maxClients {
		maps.DeleteFunc(q.buckets, func(_ string, b bucket) bool { return at(b) == q.size })
	}
	left := q.size
	if b, ok := q.buckets[client]; ok {
		left = at(b)
	}
	if need := min(float64(n), q.size); left < need {
		return spent{int(q.size), time.Duration((need - left) / q.size * float64(time.Minute))}
	}
	q.buckets[client] = bucket{left - float64(n), now}
	return nil
}
