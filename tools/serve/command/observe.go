package command

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"dit8/core"
	"dit8/wasm/edge/api"
)

// newLogger writes to w what the level says.
func newLogger(level string, w io.Writer) (*slog.Logger, error) {
	levels := map[string]slog.Level{"debug": slog.LevelDebug, "info": slog.LevelInfo}
	l, ok := levels[level]
	if level == "off" {
		return slog.New(slog.DiscardHandler), nil
	}
	if !ok {
		return nil, fmt.Errorf("-log is %q, allowed: debug, info and off", level)
	}
	return slog.New(slog.NewTextHandler(w, &slog.HandlerOptions{Level: l})), nil
}

// metrics are what Prometheus reads.
type metrics struct {
	registry      *prometheus.Registry
	requests      *prometheus.CounterVec   // by path, method and code
	seconds       *prometheus.HistogramVec // by path
	images, steps prometheus.Counter
}

func newMetrics() *metrics {
	m := &metrics{
		registry: prometheus.NewRegistry(),
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "dit8_requests_total", Help: "Requests answered."}, []string{"path", "method", "code"}),
		seconds: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "dit8_request_seconds", Help: "Time from a request's header to the end of its answer.", Buckets: prometheus.ExponentialBuckets(0.002, 2, 15),
		}, []string{"path"}),
		images: prometheus.NewCounter(prometheus.CounterOpts{Name: "dit8_images_total", Help: "Images made."}),
		steps:  prometheus.NewCounter(prometheus.CounterOpts{Name: "dit8_steps_total", Help: "Steps computed, each of all images of a batch."}),
	}
	m.registry.MustRegister(m.requests, m.seconds, m.images, m.steps,
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return m
}

// watch adds how busy the API is.
func (m *metrics) watch(a *api.Handler) {
	m.registry.MustRegister(
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "dit8_computing", Help: "Requests that compute: 0 or 1."}, func() float64 {
			computing, _ := a.Load()
			return float64(computing)
		}),
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "dit8_waiting", Help: "Requests that wait for their turn."}, func() float64 {
			_, waiting := a.Load()
			return float64(waiting)
		}))
}

func (m *metrics) handler() http.Handler {
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{})
}

// counted is a generator whose work is counted.
type counted struct {
	*core.Generator
	m *metrics
}

func (c counted) Generate(ctx context.Context, req core.Request, onStep func(core.Event)) (*core.Result, error) {
	res, err := c.Generator.Generate(ctx, req, func(e core.Event) {
		c.m.steps.Inc()
		if onStep != nil {
			onStep(e)
		}
	})
	if err == nil {
		c.m.images.Add(float64(len(res.Images)))
	}
	return res, err
}

// observed logs and counts what h answers.
func observed(h http.Handler, logger *slog.Logger, m *metrics) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		start := time.Now()
		s := &seen{ResponseWriter: w, control: http.NewResponseController(w), status: http.StatusOK}
		if r.Body != http.NoBody {
			s.control.SetReadDeadline(start.Add(bodyTime))
			r.Body = timed{r.Body, s.control}
		}
		// also where the handler panics, which the server ends the connection for
		defer func() {
			s.hurry() // what is held back is to be written
			took := time.Since(start)
			path, level := r.Pattern, slog.LevelInfo
			if path == "" {
				path = "other"
			}
			if strings.HasPrefix(path, "GET ") { // the page's: it has no other methods
				level = slog.LevelDebug
			}
			m.requests.WithLabelValues(path, method(r), strconv.Itoa(s.status)).Inc()
			m.seconds.WithLabelValues(path).Observe(took.Seconds())
			logger.Log(r.Context(), level, "request", "method", r.Method, "path", r.URL.Path, "status", s.status, "bytes", s.bytes,
				"ms", took.Milliseconds(), "remote", r.RemoteAddr)
		}()
		h.ServeHTTP(s, r)
	})
}

// method is a request's method where it is a usual one, so that there are few.
func method(r *http.Request) string {
	switch r.Method {
	case http.MethodGet, http.MethodHead, http.MethodPost, http.MethodOptions:
		return r.Method
	}
	return "other"
}

// seen remembers an answer's status and length, and gives a client a time to take
// each piece.
type seen struct {
	http.ResponseWriter
	control *http.ResponseController
	status  int
	bytes   int64
	begun   bool
}

func (s *seen) WriteHeader(status int) {
	if !s.begun {
		s.begun, s.status = true, status
	}
	s.ResponseWriter.WriteHeader(status)
}

func (s *seen) Write(b []byte) (int, error) {
	s.begun = true
	s.hurry()
	n, err := s.ResponseWriter.Write(b)
	s.bytes += int64(n)
	return n, err
}

// hurry gives the client writeTime from now on. The errors of connections that have no
// deadlines do not matter, here and below.
func (s *seen) hurry() { s.control.SetWriteDeadline(time.Now().Add(writeTime)) }

// timed is a body whose deadline ends with it: http.Server.ReadTimeout would go on, and
// cancel requests that compute for longer.
type timed struct {
	io.ReadCloser
	control *http.ResponseController
}

func (t timed) Read(b []byte) (int, error) {
	n, err := t.ReadCloser.Read(b)
	if err != nil {
		t.control.SetReadDeadline(time.Time{})
	}
	return n, err
}

// Unwrap is for http.ResponseController, which flushes.
func (s *seen) Unwrap() http.ResponseWriter { return s.ResponseWriter }
